/* search: search over GET and POST _search (R4 search.html).
 * Thread: the loop of the connection.
 * Bounds: SEARCH_COUNT_MAX entries and about SEARCH_PAGE_BYTES of text on one
 *         page; SEARCH_LOOK_MAX resources read and judged for one answer.
 *         What is left follows behind the "next" link; what cannot be paged
 *         (an order, a count) is refused as too costly past that. */
#ifndef BELFRY_SERVER_REST_SEARCH_H
#define BELFRY_SERVER_REST_SEARCH_H

#include "server/rest/exchange.h"

#define SEARCH_COUNT_DEFAULT 50
#define SEARCH_COUNT_MAX 1000
#define SEARCH_PAGE_BYTES ((size_t)16 << 20)
#define SEARCH_LOOK_MAX 5000
/* To count all of a type nothing has to be judged. */
#define SEARCH_COUNT_ALL_MAX 50000

enum http_next search_get(struct exchange *x);
enum http_next search_post(struct exchange *x);

#endif
