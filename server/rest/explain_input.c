#include "server/rest/explain_input.h"

#include <string.h>

#include "fhir/json/gate.h"
#include "fhir/json/span.h"
#include "fhir/json/tree.h"
#include "fhir/model/types.h"
#include "fhir/search/values.h"
#include "server/engine/read.h"

/* Memory of one evaluation of an expression. */
#define EVALUATION_BYTES ((size_t)64 << 20)

static const char *const parameter_names[] = {"reference", "interaction",
                                              "resource", "previous", NULL};

/* ---- the body ---- */

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool is_parameters(const cJSON *body)
{
    const char *type = text_of(body, "resourceType");

    return type && strcmp(type, "Parameters") == 0;
}

static const cJSON *parameter(const cJSON *body, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item,
                       cJSON_GetObjectItemCaseSensitive(body, "parameter"))
    {
        const char *found = text_of(item, "name");

        if (found && strcmp(found, name) == 0)
            return item;
    }
    return NULL;
}

static enum err_code check_names(const cJSON *body, struct err *e)
{
    const cJSON *item;

    cJSON_ArrayForEach(item,
                       cJSON_GetObjectItemCaseSensitive(body, "parameter"))
    {
        const char *name = text_of(item, "name");
        bool known = false;

        for (size_t i = 0; name && parameter_names[i]; i++)
            known = known || strcmp(name, parameter_names[i]) == 0;
        if (!known)
            return err_set_at(e, ERR_NOT_SUPPORTED, "Parameters.parameter.name",
                              "$explain takes reference, or resource, previous "
                              "and interaction");
    }
    return ERR_OK;
}

static enum err_code read_body(struct exchange *x, struct explain_input *in,
                               struct err *e)
{
    struct bytes body = x->request->body;
    enum err_code code;

    if (body.n == 0)
        return ERR_OK;
    code = negotiate_body(exchange_header(x, "Content-Type"), e);
    if (code == ERR_OK)
        code = json_gate(body, e);
    if (code != ERR_OK)
        return code;
    code = json_tree_parse(body, &in->body, e);
    if (code != ERR_OK)
        return code;
    return is_parameters(in->body) ? check_names(in->body, e) : ERR_OK;
}

/* A value by its name, from the URL or from the body. */
static struct bytes value_of(const struct exchange *x,
                             const struct explain_input *in, const char *name)
{
    static const char *const members[] = {"valueString", "valueCode",
                                          "valueUri", "valueUrl"};
    struct bytes value = params_get(&x->params, name);
    const cJSON *p = is_parameters(in->body) ? parameter(in->body, name) : NULL;
    const char *text = NULL;

    if (value.p || !p)
        return value;
    for (size_t i = 0; !text && i < sizeof members / sizeof *members; i++)
        text = text_of(p, members[i]);
    if (!text)
        text = text_of(cJSON_GetObjectItemCaseSensitive(p, "valueReference"),
                       "reference");
    return bytes_of(text);
}

/* ---- the versions ---- */

/* text is empty where there is no such version. */
static enum err_code extract(struct exchange *x, struct bytes text,
                             int64_t time_ms, const struct search_values **out,
                             struct err *e)
{
    struct search_values *values = NULL;
    enum err_code code;

    if (text.n == 0)
        return ERR_OK;
    code = search_values_read(text, x->rest->base_url, &x->scratch, &values, e);
    if (code != ERR_OK)
        return code;
    search_values_stamp(values, time_ms);
    *out = values;
    return ERR_OK;
}

static enum err_code check_resource(const cJSON *resource, const char *path,
                                    struct err *e)
{
    const char *type = text_of(resource, "resourceType");

    if (cJSON_IsObject(resource) && type &&
        model_is_resource_type(bytes_of(type)))
        return ERR_OK;
    return err_set_at(e, ERR_INVALID, path,
                      "must be a resource of a type of R4");
}

