/* subscription_search: search of Subscriptions by _id, url and status. They
 * show their live state, and secrets are masked: so they are no texts to
 * search in like others.
 * Thread: the loop of the connection.
 * Bounds: search.h. */
#ifndef BELFRY_SERVER_REST_SUBSCRIPTION_SEARCH_H
#define BELFRY_SERVER_REST_SUBSCRIPTION_SEARCH_H

#include "server/rest/exchange.h"

enum http_next subscription_search(struct exchange *x);

#endif
