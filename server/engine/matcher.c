#include "server/engine/matcher.h"

#include <assert.h>
#include <stdlib.h>

/* One value of a subscription's anchor in one lane; those of one key are
 * chained in a ring, whose entry is in the table. */
struct link {
    uint64_t key;
    uint32_t sub;
    uint32_t next; /* of the same key */
    uint32_t prev;
    uint32_t sibling; /* of the same subscription; 0 at the end */
};

_Static_assert(sizeof(struct link) == 24, "a link is small");

/* One topic's triggers on one resource type. */
struct lane {
    struct group *group;
    struct bytes type; /* the topic's, or constant */
    uint64_t number;   /* no other lane has had it */
    unsigned interactions;
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
    uint64_t lane_serial;
    struct subs *subs;
    struct form_table forms;
    struct pool links;
    struct handle_set anchors; /* one link of each key */
    struct query_value *value; /* the anchor's value looked at last */
    uint32_t serial;
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

static struct group *find_group(const struct matcher *m, const struct shape *s)
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
        INTERACTION_CREATE, INTERACTION_UPDATE, INTERACTION_DELETE,
        INTERACTION_EVENT};

    for (size_t i = 0; i < topic_trigger_count(g->topic); i++) {
        struct lane *lane = need_lane(g, topic_trigger_type(g->topic, i));

        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
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

static struct group *need_group(struct matcher *m, const struct shape *s)
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

struct matcher *matcher_new(struct subs *subs, struct bytes base_url)
{
    struct matcher *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->subs = subs;
    pool_init(&m->links, sizeof(struct link));
    form_table_init(&m->forms, base_url, subs->seed);
    m->value = query_value_new();
    if (m->value)
        return m;
    matcher_free(m);
    return NULL;
}

void matcher_free(struct matcher *m)
{
    if (!m)
        return;
    query_value_free(m->value);
    form_table_fini(&m->forms);
    handle_set_fini(&m->anchors);
    pool_fini(&m->links);
    free(m);
}

struct form_table *matcher_forms(struct matcher *m)
{
    return &m->forms;
}

/* ---- the table of anchors ---- */

static struct link *link_at(const struct matcher *m, uint32_t handle)
{
    return pool_at(&m->links, handle);
}

/* anchor 0 is the lane's own: who has none. Keys of different anchors may be
 * equal: it costs a look. */
static uint64_t key_of(const struct lane *lane, uint64_t anchor)
{
    return anchor ^ (lane->number * 0xD6E8FEB86659FD93ULL);
}

struct wanted {
    const struct matcher *matcher;
    uint64_t key;
};

static bool has_key(const void *ctx, uint32_t handle)
{
    const struct wanted *w = ctx;

    return link_at(w->matcher, handle)->key == w->key;
}

/* One link of the ring, 0: there is none. */
static uint32_t find_ring(const struct matcher *m, uint64_t key)
{
    struct wanted w = {m, key};

    return handle_set_find(&m->anchors, key, has_key, &w);
}

static void join_ring(struct matcher *m, uint32_t handle, uint32_t at)
{
    struct link *l = link_at(m, handle), *first = link_at(m, at);

    l->next = at;
    l->prev = first->prev;
    link_at(m, l->prev)->next = handle;
    first->prev = handle;
}

static bool enter(struct matcher *m, struct sub *s, struct form *f,
                  uint64_t key)
{
    uint32_t handle, ring = find_ring(m, key);
    struct link *l;

    if (ring == 0 && !handle_set_reserve(&m->anchors, 1))
        return false;
    handle = pool_take(&m->links);
    if (handle == 0)
        return false;
    l = link_at(m, handle);
    *l = (struct link){key, s->handle, handle, handle, f->links};
    f->links = handle;
    if (ring)
        join_ring(m, handle, ring);
    else
        handle_set_insert(&m->anchors, key, handle);
    return true;
}

static void leave(struct matcher *m, uint32_t handle)
{
    struct link *l = link_at(m, handle);
    uint32_t ring = find_ring(m, l->key);

    if (l->next == handle) {
        handle_set_remove(&m->anchors, l->key, handle);
    } else {
        if (ring == handle)
            handle_set_replace(&m->anchors, l->key, handle, l->next);
        link_at(m, l->next)->prev = l->prev;
        link_at(m, l->prev)->next = l->next;
    }
    pool_give(&m->links, handle);
}

static void leave_all(struct matcher *m, struct form *f)
{
    while (f->links) {
        uint32_t handle = f->links;

        f->links = link_at(m, handle)->sibling;
        leave(m, handle);
    }
}

/* ---- who is in it ---- */

/* The filter with the best anchor among those of one resource type. */
static const struct shape_filter *best_filter(const struct shape *s,
                                              struct bytes type)
{
    const struct shape_filter *best = NULL;

    for (size_t i = 0; i < s->filter_count; i++) {
        const struct shape_filter *f = &s->filters[i];

        if (f->value > 0 && bytes_equal(f->type, type) &&
            (!best ||
             query_anchor_rank(f->query) > query_anchor_rank(best->query)))
            best = f;
    }
    return best;
}

static enum err_code enter_lane(struct matcher *m, const struct lane *lane,
                                struct sub *s, struct form *form, struct err *e)
{
    const struct shape_filter *f = best_filter(form->shape, lane->type);
    uint64_t keys[QUERY_ANCHORS_MAX] = {0};
    size_t n = 1;

    if (f) {
        enum err_code code =
            query_value_set(m->value, f->query, form_value(form, f->value), e);

        if (code != ERR_OK)
            return code;
        n = query_value_anchor(m->value, keys);
    }
    for (size_t i = 0; i < n; i++)
        if (!enter(m, s, form, key_of(lane, keys[i])))
            return err_nomem(e);
    return ERR_OK;
}

enum err_code matcher_add(struct matcher *m, struct sub *s, struct form **form,
                          struct err *e)
{
    struct form *f = *form;
    struct group *g = need_group(m, f->shape);
    enum err_code code = g ? ERR_OK : err_nomem(e);

    assert(!s->form);
    for (size_t i = 0; code == ERR_OK && i < g->lane_count; i++)
        code = enter_lane(m, &g->lanes[i], s, f, e);
    if (code == ERR_OK) {
        g->subscriptions++;
        s->form = f;
        *form = NULL;
    } else if (g) {
        leave_all(m, f);
        drop_if_empty(m, g);
    }
    return code;
}

struct form *matcher_remove(struct matcher *m, struct sub *s)
{
    struct form *f = s->form;
    struct group *g;

    if (!f)
        return NULL;
    /* its queries may go with it */
    query_value_forget(m->value);
    g = find_group(m, f->shape);
    assert(g);
    leave_all(m, f);
    g->subscriptions--;
    drop_if_empty(m, g);
    s->form = NULL;
    return f;
}

/* ---- matching ---- */

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
    const struct lane *lane;
    const struct search_values *values;
    const struct matcher_receiver *receiver;
    struct err *e;
};

