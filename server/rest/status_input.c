#include "server/rest/status_input.h"

#include "fhir/json/gate.h"
#include "server/rest/text.h"

static enum err_code take_id(struct exchange *x, struct status_input *in,
                             struct bytes id, struct err *e)
{
    in->by_id = true;
    for (size_t i = 0; i < in->id_count; i++) {
        if (bytes_equal(in->ids[i], id))
            return ERR_OK;
    }
    if (in->id_count == STATUS_IDS_MAX)
        return err_set(e, ERR_INVALID, "more than %d ids", STATUS_IDS_MAX);
    if (!in->ids)
        in->ids = arena_calloc(&x->scratch, STATUS_IDS_MAX, sizeof *in->ids);
    id = arena_copy(&x->scratch, id);
    if (!in->ids || !id.p)
        return err_nomem(e);
    in->ids[in->id_count++] = id;
    return ERR_OK;
}

static enum err_code take_status(struct status_input *in, struct bytes code,
                                 struct err *e)
{
    char shown[TEXT_SHOW_BYTES];

    in->by_status = true;
    for (int s = STATUS_REQUESTED; s <= STATUS_OFF; s++) {
        const char *text =
            subscription_status_text((enum subscription_status)s);

        if (!bytes_is(code, text))
            continue;
        in->wanted[s] = true;
        return ERR_OK;
    }
    return err_set(e, ERR_INVALID, "\"%s\" is not a status of a Subscription",
                   text_show(code, shown));
}

static enum err_code take(struct exchange *x, struct status_input *in,
                          struct bytes name, struct bytes values, struct err *e)
{
    bool is_id = bytes_is(name, "id");
    enum err_code code = ERR_OK;
    char shown[TEXT_SHOW_BYTES];

    if (!is_id && !bytes_is(name, "status"))
        return err_set(e, ERR_NOT_SUPPORTED,
                       "the parameter \"%s\" is not supported; $status takes "
                       "id and status",
                       text_show(name, shown));
    while (code == ERR_OK && values.n) {
        struct bytes value = text_trim(bytes_split(values, ',', &values));

        if (value.n)
            code = is_id ? take_id(x, in, value, e) : take_status(in, value, e);
    }
    return code;
}

static const char *parameter_value(const cJSON *parameter)
{
    static const char *const members[] = {"valueId", "valueCode",
                                          "valueString"};

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const cJSON *v =
            cJSON_GetObjectItemCaseSensitive(parameter, members[i]);

        if (cJSON_IsString(v))
            return v->valuestring;
    }
    return NULL;
}

static enum err_code take_parameter(struct exchange *x, struct status_input *in,
                                    const cJSON *parameter, struct err *e)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(parameter, "name");
    const char *value = parameter_value(parameter);

    if (!cJSON_IsString(name))
        return err_set_at(e, ERR_INVALID, "Parameters.parameter.name",
                          "a parameter needs a name");
    if (!value)
        return err_set_at(e, ERR_INVALID, "Parameters.parameter.value",
                          "a parameter of $status is a valueId, valueCode or "
                          "valueString");
    return take(x, in, bytes_of(name->valuestring), bytes_of(value), e);
}

static enum err_code take_resource(struct exchange *x, struct status_input *in,
                                   const cJSON *resource, struct err *e)
{
    const cJSON *type =
        cJSON_GetObjectItemCaseSensitive(resource, "resourceType");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(resource, "parameter");
    const cJSON *item;
    enum err_code code = ERR_OK;

    if (!cJSON_IsString(type) || strcmp(type->valuestring, "Parameters") != 0)
        return err_set_at(e, ERR_INVALID, "Parameters.resourceType",
                          "the body of $status is a Parameters resource");
    if (list && !cJSON_IsArray(list))
        return err_set_at(e, ERR_INVALID, "Parameters.parameter",
                          "parameter must be an array");
    cJSON_ArrayForEach(item, list)
    {
        code = take_parameter(x, in, item, e);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

static enum err_code read_body(struct exchange *x, struct status_input *in,
                               struct err *e)
{
    struct bytes body = x->request->body;
    enum err_code code = negotiate_body(exchange_header(x, "Content-Type"), e);
    cJSON *resource;

    if (code == ERR_OK)
        code = json_gate(body, e);
    if (code != ERR_OK)
        return code;
    resource = cJSON_ParseWithLength(body.p, body.n);
    if (!resource)
        return err_nomem(e);
    code = take_resource(x, in, resource, e);
    cJSON_Delete(resource);
    return code;
}

enum err_code status_input_read(struct exchange *x, struct status_input *out,
                                struct err *e)
{
    enum err_code code = ERR_OK;

    *out = (struct status_input){.ids = NULL};
    for (size_t i = 0; code == ERR_OK && i < x->params.n; i++) {
        const struct param *p = &x->params.items[i];

        if (!bytes_is(p->name, "_format"))
            code = take(x, out, p->name, p->value, e);
    }
    if (code == ERR_OK && x->request->body.n)
        code = read_body(x, out, e);
    return code;
}
