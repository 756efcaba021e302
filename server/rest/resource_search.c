#include "server/rest/resource_search.h"

#include <assert.h>
#include <stdlib.h>

#include "fhir/search/index_plan.h"
#include "fhir/search/parameter.h"
#include "server/engine/read.h"
#include "server/engine/search.h"
#include "server/rest/reply.h"
#include "server/rest/search.h"
#include "server/rest/search_bundle.h"
#include "server/rest/search_include.h"
#include "server/rest/search_options.h"
#include "server/rest/shown.h"

/* One resource's JSON and values. */
#define SCRATCH_BYTES ((size_t)64 << 20)
/* Plans, ids, keys of an order. */
#define ARENA_BYTES ((size_t)64 << 20)
/* The least candidates of a step; what a total may cost unasked. */
#define STEP_LEAST 64
#define CHEAP_LOOKS 1000
/* Windows of time when the latest are sought. */
#define WINDOW_LEAST_MS ((int64_t)16)
#define WINDOW_MOST_MS ((int64_t)1 << 43)

/* A match that waits for its place in the order. */
struct placed {
    struct bytes key;
    struct bytes id;
    uint64_t version;
};

struct search {
    struct exchange *x;
    struct search_options options;
    struct query *query;
    struct query *planned; /* what the index knows of; NULL: all of it */
    bool live;             /* Subscriptions: judged and shown as they are now */
    struct buf shown;
    struct index_plan *plans;
    size_t plan_count;
    struct arena arena;   /* of the whole search */
    struct arena scratch; /* of one candidate */
    struct arena found;   /* of one that is read again */
    struct search_bundle bundle;
    struct search_include include;
    size_t looks;      /* candidates that were judged */
    bool counting;     /* the page is done: matches are only counted */
    struct bytes last; /* the page's last id */
    bool more;
    struct placed *placed; /* in an order */
    size_t placed_count;
    /* only what was written in this time is placed */
    int64_t from_ms;
    int64_t to_ms;
    bool unfinished; /* there is older than that */
    struct index_range window;
    struct index_plan window_plan;
    struct err *e;
    enum err_code failed;
};

/* ---- judging ---- */

/* The text as it is shown; false when it is gone in the meantime, or failed.
 * Of a Subscription the status and the error are state, and what is secret is
 * masked: nobody finds out by a search what a read does not tell. */
static bool show(struct search *s, struct bytes id, struct bytes text,
                 struct bytes *out)
{
    struct subscription_state state;
    enum err_code code;

    *out = text;
    if (!s->live)
        return true;
    arena_reset(&s->scratch);
    buf_reset(&s->shown);
    code = engine_subscription_by_id(s->x->rest->config.engine, id, &state,
                                     NULL, s->e);
    if (code == ERR_NOT_FOUND)
        return false;
    if (code == ERR_OK)
        code = shown_subscription(text, &state, &s->scratch, &s->shown, s->e);
    if (code == ERR_OK)
        code = buf_check(&s->shown, s->e);
    s->failed = code;
    *out = buf_bytes(&s->shown);
    return code == ERR_OK;
}

static bool is_partial(const struct search *s)
{
    return s->options.subset.kind != SUBSET_NONE;
}

static void add_entry(struct search *s, struct bytes id, struct bytes text)
{
    struct buf *out = search_bundle_begin_entry(&s->bundle, id);

    arena_reset(&s->scratch);
    if (is_partial(s))
        s->failed =
            subset_write(&s->options.subset, text, &s->scratch, out, s->e);
    else
        buf_add(out, text);
    search_bundle_end_entry(&s->bundle);
    if (s->failed == ERR_OK)
        s->failed = search_include_match(&s->include, id);
}

/* NULL when it does not match; the values that it was judged by else. */
static const struct search_values *
judge(struct search *s, const struct search_candidate *c, struct bytes text)
{
    struct search_values *values = NULL;

    arena_reset(&s->scratch);
    s->failed = search_values_read(text, s->x->rest->base_url, &s->scratch,
                                   &values, s->e);
    if (s->failed != ERR_OK)
        return NULL;
    search_values_stamp(values, c->time_ms);
    return query_matches(s->query, values) ? values : NULL;
}

static bool matches(struct search *s, const struct search_candidate *c,
                    struct bytes *text)
{
    s->looks++;
    return show(s, c->id, c->text, text) &&
           (s->options.parameter_count == 0 || judge(s, c, *text) != NULL);
}

/* ---- a page in the order of ids ---- */

