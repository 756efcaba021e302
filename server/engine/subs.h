/* subs: every subscription's state in memory, found by number and by id.
 * Owns:   the subs and their definitions and error texts.
 * Thread: the writer changes it under the state's write lock; others read
 *         under the read lock. Fields are grouped by who may touch them.
 * Bounds: one entry per live Subscription resource. */
#ifndef BELFRY_SERVER_ENGINE_SUBS_H
#define BELFRY_SERVER_ENGINE_SUBS_H

#include "server/engine/acked.h"
#include "server/engine/definition.h"
#include "server/engine/failure.h"
#include "server/engine/rare.h"
#include "server/security/chain.h"
#include "storage/base/bytes.h"
#include "storage/base/map.h"

/* What changes while a subscription lives. */
struct sub_state {
    enum subscription_status status;
    uint32_t attempts;
    uint64_t definition; /* change of the definition in force */
    uint64_t last_event;
    uint64_t delivered;
    int64_t next_attempt_ms;
    int64_t requested_ms;
    struct chain_value chain;   /* with the last event */
    enum failure_class failure; /* class of the last error */
};

struct bucket;
struct sub_change;

/* Where the matcher keeps a subscription: slot `position` of a bucket. */
struct sub_link {
    struct bucket *bucket;
    uint32_t position;
};

struct sub {
    /* immutable after init */
    uint64_t number;
    uint64_t loaded_as_of; /* changes up to this are in the loaded state */

    /* lock: the state's; written when a batch is published */
    struct sub_state state;
    struct definition *definition; /* NULL: cannot be honoured any more */
    char *error;                   /* NULL: none */
    struct sub_rare *rare;         /* NULL: all of it is zero */
    struct acked *acked;           /* past the cursor; NULL: none */

    /* owner: writer */
    struct sub_change *staged;     /* in the batch at hand, or NULL */
    struct definition *matched_by; /* what the matcher evaluates */
    struct sub_link *links;
    uint32_t link_count;
    uint64_t seen; /* the matcher's mark of the last change looked at */

    char id[]; /* immutable after init */
};

struct subs_slot {
    uint64_t number;
    struct sub *sub; /* NULL: deleted */
};

struct subs {
    struct subs_slot *slots; /* by number, ascending */
    size_t count;
    size_t capacity;
    size_t deleted;
    struct map by_id;
    uint64_t seed[2];
};

struct sub *sub_new(uint64_t number, struct bytes id); /* NULL: no memory */
void sub_free(struct sub *s);                          /* s may be NULL */

/* What s has aside, zeros when that is nothing. */
struct sub_rare sub_rare_of(const struct sub *s);

/* Its definition in force is a classic one. */
bool sub_is_classic(const struct sub *s);

void subs_init(struct subs *t, const uint64_t seed[2]);
void subs_fini(struct subs *t);

/* Room for n more, so that subs_add() cannot fail. */
MUST_CHECK bool subs_reserve(struct subs *t, size_t n);

/* The number must be greater than all before. */
void subs_add(struct subs *t, struct sub *s);

/* Takes it out without freeing it. */
void subs_remove(struct subs *t, struct sub *s);

struct sub *subs_find(const struct subs *t, uint64_t number);
struct sub *subs_find_id(const struct subs *t, struct bytes id);

/* The first with a number greater than after, NULL at the end. */
struct sub *subs_after(const struct subs *t, uint64_t after);

#endif
