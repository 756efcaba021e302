#include "server/delivery/due_heap.h"

#include <assert.h>
#include <stdlib.h>

void due_heap_init(struct due_heap *h)
{
    *h = (struct due_heap){0};
}

void due_heap_fini(struct due_heap *h)
{
    free(h->items);
    *h = (struct due_heap){0};
}

bool due_heap_reserve(struct due_heap *h, size_t n)
{
    size_t capacity = h->capacity ? h->capacity : 64;
    struct entry **items;

    if (n <= h->capacity)
        return true;
    if (n >= ENTRY_NOT_IN_HEAP)
        return false;
    while (capacity < n)
        capacity *= 2;
    items = realloc(h->items, capacity * sizeof(*items));
    if (!items)
        return false;
    h->items = items;
    h->capacity = capacity;
    return true;
}

static void put(struct due_heap *h, size_t at, struct entry *e)
{
    h->items[at] = e;
    e->heap_index = (uint32_t)at;
}

static void sift_up(struct due_heap *h, size_t at, struct entry *e)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;

        if (h->items[parent]->due_ms <= e->due_ms)
            break;
        put(h, at, h->items[parent]);
        at = parent;
    }
    put(h, at, e);
}

static void sift_down(struct due_heap *h, size_t at, struct entry *e)
{
    while (at * 2 + 1 < h->n) {
        size_t child = at * 2 + 1;

        if (child + 1 < h->n &&
            h->items[child + 1]->due_ms < h->items[child]->due_ms)
            child++;
        if (h->items[child]->due_ms >= e->due_ms)
            break;
        put(h, at, h->items[child]);
        at = child;
    }
    put(h, at, e);
}

void due_heap_set(struct due_heap *h, struct entry *e, int64_t due_ms)
{
    int64_t before = e->due_ms;

    e->due_ms = due_ms;
    if (e->heap_index == ENTRY_NOT_IN_HEAP) {
        assert(h->n < h->capacity);
        sift_up(h, h->n++, e);
    } else if (due_ms < before) {
        sift_up(h, e->heap_index, e);
    } else {
        sift_down(h, e->heap_index, e);
    }
}

void due_heap_remove(struct due_heap *h, struct entry *e)
{
    size_t at = e->heap_index;
    struct entry *last;

    if (at == ENTRY_NOT_IN_HEAP)
        return;
    e->heap_index = ENTRY_NOT_IN_HEAP;
    last = h->items[--h->n];
    if (last == e)
        return;
    put(h, at, last);
    sift_up(h, at, last);
    sift_down(h, last->heap_index, last);
}

struct entry *due_heap_first(const struct due_heap *h)
{
    return h->n > 0 ? h->items[0] : NULL;
}
