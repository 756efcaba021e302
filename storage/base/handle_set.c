#include "storage/base/handle_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/huge.h"

#define FIRST_SLOTS 16
#define DEPTH_MAX 14

_Static_assert(HANDLE_SEGMENT_SLOTS * sizeof(struct handle_slot) == HUGE_BYTES,
               "a segment is a huge page");

/* A caller's hash may be a plain number: multiplying spreads it. The lower
 * bits say where in a segment, the upper ones which segment. */
static uint32_t fold(uint64_t hash)
{
    return (uint32_t)((hash * 0x9E3779B97F4A7C15ULL) >> 32);
}

/* ---- segments ---- */

static void segment_free(struct handle_segment *g)
{
    if (!g)
        return;
    if (g->capacity == HANDLE_SEGMENT_SLOTS)
        huge_free(g->slots, HUGE_BYTES);
    else
        free(g->slots);
    free(g);
}

static struct handle_segment *segment_new(size_t capacity, unsigned depth)
{
    struct handle_segment *g = malloc(sizeof *g);

    if (!g)
        return NULL;
    *g = (struct handle_segment){.capacity = capacity, .depth = depth};
    g->slots = capacity == HANDLE_SEGMENT_SLOTS
                   ? huge_alloc(HUGE_BYTES)
                   : calloc(capacity, sizeof *g->slots);
    if (g->slots)
        return g;
    free(g);
    return NULL;
}

static size_t index_of(const struct handle_set *s, uint32_t folded)
{
    return (size_t)(((uint64_t)folded << s->depth) >> 32);
}

static struct handle_segment *segment_of(const struct handle_set *s,
                                         uint32_t folded)
{
    return s->segments[index_of(s, folded)];
}

/* At most three quarters full. */
static bool takes(const struct handle_segment *g, size_t n)
{
    return g->count + n <= g->capacity / 4 * 3;
}

static void place(struct handle_segment *g, struct handle_slot slot)
{
    size_t mask = g->capacity - 1, i = slot.hash & mask;

    while (g->slots[i].handle)
        i = (i + 1) & mask;
    g->slots[i] = slot;
    g->count++;
}

void handle_set_fini(struct handle_set *s)
{
    size_t n = s->segments ? (size_t)1 << s->depth : 0;

    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || s->segments[i] != s->segments[i + 1])
            segment_free(s->segments[i]);
    free(s->segments);
    *s = (struct handle_set){0};
}

/* ---- growth ---- */

bool handle_set_has_room(const struct handle_set *s, size_t n)
{
    if (!s->segments)
        return n == 0;
    for (size_t i = 0; i < (size_t)1 << s->depth; i++)
        if (!takes(s->segments[i], n))
            return false;
    return true;
}

static bool begin(struct handle_set *s)
{
    s->segments = malloc(sizeof *s->segments);
    if (!s->segments)
        return false;
    s->segments[0] = segment_new(FIRST_SLOTS, 0);
    if (s->segments[0])
        return true;
    free(s->segments);
    s->segments = NULL;
    return false;
}

/* The only one, while it is small. */
static bool enlarge(struct handle_set *s, size_t n)
{
    struct handle_segment *g = s->segments[0], *bigger;
    size_t capacity = g->capacity;

    while (g->count + n > capacity / 4 * 3 && capacity < HANDLE_SEGMENT_SLOTS)
        capacity *= 2;
    bigger = segment_new(capacity, 0);
    if (!bigger)
        return false;
    for (size_t i = 0; i < g->capacity; i++)
        if (g->slots[i].handle)
            place(bigger, g->slots[i]);
    segment_free(g);
    s->segments[0] = bigger;
    return true;
}

/* Twice as many places, two for each segment. */
static bool deepen(struct handle_set *s)
{
    size_t n = (size_t)1 << s->depth;
    struct handle_segment **more;

    if (s->depth == DEPTH_MAX)
        return false;
    more = malloc(2 * n * sizeof *more);
    if (!more)
        return false;
    for (size_t i = 0; i < n; i++)
        more[2 * i] = more[2 * i + 1] = s->segments[i];
    free(s->segments);
    s->segments = more;
    s->depth++;
    return true;
}

