#include "server/rest/search_include.h"

#include "fhir/search/index_plan.h"
#include "fhir/search/value.h"
#include "server/engine/read.h"
#include "server/engine/search.h"
#include "server/rest/search.h"
#include "server/rest/shown.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define ITEMS_MAX (SEARCH_COUNT_MAX + SEARCH_INCLUDES_MAX)
/* References looked for by one query. */
#define CHUNK 32
#define CHUNK_BYTES ((size_t)8 << 10)

struct include_item {
    struct bytes type;
    struct bytes id;
};

static bool is_asked(const struct search_include *s)
{
    return s->options->to_count + s->options->from_count > 0;
}

enum err_code search_include_init(struct search_include *s)
{
    arena_init(&s->arena, ARENA_BYTES);
    arena_init(&s->scratch, ARENA_BYTES);
    if (!is_asked(s))
        return ERR_OK;
    s->items = arena_calloc(&s->arena, ITEMS_MAX, sizeof *s->items);
    return s->items ? ERR_OK : err_nomem(s->e);
}

void search_include_fini(struct search_include *s)
{
    arena_fini(&s->arena);
    arena_fini(&s->scratch);
}

/* ---- the list ---- */

static bool is_known(const struct search_include *s,
                     const struct include_item *it)
{
    for (size_t i = 0; i < s->count; i++)
        if (bytes_equal(s->items[i].id, it->id) &&
            bytes_equal(s->items[i].type, it->type))
            return true;
    return false;
}

static enum err_code refuse_cost(struct search_include *s, const char *what)
{
    return err_set(s->e, ERR_TOO_COSTLY,
                   "_include and _revinclude would %s; ask for smaller pages "
                   "(_count) or fewer of them",
                   what);
}

static enum err_code add(struct search_include *s,
                         const struct include_item *it)
{
    if (is_known(s, it))
        return ERR_OK;
    if (s->count == ITEMS_MAX || s->count - s->matches == SEARCH_INCLUDES_MAX)
        return refuse_cost(s, "bring along more than 1000 resources");
    s->items[s->count] = (struct include_item){arena_copy(&s->arena, it->type),
                                               arena_copy(&s->arena, it->id)};
    s->count++;
    return arena_failed(&s->arena) ? err_nomem(s->e) : ERR_OK;
}

/* ---- along the references ---- */

static enum err_code follow_one(struct search_include *s,
                                const struct include_option *o,
                                const struct search_values *v)
{
    const struct search_slot *slot =
        &v->slots[search_slot_index(v->base, o->parameter)];
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < slot->count; i++) {
        const struct search_value *value = &slot->values[i];
        const struct search_reference *r = &value->reference;

        if (!value->by_identifier && search_reference_is_local(r) &&
            (o->target.n == 0 || bytes_equal(o->target, r->type)))
            code = add(s, &(struct include_item){r->type, r->id});
    }
    return code;
}

static bool follows(const struct search_include *s, struct bytes type,
                    bool match)
{
    for (size_t i = 0; i < s->options->to_count; i++)
        if ((match || s->options->to[i].iterate) &&
            bytes_is(type, s->options->to[i].source))
            return true;
    return false;
}

static enum err_code follow(struct search_include *s, struct bytes type,
                            struct bytes text, bool match)
{
    struct search_values *values = NULL;
    enum err_code code;

    if (!follows(s, type, match))
        return ERR_OK;
    arena_reset(&s->scratch);
    code = search_values_read(text, s->x->rest->base_url, &s->scratch, &values,
                              s->e);
    for (size_t i = 0; code == ERR_OK && i < s->options->to_count; i++) {
        const struct include_option *o = &s->options->to[i];

        if ((match || o->iterate) && bytes_is(type, o->source))
            code = follow_one(s, o, values);
    }
    return code;
}

enum err_code search_include_match(struct search_include *s, struct bytes id)
{
    struct include_item *it;

    if (!is_asked(s) || s->matches == SEARCH_COUNT_MAX)
        return ERR_OK;
    it = &s->items[s->count++];
    s->matches++;
    *it = (struct include_item){s->x->route.type, arena_copy(&s->arena, id)};
    return it->id.p ? ERR_OK : err_nomem(s->e);
}

/* ---- against them ---- */

/* One query for a few of the items at once. */
struct looking {
    struct search_include *include;
    const struct include_option *option;
    struct query *query;
};

static bool visit(void *ctx, const struct search_candidate *c)
{
    struct looking *x = ctx;
    struct search_include *s = x->include;
    struct search_values *values = NULL;

    s->looks++;
    arena_reset(&s->scratch);
    s->failed = search_values_read(c->text, s->x->rest->base_url, &s->scratch,
                                   &values, s->e);
    if (s->failed == ERR_OK && query_matches(x->query, values))
        s->failed =
            add(s, &(struct include_item){bytes_of(x->option->source), c->id});
    return s->failed == ERR_OK;
}

