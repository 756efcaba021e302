/* index_walk: the keys of the search index in a range: what is merged into the
 * store and what is not yet, key by key.
 * Owns:   nothing; the cursor is the caller's.
 * Thread: any under the state's lock; the writer without it.
 * Errors: those of the store. */
#ifndef BELFRY_SERVER_ENGINE_INDEX_WALK_H
#define BELFRY_SERVER_ENGINE_INDEX_WALK_H

#include "server/engine/state.h"
#include "storage/store/cursor.h"

struct index_walk {
    const struct state *state;
    struct store_cursor *cursor; /* of VIEW_INDEX */
    bool staged; /* those of the batch at hand too: for the writer */
};

/* Every key from start on up to those that begin with stop, in the order of
 * each of several lists: a key may come more than once, or though it was
 * removed since. each() returns false when it needs no more of a list; staged
 * keys come in no order, and all of them. */
typedef bool index_walk_each(void *ctx, struct bytes key);
MUST_CHECK enum err_code index_walk_keys(const struct index_walk *w,
                                         struct bytes start, struct bytes stop,
                                         index_walk_each *each, void *ctx,
                                         struct err *e);

#endif
