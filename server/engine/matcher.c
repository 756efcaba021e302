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
    const struct topic *topic;
    struct bytes type; /* the topic's */
    unsigned interactions;
    size_t subscriptions;
    struct bucket scan;
};

struct matcher {
    struct lane *lanes; /* grouped by topic */
    size_t lane_count;
    struct map anchors; /* struct bucket by key */
    uint64_t serial;
};

static unsigned bit_of(enum interaction i)
{
    return 1U << (unsigned)i;
}

static struct lane *find_lane(struct matcher *m, const struct topic *t,
                              struct bytes type)
{
    for (size_t i = 0; i < m->lane_count; i++)
        if (m->lanes[i].topic == t && bytes_equal(m->lanes[i].type, type))
            return &m->lanes[i];
    return NULL;
}

static void add_lanes(struct matcher *m, const struct topic *t)
{
    static const enum interaction all[] = {
        INTERACTION_CREATE, INTERACTION_UPDATE, INTERACTION_DELETE};

    for (size_t i = 0; i < topic_trigger_count(t); i++) {
        struct bytes type = topic_trigger_type(t, i);
        struct lane *lane = find_lane(m, t, type);

        if (!lane) {
            lane = &m->lanes[m->lane_count++];
            *lane = (struct lane){.topic = t, .type = type};
        }
        for (size_t k = 0; k < 3; k++)
            if (topic_trigger_has(t, i, all[k]))
                lane->interactions |= bit_of(all[k]);
    }
}

struct matcher *matcher_new(const struct topic_set *topics)
{
    struct matcher *m = calloc(1, sizeof *m);
    size_t triggers = 1;

    if (!m)
        return NULL;
    for (size_t i = 0; i < topic_set_count(topics); i++)
        triggers += topic_trigger_count(topic_set_at(topics, i));
    m->lanes = calloc(triggers, sizeof *m->lanes);
    if (!m->lanes) {
        free(m);
        return NULL;
    }
    for (size_t i = 0; i < topic_set_count(topics); i++)
        add_lanes(m, topic_set_at(topics, i));
    return m;
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
    for (size_t i = 0; i < m->lane_count; i++)
        free(m->lanes[i].scan.items);
    free(m->lanes);
    free(m);
}

static uint64_t bucket_key(const struct matcher *m, const struct lane *lane,
                           uint64_t anchor)
{
    uint64_t index = (uint64_t)(lane - m->lanes) + 1;

    return anchor ^ (index * 0xD6E8FEB86659FD93ULL);
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
        struct bucket *b = need_bucket(m, bucket_key(m, lane, keys[i]));

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

/* Lanes of one topic stand together; counts follow who is in them. */
static void count_lanes(struct matcher *m, const struct topic *t, bool up)
{
    for (size_t i = 0; i < m->lane_count; i++)
        if (m->lanes[i].topic == t)
            m->lanes[i].subscriptions += up ? 1U : (size_t)-1;
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
    struct sub_link *exact;
    bool entered = true;

    assert(!s->matched_by);
    s->links = calloc(MATCHER_LINKS_MAX, sizeof *s->links);
    if (!s->links)
        return false;
    s->link_count = 0;
    for (size_t i = 0; entered && i < m->lane_count; i++)
        if (m->lanes[i].topic == definition->topic)
            entered = enter_lane(m, &m->lanes[i], s, definition);
    if (!entered) {
        leave_all(m, s);
        return false;
    }
    exact = realloc(s->links,
                    (s->link_count ? s->link_count : 1) * sizeof *s->links);
    if (exact)
        s->links = exact;
    s->matched_by = definition_ref(d);
    count_lanes(m, definition->topic, true);
    return true;
}

void matcher_remove(struct matcher *m, struct sub *s)
{
    if (!s->matched_by)
        return;
    count_lanes(m, definition_get(s->matched_by)->topic, false);
    leave_all(m, s);
    definition_unref(&s->matched_by);
}

static bool lane_takes(const struct lane *lane, struct bytes type,
                       enum interaction interaction)
{
    return lane->subscriptions > 0 &&
           (lane->interactions & bit_of(interaction)) &&
           bytes_equal(lane->type, type);
}

bool matcher_needs_previous(const struct matcher *m, struct bytes type,
                            enum interaction interaction)
{
    if (interaction == INTERACTION_CREATE)
        return false;
    for (size_t i = 0; i < m->lane_count; i++)
        if (lane_takes(&m->lanes[i], type, interaction))
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
            find_bucket(x->matcher, bucket_key(x->matcher, lane, keys[i]));

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
    for (size_t i = 0; i < m->lane_count; i++) {
        const struct lane *lane = &m->lanes[i];

        if (!lane_takes(lane, change->resource_type, change->interaction) ||
            !topic_fires(lane->topic, change))
            continue;
        if (!match_lane(&x, lane))
            return false;
    }
    return true;
}
