/* explain: Subscription/[id]/$explain: why a change concerns a Subscription, or
 * why not: trigger by trigger and filter by filter, what was looked for and
 * what was found. It runs the evaluations that the engine runs, with a trace.
 * The change is one that the caller gives (a resource, with its previous
 * version and the interaction where they matter) or one that is stored
 * (Type/id/_history/version): then the event and its delivery are told as well.
 * Owns:   nothing.
 * Thread: the loop of the connection.
 * Bounds: EXPLAIN_BYTES_MAX of answer. */
#ifndef BELFRY_SERVER_REST_EXPLAIN_H
#define BELFRY_SERVER_REST_EXPLAIN_H

#include "server/rest/exchange.h"

#define EXPLAIN_BYTES_MAX ((size_t)4 << 20)

enum http_next explain_get(struct exchange *x);

#endif
