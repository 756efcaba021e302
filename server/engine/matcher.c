#include "server/engine/matcher.h"

#include <assert.h>
#include <stdlib.h>

#define MATCHER_LINKS_MAX ((size_t)TOPIC_TYPES_MAX * QUERY_ANCHORS_MAX)

/* One occupant of a bucket: which link of the subscription points here. */
struct occupant {
    struct sub *sub;
    uint32_t link;
};

struct bucket {
    uint64_t key; /* lane and anchor; unused in a scan list */
    struct occupant *items;
    uint32_t count;
    uint32_t capacity;
};

/* One topic's triggers on one resource type. */
struct lane {
    struct group *group;
    struct bytes type; /* the topic's, or constant */
    uint64_t number;   /* no other lane has had it */
    unsigned interactions;
    struct bucket scan;
    struct lane *next_of_type;
};

/* The lanes of one topic, or of one type's classic subscriptions. */
struct group {
    struct topic *topic; /* a reference; NULL: classic */
    size_t subscriptions;
    struct group *next; /* in its slot */
    size_t lane_count;
    struct lane lanes[];
};

#define SLOTS 256

struct matcher {
    struct group *groups[SLOTS];
    struct lane *by_type[SLOTS];
    struct map anchors; /* struct bucket by key */
    uint64_t lane_serial;
    uint64_t serial;
};

static unsigned bit_of(enum interaction i)
{
    return 1U << (unsigned)i;
}

/* Types and topics are the server's own, no stranger chooses them. */
static size_t slot_of_type(struct bytes type)
{
    static const uint64_t key[2] = {0x6d61746368, 0x6c616e65};

    return (size_t)bytes_hash(type, key) % SLOTS;
}

static size_t slot_of_group(const struct topic *topic, struct bytes classic)
{
    return topic ? (size_t)((uintptr_t)topic >> 6) % SLOTS
                 : slot_of_type(classic);
}

static struct group *find_group(const struct matcher *m,
                                const struct subscription *s)
{
    struct bytes classic = bytes_of(s->classic_type);
    struct group *g = m->groups[slot_of_group(s->topic, classic)];

    while (g && (g->topic != s->topic ||
                 (!g->topic && !bytes_equal(g->lanes[0].type, classic))))
        g = g->next;
    return g;
}

/* ---- groups come with their first subscription and go with the last ---- */

static struct lane *need_lane(struct group *g, struct bytes type)
{
    struct lane *lane;

    for (size_t i = 0; i < g->lane_count; i++)
        if (bytes_equal(g->lanes[i].type, type))
            return &g->lanes[i];
    lane = &g->lanes[g->lane_count++];
    *lane = (struct lane){.group = g, .type = type};
    return lane;
}

static void fill_lanes(struct group *g)
{
    static const enum interaction all[] = {
        INTERACTION_CREATE, INTERACTION_UPDATE, INTERACTION_DELETE};

    for (size_t i = 0; i < topic_trigger_count(g->topic); i++) {
        struct lane *lane = need_lane(g, topic_trigger_type(g->topic, i));

        for (size_t k = 0; k < 3; k++)
            if (topic_trigger_has(g->topic, i, all[k]))
                lane->interactions |= bit_of(all[k]);
    }
}

static void link_lanes(struct matcher *m, struct group *g)
{
    for (size_t i = 0; i < g->lane_count; i++) {
        struct lane *lane = &g->lanes[i];
        struct lane **slot = &m->by_type[slot_of_type(lane->type)];

        lane->number = ++m->lane_serial;
        lane->next_of_type = *slot;
        *slot = lane;
    }
}

static struct group *need_group(struct matcher *m, const struct subscription *s)
{
    size_t count = s->topic ? topic_trigger_count(s->topic) : 1;
    struct bytes classic = bytes_of(s->classic_type);
    struct group **slot = &m->groups[slot_of_group(s->topic, classic)];
    struct group *g = find_group(m, s);

