/* subs: every subscription's state in memory, found by number and by id.
 * Owns:   the subs and what they have aside; their forms belong to the
 *         matcher, which has taken them back before subs_fini().
 * Thread: the writer changes it under the state's write lock; others read
 *         under the read lock. Fields are grouped by who may touch them.
 * Bounds: one sub for each live Subscription resource. There may be a million:
 *         what few have is aside in a sub_rare, what the definition says
 *         beyond its filters is read from the log when it is needed. */
#ifndef BELFRY_SERVER_ENGINE_SUBS_H
#define BELFRY_SERVER_ENGINE_SUBS_H

#include "fhir/subscription/subscription.h"
#include "server/engine/acked.h"
#include "server/engine/failure.h"
#include "server/engine/rare.h"
#include "server/security/chain.h"
#include "storage/base/bytes.h"
#include "storage/base/handle_set.h"
#include "storage/base/pool.h"

/* Longer ids (up to FHIR's 64) are kept outside of the sub, but for UUIDs,
 * which take sixteen bytes. */
#define SUB_ID_INSIDE 19
#define SUB_ID_BYTES 64

/* What changes while a subscription lives. */
struct sub_state {
    uint64_t definition; /* change of the definition in force */
    uint64_t last_event;
    uint64_t delivered;
    uint64_t expired; /* events up to it are removed by retention */
    int64_t requested_ms;
    struct chain_value chain; /* with the last event */
    enum subscription_status status;
    enum failure_class failure; /* class of the last error */
    bool classic;               /* the definition in force is */
    bool unfit;                 /* it cannot be honoured any more */
    bool timed;                 /* it asks for heartbeats or has an end */
};

struct form;
struct sub_change;

struct sub {
    /* immutable after init */
    uint64_t number;

    /* lock: the state's; written when a batch is published */
    struct sub_state state;
    struct sub_rare *rare; /* NULL: all of it is zero */

    /* owner: writer */
    struct sub_change *staged; /* in the batch at hand, or NULL */
    struct form *form;         /* what the matcher has; NULL: not in it */

    /* immutable after init */
    uint32_t handle;
    uint8_t id_form;
    char id[SUB_ID_INSIDE];
};

struct subs {
    struct pool pool;
    uint64_t *numbers; /* ascending */
    uint32_t *handles; /* beside them; 0: deleted */
    size_t count;
    size_t capacity;
    size_t deleted;
    struct handle_set by_id;
    uint64_t seed[2];
    uint64_t *loaded; /* by handle - 1; NULL once the log was replayed */
    uint32_t loaded_count;
};

void subs_init(struct subs *t, const uint64_t seed[2]);
void subs_fini(struct subs *t);

/* Writer: a sub that is in no table yet. NULL: no memory. */
struct sub *subs_new(struct subs *t, uint64_t number, struct bytes id);
/* One that is in no table any more. s may be NULL. */
void subs_free(struct subs *t, struct sub *s);

/* True when subs_reserve() would move nothing that readers look at. */
bool subs_has_room(const struct subs *t, size_t n);

/* Room for n more, so that subs_add() cannot fail. */
MUST_CHECK bool subs_reserve(struct subs *t, size_t n);

/* The number must be greater than all before. */
void subs_add(struct subs *t, struct sub *s);

/* Takes it out without freeing it. */
void subs_remove(struct subs *t, struct sub *s);

struct sub *subs_find(const struct subs *t, uint64_t number);
struct sub *subs_find_id(const struct subs *t, struct bytes id);

/* The same for a set of others, which are in the table not yet. */
struct sub *subs_find_id_in(const struct subs *t, const struct handle_set *set,
                            struct bytes id);
MUST_CHECK bool subs_add_id(const struct subs *t, struct handle_set *set,
                            const struct sub *s);
void subs_remove_id(const struct subs *t, struct handle_set *set,
                    const struct sub *s);

/* The first with a number greater than after, NULL at the end. */
struct sub *subs_after(const struct subs *t, uint64_t after);

static inline struct sub *subs_at(const struct subs *t, uint32_t handle)
{
    return pool_at(&t->pool, handle);
}

/* Borrowed from the sub or written into out. */
struct bytes sub_id(const struct sub *s, char out[SUB_ID_BYTES]);

/* What s has aside, zeros when that is nothing; borrows what that owns. */
struct sub_rare sub_rare_of(const struct sub *s);

/* "" without one. */
const char *sub_error(const struct sub *s);

/* Under the write lock. rare (heap, may be NULL) moves in with what it owns;
 * one that is empty is freed. */
void sub_set_rare(struct sub *s, struct sub_rare *rare);

/* ---- the start ---- */

/* Changes up to this are in the state that was loaded for s; 0 for one that
 * was made since. */
uint64_t subs_loaded_as_of(const struct subs *t, const struct sub *s);
MUST_CHECK bool subs_note_loaded(struct subs *t, const struct sub *s,
                                 uint64_t as_of);
/* When the log was replayed. */
void subs_forget_loaded(struct subs *t);

#endif
