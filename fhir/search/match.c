#include "fhir/search/match.h"

#include "fhir/search/fold.h"

/* Does one value hold against what one element says? */
typedef bool match_value(const struct search_parameter *p,
                         enum predicate_how how,
                         const struct predicate_value *wanted,
                         const struct search_value *found);

static bool match_of_type(const struct predicate_token *w,
                          const struct search_token *f)
{
    if (!bytes_equal(w->value, f->code))
        return false;
    for (const struct search_token_type *t = f->types; t; t = t->next)
        if (bytes_equal(w->system, t->system) && bytes_equal(w->code, t->code))
            return true;
    return false;
}

static bool match_code(const struct predicate_token *w, struct bytes system,
                       struct bytes code, bool implied)
{
    if (w->code.n > 0 && !bytes_equal(w->code, code))
        return false;
    switch (w->form) {
    case TOKEN_ANY_SYSTEM:
        return true;
    case TOKEN_WITH_SYSTEM:
        return bytes_equal(w->system, system);
    case TOKEN_NO_SYSTEM:
        return implied || system.n == 0;
    }
    return false;
}

static bool match_token(const struct search_parameter *p,
                        enum predicate_how how,
                        const struct predicate_value *wanted,
                        const struct search_value *found)
{
    const struct search_token *f = &found->token;

    (void)p;
    if (how == HOW_TEXT)
        return f->text.n > 0 && fold_starts(f->text, wanted->text);
    if (how == HOW_IN)
        return f->implied && f->system.n == 0
                   ? model_value_set_has_code(wanted->set, f->code)
                   : model_value_set_has_coding(wanted->set, f->system,
                                                f->code);
    if (how == HOW_OF_TYPE)
        return match_of_type(&wanted->token, f);
    return match_code(&wanted->token, f->system, f->code, f->implied);
}

static bool match_reference(const struct search_parameter *p,
                            enum predicate_how how,
                            const struct predicate_value *wanted,
                            const struct search_value *found)
{
    const struct predicate_reference *w = &wanted->reference;
    const struct search_reference *f = &found->reference;

    if (found->by_identifier != (how == HOW_IDENTIFIER))
        return false;
    if (how == HOW_IDENTIFIER)
        return match_code(&wanted->token, f->type, f->id, false);
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
static bool match_date(const struct search_parameter *p, enum predicate_how how,
                       const struct predicate_value *wanted,
                       const struct search_value *found)
{
    struct search_range w = wanted->date.range;
    struct search_range f = found->range;
    bool contained = w.from_ms <= f.from_ms && f.to_ms <= w.to_ms;
    bool reaches_above = f.to_ms > w.to_ms;
    bool reaches_below = f.from_ms < w.from_ms;

    (void)p;
    (void)how;
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
    case PREFIX_AP:
        return f.from_ms < w.to_ms && w.from_ms < f.to_ms;
    }
    return false;
}

/* R4 search.html, number: equality knows the precision that the value is
 * written with, comparisons take it as it is. */
static bool holds(enum predicate_prefix prefix, struct number w, double low,
                  double high)
{
    bool equal = w.low <= low && high < w.high;

    switch (prefix) {
    case PREFIX_EQ:
        return equal;
    case PREFIX_NE:
        return !equal;
    case PREFIX_GT:
        return high > w.value;
    case PREFIX_LT:
        return low < w.value;
    case PREFIX_GE:
        return high >= w.value;
    case PREFIX_LE:
        return low <= w.value;
    case PREFIX_SA:
        return low > w.value;
    case PREFIX_EB:
        return high < w.value;
    case PREFIX_AP:
        return low <= w.high && w.low <= high;
    }
    return false;
}

static bool match_number(const struct search_parameter *p,
                         enum predicate_how how,
                         const struct predicate_value *wanted,
                         const struct search_value *found)
{
    const struct predicate_number *w = &wanted->number;

    (void)p;
    (void)how;
    return holds(w->prefix, w->number, found->quantity.low,
                 found->quantity.high);
}

static bool match_units(const struct predicate_number *w,
                        const struct search_quantity *f)
{
    switch (w->form) {
    case TOKEN_ANY_SYSTEM:
        return true;
    case TOKEN_WITH_SYSTEM:
        return bytes_equal(w->system, f->system) &&
               bytes_equal(w->code, f->code);
    case TOKEN_NO_SYSTEM:
        return bytes_equal(w->code, f->code) || bytes_equal(w->code, f->unit);
    }
    return false;
}

static bool match_quantity(const struct search_parameter *p,
                           enum predicate_how how,
                           const struct predicate_value *wanted,
                           const struct search_value *found)
{
    const struct predicate_number *w = &wanted->number;
    const struct search_quantity *f = &found->quantity;

    if (w->dimension && w->dimension == f->dimension)
        return holds(w->prefix, w->base, f->base_low, f->base_high);
    return match_units(w, f) && match_number(p, how, wanted, found);
}

static bool match_string(const struct search_parameter *p,
                         enum predicate_how how,
                         const struct predicate_value *wanted,
                         const struct search_value *found)
{
    (void)p;
    switch ((int)how) {
    case HOW_EXACT:
        return bytes_equal(wanted->text, found->text);
    case HOW_CONTAINS:
        return fold_contains(found->text, wanted->text);
    default:
        return fold_starts(found->text, wanted->text);
    }
}

/* The same, or ending where a part of the path does. */
static bool is_below(struct bytes url, struct bytes top)
{
    char next;

    if (url.n < top.n || memcmp(url.p, top.p, top.n) != 0)
        return false;
    if (url.n == top.n || top.p[top.n - 1] == '/')
        return true;
    next = url.p[top.n];
    return next == '/' || next == '?' || next == '#' || next == '|';
}

static bool match_uri(const struct search_parameter *p, enum predicate_how how,
                      const struct predicate_value *wanted,
                      const struct search_value *found)
{
    (void)p;
    switch ((int)how) {
    case HOW_ABOVE:
        return is_below(wanted->text, found->text);
    case HOW_BELOW:
        return is_below(found->text, wanted->text);
    default:
        return bytes_equal(wanted->text, found->text);
    }
}

static match_value match_composite;

static match_value *const matchers[] = {
    [SEARCH_TOKEN] = match_token,   [SEARCH_REFERENCE] = match_reference,
    [SEARCH_DATE] = match_date,     [SEARCH_STRING] = match_string,
    [SEARCH_NUMBER] = match_number, [SEARCH_QUANTITY] = match_quantity,
    [SEARCH_URI] = match_uri,       [SEARCH_COMPOSITE] = match_composite,
};

static bool slot_matches(const struct search_parameter *p,
                         enum predicate_how how,
                         const struct predicate_value *wanted,
                         const struct search_slot *slot)
{
    for (size_t i = 0; i < slot->count; i++)
        if (matchers[p->type](p, how, wanted, &slot->values[i]))
            return true;
    return false;
}

/* Each part must hold in one and the same element. */
static bool match_composite(const struct search_parameter *p,
                            enum predicate_how how,
                            const struct predicate_value *wanted,
                            const struct search_value *found)
{
    for (size_t i = 0; i < p->component_count; i++)
        if (!slot_matches(&p->components[i], how, &wanted->parts[i],
                          &found->parts[i]))
            return false;
    return true;
}

static bool any_matches(const struct predicate *p,
                        const struct search_slot *slot)
{
    for (size_t k = 0; k < p->count; k++)
        if (slot_matches(p->parameter, p->how, &p->values[k], slot))
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