    if (g)
        return g;
    g = calloc(1, sizeof *g + count * sizeof g->lanes[0]);
    if (!g)
        return NULL;
    g->topic = topic_ref(s->topic);
    if (g->topic)
        fill_lanes(g);
    else /* R4 Subscription: never on a delete */
        need_lane(g, classic)->interactions =
            bit_of(INTERACTION_CREATE) | bit_of(INTERACTION_UPDATE);
    link_lanes(m, g);
    g->next = *slot;
    *slot = g;
    return g;
}

static void unlink_lane(struct matcher *m, struct lane *lane)
{
    struct lane **at = &m->by_type[slot_of_type(lane->type)];

    while (*at != lane)
        at = &(*at)->next_of_type;
    *at = lane->next_of_type;
    free(lane->scan.items);
}

static void drop_if_empty(struct matcher *m, struct group *g)
{
    struct group **at;

    if (g->subscriptions > 0)
        return;
    at = &m->groups[slot_of_group(g->topic, g->lanes[0].type)];
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    for (size_t i = 0; i < g->lane_count; i++)
        unlink_lane(m, &g->lanes[i]);
    topic_unref(g->topic);
    free(g);
}

struct matcher *matcher_new(void)
{
    return calloc(1, sizeof(struct matcher));
}

void matcher_free(struct matcher *m)
{
    size_t position = 0;
    struct bucket *bucket;

    if (!m)
        return;
    while ((bucket = map_next(&m->anchors, &position)) != NULL) {
        free(bucket->items);
        free(bucket);
    }
    map_fini(&m->anchors);
    for (size_t i = 0; i < SLOTS; i++)
        while (m->groups[i]) {
            m->groups[i]->subscriptions = 0;
            drop_if_empty(m, m->groups[i]);
        }
    free(m);
}

/* ---- buckets ---- */

static uint64_t bucket_key(const struct lane *lane, uint64_t anchor)
{
    return anchor ^ (lane->number * 0xD6E8FEB86659FD93ULL);
}

static bool key_equal(const void *object, const void *key)
{
    return ((const struct bucket *)object)->key == *(const uint64_t *)key;
}

static struct bucket *find_bucket(const struct matcher *m, uint64_t key)
{
    return map_find(&m->anchors, key, key_equal, &key);
}

static struct bucket *need_bucket(struct matcher *m, uint64_t key)
{
    struct bucket *b = find_bucket(m, key);

    if (b)
        return b;
    b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->key = key;
    if (!map_insert(&m->anchors, key, b)) {
        free(b);
        return NULL;
    }
    return b;
}

static bool enter(struct sub *s, struct bucket *b)
{
    if (b->count == b->capacity) {
        uint32_t capacity = b->capacity ? 2 * b->capacity : 2;
        struct occupant *items = realloc(b->items, capacity * sizeof *items);

        if (!items)
            return false;
        b->items = items;
        b->capacity = capacity;
    }
    s->links[s->link_count] = (struct sub_link){b, b->count};
    b->items[b->count++] = (struct occupant){s, s->link_count++};
    return true;
}

static void leave(struct matcher *m, struct sub_link link)
{
    struct bucket *b = link.bucket;
    struct occupant last = b->items[--b->count];

    if (link.position < b->count) {
        b->items[link.position] = last;
        last.sub->links[last.link].position = link.position;
    }
    if (b->count == 0 && find_bucket(m, b->key) == b) {
        map_remove(&m->anchors, b->key, b);
        free(b->items);
        free(b);
    }
}

/* The best anchor that the filters of one resource type offer; 0 without. */
static size_t best_anchor(const struct subscription *sub, struct bytes type,
                          uint64_t keys[QUERY_ANCHORS_MAX])
{
    const struct query *best = NULL;
    int rank = 0;

    for (size_t i = 0; i < sub->filter_count; i++) {
        const struct filter *f = &sub->filters[i];

        if (bytes_equal(f->resource_type, type) &&
            query_anchor_rank(f->query) > rank) {
            best = f->query;
            rank = query_anchor_rank(best);
        }
    }
    return best ? query_anchor(best, keys) : 0;
}

