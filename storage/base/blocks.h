/* blocks: many small objects of different sizes, named by 32-bit handles.
 * Owns:   the objects' memory.
 * Thread: one at a time. Objects never move.
 * Bounds: BLOCKS_BYTES_MAX an object, BLOCKS_CHUNKS_MAX chunks of 2 MB.
 * An object takes its size in steps of 8 bytes and nothing beside: at a
 * million of them a header for each and the heap's rounding would count. What
 * is given back serves the next object of its size class. */
#ifndef BELFRY_STORAGE_BASE_BLOCKS_H
#define BELFRY_STORAGE_BASE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#define BLOCKS_STEP 8U
#define BLOCKS_BYTES_MAX ((size_t)512 << 10)
#define BLOCKS_CHUNK_STEPS (1U << 18)
/* Handles stay below 2^31: callers mark one with its highest bit. */
#define BLOCKS_CHUNKS_MAX ((1U << 13) - 1)
#define BLOCKS_CLASSES 137

struct blocks {
    char **chunks;
    uint32_t chunk_count;
    uint32_t used; /* steps of the last chunk */
    uint32_t free[BLOCKS_CLASSES];
    size_t bytes; /* of what is taken, rounded */
};

void blocks_fini(struct blocks *b); /* zeroed is a good start */

/* The handle of a zeroed object; 0 without memory or when it is too large. */
uint32_t blocks_take(struct blocks *b, size_t bytes);
void blocks_give(struct blocks *b, uint32_t handle, size_t bytes);

/* The object of a handle that was taken. */
static inline void *blocks_at(const struct blocks *b, uint32_t handle)
{
    uint32_t index = handle - 1;

    return b->chunks[index / BLOCKS_CHUNK_STEPS] +
           (size_t)(index % BLOCKS_CHUNK_STEPS) * BLOCKS_STEP;
}

#endif
