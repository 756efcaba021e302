/* due_heap: things by the time at which something is due.
 * Owns:   its array, not the things, which embed a struct due.
 * Thread: one at a time.
 * Bounds: one place a thing. */
#ifndef BELFRY_SERVER_DELIVERY_DUE_HEAP_H
#define BELFRY_SERVER_DELIVERY_DUE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUE_NOT_IN_HEAP UINT32_MAX

/* Set index to DUE_NOT_IN_HEAP when the thing is made. */
struct due {
    int64_t ms;
    uint32_t index;
};

struct due_heap {
    struct due **items;
    size_t n;
    size_t capacity;
};

void due_heap_init(struct due_heap *h);
void due_heap_fini(struct due_heap *h);

/* Makes room for n things in all, so that due_heap_set() cannot fail. */
bool due_heap_reserve(struct due_heap *h, size_t n);

/* Puts the thing in at ms, or moves it there. */
void due_heap_set(struct due_heap *h, struct due *d, int64_t ms);

/* Takes the thing out; no harm when it is not in. */
void due_heap_remove(struct due_heap *h, struct due *d);

/* What is due first, NULL when empty. */
struct due *due_heap_first(const struct due_heap *h);

#endif
