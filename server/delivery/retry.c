#include "server/delivery/retry.h"

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)

void retry_policy_default(struct retry_policy *p)
{
    static const int64_t steps[] = {5 * S,  30 * S, 2 * M, 10 * M,
                                    30 * M, 2 * H,  5 * H, 10 * H,
                                    14 * H, 20 * H, 24 * H};

    *p = (struct retry_policy){.step_count = sizeof steps / sizeof *steps,
                               .window_ms = 7 * 24 * H};
    memcpy(p->steps_ms, steps, sizeof steps);
}

enum err_code retry_policy_steps(struct retry_policy *p,
                                 const uint64_t *seconds, size_t n,
                                 struct err *e)
{
    if (n < 1 || n > RETRY_STEPS_MAX)
        return err_set(e, ERR_INVALID, "a retry schedule has 1 to %d steps",
                       RETRY_STEPS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (seconds[i] < 1 || seconds[i] > RETRY_STEP_MAX_S)
            return err_set(e, ERR_INVALID,
                           "a step of a retry schedule is 1 to %d seconds",
                           RETRY_STEP_MAX_S);
    }
    for (size_t i = 0; i < n; i++)
        p->steps_ms[i] = (int64_t)seconds[i] * S;
    p->step_count = n;
    return ERR_OK;
}

static int64_t base_ms(const struct retry_policy *p, uint32_t failures)
{
    size_t step = failures > 0 ? failures - 1 : 0;

    return p->steps_ms[step < p->step_count ? step : p->step_count - 1];
}

static int64_t jitter_ms(int64_t base, const struct rng *rng)
{
    int64_t range = base / 10;

    if (range < 2 * S && base >= 5 * S)
        range = 2 * S;
    if (range > 15 * M)
        range = 15 * M;
    return (int64_t)rng_below(rng, (uint64_t)range + 1);
}

int64_t retry_delay_ms(const struct retry_policy *p, uint32_t failures,
                       const struct outcome *o, const struct rng *rng)
{
    int64_t base = base_ms(p, failures);
    int64_t hint = o->retry_after_ms;
    int64_t delay;

    if (o->failure == FAILURE_CERTIFICATE && base < 5 * M &&
        p->steps_ms[p->step_count - 1] >= 5 * M)
        base = 5 * M;
    delay = base + jitter_ms(base, rng);
    if (hint > RETRY_AFTER_MAX_MS)
        hint = RETRY_AFTER_MAX_MS;
    return hint > delay ? hint : delay;
}

int64_t retry_span_ms(const struct retry_policy *p, uint32_t failures)
{
    int64_t span = 0;

    for (uint32_t i = 1; i <= failures && span <= p->window_ms; i++)
        span += base_ms(p, i);
    return span;
}

bool retry_exhausted(const struct retry_policy *p, int64_t first_failure_ms,
                     int64_t next_ms)
{
    return next_ms - first_failure_ms > p->window_ms;
}
