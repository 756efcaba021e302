#include "server/engine/anchors.h"

#include <assert.h>

#include "server/engine/form.h"
#include "server/engine/intervals.h"

/* A link outside of its form knows where it hangs: at a gate (0: at none), or
 * at a leaf, with the highest bit. */
struct outer_link {
    struct anchor_link link;
    uint32_t owner;
};

#define LEAF 0x80000000U

/* Links without a form: their `sibling` says what they are. */
enum sign { IS_GATE = 1, IS_TREE };

struct signpost {
    struct anchor_link link;
    uint32_t parent; /* the gate before it, 0: none */
    uint64_t key;
};

struct gate {
    struct signpost post;
    uint64_t seconds; /* a bit for each key behind it: most are not there */
    uint32_t pairs;   /* links, gates and places that wait behind it */
    uint32_t trees;
};

struct tree {
    struct signpost post;
    struct intervals intervals;
    uint32_t leaves;
};

struct leaf {
    struct interval_leaf leaf; /* intervals.h wants it first */
    uint32_t tree;
    uint32_t ring; /* one of its links */
};

bool anchor_options_none(const struct anchor_options *o)
{
    return o->count == 0 && !o->has_range;
}

void anchors_init(struct anchors *a, struct blocks *blocks)
{
    *a = (struct anchors){.blocks = blocks};
}

void anchors_fini(struct anchors *a)
{
    handle_set_fini(&a->table);
}

static struct anchor_link *link_at(const struct anchors *a, uint32_t handle)
{
    return blocks_at(a->blocks, handle);
}

/* ---- keys ---- */

/* Different ways may give one key, or one hash: it costs a look. */
static uint64_t mix(uint64_t context, uint64_t key)
{
    uint64_t x = context + key * 0x9E3779B97F4A7C15ULL;

    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ULL;
    return x ^ x >> 32;
}

static uint64_t key_of_lane(const struct anchor_lane *lane)
{
    return mix(lane->number, 0);
}

static uint64_t key_of_tree(uint64_t context, size_t slot,
                            enum anchor_scale scale, unsigned bucket)
{
    return mix(~context,
               (slot * ANCHOR_SCALES + scale) * ANCHOR_BUCKETS + bucket);
}

static uint32_t hash_of(uint64_t key)
{
    return (uint32_t)(key >> 32);
}

static uint64_t second_bit(uint64_t key)
{
    return (uint64_t)1 << (key >> 58);
}

/* ---- rings ---- */

static void join_ring(const struct anchors *a, uint32_t handle, uint32_t at)
{
    struct anchor_link *l = link_at(a, handle), *first = link_at(a, at);

    l->next = at;
    l->prev = first->prev;
    link_at(a, l->prev)->next = handle;
    first->prev = handle;
}

static void leave_ring(const struct anchors *a, struct anchor_link *l)
{
    link_at(a, l->next)->prev = l->prev;
    link_at(a, l->prev)->next = l->next;
}

/* Those without a form come first in a ring. */
static bool hang(struct anchors *a, uint32_t handle, uint64_t key)
{
    struct anchor_link *l = link_at(a, handle);
    uint32_t ring = handle_set_peek(&a->table, hash_of(key));

    if (ring == 0 && !handle_set_reserve(&a->table, 1))
        return false;
    l->hash = hash_of(key);
    l->next = l->prev = handle;
    if (ring == 0) {
        handle_set_insert(&a->table, l->hash, handle);
        return true;
    }
    join_ring(a, handle, ring);
    if (!l->form)
        handle_set_replace(&a->table, l->hash, ring, handle);
    return true;
}

static void unhang(struct anchors *a, uint32_t handle)
{
    struct anchor_link *l = link_at(a, handle);

    if (l->next == handle) {
        handle_set_remove(&a->table, l->hash, handle);
        return;
    }
    if (handle_set_peek(&a->table, l->hash) == handle)
        handle_set_replace(&a->table, l->hash, handle, l->next);
    leave_ring(a, l);
}

static bool is_short(const struct anchors *a, uint64_t key)
{
    uint32_t first = handle_set_peek(&a->table, hash_of(key)), at = first;

    for (size_t n = 0; first && n < ANCHORS_RING; n++) {
        at = link_at(a, at)->next;
        if (at == first)
            return true;
    }
    return first == 0;
}

/* ---- signposts ---- */

