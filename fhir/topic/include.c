#include "fhir/topic/include.h"

#include "fhir/search/value.h"
#include "fhir/topic/parts.h"

static bool covers(const struct context *c, struct bytes type)
{
    const char *name = topic_type_find(type);

    return name && context_covers(c, name);
}

static size_t directives(const struct context *c)
{
    return c->include_count + c->reverse_count;
}

bool include_any(const struct topic *t)
{
    for (size_t i = 0; i < t->context_count; i++)
        if (directives(&t->contexts[i]) > 0)
            return true;
    return false;
}

bool include_follows(const struct topic *t, struct bytes type)
{
    for (size_t i = 0; i < t->context_count; i++)
        if (directives(&t->contexts[i]) > 0 && covers(&t->contexts[i], type))
            return true;
    return false;
}

bool include_reverses(const struct topic *t, struct bytes type)
{
    for (size_t i = 0; i < t->context_count; i++)
        if (t->contexts[i].reverse_count > 0 && covers(&t->contexts[i], type))
            return true;
    return false;
}

static bool iterates(const struct context *c)
{
    for (size_t i = 0; i < c->reverse_count; i++)
        if (c->reverses[i].iterate)
            return true;
    return false;
}

bool include_reverses_on(const struct topic *t, struct bytes type)
{
    for (size_t i = 0; i < t->context_count; i++)
        if (iterates(&t->contexts[i]) && covers(&t->contexts[i], type))
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

static bool points_at(const struct context_include *d, struct bytes type)
{
    const struct search_parameter *p =
        search_parameter_find(bytes_of(d->source), bytes_of(d->code));

    return p && search_parameter_targets(p, type) &&
           (!d->target || bytes_is(type, d->target));
}

size_t include_reverse_of(const struct topic *t, const struct include_to *to,
                          struct include_reverse *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < t->context_count; i++) {
        const struct context *c = &t->contexts[i];

        if (!covers(c, to->focus_type))
            continue;
        for (size_t k = 0; k < c->reverse_count && n < max; k++) {
            const struct context_include *d = &c->reverses[k];

            if ((to->focus || d->iterate) && points_at(d, to->type))
                out[n++] = (struct include_reverse){d->source, d->code};
        }
    }
    return n;
}

bool include_refers(const struct include_reverse *r,
                    const struct search_values *values,
                    const struct include_reference *to)
{
    const struct search_parameter *p =
        search_parameter_find(bytes_of(r->source), bytes_of(r->code));
    const struct search_slot *slot;

    if (!p || !bytes_is(search_values_type(values), r->source))
        return false;
    slot = &values->slots[search_slot_index(values->base, p)];
    for (size_t i = 0; i < slot->count; i++) {
        const struct search_value *v = &slot->values[i];

        if (!v->by_identifier && bytes_equal(v->reference.type, to->type) &&
            bytes_equal(v->reference.id, to->id))
            return true;
    }
    return false;
}

const char *include_reverse_type(const struct topic *t, size_t index,
                                 const char **code)
{
    for (size_t i = 0; i < t->context_count; i++) {
        const struct context *c = &t->contexts[i];

        if (index < c->reverse_count) {
            *code = c->reverses[index].code;
            return c->reverses[index].source;
        }
        index -= c->reverse_count;
    }
    return NULL;
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
