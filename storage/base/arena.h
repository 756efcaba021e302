/* arena: memory of one request or one delivery attempt, freed as a whole.
 * Owns:   its blocks, until arena_fini() or arena_reset().
 * Thread: one at a time.
 * Bounds: the byte limit given at init; past it allocations return NULL and
 *         arena_failed() stays true.
 * With ARENA_EMULATE every object is its own malloc, so that the sanitizers
 * see small overflows that a bump pointer would hide. */
#ifndef BELFRY_STORAGE_BASE_ARENA_H
#define BELFRY_STORAGE_BASE_ARENA_H

#include "storage/base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used;
    size_t max;
    bool failed;
};

/* A moment in the life of an arena. */
struct arena_mark {
    struct arena_block *block; /* the newest then; NULL: none */
    size_t block_used;
    size_t used;
    bool failed;
};

void arena_init(struct arena *a, size_t max_bytes);
void arena_fini(struct arena *a);

/* Frees all objects; the arena can be used again. */
void arena_reset(struct arena *a);

/* Rewinding frees what came after the mark; marks taken since are void, and
 * all are after a reset. A zeroed mark is that of an empty arena. */
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, const struct arena_mark *to);

/* Zeroed memory, aligned for any type; NULL past the limit or without
 * memory. */
void *arena_alloc(struct arena *a, size_t n);

/* n objects of size bytes; checks the multiplication. */
void *arena_calloc(struct arena *a, size_t n, size_t size);

/* A copy with a NUL behind it that does not count; {NULL, 0} on failure. */
struct bytes arena_copy(struct arena *a, struct bytes text);

static inline bool arena_failed(const struct arena *a)
{
    return a->failed;
}

#endif
