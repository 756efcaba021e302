/* status: the operation $status on Subscription, at instance and type level,
 * by GET and POST (backport-subscription-status).
 * Thread: the loop of the connection.
 * Bounds: STATUS_ITEMS_MAX subscriptions in one answer, STATUS_SCAN_MAX looked
 *         at; past them the request is refused and told to name ids. */
#ifndef BELFRY_SERVER_REST_STATUS_H
#define BELFRY_SERVER_REST_STATUS_H

#include "server/rest/exchange.h"

#define STATUS_ITEMS_MAX 5000
#define STATUS_SCAN_MAX 100000
/* An answer about more of them leaves out the attempts of each. */
#define STATUS_ATTEMPTS_MAX 100
#define STATUS_BYTES_MAX ((size_t)16 << 20)

enum http_next status_instance(struct exchange *x);
enum http_next status_type(struct exchange *x);

#endif
