/* bytes: a borrowed run of bytes, and the few questions asked of one.
 * Owns:   nothing; valid as long as what it points into.
 * Thread: any. */
#ifndef BELFRY_STORAGE_BASE_BYTES_H
#define BELFRY_STORAGE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const char *p;
    size_t n;
};

/* For printf("%.*s", BYTES_ARG(b)). */
#define BYTES_ARG(b) (int)(b).n, (b).p

static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){text, text ? strlen(text) : 0};
}

static inline struct bytes bytes_make(const char *p, size_t n)
{
    return (struct bytes){p, n};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool bytes_is(struct bytes a, const char *text)
{
    return bytes_equal(a, bytes_of(text));
}

static inline bool bytes_starts(struct bytes a, const char *prefix)
{
    size_t n = strlen(prefix);

    return a.n >= n && memcmp(a.p, prefix, n) == 0;
}

/* The part from offset on; empty when offset is past the end. */
static inline struct bytes bytes_from(struct bytes a, size_t offset)
{
    if (offset >= a.n)
        return (struct bytes){a.n ? a.p + a.n : a.p, 0};
    return (struct bytes){a.p + offset, a.n - offset};
}

/* Index of the first c, or a.n when there is none. */
static inline size_t bytes_find(struct bytes a, char c)
{
    const char *at = a.n ? memchr(a.p, c, a.n) : NULL;

    return at ? (size_t)(at - a.p) : a.n;
}

/* Splits off what stands before the first c; *rest is what follows it.
 * Without a c the whole is the part and *rest is empty. */
static inline struct bytes bytes_split(struct bytes a, char c,
                                       struct bytes *rest)
{
    size_t at = bytes_find(a, c);

    *rest = bytes_from(a, at < a.n ? at + 1 : a.n);
    return (struct bytes){a.p, at};
}

/* Reads an unsigned decimal number: digits only, no sign, no leading zero,
 * no overflow. False leaves *out alone. */
bool bytes_to_u64(struct bytes a, uint64_t *out);

/* A keyed hash (SipHash-1-3) for tables whose keys strangers choose. */
uint64_t bytes_hash(struct bytes a, const uint64_t key[2]);

#endif
