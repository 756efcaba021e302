#include "storage/base/blocks.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/huge.h"

/* The sanitizer does not see into chunks by itself: what was given back is
 * told to it. */
#if defined(__SANITIZE_ADDRESS__)
#define BLOCKS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLOCKS_SANITIZED 1
#endif
#endif
#ifdef BLOCKS_SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/* Up to this many steps each size is a class of its own; above, each power of
 * two is one. */
#define EXACT_STEPS 128U

_Static_assert((size_t)BLOCKS_CHUNK_STEPS *BLOCKS_STEP == HUGE_BYTES,
               "a chunk is a huge page");

static uint32_t class_of(size_t bytes, uint32_t *steps)
{
    uint32_t n = (uint32_t)((bytes + BLOCKS_STEP - 1) / BLOCKS_STEP);
    uint32_t class = EXACT_STEPS;

    *steps = n ? n : 1;
    if (n <= EXACT_STEPS)
        return *steps - 1;
    for (*steps = 2 * EXACT_STEPS; *steps < n; *steps *= 2)
        class ++;
    return class;
}

void blocks_fini(struct blocks *b)
{
    for (uint32_t i = 0; i < b->chunk_count; i++) {
        ASAN_UNPOISON_MEMORY_REGION(b->chunks[i], HUGE_BYTES);
        huge_free(b->chunks[i], HUGE_BYTES);
    }
    free(b->chunks);
    *b = (struct blocks){0};
}

static bool add_chunk(struct blocks *b)
{
    char **chunks;
    char *chunk;

    if (b->chunk_count == BLOCKS_CHUNKS_MAX)
        return false;
    chunks = realloc(b->chunks, (b->chunk_count + 1) * sizeof *chunks);
    if (!chunks)
        return false;
    b->chunks = chunks;
    /* the first one grows by small pages: most servers are small */
    chunk = b->chunk_count ? huge_alloc(HUGE_BYTES) : huge_lazy(HUGE_BYTES);
    if (!chunk)
        return false;
    b->chunks[b->chunk_count++] = chunk;
    b->used = 0;
    return true;
}

static uint32_t cut(struct blocks *b, uint32_t steps)
{
    if ((b->chunk_count == 0 || b->used + steps > BLOCKS_CHUNK_STEPS) &&
        !add_chunk(b))
        return 0;
    b->used += steps;
    return (b->chunk_count - 1) * BLOCKS_CHUNK_STEPS + b->used - steps + 1;
}

uint32_t blocks_take(struct blocks *b, size_t bytes)
{
    uint32_t steps, class, handle;

    if (bytes > BLOCKS_BYTES_MAX)
        return 0;
    class = class_of(bytes, &steps);
    handle = b->free[class];
    if (handle) {
        char *object = blocks_at(b, handle);

        ASAN_UNPOISON_MEMORY_REGION(object, (size_t)steps * BLOCKS_STEP);
        memcpy(&b->free[class], object, sizeof handle);
        memset(object, 0, sizeof handle);
    } else {
        handle = cut(b, steps);
    }
    if (handle)
        b->bytes += (size_t)steps * BLOCKS_STEP;
    return handle;
}

void blocks_give(struct blocks *b, uint32_t handle, size_t bytes)
{
    uint32_t steps, class = class_of(bytes, &steps);
    char *object = blocks_at(b, handle);

    assert(bytes <= BLOCKS_BYTES_MAX);
    memset(object, 0, (size_t)steps * BLOCKS_STEP);
    memcpy(object, &b->free[class], sizeof handle);
    ASAN_POISON_MEMORY_REGION(object, (size_t)steps * BLOCKS_STEP);
    b->free[class] = handle;
    b->bytes -= (size_t)steps * BLOCKS_STEP;
}
