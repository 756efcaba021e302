#include "storage/base/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void pool_init(struct pool *p, size_t item_bytes)
{
    assert(item_bytes >= sizeof p->free);
    *p = (struct pool){.item_bytes = item_bytes};
}

void pool_fini(struct pool *p)
{
    for (size_t i = 0; i < POOL_CHUNKS; i++)
        free(p->chunks[i]);
    pool_init(p, p->item_bytes);
}

/* Makes the chunk that holds the object with this index, when it is the
 * first of one. */
static bool make_chunk(struct pool *p, uint32_t index)
{
    uint32_t block = index / POOL_FIRST_ITEMS + 1;
    uint32_t chunk = 31U - (uint32_t)__builtin_clz(block);

    if (!p->chunks[chunk])
        p->chunks[chunk] =
            calloc((size_t)POOL_FIRST_ITEMS << chunk, p->item_bytes);
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