/* True when all filters for the lane's type hold; those for other types are
 * skipped. */
static enum err_code evaluate(struct match *x, const struct form *form,
                              bool *holds)
{
    const struct shape *s = form->shape;
    struct query_value *value = x->matcher->value;

    *holds = true;
    for (size_t i = 0; *holds && i < s->filter_count; i++) {
        const struct shape_filter *f = &s->filters[i];
        enum err_code code;

        if (!bytes_equal(f->type, x->lane->type))
            continue;
        if (f->value == 0) {
            *holds = query_matches(f->query, x->values);
            continue;
        }
        code =
            query_value_set(value, f->query, form_value(form, f->value), x->e);
        if (code != ERR_OK)
            return code;
        *holds = query_value_matches(value, x->values);
    }
    return ERR_OK;
}

static enum err_code consider(struct match *x, struct sub *s)
{
    enum err_code code;
    bool holds;

    if (s->seen == x->matcher->serial)
        return ERR_OK;
    s->seen = x->matcher->serial;
    code = evaluate(x, s->form, &holds);
    if (code == ERR_OK && holds)
        code = x->receiver->each(x->receiver->ctx, s, x->e);
    return code;
}

static enum err_code consider_ring(struct match *x, uint64_t anchor)
{
    struct matcher *m = x->matcher;
    uint32_t first = find_ring(m, key_of(x->lane, anchor)), at = first;
    enum err_code code = ERR_OK;

    if (first == 0)
        return ERR_OK;
    do {
        const struct link *l = link_at(m, at);

        code = consider(x, subs_at(m->subs, l->sub));
        at = l->next;
    } while (code == ERR_OK && at != first);
    return code;
}

static enum err_code match_lane(struct match *x)
{
    size_t n;
    const uint64_t *keys = search_values_keys(x->values, &n);
    enum err_code code;

    for (size_t i = 0; i < n; i++)
        handle_set_expect(&x->matcher->anchors, key_of(x->lane, keys[i]));
    code = consider_ring(x, 0);
    for (size_t i = 0; code == ERR_OK && i < n; i++)
        code = consider_ring(x, keys[i]);
    return code;
}

/* Marks of an earlier round of serials must not be taken for this one's. */
static void next_serial(struct matcher *m)
{
    if (++m->serial != 0)
        return;
    for (struct sub *s = subs_after(m->subs, 0); s;
         s = subs_after(m->subs, s->number))
        s->seen = 0;
    m->serial = 1;
}

enum err_code matcher_match(struct matcher *m, const struct change_view *change,
                            const struct matcher_receiver *r, struct err *e)
{
    struct match x = {.matcher = m,
                      .values = change->interaction == INTERACTION_DELETE
                                    ? change->previous
                                    : change->current,
                      .receiver = r,
                      .e = e};
    enum err_code code = ERR_OK;

    next_serial(m);
    for (const struct lane *lane =
             m->by_type[slot_of_type(change->resource_type)];
         lane && code == ERR_OK; lane = lane->next_of_type) {
        const struct topic *topic = lane->group->topic;

        if (!lane_takes(lane, change->resource_type, change->interaction) ||
            (topic && !topic_fires(topic, change)))
            continue;
        x.lane = lane;
        code = match_lane(&x);
    }
    return code;
}
