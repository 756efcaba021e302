#include "fhir/search/index_plan.h"

#include <math.h>
#include <stdlib.h>

#include "fhir/search/compiled.h"

enum rank {
    RANK_ORDERED,
    RANK_TEXT,
    RANK_TOKEN,
    RANK_IDENTIFIER,
    RANK_REFERENCE
};

/* One predicate being planned. */
struct planning {
    const struct query *query;
    const struct predicate *predicate;
    struct index_plan *plan;
};

static struct index_space whole_type(const struct planning *x)
{
    return (struct index_space){.type = x->query->base->type};
}

/* --- ranges --- */

static void add_between(const struct planning *x, enum index_kind kind,
                        struct index_space space, uint64_t from, uint64_t to)
{
    struct index_range *r = &x->plan->ranges[x->plan->range_count++];

    index_head_u64(kind, space, from, &r->start);
    index_head_u64(kind, space, to, &r->stop);
}

static void add_equal(const struct planning *x, uint64_t hash)
{
    add_between(x, INDEX_HASH, whole_type(x), hash, hash);
}

static bool add_text(const struct planning *x, struct bytes text)
{
    struct index_range *r = &x->plan->ranges[x->plan->range_count++];

    index_head_text(whole_type(x), text, &r->start);
    r->stop = r->start;
    return r->start.n > 4;
}

/* --- one value of each type; false: the index does not help --- */

static bool plan_token(const struct planning *x,
                       const struct search_parameter *p,
                       const struct predicate_value *value)
{
    const struct predicate_token *t = &value->token;

    (void)p;
    if (x->predicate->how == HOW_TEXT || x->predicate->how == HOW_IN)
        return false;
    if (x->predicate->how == HOW_OF_TYPE) {
        add_equal(x, index_hash(INDEX_TOKEN, t->value));
        return true;
    }
    if (t->code.n == 0)
        return false;
    add_equal(x, index_hash(INDEX_TOKEN, t->code));
    return true;
}

static bool plan_reference(const struct planning *x,
                           const struct search_parameter *p,
                           const struct predicate_value *value)
{
    (void)p;
    if (x->predicate->how != HOW_IDENTIFIER) {
        add_equal(x, index_hash_reference(&value->reference.to));
        return true;
    }
    if (value->token.code.n == 0)
        return false;
    add_equal(x, index_hash(INDEX_IDENTIFIER, value->token.code));
    return true;
}

static bool plan_uri(const struct planning *x, const struct search_parameter *p,
                     const struct predicate_value *value)
{
    (void)p;
    if (x->predicate->how != HOW_PLAIN)
        return false;
    add_equal(x, index_hash(INDEX_URI, value->text));
    return true;
}

static bool plan_string(const struct planning *x,
                        const struct search_parameter *p,
                        const struct predicate_value *value)
{
    (void)p;
    return x->predicate->how != HOW_CONTAINS && add_text(x, value->text);
}

/* Where the ends of a range may lie: low and high of what is sought. */
struct bounds {
    uint64_t least;       /* of where it starts */
    uint64_t greatest;    /* of where it starts */
    uint64_t least_end;   /* of where it ends */
    uint64_t short_least; /* of where a short one starts */
    bool by_end;          /* a long one is found by its end */
};

static int64_t before(int64_t time_ms)
{
    return time_ms < INT64_MIN + INDEX_SHORT_MS ? INT64_MIN
                                                : time_ms - INDEX_SHORT_MS;
}

/* match_date() for each prefix, widened to bounds. */
static struct bounds date_bounds(const struct predicate_date *d)
{
    int64_t from = INT64_MIN, to = INT64_MAX, end = INT64_MIN;
    bool by_end = false;

    switch (d->prefix) {
    case PREFIX_EQ:
        from = d->range.from_ms;
        to = d->range.to_ms;
        break;
    case PREFIX_SA:
        from = d->range.to_ms;
        break;
    case PREFIX_LT:
    case PREFIX_EB:
        to = d->range.from_ms;
        break;
    case PREFIX_LE:
    case PREFIX_AP:
        to = d->range.to_ms;
        break;
    case PREFIX_GT:
    case PREFIX_GE:
        end = d->range.from_ms;
        by_end = true;
        break;
    case PREFIX_NE:
        break;
    }
    return (struct bounds){
        index_order_time(from), index_order_time(to), index_order_time(end),
        index_order_time(by_end                   ? before(end)
                         : d->prefix == PREFIX_AP ? before(d->range.from_ms)
                                                  : from),
        by_end};
}

static bool plan_date(const struct planning *x,
                      const struct search_parameter *p,
                      const struct predicate_value *value)
{
    struct index_space space = {.type = x->query->base->type, .code = p->code};
    struct bounds b = date_bounds(&value->date);

    add_between(x, INDEX_DATE, space, b.short_least, b.greatest);
    if (b.by_end)
        add_between(x, INDEX_DATE_TO, space, b.least_end, UINT64_MAX);
    else
        add_between(x, INDEX_DATE_FROM, space, b.least, b.greatest);
    return true;
}