static bool split(struct handle_set *s, size_t at)
{
    struct handle_segment *g = s->segments[at], *halves[2];
    unsigned depth = g->depth + 1;
    size_t wide, first, i = 0;

    if (depth > s->depth) {
        if (!deepen(s))
            return false;
        at *= 2;
    }
    halves[0] = segment_new(HANDLE_SEGMENT_SLOTS, depth);
    halves[1] = segment_new(HANDLE_SEGMENT_SLOTS, depth);
    if (!halves[0] || !halves[1]) {
        segment_free(halves[0]);
        segment_free(halves[1]);
        return false;
    }
    for (size_t k = 0; k < g->capacity; k++)
        if (g->slots[k].handle)
            place(halves[g->slots[k].hash >> (32 - depth) & 1], g->slots[k]);
    wide = (size_t)1 << (s->depth - depth); /* places of each half */
    first = at & ~(2 * wide - 1);
    do {
        s->segments[first + i] = halves[0];
        s->segments[first + wide + i] = halves[1];
    } while (++i < wide);
    assert(s->segments[at] != g);
    segment_free(g);
    return true;
}

/* Splits may deepen the table, which begins anew then. */
static bool split_the_full(struct handle_set *s, size_t n)
{
    for (size_t i = 0; i < (size_t)1 << s->depth;) {
        unsigned depth = s->depth;

        if (takes(s->segments[i], n)) {
            i++;
            continue;
        }
        if (!split(s, i))
            return false;
        if (s->depth != depth)
            i = 0;
    }
    return true;
}

bool handle_set_reserve(struct handle_set *s, size_t n)
{
    if (handle_set_has_room(s, n))
        return true;
    if (n > HANDLE_SEGMENT_SLOTS / 2 || (!s->segments && !begin(s)))
        return false;
    if (s->segments[0]->capacity < HANDLE_SEGMENT_SLOTS && !enlarge(s, n))
        return false;
    return split_the_full(s, n);
}

/* ---- looking ---- */

/* equal is known where this is inlined. */
static inline uint32_t look(const struct handle_set *s, uint64_t hash,
                            handle_equal *equal, const void *ctx)
{
    uint32_t folded = fold(hash);
    const struct handle_segment *g;
    size_t mask;

    if (s->count == 0)
        return 0;
    g = segment_of(s, folded);
    mask = g->capacity - 1;
    for (size_t i = folded & mask; g->slots[i].handle; i = (i + 1) & mask)
        if (g->slots[i].hash == folded &&
            (!equal || equal(ctx, g->slots[i].handle)))
            return g->slots[i].handle;
    return 0;
}

uint32_t handle_set_peek(const struct handle_set *s, uint64_t hash)
{
    return look(s, hash, NULL, NULL);
}

uint32_t handle_set_find(const struct handle_set *s, uint64_t hash,
                         handle_equal *equal, const void *ctx)
{
    return look(s, hash, equal, ctx);
}

void handle_set_expect(const struct handle_set *s, uint64_t hash)
{
    uint32_t folded = fold(hash);
    const struct handle_segment *g;

    if (s->count == 0)
        return;
    g = segment_of(s, folded);
    __builtin_prefetch(&g->slots[folded & (g->capacity - 1)]);
}

/* ---- changing ---- */

void handle_set_insert(struct handle_set *s, uint64_t hash, uint32_t handle)
{
    struct handle_slot slot = {fold(hash), handle};
    struct handle_segment *g;

    assert(s->segments);
    g = segment_of(s, slot.hash);
    assert(takes(g, 1));
    place(g, slot);
    s->count++;
}

static struct handle_slot *slot_of(const struct handle_segment *g,
                                   uint32_t folded, uint32_t handle)
{
    size_t mask = g->capacity - 1;

    for (size_t i = folded & mask; g->slots[i].handle; i = (i + 1) & mask)
        if (g->slots[i].handle == handle)
            return &g->slots[i];
    return NULL;
}

void handle_set_replace(struct handle_set *s, uint64_t hash, uint32_t handle,
                        uint32_t by)
{
    uint32_t folded = fold(hash);
    struct handle_slot *slot;

    assert(s->segments);
    slot = slot_of(segment_of(s, folded), folded, handle);
    assert(slot);
    slot->handle = by;
}

/* Closes the hole, so that no later handle becomes unreachable. */
static void close_hole(struct handle_segment *g, size_t hole)
{
    size_t mask = g->capacity - 1;

    for (size_t i = (hole + 1) & mask; g->slots[i].handle; i = (i + 1) & mask) {
        size_t home = g->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            g->slots[hole] = g->slots[i];
            hole = i;
        }
    }
    g->slots[hole] = (struct handle_slot){0, 0};
}

void handle_set_remove(struct handle_set *s, uint64_t hash, uint32_t handle)
{
    uint32_t folded = fold(hash);
    struct handle_segment *g;
    struct handle_slot *slot;

    if (s->count == 0)
        return;
    g = segment_of(s, folded);
    slot = slot_of(g, folded, handle);
    if (!slot)
        return;
    close_hole(g, (size_t)(slot - g->slots));
    g->count--;
    s->count--;
}
