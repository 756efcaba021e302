/* pool: many objects of one size, named by 32-bit handles.
 * Owns:   the objects' memory.
 * Thread: one writer takes and gives; others may look at an object whose
 *         handle reached them by way of a lock. Objects never move, and the
 *         table of chunks is never reallocated.
 * Bounds: POOL_ITEMS_MAX objects.
 * Chunks double in size. Memory that was never used is only reserved, so half
 * of a large chunk may be spare without being resident. */
#ifndef BELFRY_STORAGE_BASE_POOL_H
#define BELFRY_STORAGE_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_CHUNKS 26
#define POOL_FIRST_ITEMS 64U
#define POOL_ITEMS_MAX (POOL_FIRST_ITEMS * ((1U << POOL_CHUNKS) - 1U))

struct pool {
    size_t item_bytes;
    char *chunks[POOL_CHUNKS];
    uint32_t used; /* handles ever taken */
    uint32_t free; /* the first of the free ones, 0: none */
    size_t count;
};

/* item_bytes is at least 4, and a multiple of what the object's alignment
 * needs. */
void pool_init(struct pool *p, size_t item_bytes);
void pool_fini(struct pool *p);

/* The handle of a zeroed object; 0 without memory. */
uint32_t pool_take(struct pool *p);
void pool_give(struct pool *p, uint32_t handle);

/* The object of a handle that was taken. */
static inline void *pool_at(const struct pool *p, uint32_t handle)
{
    uint32_t index = handle - 1;
    uint32_t block = index / POOL_FIRST_ITEMS + 1;
    uint32_t chunk = 31U - (uint32_t)__builtin_clz(block);
    uint32_t first = POOL_FIRST_ITEMS * ((1U << chunk) - 1U);

    return p->chunks[chunk] + (size_t)(index - first) * p->item_bytes;
}

#endif
