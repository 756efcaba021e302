#include "server/delivery/breaker.h"

void breaker_policy_default(struct breaker_policy *p)
{
    *p = (struct breaker_policy){.failures = 5,
                                 .results = 20,
                                 .window_ms = 60000,
                                 .cooldown_ms = 5000,
                                 .cooldown_most_ms = 900000};
}

static int64_t cooldown_ms(const struct breaker_policy *p, uint32_t trips)
{
    int64_t ms = p->cooldown_ms;

    for (uint32_t i = 1; i < trips && ms < p->cooldown_most_ms; i++)
        ms *= 2;
    return ms < p->cooldown_most_ms ? ms : p->cooldown_most_ms;
}

void breaker_resume(struct breaker *b, const struct breaker_state *s,
                    const struct breaker_policy *p, int64_t now_ms)
{
    int64_t most = cooldown_ms(p, s->trips);

    *b = (struct breaker){.state = *s};
    if (s->trips == 0)
        return;
    b->phase = BREAKER_OPEN;
    /* the clock was set back: no wait longer than there is */
    if (b->state.until_ms > now_ms + most + most / 10)
        b->state.until_ms = now_ms + most;
}

int64_t breaker_blocked_until(const struct breaker *b)
{
    switch (b->phase) {
    case BREAKER_OPEN:
        return b->state.until_ms;
    case BREAKER_HALF_OPEN:
        return INT64_MAX;
    case BREAKER_CLOSED:
        break;
    }
    return 0;
}

bool breaker_begin(struct breaker *b)
{
    if (b->phase != BREAKER_OPEN)
        return false;
    b->phase = BREAKER_HALF_OPEN;
    return true;
}

static void start_window(struct breaker *b, const struct breaker_policy *p,
                         int64_t now_ms)
{
    if (b->results > 0 && now_ms - b->window_ms <= p->window_ms)
        return;
    b->window_ms = now_ms;
    b->results = 0;
    b->failed = 0;
}

bool breaker_success(struct breaker *b, const struct breaker_policy *p,
                     int64_t now_ms)
{
    bool was_closed = b->phase == BREAKER_CLOSED;

    b->phase = BREAKER_CLOSED;
    b->consecutive = 0;
    start_window(b, p, now_ms);
    b->results++;
    b->state = (struct breaker_state){0};
    return !was_closed;
}

static void open_it(struct breaker *b, const struct breaker_policy *p,
                    int64_t now_ms, const struct rng *rng)
{
    int64_t ms = cooldown_ms(p, ++b->state.trips);

    b->phase = BREAKER_OPEN;
    b->state.until_ms =
        now_ms + ms + (int64_t)rng_below(rng, (uint64_t)ms / 10 + 1);
    b->consecutive = 0;
    b->results = 0;
    b->failed = 0;
}

static void count(struct breaker *b, const struct breaker_policy *p,
                  const struct breaker_failure *f)
{
    uint32_t weight = f->timeout ? 2 : 1;

    start_window(b, p, f->now_ms);
    b->results += weight;
    b->failed += weight;
    b->consecutive++;
}

bool breaker_fail(struct breaker *b, const struct breaker_policy *p,
                  const struct breaker_failure *f, const struct rng *rng)
{
    if (b->state.since_ms == 0)
        b->state.since_ms = f->now_ms;
    if (b->phase == BREAKER_CLOSED) {
        count(b, p, f);
        if (b->consecutive < p->failures &&
            (b->results < p->results || b->failed * 2 < b->results))
            return false;
    } else if (!f->probe) {
        return false; /* begun before it opened */
    }
    open_it(b, p, f->now_ms, rng);
    return true;
}

void breaker_unproven(struct breaker *b, bool probe)
{
    if (probe && b->phase == BREAKER_HALF_OPEN)
        b->phase = BREAKER_OPEN;
}

void breaker_shift(struct breaker *b, int64_t delta_ms)
{
    b->window_ms += delta_ms;
    if (b->state.since_ms > 0)
        b->state.since_ms += delta_ms;
    if (b->state.until_ms > 0)
        b->state.until_ms += delta_ms;
}
