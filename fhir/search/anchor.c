#include "fhir/search/anchor.h"

#include <assert.h>
#include <math.h>

#include "fhir/search/compiled.h"

/* --- equal values --- */

static bool has_codes(const struct predicate *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->values[i].token.code.n == 0)
            return false;
    return true;
}

enum anchor_rank anchor_rank(const struct predicate *p)
{
    if (p->op != PREDICATE_ANY_OF || p->how != HOW_PLAIN ||
        p->count > QUERY_ANCHORS_MAX)
        return ANCHOR_NONE;
    switch (p->parameter->type) {
    case SEARCH_REFERENCE:
        return ANCHOR_REFERENCE;
    case SEARCH_URI:
        return ANCHOR_IDENTIFIER;
    case SEARCH_TOKEN:
        if (!has_codes(p))
            return ANCHOR_NONE;
        return search_parameter_has_leaf(p->parameter,
                                         SEARCH_LEAF_IDENTIFIER) ||
                       search_parameter_has_leaf(p->parameter, SEARCH_LEAF_ID)
                   ? ANCHOR_IDENTIFIER
                   : ANCHOR_TOKEN;
    case SEARCH_DATE:
    case SEARCH_STRING:
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
    case SEARCH_COMPOSITE:
        break;
    }
    return ANCHOR_NONE;
}

static uint64_t key_of(const struct predicate *p,
                       const struct predicate_value *value)
{
    if (p->parameter->type == SEARCH_URI)
        return search_key_uri(p->parameter, value->text);
    return p->parameter->type == SEARCH_REFERENCE
               ? search_key_reference(p->parameter, &value->reference.to)
               : search_key_token(p->parameter, value->token.code);
}

static bool contains(const uint64_t *keys, size_t n, uint64_t key)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i] == key)
            return true;
    return false;
}

size_t anchor_keys(const struct predicate *p, uint64_t keys[QUERY_ANCHORS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < p->count; i++) {
        uint64_t key = key_of(p, &p->values[i]);

        if (!contains(keys, n, key))
            keys[n++] = key;
    }
    return n;
}

size_t anchor_predicate_count(const struct query *q)
{
    return q->count;
}

enum anchor_rank anchor_predicate_rank(const struct query *q, size_t index)
{
    return anchor_rank(&q->predicates[index]);
}

size_t anchor_predicate_keys(const struct query *q, size_t index,
                             uint64_t keys[QUERY_ANCHORS_MAX])
{
    return anchor_keys(&q->predicates[index], keys);
}

size_t anchor_chosen(const struct query *q)
{
    return q->anchor;
}

/* --- ranges: numbers and instants as integers of the same order --- */

static int64_t ordered(double x)
{
    double positive_zero = x + 0.0;
    int64_t bits;

    memcpy(&bits, &positive_zero, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

/* A range that what is found must touch: see match.c for what each prefix
 * asks. */
struct range {
    int64_t from;
    int64_t to;
};

static const struct range everything = {INT64_MIN, INT64_MAX};

static struct range range_of(enum predicate_prefix prefix, struct range value,
                             struct range equal)
{
    switch (prefix) {
    case PREFIX_EQ:
    case PREFIX_AP:
        return equal;
    case PREFIX_GT:
    case PREFIX_SA:
        return (struct range){value.to, INT64_MAX};
    case PREFIX_GE:
        return (struct range){value.from, INT64_MAX};
    case PREFIX_LT:
    case PREFIX_EB:
        return (struct range){INT64_MIN, value.from};
    case PREFIX_LE:
        return (struct range){INT64_MIN, value.to};
    case PREFIX_NE:
        break;
    }
    return everything;
}

static struct range range_of_date(const struct predicate_date *d)
{
    struct range whole = {d->range.from_ms, d->range.to_ms};

    return range_of(d->prefix, whole, whole);
}

static struct range range_of_number(const struct predicate_number *n)
{
    const struct number *w = n->dimension ? &n->base : &n->number;
    int64_t at = ordered(w->value);

    return range_of(n->prefix, (struct range){at, at},
                    (struct range){ordered(w->low), ordered(w->high)});
}

static unsigned bucket_of_unit(struct bytes unit)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < unit.n; i++)
        hash = (hash ^ (unsigned char)unit.p[i]) * 16777619U;
    return 1 + hash % (ANCHOR_BUCKETS - 1);
}

static unsigned bucket_of_dimension(uint64_t dimension)
{
    return (unsigned)(dimension * 0x9E3779B97F4A7C15ULL >> 58);
}

/* Where the value at the index is compared; a range of everything. */
static struct anchor_range place_of(const struct predicate *p, size_t index)
{
    const struct predicate_number *n = &p->values[index].number;
    struct anchor_range place = {
        .slot = p->slot, .from = INT64_MIN, .to = INT64_MAX};

