/* entry: a live subscription as the scheduler sees it; small, for there may
 * be a million. What it has of the events is two numbers.
 * Owns:   a reference to its endpoint.
 * Thread: the delivery thread. */
#ifndef BELFRY_SERVER_DELIVERY_ENTRY_H
#define BELFRY_SERVER_DELIVERY_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#define ENTRY_NOT_IN_HEAP UINT32_MAX

struct endpoint;

struct entry {
    uint64_t number;
    uint64_t definition;
    uint64_t last_event;  /* newest event known of */
    uint64_t delivered;   /* acknowledged, committed or still on its way */
    uint64_t failed_last; /* last event of the batch that failed, 0: none */
    int64_t attempt_ms;   /* no attempt before */
    int64_t since_ms;     /* first failure in a row, or first handshake */
    int64_t quiet_ms;     /* last sign of life sent */
    int64_t end_ms;       /* 0: none */
    int64_t due_ms;       /* its place in the heap */
    struct endpoint *endpoint;
    struct entry *chain; /* table */
    struct entry *next;  /* the endpoint's ready list */
    struct entry *prev;
    uint32_t heap_index;
    uint32_t failures;
    uint32_t heartbeat_s;
    uint8_t status; /* enum subscription_status */
    bool ready;     /* in the endpoint's ready list */
    bool in_flight;
    bool woken;    /* something changed while in flight */
    bool reported; /* nothing more before the report shows in the state */
};

_Static_assert(sizeof(struct entry) < 200, "an entry is small");

#endif
