/* histogram: latencies in nanoseconds, 64 steps per power of two (1.6 %).
 * Owns:   nothing.
 * Thread: one at a time. */
#ifndef BELFRY_TESTS_BENCH_HISTOGRAM_H
#define BELFRY_TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS 6
#define HISTOGRAM_STEPS ((65 - HISTOGRAM_BITS) << HISTOGRAM_BITS)

struct histogram {
    uint64_t count;
    uint32_t steps[HISTOGRAM_STEPS];
};

static inline void histogram_add(struct histogram *h, uint64_t value)
{
    unsigned shift = 0;

    while (value >> shift >= 2U << HISTOGRAM_BITS)
        shift++;
    h->steps[((uint64_t)shift << HISTOGRAM_BITS) + (value >> shift)]++;
    h->count++;
}

/* The value below which the share (0 to 1) of all lies. */
static inline uint64_t histogram_at(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)h->count), seen = 0;

    for (uint64_t i = 0; i < HISTOGRAM_STEPS; i++) {
        uint64_t shift;

        seen += h->steps[i];
        if (seen <= wanted)
            continue;
        shift = i >> HISTOGRAM_BITS;
        if (shift < 2)
            return i;
        shift--;
        return ((i & ((1U << HISTOGRAM_BITS) - 1)) + (1U << HISTOGRAM_BITS))
               << shift;
    }
    return 0;
}

#endif