static uint32_t find_post(const struct anchors *a, uint64_t key, enum sign sign)
{
    uint32_t first = handle_set_peek(&a->table, hash_of(key)), at = first;

    while (at && link_at(a, at)->form == 0) {
        const struct signpost *p = blocks_at(a->blocks, at);

        if (p->link.sibling == sign && p->key == key)
            return at;
        at = p->link.next == first ? 0 : p->link.next;
    }
    return 0;
}

static uint32_t make_post(struct anchors *a, size_t bytes,
                          const struct signpost *as)
{
    uint32_t handle = blocks_take(a->blocks, bytes);

    if (handle == 0)
        return 0;
    memcpy(blocks_at(a->blocks, handle), as, sizeof *as);
    if (hang(a, handle, as->key))
        return handle;
    blocks_give(a->blocks, handle, bytes);
    return 0;
}

/* ---- gates ---- */

static struct gate *gate_at(const struct anchors *a, uint32_t handle)
{
    return blocks_at(a->blocks, handle);
}

static void drop_empty_gates(struct anchors *a, uint32_t handle)
{
    while (handle) {
        struct gate *g = gate_at(a, handle);
        uint32_t parent = g->post.parent;

        if (g->pairs > 0 || g->trees > 0)
            return;
        unhang(a, handle);
        blocks_give(a->blocks, handle, sizeof *g);
        if (parent)
            gate_at(a, parent)->pairs--;
        handle = parent;
    }
}

/* The place behind the parent becomes the new gate's; one that is there has
 * its own, and this one is given up. */
static uint32_t need_gate(struct anchors *a, uint64_t key, uint32_t parent)
{
    const struct signpost post = {
        .link.sibling = IS_GATE, .parent = parent, .key = key};
    uint32_t handle = find_post(a, key, IS_GATE);

    if (handle && parent)
        gate_at(a, parent)->pairs--;
    return handle ? handle : make_post(a, sizeof(struct gate), &post);
}

/* ---- links of forms ---- */

/* The form's own link, when it is free and the place needs no owner; else one
 * outside. */
static uint32_t take_link(struct anchors *a, struct form *f, uint32_t owner)
{
    uint32_t handle;
    struct outer_link *l;

    if (owner == 0 && f->link.next == 0)
        return f->link.form;
    handle = blocks_take(a->blocks, sizeof *l);
    if (handle == 0)
        return 0;
    l = blocks_at(a->blocks, handle);
    l->owner = owner;
    l->link.form = f->link.form;
    return handle;
}

static void give_link(struct anchors *a, uint32_t handle)
{
    struct anchor_link *l = link_at(a, handle);

    if (handle == l->form)
        l->next = l->prev = 0;
    else
        blocks_give(a->blocks, handle, sizeof(struct outer_link));
}

static void note_sibling(const struct anchors *a, struct form *f,
                         uint32_t handle)
{
    if (handle == f->link.form)
        return;
    link_at(a, handle)->sibling = f->link.sibling;
    f->link.sibling = handle;
}

static bool join(struct anchors *a, struct form *f, uint64_t key, uint32_t gate)
{
    uint32_t handle = take_link(a, f, gate);

    if (handle == 0)
        return false;
    if (!hang(a, handle, key)) {
        give_link(a, handle);
        return false;
    }
    note_sibling(a, f, handle);
    return true;
}

/* ---- trees ---- */

static struct tree *tree_at(const struct anchors *a, uint32_t handle)
{
    return blocks_at(a->blocks, handle);
}

static struct leaf *leaf_at(const struct anchors *a, uint32_t handle)
{
    return blocks_at(a->blocks, handle);
}

static void drop_empty_tree(struct anchors *a, uint32_t handle)
{
    struct tree *t = tree_at(a, handle);
    uint32_t parent = t->post.parent;

    if (t->leaves > 0)
        return;
    unhang(a, handle);
    blocks_give(a->blocks, handle, sizeof *t);
    if (parent) {
        gate_at(a, parent)->trees--;
        drop_empty_gates(a, parent);
    }
}

static uint32_t need_tree(struct anchors *a, uint64_t key, uint32_t gate)
{
    const struct signpost post = {
        .link.sibling = IS_TREE, .parent = gate, .key = key};
    uint32_t handle = find_post(a, key, IS_TREE);

    if (handle)
        return handle;
    handle = make_post(a, sizeof(struct tree), &post);
    if (handle && gate)
        gate_at(a, gate)->trees++;
    return handle;
}