static bool take(void *ctx, const struct search_candidate *c)
{
    struct search *s = ctx;
    struct bytes text;
    bool found = matches(s, c, &text);

    if (s->failed != ERR_OK)
        return false;
    if (found && !s->counting) {
        if (!search_bundle_has_room(&s->bundle, s->options.count))
            return false;
        add_entry(s, c->id, text);
    }
    s->bundle.total += found;
    return s->failed == ERR_OK;
}

static enum err_code step(struct search *s, struct bytes after, size_t max,
                          bool (*each)(void *ctx,
                                       const struct search_candidate *c),
                          struct search_step *out)
{
    enum err_code code;

    *out = (struct search_step){.type = s->x->route.type,
                                .plans = s->plans,
                                .plan_count = s->plan_count,
                                .after = after,
                                .max = max,
                                .each = each,
                                .ctx = s,
                                .arena = &s->arena};
    code = engine_search(s->x->rest->config.engine, out, s->e);
    return code == ERR_OK ? s->failed : code;
}

static size_t step_size(const struct search *s)
{
    size_t n = s->options.count + 1;

    return n < STEP_LEAST        ? STEP_LEAST
           : n > SEARCH_STEP_MAX ? SEARCH_STEP_MAX
                                 : n;
}

static enum err_code fill_page(struct search *s, struct bytes *after)
{
    struct search_step now = {.more = true};
    enum err_code code = ERR_OK;

    do {
        code = step(s, *after, step_size(s), take, &now);
        if (code == ERR_OK)
            *after = now.last;
    } while (code == ERR_OK && now.more && s->looks < SEARCH_LOOK_MAX &&
             search_bundle_has_room(&s->bundle, s->options.count));
    s->more = now.more;
    s->last = *after;
    return code;
}

/* Counts what is behind `after`; false in *whole when it would take more
 * looks. */
static enum err_code count_rest(struct search *s, struct bytes after,
                                size_t looks_max, bool *whole)
{
    struct search_step now = {.more = true};
    enum err_code code = ERR_OK;

    s->counting = true;
    while (code == ERR_OK && now.more && s->looks < looks_max) {
        code = step(s, after, SEARCH_STEP_MAX, take, &now);
        after = now.last;
    }
    *whole = !now.more;
    return code;
}

static enum err_code refuse_cost(struct search *s, const char *what)
{
    return err_set(s->e, ERR_TOO_COSTLY,
                   "%s would take looking at more resources than belfry does "
                   "for one search; search by more, or by a more selective "
                   "parameter",
                   what);
}

/* The matches before this page are counted as well, when the total must be
 * right. */
static enum err_code find_total(struct search *s, struct bytes after)
{
    bool accurate =
        s->options.total == SEARCH_TOTAL_ACCURATE || s->options.count == 0;
    bool first = s->options.after_id.n == 0;
    size_t most =
        s->options.parameter_count > 0 ? SEARCH_LOOK_MAX : SEARCH_COUNT_ALL_MAX;
    size_t looks_max = accurate ? most : s->looks + CHEAP_LOOKS;
    bool whole = !s->more;
    enum err_code code = ERR_OK;

    if (s->options.total == SEARCH_TOTAL_NONE || (!first && !accurate))
        return ERR_OK;
    if (!first) {
        s->bundle.total = 0;
        after = bytes_make(NULL, 0);
        whole = false;
    }
    if (!whole)
        code = count_rest(s, after, looks_max, &whole);
    if (code == ERR_OK && !whole && accurate)
        return refuse_cost(s, "the total");
    s->bundle.total_known = whole;
    return code;
}

static enum err_code by_id(struct search *s)
{
    struct bytes after = s->options.after_id;
    enum err_code code = ERR_OK;

    if (s->options.count > 0)
        code = fill_page(s, &after);
    else
        s->more = true;
    if (code == ERR_OK)
        code = find_total(s, after);
    if (s->options.count == 0 ||
        (s->bundle.total_known && s->options.after_id.n == 0 &&
         s->bundle.total == s->bundle.entries))
        s->more = false;
    return code;
}

/* ---- a page in another order ---- */

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    int order = index_key_compare(x->key, y->key);

    return order != 0 ? order : index_key_compare(x->id, y->id);
}

/* On a page before this one. Where all are placed they are counted as well. */
static bool is_before(const struct search *s, struct bytes key, struct bytes id)
{
    struct placed after = {s->options.after_key, s->options.after_id, 0};
    struct placed now = {key, id, 0};

    return s->unfinished && after.id.n > 0 && compare_placed(&now, &after) <= 0;
}

