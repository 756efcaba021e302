/* gather: the smallest few of many ids that come in any order and more than
 * once.
 * Owns:   the list and copies of the ids in it.
 * Thread: one at a time.
 * Bounds: GATHER_SLACK times as many ids as are wanted.
 * Errors: without memory gather_finish() says so. */
#ifndef BELFRY_SERVER_ENGINE_GATHER_H
#define BELFRY_SERVER_ENGINE_GATHER_H

#include "storage/base/arena.h"

#define GATHER_SLACK 4

struct gather {
    struct arena arena;
    struct bytes after; /* only what is behind this is taken */
    size_t limit;       /* how many are wanted */
    struct bytes *items;
    size_t n;
    bool full; /* the last item is a bound: what is behind it is not taken */
    bool failed;
};

void gather_init(struct gather *g, struct bytes after, size_t limit);
void gather_fini(struct gather *g);
void gather_reset(struct gather *g);

void gather_add(struct gather *g, struct bytes id);

/* True when neither this id nor any behind it can still be wanted. */
bool gather_is_beyond(struct gather *g, struct bytes id);

/* Sorts: items are the smallest, each once. */
bool gather_finish(struct gather *g);

#endif
