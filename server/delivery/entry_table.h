/* entry_table: entries by subscription number.
 * Owns:   its entries, until entry_table_remove() or _fini().
 * Thread: one at a time.
 * Bounds: grows with the number of live subscriptions. */
#ifndef BELFRY_SERVER_DELIVERY_ENTRY_TABLE_H
#define BELFRY_SERVER_DELIVERY_ENTRY_TABLE_H

#include <stddef.h>

#include "server/delivery/entry.h"

struct entry_table {
    struct entry **buckets;
    size_t bucket_count; /* a power of two */
    size_t n;
};

void entry_table_init(struct entry_table *t);
/* Frees the entries too; their endpoints are the caller's to release. */
void entry_table_fini(struct entry_table *t);

struct entry *entry_table_find(const struct entry_table *t, uint64_t number);

/* A new, empty entry. NULL without memory. */
struct entry *entry_table_add(struct entry_table *t, uint64_t number);

void entry_table_remove(struct entry_table *t, struct entry *e);

#endif
