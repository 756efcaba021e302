/* due_heap: entries by the time at which something is due.
 * Owns:   its array, not the entries.
 * Thread: one at a time.
 * Bounds: one place an entry. */
#ifndef BELFRY_SERVER_DELIVERY_DUE_HEAP_H
#define BELFRY_SERVER_DELIVERY_DUE_HEAP_H

#include <stddef.h>

#include "server/delivery/entry.h"

struct due_heap {
    struct entry **items;
    size_t n;
    size_t capacity;
};

void due_heap_init(struct due_heap *h);
void due_heap_fini(struct due_heap *h);

/* Makes room for n entries in all, so that due_heap_set() cannot fail. */
bool due_heap_reserve(struct due_heap *h, size_t n);

/* Puts the entry in at due_ms, or moves it there. */
void due_heap_set(struct due_heap *h, struct entry *e, int64_t due_ms);

/* Takes the entry out; no harm when it is not in. */
void due_heap_remove(struct due_heap *h, struct entry *e);

/* The entry that is due first, NULL when empty. */
struct entry *due_heap_first(const struct due_heap *h);

#endif