static bool place(void *ctx, const struct search_candidate *c)
{
    struct search *s = ctx;
    const struct search_values *values = NULL;
    struct bytes text;
    char raw[ORDER_BYTES_MAX];
    struct placed *p = &s->placed[s->placed_count];

    s->looks++;
    if (show(s, c->id, c->text, &text))
        values = judge(s, c, text);
    if (s->failed != ERR_OK)
        return false;
    if (!values)
        return true;
    if (c->time_ms < s->from_ms || c->time_ms > s->to_ms ||
        is_before(s, order_key(&s->options.order, values, raw), c->id))
        return true;
    p->key = arena_copy(&s->arena, order_key(&s->options.order, values, raw));
    p->id = arena_copy(&s->arena, c->id);
    p->version = c->version;
    if (!p->key.p || !p->id.p) {
        s->failed = err_nomem(s->e);
        return false;
    }
    s->placed_count++;
    return true;
}

static enum err_code place_all(struct search *s)
{
    struct search_step now = {.more = true};
    struct bytes after = {NULL, 0};
    enum err_code code = ERR_OK;

    while (code == ERR_OK && now.more && s->looks < SEARCH_LOOK_MAX) {
        code = step(s, after, SEARCH_STEP_MAX, place, &now);
        after = now.last;
    }
    if (code == ERR_OK && now.more)
        return refuse_cost(s, "_sort");
    return code;
}

/* ---- the latest first, of many ---- */

static bool is_latest_first(const struct search *s)
{
    const struct order *o = &s->options.order;

    return o->n == 1 && o->parts[0].down &&
           strcmp(search_parameter_code(o->parts[0].parameter),
                  "_lastUpdated") == 0;
}

/* The candidates that were written from from_ms to to_ms. */
static enum err_code place_window(struct search *s)
{
    struct index_space space = {.code = "_lastUpdated"};
    struct search_step now = {.more = true};
    struct bytes after = {NULL, 0};
    enum err_code code = ERR_OK;

    space.type = search_base_find(s->x->route.type)->type;
    index_head_u64(INDEX_DATE, space, index_order_time(s->from_ms),
                   &s->window.start);
    index_head_u64(INDEX_DATE, space, index_order_time(s->to_ms),
                   &s->window.stop);
    s->window_plan =
        (struct index_plan){.ranges = &s->window, .range_count = 1};
    s->plans = &s->window_plan;
    s->plan_count = 1;
    while (code == ERR_OK && now.more && s->looks < SEARCH_LOOK_MAX) {
        code = step(s, after, SEARCH_STEP_MAX, place, &now);
        after = now.last;
    }
    s->plan_count = 0;
    if (code == ERR_OK && now.more)
        return refuse_cost(s, "_sort");
    return code;
}

/* From the page's start back in time, in windows that grow until they hold a
 * page: so the latest of a large type are found without reading all of it. */
static enum err_code place_latest(struct search *s)
{
    int64_t window = WINDOW_LEAST_MS;
    int64_t end = clock_wall_ms(s->x->rest->config.clock);
    enum err_code code = ERR_OK;

    s->placed_count = 0;
    s->looks = 0;
    s->unfinished = true;
    s->to_ms = INT64_MAX;
    if (s->options.after_key.n > 0) {
        s->to_ms = order_time(s->options.after_key);
        end = s->to_ms;
    }
    while (code == ERR_OK && s->placed_count <= s->options.count) {
        s->from_ms = window > WINDOW_MOST_MS || end < INT64_MIN + window
                         ? INT64_MIN
                         : end - window;
        code = place_window(s);
        if (s->from_ms == INT64_MIN)
            break;
        s->to_ms = s->from_ms - 1;
        end = s->to_ms;
        window *= 2;
    }
    s->unfinished = s->from_ms != INT64_MIN;
    return code;
}

/* A version that is gone in the meantime is left out: it cannot be, versions
 * are kept. */
static enum err_code add_placed(struct search *s, const struct placed *p)
{
    struct resource_version v;
    struct bytes text;
    enum err_code code;

    arena_reset(&s->found);
    code = engine_read(
        s->x->rest->config.engine,
        &(struct resource_query){s->x->route.type, p->id, p->version},
        &s->found, &v, s->e);
    if (code != ERR_OK)
        return code;
    if (show(s, p->id, v.text, &text))
        add_entry(s, p->id, text);
    return s->failed;
}

static enum err_code in_order(struct search *s, struct bytes *last_key)
{
    struct placed after = {s->options.after_key, s->options.after_id, 0};
    bool latest = is_latest_first(s), whole;
    enum err_code code;

