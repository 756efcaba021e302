/* map: a hash table of pointers to the caller's own objects.
 * Owns:   its slots, not the objects.
 * Thread: one writer, or readers under the caller's lock.
 * Bounds: the caller's; grows by doubling and never shrinks.
 * The caller hashes and compares, so that one table serves keys of any kind
 * without a copy of them. */
#ifndef BELFRY_STORAGE_BASE_MAP_H
#define BELFRY_STORAGE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"

struct map_slot {
    uint64_t hash;
    void *object; /* NULL: free */
};

struct map {
    struct map_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
};

typedef bool map_equal(const void *object, const void *key);

void map_init(struct map *m);
void map_fini(struct map *m);

/* Removes everything, keeps the memory. */
void map_clear(struct map *m);

void *map_find(const struct map *m, uint64_t hash, map_equal *equal,
               const void *key);

/* Whether n more fit without growing. */
bool map_has_room(const struct map *m, size_t n);

/* Room for n more objects, so that the following map_insert() calls cannot
 * fail. */
MUST_CHECK bool map_reserve(struct map *m, size_t n);

/* The object must not be there yet. False without memory. */
MUST_CHECK bool map_insert(struct map *m, uint64_t hash, void *object);

/* Removes this very object; nothing happens when it is not there. */
void map_remove(struct map *m, uint64_t hash, const void *object);

/* Walks all objects: start with *position = 0; NULL at the end. */
void *map_next(const struct map *m, size_t *position);

#endif