static uint32_t need_leaf(struct anchors *a, uint32_t tree, struct interval i)
{
    struct intervals *all = &tree_at(a, tree)->intervals;
    uint32_t handle = intervals_find(all, a->blocks, i);

    if (handle)
        return handle;
    handle = blocks_take(a->blocks, sizeof(struct leaf));
    if (handle == 0)
        return 0;
    leaf_at(a, handle)->leaf.interval = i;
    leaf_at(a, handle)->tree = tree;
    if (intervals_insert(all, a->blocks, handle)) {
        tree_at(a, tree)->leaves++;
        return handle;
    }
    blocks_give(a->blocks, handle, sizeof(struct leaf));
    return 0;
}

static void drop_empty_leaf(struct anchors *a, uint32_t handle)
{
    uint32_t tree = leaf_at(a, handle)->tree;

    if (leaf_at(a, handle)->ring)
        return;
    intervals_remove(&tree_at(a, tree)->intervals, a->blocks, handle);
    blocks_give(a->blocks, handle, sizeof(struct leaf));
    tree_at(a, tree)->leaves--;
    drop_empty_tree(a, tree);
}

static bool join_leaf(struct anchors *a, struct form *f, uint32_t leaf)
{
    uint32_t handle = take_link(a, f, leaf | LEAF);
    struct anchor_link *l;

    if (handle == 0)
        return false;
    l = link_at(a, handle);
    l->next = l->prev = handle;
    if (leaf_at(a, leaf)->ring)
        join_ring(a, handle, leaf_at(a, leaf)->ring);
    leaf_at(a, leaf)->ring = handle;
    note_sibling(a, f, handle);
    return true;
}

static bool join_tree(struct anchors *a, struct form *f,
                      const struct anchor_range *r, uint64_t context,
                      uint32_t gate)
{
    uint64_t key = key_of_tree(context, r->slot, r->scale, r->bucket);
    uint32_t tree = need_tree(a, key, gate), leaf;

    if (tree == 0) {
        drop_empty_gates(a, gate);
        return false;
    }
    leaf = need_leaf(a, tree, (struct interval){r->from, r->to});
    if (leaf == 0) {
        drop_empty_tree(a, tree);
        return false;
    }
    if (join_leaf(a, f, leaf))
        return true;
    drop_empty_leaf(a, leaf);
    return false;
}

/* ---- entering ---- */

/* It counts among the pairs of its gate, as the link will that comes of it. */
struct place {
    uint64_t key;
    uint32_t gate; /* that it is behind, 0: none */
    size_t depth;  /* equal values that are in the key */
};

struct entering {
    struct anchors *anchors;
    struct form *form;
    const struct anchor_options *options;
    bool ranged; /* the lane takes the range */
    size_t links;
    size_t waiting;
    struct place places[ANCHORS_LINKS_MAX];
};

static bool can_split(const struct entering *x, const struct place *p)
{
    const struct anchor_options *o = x->options;

    return p->depth < o->count &&
           x->links + x->waiting + o->equal[p->depth].n <= ANCHORS_LINKS_MAX;
}

static void split(struct entering *x, const struct place *p, uint32_t gate)
{
    const struct anchor_options *o = x->options;

    for (size_t i = 0; i < o->equal[p->depth].n; i++) {
        uint64_t key = o->equal[p->depth].keys[i];

        if (gate) {
            gate_at(x->anchors, gate)->seconds |= second_bit(key);
            gate_at(x->anchors, gate)->pairs++;
        }
        x->places[x->waiting++] =
            (struct place){mix(p->key, key), gate, p->depth + 1};
    }
}

static void give_up(struct entering *x, const struct place *p)
{
    if (!p->gate)
        return;
    gate_at(x->anchors, p->gate)->pairs--;
    drop_empty_gates(x->anchors, p->gate);
}

static bool pass_gate(struct entering *x, struct place *p)
{
    uint32_t gate = need_gate(x->anchors, p->key, p->gate);

    if (gate == 0)
        return false;
    p->gate = 0; /* the new gate has its place */
    if (can_split(x, p)) {
        split(x, p, gate);
        return true;
    }
    x->links++;
    return join_tree(x->anchors, x->form, &x->options->range, p->key, gate);
}

static bool settle(struct entering *x, struct place *p)
{
    struct anchors *a = x->anchors;

    if ((can_split(x, p) || x->ranged) &&
        (find_post(a, p->key, IS_GATE) || !is_short(a, p->key)))
        return pass_gate(x, p);
    x->links++;
    return join(a, x->form, p->key, p->gate);
}

