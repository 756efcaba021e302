/* counters: what delivery did since the start.
 * Owns:   nothing.
 * Thread: written by the delivery thread, read by any. */
#ifndef BELFRY_SERVER_DELIVERY_COUNTERS_H
#define BELFRY_SERVER_DELIVERY_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "server/engine/failure.h"

struct delivery_counters {
    _Atomic uint64_t attempts;  /* requests begun, resends included */
    _Atomic uint64_t delivered; /* batches acknowledged */
    _Atomic uint64_t retried;   /* failed attempts that get another */
    _Atomic uint64_t failed;    /* subscriptions that went to error */
    _Atomic uint64_t off;       /* subscriptions switched off */
    _Atomic uint64_t parked;    /* dead letters written */
    _Atomic uint64_t split;     /* batches that were too large */
    _Atomic uint64_t opened;    /* times that a breaker opened */
    _Atomic uint64_t closed;    /* times that one closed again */
    /* Requests that curl was about to send a second time on its own. */
    _Atomic uint64_t hidden_reposts;
    _Atomic uint64_t connections; /* new ones, of the attempts */
    /* How attempts ended; FAILURE_NONE: well. */
    _Atomic uint64_t ended[FAILURE_CLASSES];
};

static inline void counter_add(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static inline uint64_t counter_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
