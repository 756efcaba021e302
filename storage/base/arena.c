#include "storage/base/arena.h"

#include <stdlib.h>

#define ARENA_BLOCK_BYTES 4096
#define ARENA_ALIGN _Alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

void arena_init(struct arena *a, size_t max_bytes)
{
    *a = (struct arena){.max = max_bytes};
}

void arena_fini(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;

        free(a->blocks);
        a->blocks = next;
    }
    a->used = 0;
}

void arena_reset(struct arena *a)
{
    arena_fini(a);
    a->failed = false;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->blocks, a->blocks ? a->blocks->used : 0,
                               a->used, a->failed};
}

void arena_rewind(struct arena *a, const struct arena_mark *to)
{
    while (a->blocks != to->block) {
        struct arena_block *next = a->blocks->next;

        free(a->blocks);
        a->blocks = next;
    }
    if (a->blocks)
        a->blocks->used = to->block_used;
    a->used = to->used;
    a->failed = to->failed;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
    struct arena_block *block;
    size_t size = n;

#ifndef ARENA_EMULATE
    if (size < ARENA_BLOCK_BYTES)
        size = ARENA_BLOCK_BYTES;
#endif
    block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    block->used = 0;
    block->size = size;
    block->next = a->blocks;
    a->blocks = block;
    return block;
}

static void *take(struct arena *a, size_t n)
{
    struct arena_block *block;
    size_t rounded = (n + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    char *at;

    if (rounded < n || rounded > a->max - a->used) {
        a->failed = true;
        return NULL;
    }
#ifdef ARENA_EMULATE
    block = add_block(a, n ? n : 1);
#else
    block = a->blocks;
    if (!block || block->size - block->used < rounded)
        block = add_block(a, rounded);
#endif
    if (!block) {
        a->failed = true;
        return NULL;
    }
    at = (char *)block->data + block->used;
    block->used += rounded;
    a->used += rounded;
    return at;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *at = take(a, n);

    return at ? memset(at, 0, n) : NULL;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size) {
        a->failed = true;
        return NULL;
    }
    return arena_alloc(a, n * size);
}

struct bytes arena_copy(struct arena *a, struct bytes text)
{
    char *p;

    if (text.n == SIZE_MAX)
        return (struct bytes){NULL, 0};
    p = take(a, text.n + 1);
    if (!p)
        return (struct bytes){NULL, 0};
    if (text.n)
        memcpy(p, text.p, text.n);
    p[text.n] = '\0';
    return (struct bytes){p, text.n};
}
