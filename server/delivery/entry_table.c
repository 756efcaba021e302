#include "server/delivery/entry_table.h"

#include <stdlib.h>

#define FIRST_BUCKETS 64

void entry_table_init(struct entry_table *t)
{
    *t = (struct entry_table){0};
}

void entry_table_fini(struct entry_table *t)
{
    for (size_t i = 0; i < t->bucket_count; i++) {
        while (t->buckets[i]) {
            struct entry *e = t->buckets[i];

            t->buckets[i] = e->chain;
            free(e);
        }
    }
    free(t->buckets);
    *t = (struct entry_table){0};
}

/* Numbers are change numbers, close to each other: the multiplication spreads
 * them over the upper bits. */
static size_t bucket_of(uint64_t number, size_t bucket_count)
{
    uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(mixed >> 32) & (bucket_count - 1);
}

struct entry *entry_table_find(const struct entry_table *t, uint64_t number)
{
    struct entry *e;

    if (t->bucket_count == 0)
        return NULL;
    e = t->buckets[bucket_of(number, t->bucket_count)];
    while (e && e->number != number)
        e = e->chain;
    return e;
}

static bool grow(struct entry_table *t)
{
    size_t count = t->bucket_count ? t->bucket_count * 2 : FIRST_BUCKETS;
    struct entry **buckets = calloc(count, sizeof *buckets);

    if (!buckets)
        return false;
    for (size_t i = 0; i < t->bucket_count; i++) {
        while (t->buckets[i]) {
            struct entry *e = t->buckets[i];
            size_t to = bucket_of(e->number, count);

            t->buckets[i] = e->chain;
            e->chain = buckets[to];
            buckets[to] = e;
        }
    }
    free(t->buckets);
    t->buckets = buckets;
    t->bucket_count = count;
    return true;
}

struct entry *entry_table_add(struct entry_table *t, uint64_t number)
{
    struct entry *e;
    size_t at;

    /* a table that cannot grow still works, only slower */
    if (t->n >= t->bucket_count && !grow(t) && t->bucket_count == 0)
        return NULL;
    e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    at = bucket_of(number, t->bucket_count);
    e->number = number;
    e->due.index = DUE_NOT_IN_HEAP;
    e->chain = t->buckets[at];
    t->buckets[at] = e;
    t->n++;
    return e;
}

void entry_table_remove(struct entry_table *t, struct entry *e)
{
    struct entry **at = &t->buckets[bucket_of(e->number, t->bucket_count)];

    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    t->n--;
    free(e);
}
