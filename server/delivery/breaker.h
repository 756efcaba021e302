/* breaker: keeps attempts from an endpoint that fails. Closed, everything
 * passes; open, nothing does until its time; half-open, one attempt is under
 * way as a probe, and its end decides.
 * Owns:   nothing.
 * Thread: the delivery thread; no clock and no I/O of its own. */
#ifndef BELFRY_SERVER_DELIVERY_BREAKER_H
#define BELFRY_SERVER_DELIVERY_BREAKER_H

#include "server/base/rng.h"
#include "server/engine/breaker_state.h"

struct breaker_policy {
    uint32_t failures;   /* so many in a row open it */
    uint32_t results;    /* or half of at least so many ... */
    int64_t window_ms;   /* ... within this time */
    int64_t cooldown_ms; /* the first; doubles with every probe that fails */
    int64_t cooldown_most_ms;
};

/* 5 in a row, or half of 20 in 60 s; 5 s, 10 s, ... 15 min. */
void breaker_policy_default(struct breaker_policy *p);

enum breaker_phase { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
    enum breaker_phase phase;
    uint32_t consecutive; /* failures in a row */
    uint32_t results;     /* in the window; a timeout counts twice */
    uint32_t failed;
    int64_t window_ms; /* its start */
    struct breaker_state state;
};

/* Goes on where a restart interrupted it. */
void breaker_resume(struct breaker *b, const struct breaker_state *s,
                    const struct breaker_policy *p, int64_t now_ms);

/* INT64_MAX: a probe is under way; 0: it is closed. */
int64_t breaker_blocked_until(const struct breaker *b);

/* An attempt begins that heeds the breaker; true when it is the probe. */
bool breaker_begin(struct breaker *b);

/* What an attempt showed; probe as breaker_begin() said. True when the state
 * to remember changed. */
bool breaker_success(struct breaker *b, const struct breaker_policy *p,
                     int64_t now_ms);
struct breaker_failure {
    bool probe;
    bool timeout;
    int64_t now_ms;
};
bool breaker_fail(struct breaker *b, const struct breaker_policy *p,
                  const struct breaker_failure *f, const struct rng *rng);
/* The probe showed nothing: another one may follow. */
void breaker_unproven(struct breaker *b, bool probe);

/* The wall clock was set. */
void breaker_shift(struct breaker *b, int64_t delta_ms);

#endif
