#include "storage/base/handle_set.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_SLOTS 16

/* A caller's hash may be a plain number: multiplying spreads it. */
static uint32_t fold(uint64_t hash)
{
    return (uint32_t)((hash * 0x9E3779B97F4A7C15ULL) >> 32);
}

void handle_set_fini(struct handle_set *s)
{
    free(s->slots);
    *s = (struct handle_set){0};
}

/* At most three quarters full. */
bool handle_set_has_room(const struct handle_set *s, size_t n)
{
    return s->count + n <= s->capacity / 4 * 3;
}

static void place(struct handle_set *s, struct handle_slot slot)
{
    size_t mask = s->capacity - 1, i = slot.hash & mask;

    while (s->slots[i].handle)
        i = (i + 1) & mask;
    s->slots[i] = slot;
}

bool handle_set_reserve(struct handle_set *s, size_t n)
{
    struct handle_set bigger = {.capacity = FIRST_SLOTS, .count = s->count};

    if (handle_set_has_room(s, n))
        return true;
    while (!handle_set_has_room(&bigger, n))
        bigger.capacity *= 2;
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < s->capacity; i++)
        if (s->slots[i].handle)
            place(&bigger, s->slots[i]);
    free(s->slots);
    *s = bigger;
    return true;
}

uint32_t handle_set_find(const struct handle_set *s, uint64_t hash,
                         handle_equal *equal, const void *ctx)
{
    uint32_t folded = fold(hash);
    size_t mask = s->capacity - 1;

    if (s->count == 0)
        return 0;
    for (size_t i = folded & mask; s->slots[i].handle; i = (i + 1) & mask)
        if (s->slots[i].hash == folded && equal(ctx, s->slots[i].handle))
            return s->slots[i].handle;
    return 0;
}

void handle_set_expect(const struct handle_set *s, uint64_t hash)
{
    if (s->capacity)
        __builtin_prefetch(&s->slots[fold(hash) & (s->capacity - 1)]);
}

void handle_set_insert(struct handle_set *s, uint64_t hash, uint32_t handle)
{
    assert(handle_set_has_room(s, 1));
    place(s, (struct handle_slot){fold(hash), handle});
    s->count++;
}

static struct handle_slot *slot_of(const struct handle_set *s, uint64_t hash,
                                   uint32_t handle)
{
    size_t mask = s->capacity - 1;

    if (s->count == 0)
        return NULL;
    for (size_t i = fold(hash) & mask; s->slots[i].handle; i = (i + 1) & mask)
        if (s->slots[i].handle == handle)
            return &s->slots[i];
    return NULL;
}

void handle_set_replace(struct handle_set *s, uint64_t hash, uint32_t handle,
                        uint32_t by)
{
    struct handle_slot *slot = slot_of(s, hash, handle);

    assert(slot);
    slot->handle = by;
}

/* Closes the hole, so that no later handle becomes unreachable. */
void handle_set_remove(struct handle_set *s, uint64_t hash, uint32_t handle)
{
    struct handle_slot *slot = slot_of(s, hash, handle);
    size_t mask = s->capacity - 1, hole;

    if (!slot)
        return;
    hole = (size_t)(slot - s->slots);
    for (size_t i = (hole + 1) & mask; s->slots[i].handle; i = (i + 1) & mask) {
        size_t home = s->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            s->slots[hole] = s->slots[i];
            hole = i;
        }
    }
    s->slots[hole] = (struct handle_slot){0, 0};
    s->count--;
}
