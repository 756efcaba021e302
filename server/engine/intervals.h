/* intervals: a set of ranges of integers that says which of them touch a given
 * one, at a cost of those that do.
 * Owns:   its nodes, in the caller's blocks; what is at a leaf is the
 *         caller's.
 * Thread: writer only.
 * Bounds: a tree of depth 128 at most: one level for each bit of the two ends.
 * A binary trie over the two ends, where each node knows how low and how high
 * what lies below it reaches. */
#ifndef BELFRY_SERVER_ENGINE_INTERVALS_H
#define BELFRY_SERVER_ENGINE_INTERVALS_H

#include <stdbool.h>

#include "storage/base/blocks.h"
#include "storage/base/err.h"

#define INTERVALS_DEPTH_MAX 128

/* from may be above to: it is touched by what reaches both. */
struct interval {
    int64_t from;
    int64_t to;
};

/* What stands first in the object of a leaf, which the caller makes. */
struct interval_leaf {
    struct interval interval;
};

struct intervals {
    uint32_t root; /* 0: empty */
};

/* The leaf of exactly this interval; 0: there is none. */
uint32_t intervals_find(const struct intervals *t, const struct blocks *b,
                        struct interval i);

/* The leaf's interval must not be there yet. False without memory. */
MUST_CHECK bool intervals_insert(struct intervals *t, struct blocks *b,
                                 uint32_t leaf);

/* The leaf must be there. */
void intervals_remove(struct intervals *t, struct blocks *b, uint32_t leaf);

/* Walks the leaves that with touches: whose from is not above with.to and
 * whose to is not below with.from. */
struct intervals_walk {
    const struct blocks *blocks;
    struct interval with;
    size_t depth;
    uint32_t waiting[INTERVALS_DEPTH_MAX + 1];
};
void intervals_walk(const struct intervals *t, const struct blocks *b,
                    struct interval with, struct intervals_walk *out);
uint32_t intervals_next(struct intervals_walk *w); /* 0 at the end */

#endif