/* match_number() for each prefix, widened to bounds. */
static struct bounds number_bounds(enum predicate_prefix prefix,
                                   const struct number *n)
{
    double low = -HUGE_VAL, high = HUGE_VAL, end = -HUGE_VAL;
    bool by_end = false;

    switch (prefix) {
    case PREFIX_EQ:
        low = n->low;
        high = n->high;
        break;
    case PREFIX_SA:
        low = n->value;
        break;
    case PREFIX_LT:
    case PREFIX_LE:
    case PREFIX_EB:
        high = n->value;
        break;
    case PREFIX_AP:
        high = n->high;
        break;
    case PREFIX_GT:
    case PREFIX_GE:
        end = n->value;
        by_end = true;
        break;
    case PREFIX_NE:
        break;
    }
    return (struct bounds){index_order_number(low), index_order_number(high),
                           index_order_number(end),
                           index_order_number(by_end                ? end
                                              : prefix == PREFIX_AP ? n->low
                                                                    : low),
                           by_end};
}

static bool plan_number(const struct planning *x,
                        const struct search_parameter *p,
                        const struct predicate_value *value)
{
    const struct predicate_number *w = &value->number;
    struct index_space space = whole_type(x);
    bool base = p->type == SEARCH_QUANTITY && w->dimension != 0;
    struct bounds b = number_bounds(w->prefix, base ? &w->base : &w->number);

    space.dimension = base ? w->dimension : 0;
    add_between(x, base ? INDEX_BASE : INDEX_NUMBER, space, b.short_least,
                b.greatest);
    if (b.by_end)
        add_between(x, base ? INDEX_BASE_HIGH : INDEX_NUMBER_HIGH, space,
                    b.least_end, UINT64_MAX);
    else
        add_between(x, base ? INDEX_BASE_LOW : INDEX_NUMBER_LOW, space, b.least,
                    b.greatest);
    return true;
}

/* --- one predicate --- */

typedef bool planner(const struct planning *x, const struct search_parameter *p,
                     const struct predicate_value *value);

static planner *const planners[] = {
    [SEARCH_TOKEN] = plan_token,   [SEARCH_REFERENCE] = plan_reference,
    [SEARCH_DATE] = plan_date,     [SEARCH_STRING] = plan_string,
    [SEARCH_NUMBER] = plan_number, [SEARCH_QUANTITY] = plan_number,
    [SEARCH_URI] = plan_uri,
};

static enum rank rank_of(const struct search_parameter *p)
{
    switch (p->type) {
    case SEARCH_REFERENCE:
        return RANK_REFERENCE;
    case SEARCH_URI:
        return RANK_IDENTIFIER;
    case SEARCH_TOKEN:
        return search_parameter_has_leaf(p, SEARCH_LEAF_IDENTIFIER)
                   ? RANK_IDENTIFIER
                   : RANK_TOKEN;
    case SEARCH_STRING:
        return RANK_TEXT;
    case SEARCH_DATE:
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
    case SEARCH_COMPOSITE:
        break;
    }
    return RANK_ORDERED;
}

/* A composite goes by the first of its parts: each of them must hold. */
static bool plan_values(const struct planning *x)
{
    const struct search_parameter *p = x->predicate->parameter;
    bool composite = p->type == SEARCH_COMPOSITE;
    const struct search_parameter *by = composite ? &p->components[0] : p;

    if (composite && by->type == SEARCH_DATE)
        return false;
    for (size_t i = 0; i < x->predicate->count; i++) {
        const struct predicate_value *value = &x->predicate->values[i];

        if (!planners[by->type](x, by, composite ? &value->parts[0] : value))
            return false;
    }
    x->plan->rank = (int)rank_of(by);
    x->plan->by_id = by->type == SEARCH_TOKEN || by->type == SEARCH_REFERENCE ||
                     by->type == SEARCH_URI;
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    return index_key_compare(*(const struct bytes *)a,
                             *(const struct bytes *)b);
}

static enum err_code plan_ids(const struct predicate *p, struct arena *arena,
                              struct index_plan *out, struct err *e)
{
    out->ids = arena_calloc(arena, p->count, sizeof *out->ids);
    if (!out->ids)
        return err_nomem(e);
    for (size_t i = 0; i < p->count; i++)
        out->ids[i] = p->values[i].token.code;
    qsort(out->ids, p->count, sizeof *out->ids, compare_ids);
    for (size_t i = 0; i < p->count; i++)
        if (i == 0 || !bytes_equal(out->ids[i], out->ids[i - 1]))
            out->ids[out->id_count++] = out->ids[i];
    return ERR_OK;
}

static bool is_id(const struct predicate *p)
{
    return search_parameter_has_leaf(p->parameter, SEARCH_LEAF_ID);
}

enum err_code index_plans(const struct query *q, struct arena *arena,
                          struct index_plan **out, size_t *n, struct err *e)
{
    *n = 0;
    *out = arena_calloc(arena, q->count + 1, sizeof **out);
    if (!*out)
        return err_nomem(e);
    for (size_t i = 0; i < q->count; i++) {
        struct planning x = {q, &q->predicates[i], &(*out)[*n]};
        const struct predicate *p = x.predicate;

        *x.plan = (struct index_plan){.rank = 0};
        if (p->op != PREDICATE_ANY_OF)
            continue;
        if (is_id(p)) {
            enum err_code code = plan_ids(p, arena, x.plan, e);

            if (code != ERR_OK)
                return code;
            (*n)++;
            continue;
        }
        if (!index_has_parameter(p->parameter))
            continue;
        x.plan->ranges =
            arena_calloc(arena, 2 * p->count, sizeof *x.plan->ranges);
        if (!x.plan->ranges)
            return err_nomem(e);
        *n += plan_values(&x);
    }
    return ERR_OK;
}
