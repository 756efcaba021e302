/* rng: where randomness comes from, so that tests own it.
 * Owns:   nothing.
 * Thread: any; the function behind it must be thread-safe. */
#ifndef BELFRY_SERVER_BASE_RNG_H
#define BELFRY_SERVER_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    void (*fill)(void *ctx, void *out, size_t n);
    void *ctx;
};

/* The operating system's generator. Secrets come from here. */
const struct rng *rng_system(void);

void rng_fill(const struct rng *r, void *out, size_t n);

/* A number in [0, bound); 0 when bound is 0. */
uint64_t rng_below(const struct rng *r, uint64_t bound);

/* A random UUID (RFC 9562 version 4), lower case, with its NUL. */
#define RNG_UUID_BYTES 37
void rng_uuid(const struct rng *r, char out[RNG_UUID_BYTES]);

#endif
