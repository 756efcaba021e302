#include "fhir/search/binding.h"

#include "fhir/model/element.h"
#include "fhir/search/compiled.h"
#include "fhir/search/table.h"

#define VALUE_SHOWN 60

/* The codes of the element at the end of the path; NULL where R4 does not say
 * which they are. */
static const struct model_value_set *set_of(const char *type,
                                            struct bytes steps)
{
    const struct model_type *at = model_type_find(bytes_of(type));
    struct model_found found = {0};

    while (steps.n > 0) {
        struct bytes step = bytes_split(steps, '.', &steps);

        step.n = bytes_find(step, '[');
        if (!at || !model_type_member(at, step, &found))
            return NULL;
        at = found.type;
    }
    return found.element ? model_value_set_of(found.element->required) : NULL;
}

static bool may_hold(const char *type, const struct search_path *path,
                     struct bytes code)
{
    const struct model_value_set *set;

    switch ((int)path->leaf) {
    case SEARCH_LEAF_BOOLEAN:
    case SEARCH_LEAF_DECEASED:
        return bytes_is(code, "true") || bytes_is(code, "false");
    case SEARCH_LEAF_CODE:
        set = set_of(type, bytes_of(path->steps));
        return !set || !model_value_set_is_listed(set) ||
               model_value_set_has_code(set, code);
    default:
        return true;
    }
}

static bool may_match(const char *type, const struct predicate *p,
                      struct bytes code)
{
    for (size_t i = 0; i < p->parameter->path_count; i++)
        if (may_hold(type, &p->parameter->paths[i], code))
            return true;
    return code.n == 0; /* any code of a system */
}

static bool is_hopeless(const char *type, const struct predicate *p)
{
    if (p->op != PREDICATE_ANY_OF || p->how != HOW_PLAIN ||
        p->parameter->type != SEARCH_TOKEN)
        return false;
    for (size_t i = 0; i < p->count; i++)
        if (may_match(type, p, p->values[i].token.code))
            return false;
    return p->count > 0;
}

/* How much of it is shown: whole characters. */
static int shown(struct bytes code)
{
    size_t n = code.n < VALUE_SHOWN ? code.n : VALUE_SHOWN;

    while (n > 0 && n < code.n && ((unsigned char)code.p[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

enum err_code binding_check(const struct query *q, struct err *e)
{
    for (size_t i = 0; i < q->count; i++) {
        const struct predicate *p = &q->predicates[i];
        struct bytes code;

        if (!is_hopeless(q->base->type, p))
            continue;
        code = p->values[0].token.code;
        return err_set(e, ERR_UNPROCESSABLE,
                       "'%s' never has the value '%.*s': %s has no such code",
                       p->parameter->code, shown(code), code.p, q->base->type);
    }
    return ERR_OK;
}
