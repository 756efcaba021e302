/* handle_set: a hash table of the handles of a pool, eight bytes a slot.
 * Owns:   its slots.
 * Thread: one writer, or readers under the caller's lock.
 * Bounds: the caller's; it never shrinks.
 * The caller hashes and compares, as with struct map. A small one grows by
 * doubling; one past HANDLE_SEGMENT_SLOTS consists of segments that split one
 * at a time (extendible hashing): no insertion moves more than one segment,
 * however many there are. */
#ifndef BELFRY_STORAGE_BASE_HANDLE_SET_H
#define BELFRY_STORAGE_BASE_HANDLE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"

struct handle_slot {
    uint32_t hash;
    uint32_t handle; /* 0: free */
};

/* 2 MB: a huge page. */
#define HANDLE_SEGMENT_SLOTS ((size_t)1 << 18)

struct handle_segment {
    struct handle_slot *slots;
    size_t capacity; /* a power of two */
    size_t count;
    unsigned depth; /* how many bits of the hash it answers to */
};

struct handle_set {
    /* 2^depth of them, by the upper bits of the hash; NULL: nothing yet */
    struct handle_segment **segments;
    unsigned depth;
    size_t count;
};

/* Whether the object of the handle is the one that ctx describes. */
typedef bool handle_equal(const void *ctx, uint32_t handle);

void handle_set_fini(struct handle_set *s);

/* Without growing. */
bool handle_set_has_room(const struct handle_set *s, size_t n);

/* Room for n more, so that handle_set_insert() is legal as often: whichever
 * their hashes are. */
MUST_CHECK bool handle_set_reserve(struct handle_set *s, size_t n);

/* The first handle whose hash agrees in 32 bits, which the slot alone decides;
 * 0 when there is none. */
uint32_t handle_set_peek(const struct handle_set *s, uint64_t hash);

/* 0 when there is none. */
uint32_t handle_set_find(const struct handle_set *s, uint64_t hash,
                         handle_equal *equal, const void *ctx);

/* Tells the processor that the hash will be looked for soon: several at once
 * wait for memory together. */
void handle_set_expect(const struct handle_set *s, uint64_t hash);

/* There must be room, and the handle must not be there yet. */
void handle_set_insert(struct handle_set *s, uint64_t hash, uint32_t handle);

/* Puts the handle in another's place; both have that hash. */
void handle_set_replace(struct handle_set *s, uint64_t hash, uint32_t handle,
                        uint32_t by);

/* Nothing happens when it is not there. */
void handle_set_remove(struct handle_set *s, uint64_t hash, uint32_t handle);

#endif
