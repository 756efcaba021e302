#include "storage/base/map.h"

#include <stdlib.h>
#include <string.h>

#define MAP_FIRST_SLOTS 16

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_fini(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

void map_clear(struct map *m)
{
    if (m->slots)
        memset(m->slots, 0, m->capacity * sizeof *m->slots);
    m->count = 0;
}

/* Slots are probed in line from the hash's home; keys spread by multiplying,
 * because a caller's hash may be a plain number. */
static size_t home_of(const struct map *m, uint64_t hash)
{
    return (size_t)((hash * 0x9E3779B97F4A7C15ULL) >> 20) & (m->capacity - 1);
}

void *map_find(const struct map *m, uint64_t hash, map_equal *equal,
               const void *key)
{
    if (m->count == 0)
        return NULL;
    for (size_t i = home_of(m, hash);; i = (i + 1) & (m->capacity - 1)) {
        const struct map_slot *slot = &m->slots[i];

        if (!slot->object)
            return NULL;
        if (slot->hash == hash && equal(slot->object, key))
            return slot->object;
    }
}

static void place(struct map *m, uint64_t hash, void *object)
{
    size_t i = home_of(m, hash);

    while (m->slots[i].object)
        i = (i + 1) & (m->capacity - 1);
    m->slots[i] = (struct map_slot){hash, object};
}

static bool grow_to(struct map *m, size_t capacity)
{
    struct map bigger = {calloc(capacity, sizeof *m->slots), capacity,
                         m->count};

    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < m->capacity; i++)
        if (m->slots[i].object)
            place(&bigger, m->slots[i].hash, m->slots[i].object);
    free(m->slots);
    *m = bigger;
    return true;
}

bool map_has_room(const struct map *m, size_t n)
{
    return m->count + n <= m->capacity / 4 * 3;
}

bool map_reserve(struct map *m, size_t n)
{
    size_t capacity = m->capacity ? m->capacity : MAP_FIRST_SLOTS;

    /* at most three quarters full */
    while ((m->count + n) > capacity / 4 * 3)
        capacity *= 2;
    return capacity == m->capacity || grow_to(m, capacity);
}

bool map_insert(struct map *m, uint64_t hash, void *object)
{
    if (!map_reserve(m, 1))
        return false;
    place(m, hash, object);
    m->count++;
    return true;
}

/* Closes the hole at i, so that no later object becomes unreachable. */
static void close_hole(struct map *m, size_t hole)
{
    size_t mask = m->capacity - 1;

    for (size_t i = (hole + 1) & mask; m->slots[i].object; i = (i + 1) & mask) {
        size_t home = home_of(m, m->slots[i].hash);

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){0, NULL};
}

void map_remove(struct map *m, uint64_t hash, const void *object)
{
    if (m->count == 0)
        return;
    for (size_t i = home_of(m, hash); m->slots[i].object;
         i = (i + 1) & (m->capacity - 1)) {
        if (m->slots[i].object == object) {
            close_hole(m, i);
            m->count--;
            return;
        }
    }
}

void *map_next(const struct map *m, size_t *position)
{
    while (*position < m->capacity) {
        void *object = m->slots[(*position)++].object;

        if (object)
            return object;
    }
    return NULL;
}
