#include "fhir/model/types.h"
#include "fhir/search/compilation.h"
#include "fhir/search/escape.h"

static bool is_canonical(const struct search_parameter *p)
{
    return !search_parameter_has_leaf(p, SEARCH_LEAF_RESOURCE) &&
           !search_parameter_has_leaf(p, SEARCH_LEAF_REFERENCE) &&
           !search_parameter_has_leaf(p, SEARCH_LEAF_REFERENCE_TO_TARGET);
}

static enum err_code compile_canonical(const struct compilation *c, char *text,
                                       size_t n, struct predicate_value *out)
{
    struct search_reference *to = &out->reference.to;
    size_t bar = escape_find(bytes_make(text, n), '|');
    size_t version_at = bar < n ? bar + 1 : n;

    if (bar == 0 || version_at + (bar < n) > n || text[0] == '#')
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' holds canonical URLs; accepted are url and "
                       "url|version",
                       BYTES_ARG(c->name));
    to->id.n = bar;
    to->version.n = n - version_at;
    if (!compilation_unescape(text, &to->id) ||
        !compilation_unescape(text + version_at, &to->version))
        return compilation_refuse_escape(c);
    return ERR_OK;
}

static enum err_code refuse_reference(const struct compilation *c)
{
    return err_set(c->e, ERR_INVALID,
                   "'%.*s' has a value that is no reference; accepted are "
                   "id, Type/id%s",
                   BYTES_ARG(c->name), c->target ? "" : " and an absolute URL");
}

static enum err_code check_target(const struct compilation *c,
                                  const struct search_reference *to)
{
    const struct search_parameter *p = c->parameter;

    if (to->versioned)
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "belfry compares references without their version; "
                       "leave /_history/ out of the value of '%.*s'",
                       BYTES_ARG(c->name));
    if (!search_reference_is_local(to))
        return c->target ? refuse_reference(c) : ERR_OK;
    if (c->target && !bytes_is(to->type, c->target))
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' asks for a %s and its value names another type",
                       BYTES_ARG(c->name), c->target);
    if (!search_parameter_targets(p, to->type))
        return err_set(c->e, ERR_INVALID, "'%.*s' can point at: %s",
                       BYTES_ARG(c->name), p->targets);
    return ERR_OK;
}

enum err_code compile_reference(const struct compilation *c, char *text,
                                size_t n, struct predicate_value *out)
{
    struct predicate_reference *r = &out->reference;
    struct bytes whole = {text, n};

    if (c->how == HOW_IDENTIFIER)
        return compile_token(c, text, n, out);
    if (is_canonical(c->parameter))
        return compile_canonical(c, text, n, out);
    if (!compilation_unescape(text, &whole))
        return compilation_refuse_escape(c);
    if (model_is_id(whole)) {
        r->any_target = c->target == NULL;
        r->to.type = bytes_of(r->any_target ? "*" : c->target);
        r->to.id = whole;
        return ERR_OK;
    }
    if (!search_reference_parse(whole, c->context->base_url, &r->to))
        return refuse_reference(c);
    return check_target(c, &r->to);
}
