/* views: carries what the overlay holds into LMDB's views, a slice with each
 * commit, and brings the views up to date at start. A frozen overlay is sorted
 * beside the writer (views_sort.h), so no change waits for that either.
 * Owns:   the order in which a frozen overlay is merged.
 * Thread: writer only (load and replay before it runs).
 * Bounds: VIEWS_FREEZE_ENTRIES, VIEWS_FREEZE_KEYS or VIEWS_FREEZE_BYTES in the
 *         young overlay start a merge; a slice is bounded by its caller, so
 * that no commit waits for a whole merge. */
#ifndef BELFRY_SERVER_ENGINE_VIEWS_H
#define BELFRY_SERVER_ENGINE_VIEWS_H

#include "server/engine/state.h"
#include "server/engine/views_sort.h"

/* Large enough that sorted merges share pages, small enough that a start
 * replays it in well under a second. */
#define VIEWS_FREEZE_ENTRIES 32768
#define VIEWS_FREEZE_KEYS 131072 /* of the search index */
#define VIEWS_FREEZE_BYTES ((size_t)64 << 20)
/* Records replayed in one transaction. */
#define VIEWS_REPLAY_SLICE 4096

struct views {
    struct state *state;
    bool frozen; /* the old overlay waits to be sorted or merged */
    struct views_sort sort;
    struct views_sorted sorted; /* the frozen overlay in key order */
    size_t merged;              /* entries in committed transactions */
    size_t in_flight;           /* entries put by the transaction at hand */
    size_t keys_merged;
    size_t keys_in_flight;
    uint64_t upto; /* the views are at this change once all are merged */
};

void views_init(struct views *v, struct state *s);
void views_fini(struct views *v);

/* True when entries wait, frozen or not. */
bool views_pending(const struct views *v);

/* Freezes the young overlay when it is due (or when force is set) and no merge
 * runs, and lets the merge begin once it is sorted, which force waits for.
 * Without memory there is no merge; it is tried again. */
void views_freeze(struct views *v, bool force);

/* A key of the index, without a value and in order, costs less to merge than
 * another entry, and there are more of them. */
#define VIEWS_KEYS_PER_ENTRY 8

/* Merges up to budget entries in the transaction. */
MUST_CHECK enum err_code views_merge(struct views *v, struct store_txn *t,
                                     size_t budget, struct err *e);

/* The transaction of the last views_merge() was committed, or was not. */
void views_committed(struct views *v);
void views_aborted(struct views *v);

/* Loads the subscriptions from the view and replays the log behind it, merging
 * on the way when that is long. */
MUST_CHECK enum err_code views_load(struct views *v, struct err *e);

/* Merges all that waits and commits it: before the writer runs. */
MUST_CHECK enum err_code views_merge_all(struct views *v, struct err *e);

/* Drops what the views have; the next views_load() makes them anew. */
MUST_CHECK enum err_code views_clear(struct store *s, struct err *e);

#endif
