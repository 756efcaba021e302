/* entry: a subscription as the scheduler sees it while something is due for
 * it; small, for there may be a million. What it has of the events is a few
 * numbers. Owns:   a reference to its endpoint; its lanes. Thread: the delivery
 * thread. */
#ifndef BELFRY_SERVER_DELIVERY_ENTRY_H
#define BELFRY_SERVER_DELIVERY_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "server/delivery/due_heap.h"

struct endpoint;
struct lanes;

struct entry {
    struct due due; /* first: found again from it */
    uint64_t number;
    uint64_t definition;
    uint64_t last_event;  /* newest event known of */
    uint64_t delivered;   /* acknowledged, committed or still on its way */
    uint64_t failed_last; /* last event of the batch that failed, 0: none */
    uint64_t resent;      /* last event that was sent again, 0: none */
    int64_t attempt_ms;   /* no attempt before */
    int64_t since_ms;     /* first failure in a row, or first handshake */
    int64_t quiet_ms;     /* last sign of life sent */
    int64_t end_ms;       /* 0: none */
    int64_t pending_ms;   /* linger: since when events wait; 0: none do */
    struct endpoint *endpoint;
    struct entry *chain; /* table */
    struct entry *next;  /* the endpoint's ready list, or those at rest */
    struct entry *prev;
    struct entry *member_next; /* the endpoint's members */
    struct entry *member_prev;
    struct lanes *lanes; /* NULL: events go in one line */
    uint32_t failures;
    uint32_t heartbeat_s;
    uint32_t max_count;
    uint16_t batch_limit; /* 0: none; after a batch was too large */
    uint16_t linger_ms;
    uint16_t in_flight;
    uint8_t status;    /* enum subscription_status */
    uint8_t refusals;  /* of the batch at the head */
    uint8_t turns;     /* batches sent while there was something to resend */
    bool ready : 1;    /* in one of the endpoint's ready lists */
    bool urgent : 1;   /* which */
    bool woken : 1;    /* something changed while in flight */
    bool reported : 1; /* nothing more before the report shows in the state */
    bool per_focus : 1;
    bool out_of_order : 1; /* events past `delivered` were acknowledged */
    bool park : 1;
    bool settled : 1; /* nothing to know that the state does not tell */
    bool resting : 1; /* nothing to do: not ready, not in the heap */
    bool unread : 1;  /* its target could not be read: again at attempt_ms */
    bool resend : 1;  /* the state has events to be sent again */
};

_Static_assert(sizeof(struct entry) < 200, "an entry is small");

#endif
