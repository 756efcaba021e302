#include "server/engine/intervals.h"

#include <assert.h>

/* Handles of nodes have the highest bit, those of leaves have not. */
#define NODE 0x80000000U

/* All below agree in the bits before `bit`; 0 is the highest of from, 64 that
 * of to. */
struct node {
    struct interval reach; /* the lowest from and the highest to below */
    uint32_t below[2];
    uint32_t bit;
};

static bool is_node(uint32_t ref)
{
    return (ref & NODE) != 0;
}

static struct node *node_at(const struct blocks *b, uint32_t ref)
{
    return blocks_at(b, ref & ~NODE);
}

static struct interval reach_of(const struct blocks *b, uint32_t ref)
{
    return is_node(ref)
               ? node_at(b, ref)->reach
               : ((const struct interval_leaf *)blocks_at(b, ref))->interval;
}

/* Order as of unsigned numbers. */
static uint64_t word_of(struct interval i, uint32_t bit)
{
    return (uint64_t)(bit < 64 ? i.from : i.to) ^ (uint64_t)1 << 63;
}

static unsigned side_of(struct interval i, uint32_t bit)
{
    return (unsigned)(word_of(i, bit) >> (63 - bit % 64) & 1);
}

static bool is_same(struct interval a, struct interval b)
{
    return a.from == b.from && a.to == b.to;
}

/* The first bit in which they differ. */
static uint32_t differ_at(struct interval a, struct interval b)
{
    uint64_t from = word_of(a, 0) ^ word_of(b, 0);
    uint64_t to = word_of(a, 64) ^ word_of(b, 64);

    return from ? (uint32_t)__builtin_clzll(from)
                : 64 + (uint32_t)__builtin_clzll(to);
}

static void widen(struct interval *reach, struct interval by)
{
    if (by.from < reach->from)
        reach->from = by.from;
    if (by.to > reach->to)
        reach->to = by.to;
}

/* The leaf that lies where the interval would. */
static uint32_t nearest(const struct intervals *t, const struct blocks *b,
                        struct interval i)
{
    uint32_t at = t->root;

    while (is_node(at)) {
        const struct node *n = node_at(b, at);

        at = n->below[side_of(i, n->bit)];
    }
    return at;
}

uint32_t intervals_find(const struct intervals *t, const struct blocks *b,
                        struct interval i)
{
    uint32_t leaf = nearest(t, b, i);

    return leaf && is_same(reach_of(b, leaf), i) ? leaf : 0;
}

bool intervals_insert(struct intervals *t, struct blocks *b, uint32_t leaf)
{
    struct interval i = reach_of(b, leaf);
    uint32_t *at = &t->root, handle, bit;
    struct node *made;

    if (t->root == 0) {
        t->root = leaf;
        return true;
    }
    handle = blocks_take(b, sizeof *made);
    if (handle == 0)
        return false;
    bit = differ_at(i, reach_of(b, nearest(t, b, i)));
    while (is_node(*at) && node_at(b, *at)->bit < bit) {
        struct node *n = node_at(b, *at);

        widen(&n->reach, i);
        at = &n->below[side_of(i, n->bit)];
    }
    made = node_at(b, handle);
    made->bit = bit;
    made->reach = reach_of(b, *at);
    widen(&made->reach, i);
    made->below[side_of(i, bit)] = leaf;
    made->below[!side_of(i, bit)] = *at;
    *at = handle | NODE;
    return true;
}

void intervals_remove(struct intervals *t, struct blocks *b, uint32_t leaf)
{
    uint32_t *path[INTERVALS_DEPTH_MAX + 1], *at = &t->root, gone;
    struct interval i = reach_of(b, leaf);
    size_t depth = 0;

    while (is_node(*at)) {
        struct node *n = node_at(b, *at);

        path[depth++] = at;
        at = &n->below[side_of(i, n->bit)];
    }
    assert(*at == leaf);
    if (depth == 0) {
        t->root = 0;
        return;
    }
    /* the sibling takes the parent's place */
    gone = *path[--depth];
    *path[depth] = node_at(b, gone)->below[at == &node_at(b, gone)->below[0]];
    blocks_give(b, gone & ~NODE, sizeof(struct node));
    while (depth > 0) {
        struct node *n = node_at(b, *path[--depth]);

        n->reach = reach_of(b, n->below[0]);
        widen(&n->reach, reach_of(b, n->below[1]));
    }
}

void intervals_walk(const struct intervals *t, const struct blocks *b,
                    struct interval with, struct intervals_walk *out)
{
    out->blocks = b;
    out->with = with;
    out->depth = 0;
    if (t->root)
        out->waiting[out->depth++] = t->root;
}

uint32_t intervals_next(struct intervals_walk *w)
{
    while (w->depth > 0) {
        uint32_t at = w->waiting[--w->depth];
        struct interval reach = reach_of(w->blocks, at);
        const struct node *n;

        if (reach.from > w->with.to || reach.to < w->with.from)
            continue;
        if (!is_node(at))
            return at;
        n = node_at(w->blocks, at);
        w->waiting[w->depth++] = n->below[1];
        w->waiting[w->depth++] = n->below[0];
    }
    return 0;
}
