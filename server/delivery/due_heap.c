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
    struct due **items;

    if (n <= h->capacity)
        return true;
    if (n >= DUE_NOT_IN_HEAP)
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

static void put(struct due_heap *h, size_t at, struct due *d)
{
    h->items[at] = d;
    d->index = (uint32_t)at;
}

static void sift_up(struct due_heap *h, size_t at, struct due *d)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;

        if (h->items[parent]->ms <= d->ms)
            break;
        put(h, at, h->items[parent]);
        at = parent;
    }
    put(h, at, d);
}

static void sift_down(struct due_heap *h, size_t at, struct due *d)
{
    while (at * 2 + 1 < h->n) {
        size_t child = at * 2 + 1;

        if (child + 1 < h->n && h->items[child + 1]->ms < h->items[child]->ms)
            child++;
        if (h->items[child]->ms >= d->ms)
            break;
        put(h, at, h->items[child]);
        at = child;
    }
    put(h, at, d);
}

void due_heap_set(struct due_heap *h, struct due *d, int64_t ms)
{
    int64_t before = d->ms;

    d->ms = ms;
    if (d->index == DUE_NOT_IN_HEAP) {
        assert(h->n < h->capacity);
        sift_up(h, h->n++, d);
    } else if (ms < before) {
        sift_up(h, d->index, d);
    } else {
        sift_down(h, d->index, d);
    }
}

void due_heap_remove(struct due_heap *h, struct due *d)
{
    size_t at = d->index;
    struct due *last;

    if (at == DUE_NOT_IN_HEAP)
        return;
    d->index = DUE_NOT_IN_HEAP;
    last = h->items[--h->n];
    if (last == d)
        return;
    put(h, at, last);
    sift_up(h, at, last);
    sift_down(h, last->index, last);
}

struct due *due_heap_first(const struct due_heap *h)
{
    return h->n > 0 ? h->items[0] : NULL;
}