    s->placed = arena_calloc(&s->arena, SEARCH_LOOK_MAX + SEARCH_STEP_MAX,
                             sizeof *s->placed);
    if (!s->placed)
        return err_nomem(s->e);
    s->from_ms = INT64_MIN;
    s->to_ms = INT64_MAX;
    code = latest && s->plan_count == 0 ? ERR_TOO_COSTLY : place_all(s);
    if (code == ERR_TOO_COSTLY && latest)
        code = place_latest(s);
    else
        latest = false;
    if (code != ERR_OK)
        return code;
    qsort(s->placed, s->placed_count, sizeof *s->placed, compare_placed);
    for (size_t i = 0; code == ERR_OK && i < s->placed_count; i++) {
        const struct placed *p = &s->placed[i];

        if (after.id.n > 0 && compare_placed(p, &after) <= 0)
            continue;
        s->more = !search_bundle_has_room(&s->bundle, s->options.count);
        if (s->more)
            break;
        code = add_placed(s, p);
        s->last = p->id;
        *last_key = p->key;
    }
    if (s->unfinished && s->last.n > 0)
        s->more = true;
    whole = !latest || (!s->unfinished && s->options.after_id.n == 0);
    if (code == ERR_OK && !whole && s->options.total == SEARCH_TOTAL_ACCURATE)
        return refuse_cost(s, "the total in this order");
    s->bundle.total = s->placed_count;
    s->bundle.total_known = whole && s->options.total != SEARCH_TOTAL_NONE;
    return code;
}

/* ---- the whole ---- */

static bool is_status(struct bytes name)
{
    struct bytes modifier;

    return bytes_is(bytes_split(name, ':', &modifier), "status");
}

/* The index has the status that was stored, not the live one. */
static enum err_code plan(struct search *s, struct query_search *q)
{
    struct query_parameter *kept;
    size_t n = 0;

    if (!s->live)
        return index_plans(s->query, &s->arena, &s->plans, &s->plan_count,
                           s->e);
    kept = arena_calloc(&s->arena, q->count + 1, sizeof *kept);
    if (!kept)
        return err_nomem(s->e);
    for (size_t i = 0; i < q->count; i++)
        if (!is_status(q->parameters[i].name))
            kept[n++] = q->parameters[i];
    q->count = n;
    q->parameters = kept;
    if (query_compile_search(q, &s->planned, s->e) != ERR_OK)
        return s->e->code;
    return index_plans(s->planned, &s->arena, &s->plans, &s->plan_count, s->e);
}

static enum err_code prepare(struct search *s)
{
    struct exchange *x = s->x;
    struct query_search q = {.resource_type = x->route.type,
                             .base_url = x->rest->base_url,
                             .now_ms = clock_wall_ms(x->rest->config.clock)};
    enum err_code code = search_options_read(
        &x->params, x->route.type, x->request->arena, &s->options, s->e);

    if (code != ERR_OK)
        return code;
    q.parameters = s->options.parameters;
    q.count = s->options.parameter_count;
    code = query_compile_search(&q, &s->query, s->e);
    return code == ERR_OK ? plan(s, &q) : code;
}

static enum err_code run(struct search *s, struct bytes *next)
{
    struct bytes last_key = {NULL, 0};
    bool ordered = s->options.order.n > 0 && s->options.count > 0;
    enum err_code code = ordered ? in_order(s, &last_key) : by_id(s);

    if (code != ERR_OK || !s->more)
        return code;
    assert(s->last.n > 0);
    *next = search_options_page(last_key, s->last, &s->arena);
    return next->p ? ERR_OK : err_nomem(s->e);
}

static enum http_next answer(struct search *s)
{
    struct bytes next = {NULL, 0};
    enum err_code code;

    search_bundle_begin(&s->bundle, s->x);
    s->include = (struct search_include){.x = s->x,
                                         .options = &s->options.includes,
                                         .bundle = &s->bundle,
                                         .e = s->e};
    code = search_include_init(&s->include);
    if (code == ERR_OK)
        code = run(s, &next);
    if (code == ERR_OK)
        code = search_include_finish(&s->include);
    search_include_fini(&s->include);
    if (code == ERR_OK) {
        search_bundle_end(&s->bundle, next);
        return reply_body(s->x, 200, &s->bundle.out);
    }
    buf_fini(&s->bundle.out);
    return reply_error(s->x, s->e);
}

enum http_next resource_search(struct exchange *x)
{
    struct err e = {0};
    struct search s = {.x = x, .e = &e, .live = x->route.subscription};
    enum http_next next;

    arena_init(&s.arena, ARENA_BYTES);
    arena_init(&s.scratch, SCRATCH_BYTES);
    arena_init(&s.found, SCRATCH_BYTES);
    buf_init(&s.shown, SCRATCH_BYTES);
    next = prepare(&s) == ERR_OK ? answer(&s) : reply_error(x, &e);
    query_free(s.query);
    query_free(s.planned);
    arena_fini(&s.arena);
    arena_fini(&s.scratch);
    arena_fini(&s.found);
    buf_fini(&s.shown);
    return next;
}
