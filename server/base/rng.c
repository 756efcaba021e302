#include "server/base/rng.h"

#include <stdlib.h>
#include <sys/random.h>

static void fill_from_system(void *ctx, void *out, size_t n)
{
    unsigned char *p = out;

    (void)ctx;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0)
            continue; /* only EINTR happens once the pool is initialised */
        p += got;
        n -= (size_t)got;
    }
}

const struct rng *rng_system(void)
{
    static const struct rng system_rng = {fill_from_system, NULL};

    return &system_rng;
}

void rng_fill(const struct rng *r, void *out, size_t n)
{
    r->fill(r->ctx, out, n);
}

uint64_t rng_below(const struct rng *r, uint64_t bound)
{
    uint64_t value;

    if (bound == 0)
        return 0;
    rng_fill(r, &value, sizeof value);
    return value % bound;
}

void rng_uuid(const struct rng *r, char out[RNG_UUID_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[16];
    size_t at = 0;

    rng_fill(r, raw, sizeof raw);
    raw[6] = (unsigned char)((raw[6] & 0x0f) | 0x40);
    raw[8] = (unsigned char)((raw[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof raw; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = hex[raw[i] >> 4];
        out[at++] = hex[raw[i] & 15];
    }
    out[at] = '\0';
}
