/* clock: where time comes from, so that tests own it.
 * Owns:   nothing.
 * Thread: any; the functions behind it must be thread-safe. */
#ifndef BELFRY_SERVER_BASE_CLOCK_H
#define BELFRY_SERVER_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(void *ctx);      /* since 1970, UTC */
    int64_t (*monotonic_ms)(void *ctx); /* for intervals only */
    void *ctx;
};

/* The machine's clocks. */
const struct clock *clock_system(void);

static inline int64_t clock_wall_ms(const struct clock *c)
{
    return c->wall_ms(c->ctx);
}

static inline int64_t clock_monotonic_ms(const struct clock *c)
{
    return c->monotonic_ms(c->ctx);
}

#endif
