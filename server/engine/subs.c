#include "server/engine/subs.h"

#include <assert.h>
#include <stdlib.h>

#define SUBS_FIRST 64

struct sub *sub_new(uint64_t number, struct bytes id)
{
    struct sub *s = calloc(1, sizeof *s + id.n + 1);

    if (!s)
        return NULL;
    s->number = number;
    memcpy(s->id, id.p, id.n);
    return s;
}

void sub_free(struct sub *s)
{
    if (!s)
        return;
    definition_unref(&s->definition);
    definition_unref(&s->matched_by);
    free(s->links);
    free(s->error);
    free(s->rare);
    free(s->acked);
    free(s);
}

struct sub_rare sub_rare_of(const struct sub *s)
{
    return s->rare ? *s->rare : (struct sub_rare){0};
}

bool sub_is_classic(const struct sub *s)
{
    return s->definition &&
           subscription_is_classic(definition_get(s->definition));
}

void subs_init(struct subs *t, const uint64_t seed[2])
{
    *t = (struct subs){.seed = {seed[0], seed[1]}};
}

void subs_fini(struct subs *t)
{
    for (size_t i = 0; i < t->count; i++)
        sub_free(t->slots[i].sub);
    free(t->slots);
    map_fini(&t->by_id);
    *t = (struct subs){0};
}

bool subs_reserve(struct subs *t, size_t n)
{
    size_t capacity = t->capacity ? t->capacity : SUBS_FIRST;
    struct subs_slot *slots;

    if (!map_reserve(&t->by_id, n))
        return false;
    while (capacity - t->count < n)
        capacity *= 2;
    if (capacity == t->capacity)
        return true;
    slots = realloc(t->slots, capacity * sizeof *slots);
    if (!slots)
        return false;
    t->slots = slots;
    t->capacity = capacity;
    return true;
}

void subs_add(struct subs *t, struct sub *s)
{
    bool inserted;

    assert(t->count < t->capacity);
    assert(t->count == 0 || t->slots[t->count - 1].number < s->number);
    t->slots[t->count++] = (struct subs_slot){s->number, s};
    inserted = map_insert(&t->by_id, bytes_hash(bytes_of(s->id), t->seed), s);
    assert(inserted); /* subs_reserve() made the room */
    (void)inserted;
}

/* Index of the first slot with a number of at least `number`. */
static size_t lower_bound(const struct subs *t, uint64_t number)
{
    size_t from = 0, to = t->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (t->slots[middle].number < number)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void squeeze(struct subs *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->count; i++)
        if (t->slots[i].sub)
            t->slots[kept++] = t->slots[i];
    t->count = kept;
    t->deleted = 0;
}

void subs_remove(struct subs *t, struct sub *s)
{
    size_t at = lower_bound(t, s->number);

    assert(at < t->count && t->slots[at].sub == s);
    t->slots[at].sub = NULL;
    map_remove(&t->by_id, bytes_hash(bytes_of(s->id), t->seed), s);
    if (++t->deleted > t->count / 2)
        squeeze(t);
}

struct sub *subs_find(const struct subs *t, uint64_t number)
{
    size_t at = lower_bound(t, number);

    return at < t->count && t->slots[at].number == number ? t->slots[at].sub
                                                          : NULL;
}

static bool id_equal(const void *object, const void *key)
{
    const struct sub *s = object;
    const struct bytes *id = key;

    return bytes_is(*id, s->id);
}

struct sub *subs_find_id(const struct subs *t, struct bytes id)
{
    return map_find(&t->by_id, bytes_hash(id, t->seed), id_equal, &id);
}

struct sub *subs_after(const struct subs *t, uint64_t after)
{
    size_t at = after == UINT64_MAX ? t->count : lower_bound(t, after + 1);

    while (at < t->count && !t->slots[at].sub)
        at++;
    return at < t->count ? t->slots[at].sub : NULL;
}
