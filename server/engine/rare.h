/* rare: what few subscriptions have besides their state, kept aside so that
 * all others do not pay for it in memory.
 * Owns:   the error text and the set of the published one; see below.
 * Thread: as struct sub: written by the writer under the state's write lock.
 * Bounds: RESEND_MAX ranges to be sent again. */
#ifndef BELFRY_SERVER_ENGINE_RARE_H
#define BELFRY_SERVER_ENGINE_RARE_H

#include <stdbool.h>
#include <stdint.h>

struct acked;

#define RESEND_MAX 4

/* Events first to last, to be sent again beside the queue. */
struct resend {
    uint64_t first;
    uint64_t last;
};

struct sub_rare {
    /* The gap proof covers the events behind this one; 0 until the secret is
     * replaced. */
    uint64_t chain_since;
    /* First event of the batch that failed last, where events are not sent in
     * one line. */
    uint64_t failed_event;
    uint64_t parked;  /* dead letters ever written */
    uint64_t settled; /* of them: redelivered or discarded */
    uint64_t lost;    /* events that retention removed undelivered */
    int64_t next_attempt_ms;
    int64_t end_ms; /* the definition's; 0: none */
    uint32_t attempts;
    /* A backfill (enum backfill_mode): the change that it looks at next, and
     * the one with which the subscription was made. */
    uint64_t backfill_next;
    uint64_t backfill_upto;
    uint8_t backfill;
    bool paused;
    uint8_t resend_count;
    struct resend resend[RESEND_MAX]; /* in the order of their asking */
    /* Heap; NULL: none. A copy borrows them; a batch stages new ones beside. */
    char *error;
    struct acked *acked; /* past the cursor */
};

/* True when there is nothing to keep aside. */
bool rare_is_empty(const struct sub_rare *r);

/* Adds a range, as part of one that it overlaps or continues where there is
 * one. False when there are too many. */
bool rare_resend_add(struct sub_rare *r, struct resend range);

/* Events first to last have been sent again. */
void rare_resend_done(struct sub_rare *r, struct resend range);

/* Events up to last are gone. */
void rare_resend_expire(struct sub_rare *r, uint64_t last);

#endif