static bool enter_lane(struct matcher *m, struct lane *lane, struct sub *s,
                       const struct subscription *definition)
{
    uint64_t keys[QUERY_ANCHORS_MAX];
    size_t n = best_anchor(definition, lane->type, keys);

    if (n == 0)
        return enter(s, &lane->scan);
    for (size_t i = 0; i < n; i++) {
        struct bucket *b = need_bucket(m, bucket_key(lane, keys[i]));

        if (!b)
            return false;
        if (!enter(s, b)) {
            if (b->count == 0) {
                map_remove(&m->anchors, b->key, b);
                free(b);
            }
            return false;
        }
    }
    return true;
}

static void leave_all(struct matcher *m, struct sub *s)
{
    while (s->link_count > 0) {
        struct sub_link link = s->links[s->link_count - 1];

        leave(m, link);
        s->link_count--;
    }
    free(s->links);
    s->links = NULL;
}

bool matcher_add(struct matcher *m, struct sub *s, struct definition *d)
{
    const struct subscription *definition = definition_get(d);
    struct group *g;
    struct sub_link *exact;
    bool entered = true;

    assert(!s->matched_by);
    s->links = calloc(MATCHER_LINKS_MAX, sizeof *s->links);
    g = s->links ? need_group(m, definition) : NULL;
    if (!g) {
        free(s->links);
        s->links = NULL;
        return false;
    }
    s->link_count = 0;
    for (size_t i = 0; entered && i < g->lane_count; i++)
        entered = enter_lane(m, &g->lanes[i], s, definition);
    if (!entered) {
        leave_all(m, s);
        drop_if_empty(m, g);
        return false;
    }
    exact = realloc(s->links,
                    (s->link_count ? s->link_count : 1) * sizeof *s->links);
    if (exact)
        s->links = exact;
    s->matched_by = definition_ref(d);
    g->subscriptions++;
    return true;
}

void matcher_remove(struct matcher *m, struct sub *s)
{
    struct group *g;

    if (!s->matched_by)
        return;
    g = find_group(m, definition_get(s->matched_by));
    assert(g);
    leave_all(m, s);
    g->subscriptions--;
    drop_if_empty(m, g);
    definition_unref(&s->matched_by);
}

static bool lane_takes(const struct lane *lane, struct bytes type,
                       enum interaction interaction)
{
    return (lane->interactions & bit_of(interaction)) &&
           bytes_equal(lane->type, type);
}

bool matcher_needs_previous(const struct matcher *m, struct bytes type,
                            enum interaction interaction)
{
    if (interaction == INTERACTION_CREATE)
        return false;
    for (const struct lane *lane = m->by_type[slot_of_type(type)]; lane;
         lane = lane->next_of_type)
        if (lane->group->topic && lane_takes(lane, type, interaction))
            return true;
    return false;
}

struct match {
    struct matcher *matcher;
    const struct search_values *values;
    bool (*each)(void *ctx, struct sub *s);
    void *ctx;
};

static bool consider(struct match *x, struct sub *s)
{
    if (s->seen == x->matcher->serial)
        return true;
    s->seen = x->matcher->serial;
    if (!subscription_filters_match(definition_get(s->matched_by), x->values))
        return true;
    return x->each(x->ctx, s);
}

static bool consider_bucket(struct match *x, const struct bucket *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (!consider(x, b->items[i].sub))
            return false;
    return true;
}

static bool match_lane(struct match *x, const struct lane *lane)
{
    size_t n;
    const uint64_t *keys = search_values_keys(x->values, &n);

    for (size_t i = 0; i < n; i++) {
        const struct bucket *b =
            find_bucket(x->matcher, bucket_key(lane, keys[i]));

        if (b && !consider_bucket(x, b))
            return false;
    }
    return consider_bucket(x, &lane->scan);
}

bool matcher_match(struct matcher *m, const struct change_view *change,
                   bool (*each)(void *ctx, struct sub *s), void *ctx)
{
    struct match x = {m,
                      change->interaction == INTERACTION_DELETE
                          ? change->previous
                          : change->current,
                      each, ctx};

    m->serial++;
    for (const struct lane *lane =
             m->by_type[slot_of_type(change->resource_type)];
         lane; lane = lane->next_of_type) {
        const struct topic *topic = lane->group->topic;

        if (!lane_takes(lane, change->resource_type, change->interaction) ||
            (topic && !topic_fires(topic, change)))
            continue;
        if (!match_lane(&x, lane))
            return false;
    }
    return true;
}
