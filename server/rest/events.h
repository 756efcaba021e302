/* events: the operation $events of a Subscription, by GET and POST
 * (backport-subscription-events).
 * Thread: the loop of the connection.
 * Bounds: EVENTS_MAX events and about EVENTS_BYTES of resources in one answer,
 *         whose link `next` names the rest. */
#ifndef BELFRY_SERVER_REST_EVENTS_H
#define BELFRY_SERVER_REST_EVENTS_H

#include "server/rest/exchange.h"

#define EVENTS_MAX 1000
#define EVENTS_BYTES ((size_t)8 << 20)

enum http_next events_get(struct exchange *x);

#endif
