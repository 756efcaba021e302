/* batch: the changes of one write transaction, staged aside until the commit
 * and then published whole, or dropped whole.
 * Owns:   the write transaction, the staged states, new subscriptions and
 *         definitions until they are published.
 * Thread: writer only.
 * Bounds: BATCH_BYTES_MAX of staging. */
#ifndef BELFRY_SERVER_ENGINE_BATCH_H
#define BELFRY_SERVER_ENGINE_BATCH_H

#include "server/engine/record.h"
#include "server/engine/report.h"
#include "server/engine/state.h"

#define BATCH_BYTES_MAX ((size_t)512 << 20)

/* A subscription as it will be once the batch is published. */
struct sub_change {
    struct sub *sub;
    struct sub_state state;
    struct sub_rare *rare;         /* heap; NULL: as it was */
    struct definition *definition; /* new one, or NULL: as it was */
    struct form *form;             /* what the matcher had, for the undo */
    bool redefined;
    bool error_set;
    char *error; /* heap; NULL: none */
    bool acked_set;
    struct acked *acked; /* heap; NULL: none */
    bool added;
    bool removed;
    struct sub_change *next;
};

struct batch {
    struct state *state;
    struct store_txn *txn;
    uint64_t change; /* the newest number given out */
    int64_t time_ms;
    size_t records; /* appended to the log; 0: nothing to commit */
    struct arena arena;
    struct sub_change *changes; /* newest first */
    size_t change_count;
    size_t added_count;
    struct topic_set *topics; /* a reference; NULL: as they were */
    struct handle_set added;  /* new subscriptions by id */
    size_t backfills;         /* of them: that begin with a backfill */
};

MUST_CHECK enum err_code batch_begin(struct batch *b, struct state *s,
                                     int64_t time_ms, struct err *e);

/* The staged state of s; made from its published one at the first call.
 * NULL without memory. */
struct sub_change *batch_touch(struct batch *b, struct sub *s);

/* What the subscription has aside as of this batch, to read or to change; its
 * error is the published one. NULL without memory. */
struct sub_rare *batch_rare(struct sub_change *c);

/* The same to look at. */
struct sub_rare batch_rare_of(const struct sub *s);

/* The form that goes with the published state: the matcher follows a batch at
 * once, the state when it is published. NULL: none. */
const struct form *batch_form_published(const struct sub *s);

/* The subscription is new with this batch. False without memory: it must be
 * aborted. */
MUST_CHECK bool batch_note_added(struct batch *b, struct sub_change *c);
void batch_note_removed(struct batch *b, struct sub_change *c);

/* The live subscription with this id, as of this batch. */
struct sub *batch_find_id(const struct batch *b, struct bytes id);
struct sub *batch_find(const struct batch *b, uint64_t number);

/* The current version as of this batch. ERR_NOT_FOUND for none ever. */
MUST_CHECK enum err_code batch_current(struct batch *b, struct bytes type,
                                       struct bytes id, struct current *out,
                                       struct err *e);

/* Commits and publishes. On an error nothing happened. *numbers (heap, may
 * stay NULL) are the subscriptions whose state changed. */
struct batch_outcome {
    uint64_t *numbers;
    size_t count;
};
MUST_CHECK enum err_code batch_commit(struct batch *b,
                                      struct batch_outcome *out, struct err *e);

/* Publishes without a transaction: for a replay at start. */
MUST_CHECK enum err_code batch_publish_replayed(struct batch *b, struct err *e);

/* Drops everything. Legal after a failed commit. */
void batch_abort(struct batch *b);

#endif
