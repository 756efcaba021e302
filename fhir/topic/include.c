#include "fhir/topic/include.h"

#include "fhir/search/value.h"
#include "fhir/topic/parts.h"

static bool covers(const struct context *c, struct bytes type)
{
    const char *name = topic_type_find(type);

    return name && context_covers(c, name);
}

bool include_any(const struct topic *t)
{
    for (size_t i = 0; i < t->context_count; i++)
        if (t->contexts[i].include_count > 0)
            return true;
    return false;
}

bool include_follows(const struct topic *t, struct bytes type)
{
    for (size_t i = 0; i < t->context_count; i++)
        if (t->contexts[i].include_count > 0 && covers(&t->contexts[i], type))
            return true;
    return false;
}

struct collecting {
    struct include_reference *out;
    size_t count;
    size_t max;
};

static void add(struct collecting *x, const struct search_reference *r)
{
    for (size_t i = 0; i < x->count; i++)
        if (bytes_equal(x->out[i].type, r->type) &&
            bytes_equal(x->out[i].id, r->id))
            return;
    if (x->count < x->max)
        x->out[x->count++] = (struct include_reference){r->type, r->id};
}

static void follow(struct collecting *x, const struct context_include *include,
                   const struct search_values *v)
{
    const struct search_parameter *p = search_parameter_find(
        bytes_of(include->source), bytes_of(include->code));
    const struct search_slot *slot;

    if (!p)
        return;
    slot = &v->slots[search_slot_index(v->base, p)];
    for (size_t i = 0; i < slot->count; i++) {
        const struct search_value *value = &slot->values[i];

        if (value->by_identifier ||
            !search_reference_is_local(&value->reference))
            continue;
        if (!include->target ||
            bytes_is(value->reference.type, include->target))
            add(x, &value->reference);
    }
}

size_t include_references(const struct topic *t,
                          const struct include_from *from,
                          struct include_reference *out, size_t max)
{
    struct collecting x = {out, 0, max};
    struct bytes type = search_values_type(from->values);

    for (size_t i = 0; i < t->context_count; i++) {
        const struct context *c = &t->contexts[i];

        if (!covers(c, from->focus_type))
            continue;
        for (size_t k = 0; k < c->include_count; k++) {
            const struct context_include *include = &c->includes[k];

            if (bytes_is(type, include->source) &&
                (from->focus || include->iterate))
                follow(&x, include, from->values);
        }
    }
    return x.count;
}

size_t include_queries(const struct topic *t, struct bytes type,
                       const struct context_query **out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < t->context_count; i++) {
        const struct context *c = &t->contexts[i];

        if (!covers(c, type))
            continue;
        for (size_t k = 0; k < c->query_count && n < max; k++)
            out[n++] = &c->queries[k];
    }
    return n;
}
