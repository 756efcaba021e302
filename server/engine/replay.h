/* replay: brings the state from the merged views to the end of the log.
 * Owns:   nothing.
 * Thread: before the writer runs.
 * Bounds: the log behind the views, which the merging keeps short.
 * Errors: ERR_FORMAT, ERR_IO, ERR_NOMEM. */
#ifndef BELFRY_SERVER_ENGINE_REPLAY_H
#define BELFRY_SERVER_ENGINE_REPLAY_H

#include "server/engine/state.h"

/* Replays the records after s->published_change up to last. */
MUST_CHECK enum err_code replay_log(struct state *s, struct store_txn *t,
                                    uint64_t last, struct err *e);

#endif
