#include "server/engine/matcher.h"

#include "server/engine/anchors.h"

#include <assert.h>
#include <stdlib.h>

/* One topic's triggers on one resource type. */
struct lane {
    struct group *group;
    struct bytes type; /* the topic's, or constant */
    struct anchor_lane anchors;
    unsigned interactions;
    struct lane *next_of_type;
};

/* The lanes of one topic, or of one type's classic subscriptions. */
struct group {
    struct topic *topic; /* a reference; NULL: classic */
    size_t subscriptions;
    size_t scanned;     /* of them: looked at by every change */
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
    struct anchors anchors;
    struct matcher_counts counts;
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

        lane->anchors.number = ++m->lane_serial;
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
    form_table_init(&m->forms, base_url, subs->seed);
    anchors_init(&m->anchors, &m->forms.blocks);
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
    anchors_fini(&m->anchors);
    form_table_fini(&m->forms);
    free(m);
}

struct form_table *matcher_forms(struct matcher *m)
{
    return &m->forms;
}

/* ---- by what a form can be found ---- */

struct collecting {
    struct matcher *matcher;
    const struct form *form;
    struct anchor_options *options;
    enum anchor_rank ranks[ANCHORS_DEPTH];
    struct err *e;
};

static bool is_better(const struct collecting *x, size_t than,
                      enum anchor_rank rank, size_t n)
{
    return rank > x->ranks[than] ||
           (rank == x->ranks[than] && n < x->options->equal[than].n);
}

/* Keeps the best few in order; the first of equals goes first. */
static void keep(struct collecting *x, enum anchor_rank rank, size_t n,
                 const uint64_t *keys)
{
    struct anchor_options *o = x->options;
    size_t at = o->count;

    if (at == ANCHORS_DEPTH && !is_better(x, at - 1, rank, n))
        return;
    if (at < ANCHORS_DEPTH)
        o->count++;
    else
        at--;
    for (; at > 0 && is_better(x, at - 1, rank, n); at--) {
        o->equal[at] = o->equal[at - 1];
        x->ranks[at] = x->ranks[at - 1];
    }
    x->ranks[at] = rank;
    o->equal[at].n = n;
    memcpy(o->equal[at].keys, keys, n * sizeof *keys);
}

/* One of the predicates may have a value of the form's own. */
static enum err_code collect_equal(struct collecting *x,
                                   const struct shape_filter *f, size_t index)
{
    enum anchor_rank rank = anchor_predicate_rank(f->query, index);
    struct query_value *value = x->matcher->value;
    uint64_t keys[QUERY_ANCHORS_MAX];
    enum err_code code = ERR_OK;
    size_t n;

    if (rank == ANCHOR_NONE)
        return ERR_OK;
    if (f->value == 0 || index != anchor_chosen(f->query)) {
        n = anchor_predicate_keys(f->query, index, keys);
    } else {
        code = query_value_set(value, f->query, form_value(x->form, f->value),
                               x->e);
        n = code == ERR_OK ? query_value_anchor(value, keys) : 0;
    }
    if (code == ERR_OK)
        keep(x, rank, n, keys);
    return code;
}

static void collect_range(const struct collecting *x, const struct query *q)
{
    struct anchor_options *o = x->options;

    if (!o->has_range)
        o->has_range = anchor_query_range(q, &o->range);
}

/* *filters: how many there are for the type. */
static enum err_code collect(struct collecting *x, struct bytes type,
                             size_t *filters)
{
    const struct shape *s = x->form->shape;
    enum err_code code = ERR_OK;

    *filters = 0;
    for (size_t i = 0; i < s->filter_count; i++) {
        const struct shape_filter *f = &s->filters[i];

        if (!bytes_equal(f->type, type))
            continue;
        ++*filters;
        for (size_t k = 0;
             code == ERR_OK && k < anchor_predicate_count(f->query); k++)
            code = collect_equal(x, f, k);
        collect_range(x, f->query);
    }
    return code;
}

/* ---- who is in it ---- */

static enum err_code enter_lane(struct matcher *m, struct lane *lane,
                                struct form *form, struct err *e)
{
    struct anchor_options options = {.count = 0};
    struct collecting x = {
        .matcher = m, .form = form, .options = &options, .e = e};
    size_t filters;
    enum err_code code = collect(&x, lane->type, &filters);

    if (code != ERR_OK)
        return code;
    /* who has no filter is concerned by every change: no scan is in vain */
    if (filters > 0 && anchor_options_none(&options))
        form->scanned = true;
    return anchors_enter(&m->anchors, &lane->anchors, form, &options)
               ? ERR_OK
               : err_nomem(e);
}

static void leave(struct matcher *m, struct group *g, struct form *f)
{
    anchors_leave(&m->anchors, f);
    f->scanned = false;
    drop_if_empty(m, g);
}

enum err_code matcher_add(struct matcher *m, struct sub *s, struct form **form,
                          struct err *e)
{
    struct form *f = *form;
    struct group *g = need_group(m, f->shape);
    enum err_code code = g ? ERR_OK : err_nomem(e);

    assert(!s->form);
    for (size_t i = 0; code == ERR_OK && i < g->lane_count; i++)
        code = enter_lane(m, &g->lanes[i], f, e);
    if (code == ERR_OK) {
        g->subscriptions++;
        g->scanned += f->scanned;
        f->sub = s->handle;
        s->form = f;
        *form = NULL;
    } else if (g) {
        leave(m, g, f);
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
    g->subscriptions--;
    g->scanned -= f->scanned;
    leave(m, g, f);
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

/* The subscription's own memory is not touched by what does not match. */
static enum err_code consider(void *ctx, struct form *form)
{
    struct match *x = ctx;
    enum err_code code;
    bool holds;

    if (form->seen == x->matcher->serial)
        return ERR_OK;
    form->seen = x->matcher->serial;
    x->matcher->counts.looked++;
    code = evaluate(x, form, &holds);
    if (code != ERR_OK || !holds)
        return code;
    x->matcher->counts.matched++;
    return x->receiver->each(x->receiver->ctx,
                             subs_at(x->matcher->subs, form->sub), x->e);
}

static enum err_code match_lane(struct match *x)
{
    const struct anchors_receiver receiver = {consider, x};

    return anchors_look(&x->matcher->anchors, &x->lane->anchors, x->values,
                        &receiver);
}

/* Marks of an earlier round of serials must not be taken for this one's. */
static void next_serial(struct matcher *m)
{
    if (++m->serial != 0)
        return;
    for (struct sub *s = subs_after(m->subs, 0); s;
         s = subs_after(m->subs, s->number))
        if (s->form)
            s->form->seen = 0;
    m->serial = 1;
}

void matcher_expect(const struct matcher *m, struct bytes type,
                    const struct search_values *values)
{
    for (const struct lane *lane = m->by_type[slot_of_type(type)]; lane;
         lane = lane->next_of_type)
        if (bytes_equal(lane->type, type))
            anchors_expect(&m->anchors, &lane->anchors, values);
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
    m->counts.changes++;
    if (x.values)
        matcher_expect(m, change->resource_type, x.values);
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

struct matcher_counts matcher_counts(const struct matcher *m)
{
    return m->counts;
}