/* The text of the parameter's resource: the same parameter as above. */
static struct bytes text_in_body(struct bytes body, const char *name)
{
    struct json_item list, item, found;
    size_t position = 0;

    if (json_member(body, json_root(body), "parameter", &list))
        while (json_next(body, list.value, &position, &item))
            if (json_member(body, item.value, "name", &found) &&
                json_string_is(body, found.value, name))
                return json_member(body, item.value, "resource", &found)
                           ? json_text(body, found.value)
                           : bytes_make(NULL, 0);
    return bytes_make(NULL, 0);
}

static cJSON *resource_of(const cJSON *body, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(parameter(body, name), "resource");
}

/* The text of a tree that is the body's, or within it. */
static struct bytes text_given(const struct exchange *x,
                               const struct explain_input *in,
                               const cJSON *tree)
{
    if (!tree)
        return bytes_make(NULL, 0);
    if (tree == in->body)
        return x->request->body;
    return text_in_body(x->request->body,
                        tree == resource_of(in->body, "resource") ? "resource"
                                                                  : "previous");
}

static enum err_code view_given(struct exchange *x, struct explain_input *in,
                                struct err *e)
{
    const cJSON *subject = in->current ? in->current : in->previous;
    int64_t now_ms = clock_wall_ms(x->rest->config.clock);
    enum err_code code;

    in->view.resource_type = bytes_of(text_of(subject, "resourceType"));
    in->view.interaction = !in->previous  ? INTERACTION_CREATE
                           : !in->current ? INTERACTION_DELETE
                                          : INTERACTION_UPDATE;
    code = extract(x, text_given(x, in, in->previous), now_ms,
                   &in->view.previous, e);
    return code == ERR_OK ? extract(x, text_given(x, in, in->current), now_ms,
                                    &in->view.current, e)
                          : code;
}

/* What the interaction makes of the resources: of a delete, the resource is
 * the last version; of an update, the previous one defaults to the same. */
static enum err_code apply_interaction(struct explain_input *in,
                                       struct bytes code, struct err *e)
{
    if (!code.p)
        return ERR_OK;
    if (bytes_is(code, "create")) {
        in->previous = NULL;
    } else if (bytes_is(code, "update")) {
        if (!in->previous)
            in->previous = in->current;
        if (!in->current)
            in->current = in->previous;
    } else if (bytes_is(code, "delete")) {
        if (!in->previous)
            in->previous = in->current;
        in->current = NULL;
    } else {
        return err_set(e, ERR_INVALID,
                       "interaction is create, update or delete");
    }
    if (!in->current && !in->previous)
        return err_set(e, ERR_INVALID, "a create needs a resource");
    return ERR_OK;
}

static enum err_code read_given(struct exchange *x, struct explain_input *in,
                                struct err *e)
{
    enum err_code code = ERR_OK;

    if (is_parameters(in->body)) {
        in->current = resource_of(in->body, "resource");
        in->previous = resource_of(in->body, "previous");
    } else {
        in->current = in->body;
    }
    if (!in->current && !in->previous)
        return err_set(e, ERR_INVALID,
                       "$explain needs a resource, or a reference to a stored "
                       "change: Type/id/_history/version");
    if (in->current)
        code = check_resource(in->current, "Parameters.parameter.resource", e);
    if (code == ERR_OK && in->previous)
        code = check_resource(in->previous, "Parameters.parameter.resource", e);
    if (code == ERR_OK && in->current && in->previous &&
        strcmp(text_of(in->current, "resourceType"),
               text_of(in->previous, "resourceType")) != 0)
        code = err_set(e, ERR_INVALID,
                       "resource and previous are of different types");
    if (code == ERR_OK)
        code = apply_interaction(in, value_of(x, in, "interaction"), e);
    return code == ERR_OK ? view_given(x, in, e) : code;
}

/* ---- a stored change ---- */

/* "Type/id/_history/version", also behind the base URL. */
static enum err_code parse_reference(const struct exchange *x,
                                     struct bytes text,
                                     struct resource_query *out, struct err *e)
{
    struct bytes base = x->rest->base_url, rest, history, version;

