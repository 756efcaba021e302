#include "fhir/search/match.h"

static bool match_token(const struct search_parameter *p,
                        const struct predicate_value *wanted,
                        const struct search_value *found)
{
    const struct predicate_token *w = &wanted->token;

    (void)p;
    if (w->token.code.n > 0 && !bytes_equal(w->token.code, found->token.code))
        return false;
    switch (w->form) {
    case TOKEN_ANY_SYSTEM:
        return true;
    case TOKEN_WITH_SYSTEM:
        return bytes_equal(w->token.system, found->token.system);
    case TOKEN_NO_SYSTEM:
        return found->token.system.n == 0;
    }
    return false;
}

static bool match_reference(const struct search_parameter *p,
                            const struct predicate_value *wanted,
                            const struct search_value *found)
{
    const struct predicate_reference *w = &wanted->reference;
    const struct search_reference *f = &found->reference;

    if (!bytes_equal(w->to.id, f->id))
        return false;
    if (w->any_target)
        return search_reference_is_local(f) &&
               search_parameter_targets(p, f->type);
    /* a canonical without a version asks for any */
    return bytes_equal(w->to.type, f->type) &&
           (w->to.version.n == 0 || bytes_equal(w->to.version, f->version));
}

/* R4 search.html, prefixes: the range of the value against the range of what
 * was found. */
static bool match_date(const struct search_parameter *p,
                       const struct predicate_value *wanted,
                       const struct search_value *found)
{
    struct search_range w = wanted->date.range;
    struct search_range f = found->range;
    bool contained = w.from_ms <= f.from_ms && f.to_ms <= w.to_ms;
    bool reaches_above = f.to_ms > w.to_ms;
    bool reaches_below = f.from_ms < w.from_ms;

    (void)p;
    switch (wanted->date.prefix) {
    case PREFIX_EQ:
        return contained;
    case PREFIX_NE:
        return !contained;
    case PREFIX_GT:
        return reaches_above;
    case PREFIX_LT:
        return reaches_below;
    case PREFIX_GE:
        return reaches_above || contained;
    case PREFIX_LE:
        return reaches_below || contained;
    case PREFIX_SA:
        return f.from_ms >= w.to_ms;
    case PREFIX_EB:
        return f.to_ms <= w.from_ms;
    }
    return false;
}

typedef bool match_value(const struct search_parameter *p,
                         const struct predicate_value *wanted,
                         const struct search_value *found);

static match_value *const matchers[] = {
    [SEARCH_TOKEN] = match_token,
    [SEARCH_REFERENCE] = match_reference,
    [SEARCH_DATE] = match_date,
};

static bool any_matches(const struct predicate *p,
                        const struct search_slot *slot)
{
    match_value *matches = matchers[p->parameter->type];

    for (size_t i = 0; i < slot->count; i++)
        for (size_t k = 0; k < p->count; k++)
            if (matches(p->parameter, &p->values[k], &slot->values[i]))
                return true;
    return false;
}

bool match_predicate(const struct predicate *p, const struct search_values *v)
{
    const struct search_slot *slot = &v->slots[p->slot];

    switch (p->op) {
    case PREDICATE_ANY_OF:
        return any_matches(p, slot);
    case PREDICATE_NONE_OF:
        return !any_matches(p, slot);
    case PREDICATE_MISSING:
        return slot->present != p->missing;
    }
    return false;
}