    if (p->parameter->type != SEARCH_QUANTITY || n->form == TOKEN_ANY_SYSTEM)
        return place;
    place.scale = n->dimension ? ANCHOR_IN_BASE_UNITS : ANCHOR_AS_WRITTEN;
    place.bucket = n->dimension ? bucket_of_dimension(n->dimension)
                                : bucket_of_unit(n->code);
    return place;
}

static bool is_same_place(const struct anchor_range *a,
                          const struct anchor_range *b)
{
    return a->slot == b->slot && a->scale == b->scale && a->bucket == b->bucket;
}

static struct range range_of_value(const struct predicate *p, size_t index)
{
    return p->parameter->type == SEARCH_DATE
               ? range_of_date(&p->values[index].date)
               : range_of_number(&p->values[index].number);
}

/* Any of its values may do: the hull. False when they are compared in
 * different places, or all of them with everything. */
static bool range_of_predicate(const struct predicate *p,
                               struct anchor_range *out)
{
    struct range hull = {INT64_MAX, INT64_MIN};

    if (p->op != PREDICATE_ANY_OF || p->how != HOW_PLAIN || p->count == 0 ||
        !search_type_compares(p->parameter->type))
        return false;
    *out = place_of(p, 0);
    for (size_t i = 0; i < p->count; i++) {
        struct anchor_range place = place_of(p, i);
        struct range r = range_of_value(p, i);

        if (!is_same_place(&place, out))
            return false;
        hull.from = r.from < hull.from ? r.from : hull.from;
        hull.to = r.to > hull.to ? r.to : hull.to;
    }
    out->from = hull.from;
    out->to = hull.to;
    return hull.from != INT64_MIN || hull.to != INT64_MAX;
}

static bool is_closed(const struct anchor_range *r)
{
    return r->from != INT64_MIN && r->to != INT64_MAX;
}

/* Both must hold, be it by two values: the span of all touches each bound. */
static void narrow(struct anchor_range *r, const struct anchor_range *by)
{
    if (by->from > r->from)
        r->from = by->from;
    if (by->to < r->to)
        r->to = by->to;
}

/* One that is closed at both ends is preferred. */
bool anchor_query_range(const struct query *q, struct anchor_range *out)
{
    bool found = false;

    for (size_t i = 0; i < q->count; i++) {
        struct anchor_range r, other;

        if (!range_of_predicate(&q->predicates[i], &r))
            continue;
        for (size_t k = i + 1; k < q->count; k++)
            if (range_of_predicate(&q->predicates[k], &other) &&
                is_same_place(&other, &r))
                narrow(&r, &other);
        if (!found || (is_closed(&r) && !is_closed(out)))
            *out = r;
        found = true;
    }
    return found;
}

/* --- what a resource says --- */

static const struct search_parameter *parameter_at(const struct search_base *b,
                                                   size_t slot)
{
    return slot < b->count ? &b->parameters[slot]
                           : &search_base_common()->parameters[slot - b->count];
}

/* Either end may be the greater one in what a stranger wrote. */
static void widen(struct anchor_reach *r, int64_t a, int64_t b)
{
    int64_t low = a < b ? a : b, high = a < b ? b : a;

    r->from = low < r->from ? low : r->from;
    r->to = high > r->to ? high : r->to;
    r->buckets |= 1;
}

static void add_quantity(struct anchor_span *s, const struct search_quantity *q)
{
    struct anchor_reach *written = &s->on[ANCHOR_AS_WRITTEN];
    struct anchor_reach *base = &s->on[ANCHOR_IN_BASE_UNITS];

    widen(written, ordered(q->low), ordered(q->high));
    written->buckets |= (uint64_t)1 << bucket_of_unit(q->code) |
                        (uint64_t)1 << bucket_of_unit(q->unit);
    if (!q->dimension)
        return;
    widen(base, ordered(q->base_low), ordered(q->base_high));
    base->buckets |= (uint64_t)1 << bucket_of_dimension(q->dimension);
}

void anchor_values_span(const struct search_values *v, size_t slot,
                        struct anchor_span *out)
{
    enum search_type type = parameter_at(v->base, slot)->type;
    const struct search_slot *found = &v->slots[slot];

    assert(search_type_compares(type));
    for (size_t i = 0; i < ANCHOR_SCALES; i++)
        out->on[i] = (struct anchor_reach){INT64_MAX, INT64_MIN, 0};
    for (size_t i = 0; i < found->count; i++) {
        const struct search_value *x = &found->values[i];

        if (type == SEARCH_DATE)
            widen(&out->on[ANCHOR_AS_WRITTEN], x->range.from_ms,
                  x->range.to_ms);
        else
            add_quantity(out, &x->quantity);
    }
}
