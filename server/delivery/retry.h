/* retry: when a failed attempt is made again, and when no more.
 * Owns:   nothing.
 * Thread: any; pure but for the rng it is given.
 * Errors: ERR_INVALID for a schedule that cannot be read.
 * Jitter only adds, Retry-After only delays (Standard Webhooks asks senders to
 * heed it). */
#ifndef BELFRY_SERVER_DELIVERY_RETRY_H
#define BELFRY_SERVER_DELIVERY_RETRY_H

#include "server/base/rng.h"
#include "server/delivery/outcome.h"
#include "storage/base/bytes.h"
#include "storage/base/err.h"

#define RETRY_STEPS_MAX 32
#define RETRY_STEP_MAX_S 604800
#define RETRY_AFTER_MAX_MS (INT64_C(24) * 3600 * 1000)

struct retry_policy {
    int64_t steps_ms[RETRY_STEPS_MAX]; /* the last one repeats */
    size_t step_count;                 /* at least 1 */
    int64_t window_ms;                 /* since the first failure */
};

/* 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, then
 * every 24 h for 7 days. */
void retry_policy_default(struct retry_policy *p);

/* Replaces the steps. The policy is unchanged on an error. */
MUST_CHECK enum err_code retry_policy_steps(struct retry_policy *p,
                                            const uint64_t *seconds, size_t n,
                                            struct err *e);

/* How long to wait after the given number of failures in a row (1, 2, ...):
 * the step, and up to a tenth of it more (at least 2 s, at most 15 min; for
 * steps of less than 5 s a tenth). An untrusted certificate waits 5 min at
 * least, where the schedule knows such steps: it is not put right sooner. */
int64_t retry_delay_ms(const struct retry_policy *p, uint32_t failures,
                       const struct outcome *o, const struct rng *rng);

/* The least time that passed between the first failure and the end of the wait
 * after the last one: all that is known of a first failure after a restart. */
int64_t retry_span_ms(const struct retry_policy *p, uint32_t failures);

/* No attempt is made later than the window after the first failure. */
bool retry_exhausted(const struct retry_policy *p, int64_t first_failure_ms,
                     int64_t next_ms);

#endif
