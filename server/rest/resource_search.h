/* resource_search: search of every type but Subscription: candidates from the
 * index, each judged on its current version.
 * Thread: the loop of the connection.
 * Bounds: search.h. */
#ifndef BELFRY_SERVER_REST_RESOURCE_SEARCH_H
#define BELFRY_SERVER_REST_RESOURCE_SEARCH_H

#include "server/rest/exchange.h"

enum http_next resource_search(struct exchange *x);

#endif