    if (text.n > base.n && memcmp(text.p, base.p, base.n) == 0 &&
        text.p[base.n] == '/')
        text = bytes_from(text, base.n + 1);
    out->type = bytes_split(text, '/', &rest);
    out->id = bytes_split(rest, '/', &rest);
    history = bytes_split(rest, '/', &version);
    if (model_is_resource_type(out->type) && model_is_id(out->id) &&
        bytes_is(history, "_history") && bytes_to_u64(version, &out->version) &&
        out->version > 0)
        return ERR_OK;
    return err_set(e, ERR_INVALID,
                   "reference names a stored change: Type/id/_history/version");
}

static enum err_code load(struct exchange *x, const struct resource_query *q,
                          struct resource_version *v, cJSON **json,
                          struct err *e)
{
    enum err_code code =
        engine_read(x->rest->config.engine, q, &x->scratch, v, e);

    *json = NULL;
    if (code == ERR_NOT_FOUND)
        return err_set(e, code, "there is no such version");
    if (code != ERR_OK || v->deleted)
        return code;
    return json_tree_parse(v->text, json, e);
}

static enum err_code read_stored(struct exchange *x, struct bytes reference,
                                 struct explain_input *in, struct err *e)
{
    struct resource_query q = {.version = 0};
    struct resource_version v = {0}, before = {0};
    const struct bytes none = {NULL, 0};
    enum err_code code = parse_reference(x, reference, &q, e);

    in->owned = true;
    if (code == ERR_OK)
        code = load(x, &q, &v, &in->current, e);
    if (code == ERR_OK && q.version > 1) {
        q.version--;
        code = load(x, &q, &before, &in->previous, e);
    }
    if (code != ERR_OK)
        return code;
    in->stored = true;
    in->change = v.change;
    in->version = v.version;
    in->trees.now_ms = v.time_ms;
    in->view.interaction = v.interaction;
    in->view.resource_type = arena_copy(&x->scratch, q.type);
    in->id = arena_copy(&x->scratch, q.id);
    code = extract(x, in->previous ? before.text : none, before.time_ms,
                   &in->view.previous, e);
    if (code == ERR_OK)
        code = extract(x, in->current ? v.text : none, v.time_ms,
                       &in->view.current, e);
    return code;
}

static const cJSON *previous_tree(void *ctx, struct err *e)
{
    const struct explain_input *in = ctx;

    (void)e;
    return in->previous;
}

static const cJSON *current_tree(void *ctx, struct err *e)
{
    const struct explain_input *in = ctx;

    (void)e;
    return in->current;
}

static void init(struct exchange *x, struct explain_input *in)
{
    *in = (struct explain_input){.stored = false};
    arena_init(&in->arena, EVALUATION_BYTES);
    in->trees =
        (struct change_trees){.previous = previous_tree,
                              .current = current_tree,
                              .ctx = in,
                              .arena = &in->arena,
                              .now_ms = clock_wall_ms(x->rest->config.clock)};
    in->view.trees = &in->trees;
}

enum err_code explain_input_read(struct exchange *x, struct explain_input *out,
                                 struct err *e)
{
    static const char *const allowed[] = {"reference", "interaction", NULL};
    struct bytes reference;
    enum err_code code = params_only(&x->params, allowed, e);

    init(x, out);
    if (code == ERR_OK)
        code = read_body(x, out, e);
    if (code != ERR_OK)
        return code;
    reference = value_of(x, out, "reference");
    return reference.p ? read_stored(x, reference, out, e)
                       : read_given(x, out, e);
}

void explain_input_fini(struct explain_input *in)
{
    if (in->owned) {
        cJSON_Delete(in->current);
        cJSON_Delete(in->previous);
    }
    cJSON_Delete(in->body);
    arena_fini(&in->arena);
    *in = (struct explain_input){.stored = false};
}
