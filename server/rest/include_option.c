#include "server/rest/include_option.h"

#include "fhir/model/types.h"
#include "fhir/search/table.h"

static enum err_code refuse(const struct param *p, const char *why,
                            struct err *e)
{
    return err_set(e, ERR_INVALID, "%.*s: '%.*s' %s", BYTES_ARG(p->name),
                   (int)(p->value.n < 80 ? p->value.n : 80), p->value.p, why);
}

static enum err_code read(const struct param *p, struct include_option *out,
                          struct err *e)
{
    struct bytes rest;
    struct bytes type = bytes_split(p->value, ':', &rest);
    struct bytes code = bytes_split(rest, ':', &rest);
    const struct search_base *base = search_base_find(type);

    if (!base)
        return refuse(p, "does not begin with an R4 resource type", e);
    out->source = base->type;
    out->parameter = search_parameter_find(type, code);
    if (!out->parameter ||
        search_parameter_type(out->parameter) != SEARCH_REFERENCE)
        return refuse(p, "names no reference parameter of its type", e);
    out->target = rest;
    if (rest.n > 0 && !search_base_find(rest))
        return refuse(p, "does not end with an R4 resource type", e);
    return ERR_OK;
}

static enum err_code take(struct include_option list[], size_t *count,
                          const struct param *p, bool iterate, struct err *e)
{
    enum err_code code;

    if (*count == INCLUDE_OPTIONS_MAX)
        return err_set(e, ERR_INVALID, "more than %d times %.*s",
                       INCLUDE_OPTIONS_MAX, BYTES_ARG(p->name));
    list[*count] = (struct include_option){.iterate = iterate};
    code = read(p, &list[*count], e);
    *count += code == ERR_OK;
    return code;
}

bool include_option_take(struct include_options *all, const struct param *p,
                         struct err *e, enum err_code *code)
{
    struct bytes modifier;
    struct bytes name = bytes_split(p->name, ':', &modifier);
    bool to = bytes_is(name, "_include");

    if (!to && !bytes_is(name, "_revinclude"))
        return false;
    if (modifier.n > 0 && !bytes_is(modifier, "iterate"))
        *code = err_set(e, ERR_NOT_SUPPORTED,
                        "'%.*s': the only modifier of %.*s is iterate",
                        (int)(p->name.n < 80 ? p->name.n : 80), p->name.p,
                        BYTES_ARG(name));
    else if (to)
        *code = take(all->to, &all->to_count, p, modifier.n > 0, e);
    else
        *code = take(all->from, &all->from_count, p, modifier.n > 0, e);
    return true;
}
