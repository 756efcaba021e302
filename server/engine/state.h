/* state: all that the engine knows: the store, the overlay of its views, the
 * subscriptions and the matcher.
 * Owns:   all of it.
 * Thread: see the groups. The lock orders readers against publishing: a reader
 *         holds it while it looks into the overlay and begins its transaction;
 *         what it reads from the transaction afterwards needs no lock.
 * Lock order: state.lock, then the definitions'. */
#ifndef BELFRY_SERVER_ENGINE_STATE_H
#define BELFRY_SERVER_ENGINE_STATE_H

#include <pthread.h>

#include "server/engine/definition_cache.h"
#include "server/engine/index_types.h"
#include "server/engine/matcher.h"
#include "server/engine/proof.h"
#include "server/engine/subs.h"
#include "storage/store/overlay.h"
#include "storage/store/runs.h"

struct state {
    /* immutable after init */
    struct store *store;
    struct bytes base_url;
    struct index_types indexed; /* which the search index holds */

    struct definition_cache definitions; /* any thread */

    pthread_rwlock_t lock;
    /* lock: lock; written by the writer only, which reads it without */
    struct overlay young;    /* entries since the last freeze */
    struct overlay old;      /* frozen, being merged */
    struct runs young_index; /* the same of the search index */
    struct runs old_index;
    struct subs subs;
    struct topic_set *topics;  /* a reference */
    uint64_t published_change; /* newest change that readers see */

    /* owner: writer */
    struct matcher *matcher;
    struct signer *signer; /* of the gap proofs */
};

/* What the view "current" says of a resource. */
struct current {
    uint64_t change;
    uint64_t version;
    bool deleted;
};

/* Longest key of a view: type, '/', id, 0, version. */
#define STATE_KEY_BYTES 160

void state_lock_to_read(struct state *s);
void state_lock_to_write(struct state *s);
void state_unlock(struct state *s);

/* Keys are written into the caller's array and borrowed from it. */
struct bytes state_current_key(struct bytes type, struct bytes id,
                               char out[STATE_KEY_BYTES]);
struct bytes state_history_key(struct bytes type, struct bytes id,
                               uint64_t version, char out[STATE_KEY_BYTES]);
struct bytes state_queue_key(uint64_t subscription, uint64_t event,
                             char out[STATE_KEY_BYTES]);
struct bytes state_subscription_key(uint64_t subscription,
                                    char out[STATE_KEY_BYTES]);
struct bytes state_parked_key(uint64_t subscription, uint64_t letter,
                              char out[STATE_KEY_BYTES]);
struct bytes state_endpoint_key(uint64_t hash, char out[STATE_KEY_BYTES]);

#define STATE_CURRENT_BYTES 17
struct bytes state_current_value(const struct current *c,
                                 char out[STATE_CURRENT_BYTES]);
MUST_CHECK enum err_code
state_current_decode(struct bytes value, struct current *out, struct err *e);

/* What the view "queue" says of an event. */
struct queued {
    uint64_t change;
    struct chain_value chain; /* with the event */
};

#define STATE_QUEUED_BYTES (8 + CHAIN_BYTES)
struct bytes state_queued_value(const struct queued *q,
                                char out[STATE_QUEUED_BYTES]);
MUST_CHECK enum err_code state_queued_decode(struct bytes value,
                                             struct queued *out, struct err *e);

/* A view entry as readers see it: overlay first, then the transaction, which
 * must have begun under the lock. ERR_NOT_FOUND without. */
MUST_CHECK enum err_code state_view_get(const struct state *s,
                                        struct store_txn *t,
                                        enum store_view view, struct bytes key,
                                        struct bytes *out, struct err *e);

/* Reads a Subscription's definition from a stored text; *out is NULL with a
 * text in reason when it cannot be honoured (a topic that is gone). */
MUST_CHECK enum err_code state_definition_read(const struct state *s,
                                               const struct topic_set *topics,
                                               struct bytes text,
                                               struct definition **out,
                                               struct err *reason);

/* The first published change at or after the time, the one behind the last
 * when there is none. Times of changes ascend, as far as the clock did. */
MUST_CHECK enum err_code state_change_since(const struct state *s,
                                            struct store_txn *t,
                                            int64_t time_ms, uint64_t *out,
                                            struct err *e);

#endif
