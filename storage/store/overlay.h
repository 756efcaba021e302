/* overlay: view entries of changes that are in the log and not yet merged into
 * LMDB's views; readers look here first, then there.
 * Owns:   copies of keys and values.
 * Thread: one writer; readers under the owner's lock. Staging touches nothing
 *         that readers see, publishing does and cannot fail.
 * Bounds: the owner's: it merges when overlay_bytes() or overlay_count() is
 *         large; OVERLAY_BYTES_MAX stops a runaway.
 * Entries are only added or replaced: no view needs deletion before a merge. */
#ifndef BELFRY_STORAGE_STORE_OVERLAY_H
#define BELFRY_STORAGE_STORE_OVERLAY_H

#include "storage/base/arena.h"
#include "storage/base/map.h"
#include "storage/store/store.h"

#define OVERLAY_BYTES_MAX ((size_t)1 << 30)

struct overlay_entry {
    enum store_view view;
    uint64_t hash;
    struct bytes key;
    struct bytes value;
};

struct overlay {
    /* lock: the owner's */
    struct map published;
    /* owner: writer */
    struct map staged;
    struct arena arena;
    struct arena_mark clean; /* nothing was staged yet */
    uint64_t seed[2];
};

/* seed makes the hash unpredictable: clients choose the keys. */
void overlay_init(struct overlay *o, const uint64_t seed[2]);
void overlay_fini(struct overlay *o);
void overlay_clear(struct overlay *o);

static inline size_t overlay_count(const struct overlay *o)
{
    return o->published.count;
}

static inline size_t overlay_staged_count(const struct overlay *o)
{
    return o->staged.count;
}

static inline size_t overlay_bytes(const struct overlay *o)
{
    return o->arena.used;
}

/* NULL when the key is not here. Valid until a clear. */
const struct overlay_entry *overlay_get(const struct overlay *o,
                                        enum store_view view, struct bytes key);

/* As overlay_get, with the staged entries before the published ones. */
const struct overlay_entry *overlay_get_staged(const struct overlay *o,
                                               enum store_view view,
                                               struct bytes key);

/* Writer: notes an entry for the next publish. False without memory. */
MUST_CHECK bool overlay_stage(struct overlay *o, enum store_view view,
                              struct bytes key, struct bytes value);

/* Writer, under the owner's lock: makes room, so that overlay_publish() cannot
 * fail. Nothing moves, and no lock is needed, when there is room already. */
bool overlay_is_prepared(const struct overlay *o);
MUST_CHECK bool overlay_prepare(struct overlay *o);

/* Under the owner's lock: staged entries become visible. */
void overlay_publish(struct overlay *o);

/* Writer: forgets the staged entries and frees what they took: a disk may
 * refuse batch after batch for hours. */
void overlay_discard(struct overlay *o);

/* Pointers to all published entries in order of view and key, for a merge into
 * LMDB; free() it. NULL without memory or entries. */
const struct overlay_entry **overlay_sorted(const struct overlay *o);

#endif
