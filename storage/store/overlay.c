#include "storage/store/overlay.h"

#include <assert.h>
#include <stdlib.h>

struct lookup {
    enum store_view view;
    struct bytes key;
};

void overlay_init(struct overlay *o, const uint64_t seed[2])
{
    map_init(&o->published);
    map_init(&o->staged);
    arena_init(&o->arena, OVERLAY_BYTES_MAX);
    o->clean = arena_mark(&o->arena);
    o->seed[0] = seed[0];
    o->seed[1] = seed[1];
}

void overlay_fini(struct overlay *o)
{
    map_fini(&o->published);
    map_fini(&o->staged);
    arena_fini(&o->arena);
}

void overlay_clear(struct overlay *o)
{
    map_clear(&o->published);
    map_clear(&o->staged);
    arena_reset(&o->arena);
    o->clean = arena_mark(&o->arena);
}

static bool entry_equal(const void *object, const void *key)
{
    const struct overlay_entry *entry = object;
    const struct lookup *want = key;

    return entry->view == want->view && bytes_equal(entry->key, want->key);
}

static uint64_t hash_of(const struct overlay *o, enum store_view view,
                        struct bytes key)
{
    return bytes_hash(key, o->seed) + (uint64_t)view;
}

const struct overlay_entry *overlay_get(const struct overlay *o,
                                        enum store_view view, struct bytes key)
{
    struct lookup want = {view, key};

    if (o->published.count == 0)
        return NULL;
    return map_find(&o->published, hash_of(o, view, key), entry_equal, &want);
}

const struct overlay_entry *overlay_get_staged(const struct overlay *o,
                                               enum store_view view,
                                               struct bytes key)
{
    struct lookup want = {view, key};
    uint64_t hash = hash_of(o, view, key);
    const struct overlay_entry *entry =
        map_find(&o->staged, hash, entry_equal, &want);

    return entry ? entry : map_find(&o->published, hash, entry_equal, &want);
}

bool overlay_stage(struct overlay *o, enum store_view view, struct bytes key,
                   struct bytes value)
{
    struct lookup want = {view, key};
    uint64_t hash = hash_of(o, view, key);
    struct overlay_entry *entry =
        map_find(&o->staged, hash, entry_equal, &want);
    struct bytes copy = arena_copy(&o->arena, value);

    if (!copy.p)
        return false;
    if (entry) {
        entry->value = copy;
        return true;
    }
    entry = arena_alloc(&o->arena, sizeof *entry);
    if (!entry)
        return false;
    *entry =
        (struct overlay_entry){view, hash, arena_copy(&o->arena, key), copy};
    return entry->key.p && map_insert(&o->staged, hash, entry);
}

bool overlay_is_prepared(const struct overlay *o)
{
    return map_has_room(&o->published, o->staged.count);
}

bool overlay_prepare(struct overlay *o)
{
    return map_reserve(&o->published, o->staged.count);
}

static void publish_entry(struct overlay *o, struct overlay_entry *entry)
{
    struct lookup want = {entry->view, entry->key};
    struct overlay_entry *old =
        map_find(&o->published, entry->hash, entry_equal, &want);
    bool inserted;

    if (old)
        map_remove(&o->published, old->hash, old);
    inserted = map_insert(&o->published, entry->hash, entry);
    assert(inserted); /* overlay_prepare() made the room */
    (void)inserted;
}

void overlay_publish(struct overlay *o)
{
    size_t position = 0;
    struct overlay_entry *entry;

    while ((entry = map_next(&o->staged, &position)) != NULL)
        publish_entry(o, entry);
    map_clear(&o->staged);
    o->clean = arena_mark(&o->arena);
}

void overlay_discard(struct overlay *o)
{
    map_clear(&o->staged);
    arena_rewind(&o->arena, &o->clean);
}

static int compare_entries(const void *a, const void *b)
{
    const struct overlay_entry *x = *(const struct overlay_entry *const *)a;
    const struct overlay_entry *y = *(const struct overlay_entry *const *)b;
    size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
    int order;

    if (x->view != y->view)
        return x->view < y->view ? -1 : 1;
    order = memcmp(x->key.p, y->key.p, n);
    if (order != 0)
        return order;
    return (x->key.n > y->key.n) - (x->key.n < y->key.n);
}

const struct overlay_entry **overlay_sorted(const struct overlay *o)
{
    size_t position = 0, n = 0;
    const struct overlay_entry **list, *entry;

    if (o->published.count == 0)
        return NULL;
    list = malloc(o->published.count * sizeof *list);
    if (!list)
        return NULL;
    while ((entry = map_next(&o->published, &position)) != NULL)
        list[n++] = entry;
    qsort(list, n, sizeof *list, compare_entries);
    return list;
}
