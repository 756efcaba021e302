#include "server/engine/gather.h"

#include <stdlib.h>

#include "fhir/search/index_key.h"

/* Ids are short; more would be a mistake. */
#define ARENA_BYTES ((size_t)16 << 20)

void gather_init(struct gather *g, struct bytes after, size_t limit)
{
    *g = (struct gather){.after = after, .limit = limit};
    arena_init(&g->arena, ARENA_BYTES);
}

void gather_fini(struct gather *g)
{
    arena_fini(&g->arena);
}

void gather_reset(struct gather *g)
{
    arena_reset(&g->arena);
    g->items = NULL;
    g->n = 0;
    g->full = g->failed = false;
}

static int compare(const void *a, const void *b)
{
    return index_key_compare(*(const struct bytes *)a,
                             *(const struct bytes *)b);
}

static void shrink(struct gather *g)
{
    size_t kept = 0;

    if (g->n == 0)
        return;
    qsort(g->items, g->n, sizeof *g->items, compare);
    for (size_t i = 1; i < g->n && kept + 1 < g->limit; i++)
        if (!bytes_equal(g->items[i], g->items[kept]))
            g->items[++kept] = g->items[i];
    g->n = kept + 1;
    g->full = g->n == g->limit;
}

bool gather_is_beyond(struct gather *g, struct bytes id)
{
    if (!g->full && g->n >= 2 * g->limit)
        shrink(g);
    /* full: the item at limit - 1 is the greatest of those wanted */
    return g->full && g->n >= g->limit &&
           index_key_compare(id, g->items[g->limit - 1]) >= 0;
}

void gather_add(struct gather *g, struct bytes id)
{
    size_t capacity = GATHER_SLACK * g->limit;
    struct bytes copy;

    if (g->failed || index_key_compare(id, g->after) <= 0 ||
        (g->full && index_key_compare(id, g->items[g->limit - 1]) >= 0))
        return;
    if (!g->items)
        g->items = arena_calloc(&g->arena, capacity, sizeof *g->items);
    if (g->items && g->n == capacity)
        shrink(g);
    copy = arena_copy(&g->arena, id);
    if (!g->items || !copy.p) {
        g->failed = true;
        return;
    }
    g->items[g->n++] = copy;
}

bool gather_finish(struct gather *g)
{
    shrink(g);
    return !g->failed;
}
