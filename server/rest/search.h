/* search: search by _id, and for Subscription also by url and status, over
 * GET and POST _search (R4 search.html). All other parameters are refused.
 * Thread: the loop of the connection.
 * Bounds: SEARCH_COUNT_MAX entries and about SEARCH_PAGE_BYTES of text on one
 *         page; SEARCH_SCAN_MAX subscriptions looked at for one answer. What
 *         is left follows behind the "next" link; the total is left out when
 *         it would take more looking. */
#ifndef BELFRY_SERVER_REST_SEARCH_H
#define BELFRY_SERVER_REST_SEARCH_H

#include "server/rest/exchange.h"

#define SEARCH_COUNT_DEFAULT 50
#define SEARCH_COUNT_MAX 1000
#define SEARCH_PAGE_BYTES ((size_t)16 << 20)
#define SEARCH_SCAN_MAX 20000

enum http_next search_get(struct exchange *x);
enum http_next search_post(struct exchange *x);

#endif
