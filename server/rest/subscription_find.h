/* subscription_find: the Subscription that an operation is called on.
 * Owns:   nothing.
 * Thread: the loop of the connection.
 * Errors: ERR_NOT_FOUND; ERR_GONE for one that was deleted, as a read of it
 *         says, and the response has the ETag of that then; those of the
 *         engine. */
#ifndef BELFRY_SERVER_REST_SUBSCRIPTION_FIND_H
#define BELFRY_SERVER_REST_SUBSCRIPTION_FIND_H

#include "server/engine/read.h"
#include "server/rest/exchange.h"

/* The one with the route's id; definition as for engine_subscription(). */
MUST_CHECK enum err_code subscription_find(struct exchange *x,
                                           struct subscription_state *out,
                                           struct definition **definition,
                                           struct err *e);

#endif