/* The lane's number for the parameter, made when there is room. */
static bool takes_range(struct anchor_lane *lane, const struct anchor_range *r)
{
    for (size_t i = 0; i < lane->dimensions; i++)
        if (lane->slots[i] == r->slot)
            return true;
    if (lane->dimensions == ANCHORS_DIMENSIONS)
        return false;
    lane->slots[lane->dimensions++] = (uint16_t)r->slot;
    return true;
}

bool anchors_enter(struct anchors *a, struct anchor_lane *lane, struct form *f,
                   const struct anchor_options *o)
{
    struct entering x = {.anchors = a,
                         .form = f,
                         .options = o,
                         .ranged =
                             o->has_range && takes_range(lane, &o->range)};
    const struct place root = {.key = key_of_lane(lane)};

    if (o->count == 0 && x.ranged)
        return join_tree(a, f, &o->range, root.key, 0);
    if (o->count == 0)
        return join(a, f, root.key, 0);
    split(&x, &root, 0);
    while (x.waiting > 0) {
        struct place p = x.places[--x.waiting];

        if (settle(&x, &p))
            continue;
        give_up(&x, &p);
        while (x.waiting > 0)
            give_up(&x, &x.places[--x.waiting]);
        return false;
    }
    return true;
}

/* ---- leaving ---- */

static void leave_leaf(struct anchors *a, uint32_t handle, uint32_t leaf)
{
    struct anchor_link *l = link_at(a, handle);

    leaf_at(a, leaf)->ring = l->next == handle ? 0 : l->next;
    leave_ring(a, l);
    give_link(a, handle);
    drop_empty_leaf(a, leaf);
}

static void leave(struct anchors *a, uint32_t handle)
{
    const struct anchor_link *l = link_at(a, handle);
    uint32_t owner =
        handle == l->form
            ? 0
            : ((const struct outer_link *)blocks_at(a->blocks, handle))->owner;

    if (owner & LEAF) {
        leave_leaf(a, handle, owner & ~LEAF);
        return;
    }
    unhang(a, handle);
    give_link(a, handle);
    if (owner) {
        gate_at(a, owner)->pairs--;
        drop_empty_gates(a, owner);
    }
}

void anchors_leave(struct anchors *a, struct form *f)
{
    while (f->link.sibling) {
        uint32_t handle = f->link.sibling;

        f->link.sibling = link_at(a, handle)->sibling;
        leave(a, handle);
    }
    if (f->link.next)
        leave(a, f->link.form);
}

/* ---- looking ---- */

/* Keys whose first links are fetched while others are looked at. */
#define AHEAD 32
/* A table of fewer keys is in the cache anyway. */
#define WORTH_FETCHING 16384

struct look {
    const struct anchors *anchors;
    const struct anchor_lane *lane;
    const struct anchors_receiver *receiver;
    const uint64_t *keys;
    size_t count;
    struct anchor_span spans[ANCHORS_DIMENSIONS];
    uint32_t ahead[AHEAD];
};

/* All forms of the ring; *gate is that of the key, 0: none. */
static enum err_code look_at_ring(const struct look *x, uint32_t first,
                                  uint64_t key, uint32_t *gate)
{
    const struct anchors *a = x->anchors;
    enum err_code code = ERR_OK;
    uint32_t at = first;

    *gate = 0;
    while (at && code == ERR_OK) {
        const struct anchor_link *l = link_at(a, at);

        if (l->form)
            code = x->receiver->each(x->receiver->ctx,
                                     blocks_at(a->blocks, l->form));
        else if (l->sibling == IS_GATE && gate_at(a, at)->post.key == key)
            *gate = at;
        at = l->next == first ? 0 : l->next;
    }
    return code;
}

static enum err_code look_at_tree(const struct look *x, uint32_t tree,
                                  struct interval with)
{
    const struct anchors *a = x->anchors;
    struct intervals_walk walk;
    enum err_code code = ERR_OK;
    uint32_t leaf, none;

    intervals_walk(&tree_at(a, tree)->intervals, a->blocks, with, &walk);
    while (code == ERR_OK && (leaf = intervals_next(&walk)) != 0)
        code = look_at_ring(x, leaf_at(a, leaf)->ring, 0, &none);
    return code;
}

