/* scheduler: when which subscription sends what. A state machine driven by
 * calls that carry the time: it reads no clock, knows no HTTP and holds no
 * event, only numbers and times.
 * Owns:   its entries, endpoints and attempts.
 * Thread: the delivery thread.
 * Bounds: an entry per live subscription, endpoint_limits attempts in flight.
 * Errors: ERR_NOMEM when it is made; later an entry without memory is left
 *         out and tried again with the next wake.
 * Times are wall-clock milliseconds, as reports carry them over restarts. */
#ifndef BELFRY_SERVER_DELIVERY_SCHEDULER_H
#define BELFRY_SERVER_DELIVERY_SCHEDULER_H

#include "server/base/rng.h"
#include "server/delivery/channel.h"
#include "server/delivery/counters.h"
#include "server/delivery/endpoints.h"
#include "server/delivery/retry.h"
#include "server/delivery/source.h"

#define HANDSHAKE_STEPS 8

/* The subscriber reads its 201 before it listens for the handshake. */
struct handshake_policy {
    int64_t delay_ms;  /* from the definition's commit to the first attempt */
    int64_t window_ms; /* no attempt begins later than this after the first */
    uint32_t attempts; /* in all */
    int64_t steps_ms[HANDSHAKE_STEPS]; /* between them; the last repeats */
    size_t step_count;
};

/* 1 s, then up to two more after 4 s and 10 s, within 30 s. */
void handshake_policy_default(struct handshake_policy *p);

struct scheduler_config {
    struct delivery_source source; /* copied, as are the others */
    struct channel channel;
    const struct rng *rng;
    struct delivery_counters *counters;
    struct endpoint_limits limits;
    struct retry_policy retry;
    struct handshake_policy handshake;
    uint32_t park_after; /* refusals of a batch before it is parked */
    size_t resting;      /* entries kept while nothing is due for them */
};

struct scheduler;

MUST_CHECK enum err_code scheduler_new(const struct scheduler_config *config,
                                       struct scheduler **out, struct err *e);
/* No attempt may be in flight any more: the channel gave back all. */
void scheduler_free(struct scheduler *s);

/* Looks at every live subscription: at the start, or when wakes were lost. */
void scheduler_load(struct scheduler *s, int64_t now_ms);

/* The subscription changed: events, status, definition, or its end. */
void scheduler_wake(struct scheduler *s, uint64_t number, int64_t now_ms);

/* Begins what is due. */
void scheduler_tick(struct scheduler *s, int64_t now_ms);

/* When scheduler_tick() has something to do next; INT64_MAX: nothing, before
 * a wake or a completion. */
int64_t scheduler_next_due(const struct scheduler *s);

/* The channel gives an attempt back. */
void scheduler_complete(struct scheduler *s, struct attempt *a,
                        const struct outcome *outcome, int64_t now_ms);

/* The wall clock was set by so much (a step back is also seen without): what
 * was to happen in five minutes still is, but for the end of a subscription. */
void scheduler_step(struct scheduler *s, int64_t delta_ms, int64_t now_ms);

/* While held, no attempt begins: for draining. */
void scheduler_hold(struct scheduler *s, bool held);

size_t scheduler_in_flight(const struct scheduler *s);

struct scheduler_facts {
    size_t entries;
    size_t endpoints;
    size_t in_flight;
};
void scheduler_facts(const struct scheduler *s, struct scheduler_facts *out);

#endif
