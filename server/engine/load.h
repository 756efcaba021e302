/* load: the subscriptions as the view keeps them, into memory, at the start.
 * Owns:   nothing.
 * Thread: before the writer runs.
 * Errors: ERR_IO, ERR_NOMEM. A row that is damaged, or a definition that
 *         cannot be honoured any more, never stops the start: the subscription
 *         goes to error with the reason. */
#ifndef BELFRY_SERVER_ENGINE_LOAD_H
#define BELFRY_SERVER_ENGINE_LOAD_H

#include "server/engine/state.h"

MUST_CHECK enum err_code load_subscriptions(struct state *s,
                                            struct store_txn *t,
                                            uint64_t views_at, struct err *e);

#endif
