#include "server/engine/known_subs.h"

#include <stdlib.h>

#include "server/base/rng.h"

void known_subs_init(struct known_subs *k)
{
    *k = (struct known_subs){.count = 0};
    map_init(&k->by_id);
    rng_fill(rng_system(), k->seed, sizeof k->seed);
}

void known_subs_fini(struct known_subs *k)
{
    for (size_t i = 0; i < k->count; i++)
        free(k->items[i]);
    free(k->items);
    map_fini(&k->by_id);
}

static bool make_room(struct known_subs *k)
{
    size_t capacity = k->capacity ? 2 * k->capacity : 64;
    struct known_sub **grown;

    if (k->count < k->capacity)
        return true;
    grown = realloc(k->items, capacity * sizeof(struct known_sub *));
    if (!grown)
        return false;
    k->items = grown;
    k->capacity = capacity;
    return true;
}

struct known_sub *known_subs_add(struct known_subs *k, uint64_t number,
                                 struct bytes id)
{
    struct known_sub *s = calloc(1, sizeof *s + id.n + 1);

    if (!s)
        return NULL;
    s->number = s->definition = number;
    memcpy(s->id, id.p, id.n);
    if (!make_room(k) || !map_insert(&k->by_id, bytes_hash(id, k->seed), s)) {
        free(s);
        return NULL;
    }
    k->items[k->count++] = s;
    return s;
}

struct known_sub *known_subs_find(const struct known_subs *k, uint64_t number)
{
    size_t from = 0, to = k->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (k->items[middle]->number < number)
            from = middle + 1;
        else
            to = middle;
    }
    return from < k->count && k->items[from]->number == number ? k->items[from]
                                                               : NULL;
}

static bool has_id(const void *object, const void *key)
{
    const struct known_sub *s = object;
    const struct bytes *id = key;

    return bytes_is(*id, s->id);
}

struct known_sub *known_subs_find_id(const struct known_subs *k,
                                     struct bytes id)
{
    return map_find(&k->by_id, bytes_hash(id, k->seed), has_id, &id);
}

void known_subs_delete(struct known_subs *k, struct known_sub *s,
                       uint64_t change)
{
    map_remove(&k->by_id, bytes_hash(bytes_of(s->id), k->seed), s);
    s->deleted = change;
}