static enum err_code look_at_buckets(const struct look *x, uint64_t context,
                                     size_t dimension, enum anchor_scale scale)
{
    const struct anchor_reach *r = &x->spans[dimension].on[scale];
    size_t slot = x->lane->slots[dimension];
    enum err_code code = ERR_OK;

    for (uint64_t left = r->buckets; left && code == ERR_OK; left &= left - 1) {
        unsigned bucket = (unsigned)__builtin_ctzll(left);
        uint32_t tree = find_post(
            x->anchors, key_of_tree(context, slot, scale, bucket), IS_TREE);

        if (tree)
            code = look_at_tree(x, tree, (struct interval){r->from, r->to});
    }
    return code;
}

static enum err_code look_at_trees(const struct look *x, uint64_t context)
{
    enum err_code code = ERR_OK;

    for (size_t d = 0; d < x->lane->dimensions && code == ERR_OK; d++) {
        code = look_at_buckets(x, context, d, ANCHOR_AS_WRITTEN);
        if (code == ERR_OK)
            code = look_at_buckets(x, context, d, ANCHOR_IN_BASE_UNITS);
    }
    return code;
}

static void fetch(const struct anchors *a, uint32_t handle)
{
    const char *object;

    if (handle == 0)
        return;
    object = blocks_at(a->blocks, handle);
    __builtin_prefetch(object);
    __builtin_prefetch(object + sizeof(struct form));
}

static uint32_t first_of(const struct anchors *a, uint64_t key)
{
    return handle_set_peek(&a->table, hash_of(key));
}

void anchors_expect(const struct anchors *a, const struct anchor_lane *lane,
                    const struct search_values *v)
{
    uint64_t root = key_of_lane(lane);
    size_t n;
    const uint64_t *keys = search_values_keys(v, &n);

    if (a->table.count < WORTH_FETCHING)
        return;
    for (size_t i = 0; i < n && i < AHEAD; i++)
        handle_set_expect(&a->table, hash_of(mix(root, keys[i])));
}

/* All that stands at the places is asked for before the first is needed. */
static void look_ahead(struct look *x, uint64_t root)
{
    const struct anchors *a = x->anchors;
    size_t n = x->count < AHEAD ? x->count : AHEAD;

    for (size_t i = 0; i < n; i++) {
        x->ahead[i] = first_of(a, mix(root, x->keys[i]));
        fetch(a, x->ahead[i]);
    }
}

/* A gate on the way, and which of the keys is next behind it. */
struct step {
    uint64_t key;
    uint64_t seconds;
    size_t next;
};

static uint32_t ring_of(const struct look *x, size_t depth, size_t index,
                        uint64_t key)
{
    return depth == 0 && index < AHEAD
               ? x->ahead[index]
               : handle_set_peek(&x->anchors->table, hash_of(key));
}

static enum err_code look_at_keys(const struct look *x, uint64_t root)
{
    struct step steps[ANCHORS_DEPTH] = {{.key = root}};
    size_t depth = 0;
    enum err_code code = ERR_OK;

    while (code == ERR_OK) {
        struct step *s = &steps[depth];
        size_t index = s->next++;
        uint64_t key;
        uint32_t gate;

        if (index == x->count) {
            if (depth-- == 0)
                break;
            continue;
        }
        if (depth == 0 ? index < AHEAD && x->ahead[index] == 0
                       : !(s->seconds & second_bit(x->keys[index])))
            continue;
        key = mix(s->key, x->keys[index]);
        code = look_at_ring(x, ring_of(x, depth, index, key), key, &gate);
        if (gate && code == ERR_OK && gate_at(x->anchors, gate)->trees)
            code = look_at_trees(x, key);
        if (gate && depth + 1 < ANCHORS_DEPTH &&
            gate_at(x->anchors, gate)->pairs)
            steps[++depth] =
                (struct step){key, gate_at(x->anchors, gate)->seconds, 0};
    }
    return code;
}

enum err_code anchors_look(const struct anchors *a,
                           const struct anchor_lane *lane,
                           const struct search_values *v,
                           const struct anchors_receiver *r)
{
    struct look x; /* what no dimension needs is not set */
    uint64_t root = key_of_lane(lane);
    enum err_code code;
    uint32_t none;

    x.anchors = a;
    x.lane = lane;
    x.receiver = r;
    x.keys = search_values_keys(v, &x.count);
    look_ahead(&x, root);
    for (size_t d = 0; d < lane->dimensions; d++)
        anchor_values_span(v, lane->slots[d], &x.spans[d]);
    code = look_at_ring(&x, handle_set_peek(&a->table, hash_of(root)), root,
                        &none);
    if (code == ERR_OK && lane->dimensions)
        code = look_at_trees(&x, root);
    return code == ERR_OK ? look_at_keys(&x, root) : code;
}
