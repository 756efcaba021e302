#include "server/rest/operation.h"

#include "server/rest/body.h"
#include "server/rest/text.h"

static enum err_code not_taken(const struct operation *o, struct bytes name,
                               struct err *e)
{
    char shown[TEXT_SHOW_BYTES];

    return err_set(e, ERR_NOT_SUPPORTED,
                   "the parameter \"%s\" is not supported by %s",
                   text_show(name, shown), o->name);
}

static const struct operation_parameter *find(const struct operation *o,
                                              struct bytes name)
{
    for (const struct operation_parameter *p = o->parameters; p->name; p++) {
        if (bytes_is(name, p->name))
            return p;
    }
    return NULL;
}

static enum err_code check_url(const struct exchange *x,
                               const struct operation *o, struct err *e)
{
    for (size_t i = 0; i < x->params.n; i++) {
        struct bytes name = x->params.items[i].name;

        if (!bytes_is(name, "_format") && !find(o, name))
            return not_taken(o, name, e);
    }
    return ERR_OK;
}

static const char *value_of(const cJSON *parameter,
                            const struct operation_parameter *taken)
{
    for (size_t i = 0; i < OPERATION_MEMBERS_MAX && taken->members[i]; i++) {
        const cJSON *v =
            cJSON_GetObjectItemCaseSensitive(parameter, taken->members[i]);

        if (cJSON_IsString(v))
            return v->valuestring;
    }
    return NULL;
}

static enum err_code add(struct exchange *x, const char *name,
                         const char *value, struct err *e)
{
    struct params *list = &x->params;
    struct param p = {bytes_of(name), arena_copy(&x->scratch, bytes_of(value))};

    if (list->n == PARAMS_MAX)
        return err_set(e, ERR_INVALID, "more than %d parameters", PARAMS_MAX);
    if (!list->items)
        list->items =
            arena_calloc(x->request->arena, PARAMS_MAX, sizeof *list->items);
    if (!list->items || !p.value.p)
        return err_nomem(e);
    list->items[list->n++] = p;
    return ERR_OK;
}

static enum err_code take_parameter(struct exchange *x,
                                    const struct operation *o,
                                    const cJSON *parameter, struct err *e)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(parameter, "name");
    const struct operation_parameter *taken;
    const char *value;

    if (!cJSON_IsString(name))
        return err_set_at(e, ERR_INVALID, "Parameters.parameter.name",
                          "a parameter needs a name");
    taken = find(o, bytes_of(name->valuestring));
    if (!taken)
        return not_taken(o, bytes_of(name->valuestring), e);
    value = value_of(parameter, taken);
    if (!value)
        return err_set_at(e, ERR_INVALID, "Parameters.parameter.value",
                          "%s of %s is a %s", taken->name, o->name,
                          taken->members[0]);
    return add(x, taken->name, value, e);
}

static enum err_code take_resource(struct exchange *x,
                                   const struct operation *o,
                                   const cJSON *resource, struct err *e)
{
    const cJSON *type =
        cJSON_GetObjectItemCaseSensitive(resource, "resourceType");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(resource, "parameter");
    const cJSON *item;
    enum err_code code = ERR_OK;

    if (!cJSON_IsString(type) || strcmp(type->valuestring, "Parameters") != 0)
        return err_set_at(e, ERR_INVALID, "Parameters.resourceType",
                          "the body of %s is a Parameters resource", o->name);
    if (list && !cJSON_IsArray(list))
        return err_set_at(e, ERR_INVALID, "Parameters.parameter",
                          "parameter must be an array");
    cJSON_ArrayForEach(item, list)
    {
        code = take_parameter(x, o, item, e);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

enum err_code operation_read(struct exchange *x, const struct operation *o,
                             struct err *e)
{
    struct bytes body = x->request->body;
    enum err_code code = check_url(x, o, e);
    cJSON *resource;

    if (code != ERR_OK || body.n == 0)
        return code;
    code = body_check(x, e);
    if (code != ERR_OK)
        return code;
    resource = cJSON_ParseWithLength(body.p, body.n);
    if (!resource)
        return err_nomem(e);
    code = take_resource(x, o, resource, e);
    cJSON_Delete(resource);
    return code;
}

enum err_code operation_value(const struct exchange *x, const char *name,
                              struct bytes *out, struct err *e)
{
    *out = bytes_make(NULL, 0);
    for (size_t i = 0; i < x->params.n; i++) {
        if (!bytes_is(x->params.items[i].name, name))
            continue;
        if (out->p)
            return err_set(e, ERR_INVALID, "%s may be given once", name);
        *out = x->params.items[i].value;
        if (!out->p)
            *out = bytes_of("");
    }
    return ERR_OK;
}

static bool parse_number(struct bytes text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.n == 0 || (text.n > 1 && text.p[0] == '0'))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        uint64_t digit = (uint64_t)(unsigned char)text.p[i] - '0';

        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

enum err_code operation_number(const struct exchange *x, const char *name,
                               uint64_t otherwise, uint64_t *out, struct err *e)
{
    char shown[TEXT_SHOW_BYTES];
    struct bytes text;
    enum err_code code = operation_value(x, name, &text, e);

    *out = otherwise;
    if (code != ERR_OK || !text.p || parse_number(text, out))
        return code;
    return err_set(e, ERR_INVALID,
                   "%s is a plain decimal number of at most 64 bits, not "
                   "\"%s\"",
                   name, text_show(text, shown));
}