static enum err_code search(struct looking *x)
{
    struct search_include *s = x->include;
    struct search_step step = {.type = bytes_of(x->option->source),
                               .max = SEARCH_STEP_MAX,
                               .each = visit,
                               .ctx = x,
                               .arena = &s->arena,
                               .more = true};
    struct index_plan *plans = NULL;
    enum err_code code =
        index_plans(x->query, &s->arena, &plans, &step.plan_count, s->e);

    step.plans = plans;
    while (code == ERR_OK && step.more) {
        if (s->looks >= SEARCH_LOOK_MAX)
            return refuse_cost(s, "look at too many resources");
        code = engine_search(s->x->rest->config.engine, &step, s->e);
        if (code == ERR_OK)
            code = s->failed;
        step.after = step.last;
    }
    return code;
}

static enum err_code look(struct search_include *s,
                          const struct include_option *o, struct bytes values)
{
    struct looking x = {.include = s, .option = o};
    const struct query_parameter parameter = {
        bytes_of(search_parameter_code(o->parameter)), values};
    const struct query_search q = {.resource_type = bytes_of(o->source),
                                   .base_url = s->x->rest->base_url,
                                   .now_ms =
                                       clock_wall_ms(s->x->rest->config.clock),
                                   .parameters = &parameter,
                                   .count = 1};
    enum err_code code = query_compile_search(&q, &x.query, s->e);

    if (code == ERR_OK)
        code = search(&x);
    query_free(x.query);
    return code;
}

static bool points_at(const struct include_option *o, struct bytes type)
{
    return search_parameter_targets(o->parameter, type) &&
           (o->target.n == 0 || bytes_equal(o->target, type));
}

/* What refers to the items from `first` on up to `last`. */
static enum err_code look_back(struct search_include *s,
                               const struct include_option *o, size_t first,
                               size_t last)
{
    enum err_code code = ERR_OK;
    struct buf values;
    size_t n = 0;

    buf_init(&values, CHUNK_BYTES);
    for (size_t i = first; code == ERR_OK && i < last; i++) {
        if (points_at(o, s->items[i].type)) {
            buf_add_text(&values, n++ ? "," : "");
            buf_add(&values, s->items[i].type);
            buf_add_char(&values, '/');
            buf_add(&values, s->items[i].id);
        }
        if (n == 0 || (n < CHUNK && i + 1 < last))
            continue;
        code = buf_check(&values, s->e);
        if (code == ERR_OK)
            code = look(s, o, buf_bytes(&values));
        buf_reset(&values);
        n = 0;
    }
    buf_fini(&values);
    return code;
}

/* ---- into the page ---- */

/* Empty when it is not there (any more). */
static enum err_code read_shown(struct search_include *s,
                                const struct include_item *it, struct buf *out)
{
    struct engine *engine = s->x->rest->config.engine;
    const struct resource_query q = {it->type, it->id, 0};
    struct resource_version v = {0};
    struct subscription_state state;
    enum err_code code;

    arena_reset(&s->scratch);
    code = it->id.n > 64 ? ERR_NOT_FOUND
                         : engine_read(engine, &q, &s->scratch, &v, s->e);
    if (code == ERR_NOT_FOUND || (code == ERR_OK && v.deleted))
        return ERR_OK;
    if (code == ERR_OK && !bytes_is(it->type, "Subscription")) {
        buf_add(out, v.text);
        return buf_check(out, s->e);
    }
    if (code == ERR_OK)
        code = engine_subscription_by_id(engine, it->id, &state, NULL, s->e);
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    return code == ERR_OK
               ? shown_subscription(v.text, &state, &s->scratch, out, s->e)
               : code;
}

static enum err_code bring(struct search_include *s, size_t index, bool match)
{
    const struct include_item it = s->items[index];
    enum err_code code;
    struct buf text;

    buf_init(&text, ARENA_BYTES);
    code = read_shown(s, &it, &text);
    if (code == ERR_OK && text.n > 0 && !match) {
        if (s->bundle->out.n + text.n > 2 * SEARCH_PAGE_BYTES)
            code = refuse_cost(s, "make too large a page");
        else
            search_bundle_add_included(s->bundle, it.type, it.id,
                                       buf_bytes(&text));
    }
    if (code == ERR_OK && text.n > 0)
        code = follow(s, it.type, buf_bytes(&text), match);
    buf_fini(&text);
    return code;
}

static enum err_code round_of(struct search_include *s, size_t first,
                              size_t last, bool matches)
{
    enum err_code code = ERR_OK;

    for (size_t i = first; code == ERR_OK && i < last; i++)
        if (!matches || s->options->to_count > 0)
            code = bring(s, i, matches);
    for (size_t i = 0; code == ERR_OK && i < s->options->from_count; i++)
        if (matches || s->options->from[i].iterate)
            code = look_back(s, &s->options->from[i], first, last);
    return code;
}

enum err_code search_include_finish(struct search_include *s)
{
    size_t first = 0, last = s->count;
    enum err_code code = ERR_OK;

    for (int round = 0; code == ERR_OK && first < last; round++) {
        if (round == SEARCH_INCLUDE_ROUNDS)
            return refuse_cost(s, "go on too deep");
        code = round_of(s, first, last, round == 0);
        first = last;
        last = s->count;
    }
    return code;
}
