#include "storage/base/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/huge.h"

void pool_init(struct pool *p, size_t item_bytes)
{
    assert(item_bytes >= sizeof p->free);
    *p = (struct pool){.item_bytes = item_bytes};
}

static size_t chunk_bytes(const struct pool *p, uint32_t chunk)
{
    return ((size_t)POOL_FIRST_ITEMS << chunk) * p->item_bytes;
}

/* Large chunks are looked into at random. */
static size_t huge_bytes(size_t bytes)
{
    return bytes < 2 * HUGE_BYTES
               ? 0
               : (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
}

void pool_fini(struct pool *p)
{
    for (uint32_t i = 0; i < POOL_CHUNKS; i++) {
        size_t bytes = huge_bytes(chunk_bytes(p, i));

        if (bytes)
            huge_free(p->chunks[i], bytes);
        else
            free(p->chunks[i]);
    }
    pool_init(p, p->item_bytes);
}

/* Makes the chunk that holds the object with this index, when it is the
 * first of one. */
static bool make_chunk(struct pool *p, uint32_t index)
{
    uint32_t block = index / POOL_FIRST_ITEMS + 1;
    uint32_t chunk = 31U - (uint32_t)__builtin_clz(block);
    size_t bytes = chunk_bytes(p, chunk);

    if (!p->chunks[chunk])
        p->chunks[chunk] = huge_bytes(bytes) ? huge_alloc(huge_bytes(bytes))
                                             : calloc(1, bytes);
    return p->chunks[chunk] != NULL;
}

uint32_t pool_take(struct pool *p)
{
    uint32_t handle = p->free;
    char *item;

    if (handle == 0) {
        if (p->used == POOL_ITEMS_MAX || !make_chunk(p, p->used))
            return 0;
        p->count++;
        return ++p->used;
    }
    item = pool_at(p, handle);
    memcpy(&p->free, item, sizeof p->free);
    memset(item, 0, p->item_bytes);
    p->count++;
    return handle;
}

void pool_give(struct pool *p, uint32_t handle)
{
    char *item = pool_at(p, handle);

    memset(item, 0, p->item_bytes);
    memcpy(item, &p->free, sizeof p->free);
    p->free = handle;
    p->count--;
}
