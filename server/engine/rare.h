/* rare: what few subscriptions have besides their state, kept aside so that
 * all others do not pay for it in memory.
 * Owns:   the error text and the set of the published one; see below.
 * Thread: as struct sub: written by the writer under the state's write lock. */
#ifndef BELFRY_SERVER_ENGINE_RARE_H
#define BELFRY_SERVER_ENGINE_RARE_H

#include <stdbool.h>
#include <stdint.h>

struct acked;

struct sub_rare {
    /* The gap proof covers the events behind this one; 0 until the secret is
     * replaced. */
    uint64_t chain_since;
    /* First event of the batch that failed last, where events are not sent in
     * one line. */
    uint64_t failed_event;
    uint64_t parked; /* dead letters ever written */
    int64_t next_attempt_ms;
    int64_t end_ms; /* the definition's; 0: none */
    uint32_t attempts;
    /* Heap; NULL: none. A copy borrows them; a batch stages new ones beside. */
    char *error;
    struct acked *acked; /* past the cursor */
};

/* True when there is nothing to keep aside. */
static inline bool rare_is_empty(const struct sub_rare *r)
{
    return r->chain_since == 0 && r->failed_event == 0 && r->parked == 0 &&
           r->next_attempt_ms == 0 && r->end_ms == 0 && r->attempts == 0 &&
           !r->error && !r->acked;
}

#endif
