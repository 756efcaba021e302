#include "server/rest/validate.h"

#include <stdio.h>

#include "fhir/json/gate.h"
#include "fhir/json/span.h"
#include "fhir/json/unescape.h"
#include "fhir/model/types.h"
#include "fhir/outcome/outcome.h"
#include "server/engine/read.h"
#include "server/rest/reply.h"
#include "server/rest/text.h"
#include "server/rest/validation.h"

#define STRUCTURES "http://hl7.org/fhir/StructureDefinition/"

enum mode { MODE_ANY, MODE_CREATE, MODE_UPDATE, MODE_DELETE, MODE_PROFILE };

struct input {
    struct bytes resource; /* of the body; empty without one */
    struct bytes mode;     /* {NULL, 0}: not given */
    struct bytes profile;
};

/* ---- reading ---- */

static enum err_code take_once(struct bytes *into, const char *name,
                               struct bytes value, struct err *e)
{
    if (into->p)
        return err_set(e, ERR_INVALID, "%s may be given once", name);
    *into = value.p ? value : bytes_of("");
    return ERR_OK;
}

/* A string member of a parameter, unescaped; {NULL, 0} without one. */
static struct bytes text_of(struct exchange *x, struct json_span parameter,
                            const char *name)
{
    struct bytes body = x->request->body, raw;
    struct json_item item;
    char *out;

    if (!json_member(body, parameter, name, &item) ||
        body.p[item.value.begin] != '"')
        return bytes_make(NULL, 0);
    raw = bytes_make(body.p + item.value.begin + 1,
                     item.value.end - item.value.begin - 2);
    out = arena_alloc(&x->scratch, raw.n + 1);
    return out ? bytes_make(out, json_unescape(raw, out)) : bytes_make(NULL, 0);
}

static enum err_code take_value(struct exchange *x, struct json_span parameter,
                                const char *const members[2],
                                struct bytes *into, struct err *e)
{
    struct bytes value = text_of(x, parameter, members[0]);

    if (!value.p)
        value = text_of(x, parameter, members[1]);
    if (!value.p)
        return err_set_at(e, ERR_INVALID, "Parameters.parameter.value",
                          "the value must be a %s", members[0]);
    return take_once(into, "each parameter of $validate", value, e);
}

static enum err_code take_resource(struct exchange *x,
                                   struct json_span parameter, struct input *in,
                                   struct err *e)
{
    struct bytes body = x->request->body;
    struct json_item item;

    if (!json_member(body, parameter, "resource", &item) ||
        body.p[item.value.begin] != '{')
        return err_set_at(e, ERR_INVALID, "Parameters.parameter.resource",
                          "the parameter resource has no resource");
    return take_once(&in->resource, "resource", json_text(body, item.value), e);
}

static enum err_code take_parameter(struct exchange *x,
                                    struct json_span parameter,
                                    struct input *in, struct err *e)
{
    static const char *const mode[2] = {"valueCode", "valueString"};
    static const char *const profile[2] = {"valueUri", "valueCanonical"};
    struct bytes name = text_of(x, parameter, "name");
    char shown[TEXT_SHOW_BYTES];

    if (bytes_is(name, "resource"))
        return take_resource(x, parameter, in, e);
    if (bytes_is(name, "mode"))
        return take_value(x, parameter, mode, &in->mode, e);
    if (bytes_is(name, "profile"))
        return take_value(x, parameter, profile, &in->profile, e);
    return err_set(e, ERR_NOT_SUPPORTED,
                   "the parameter \"%s\" is not supported by $validate",
                   text_show(name, shown));
}

static bool names_resource(struct bytes body, struct json_span parameter)
{
    struct json_item name;

    return json_member(body, parameter, "name", &name) &&
           json_string_is(body, name.value, "resource");
}

/* The array of parameters of the body, when it is Parameters for the operation
 * and not a Parameters resource to be judged. */
static bool find_parameters(const struct exchange *x, struct json_span *out)
{
    struct bytes body = x->request->body;
    struct json_item item, list;
    size_t position = 0;

    if (!json_member(body, json_root(body), "resourceType", &item) ||
        !json_string_is(body, item.value, "Parameters"))
        return false;
    if (!json_member(body, json_root(body), "parameter", &list)) {
        *out = (struct json_span){body.n, body.n};
        return !bytes_is(x->route.type, "Parameters");
    }
    *out = list.value;
    if (!bytes_is(x->route.type, "Parameters"))
        return true;
    while (json_next(body, list.value, &position, &item))
        if (names_resource(body, item.value))
            return true;
    return false;
}

static enum err_code take_body(struct exchange *x, struct input *in,
                               struct err *e)
{
    struct bytes body = x->request->body;
    struct json_span list;
    struct json_item item;
    size_t position = 0;
    enum err_code code = ERR_OK;

    if (!find_parameters(x, &list)) {
        in->resource = json_text(body, json_root(body));
        return ERR_OK;
    }
    while (code == ERR_OK && json_next(body, list, &position, &item))
        code = take_parameter(x, item.value, in, e);
    return code;
}

static enum err_code read_input(struct exchange *x, struct input *in,
                                struct err *e)
{
    static const char *const taken[] = {"mode", "profile", NULL};
    enum err_code code = params_only(&x->params, taken, e);

    *in = (struct input){.mode = params_get(&x->params, "mode"),
                         .profile = params_get(&x->params, "profile")};
    if (code != ERR_OK || x->request->body.n == 0)
        return code;
    code = negotiate_body(exchange_header(x, "Content-Type"), e);
    if (code == ERR_OK)
        code = json_gate(x->request->body, e);
    return code == ERR_OK ? take_body(x, in, e) : code;
}

static enum err_code read_mode(const struct exchange *x, struct bytes text,
                               enum mode *out, struct err *e)
{
    static const char *const names[] = {[MODE_CREATE] = "create",
                                        [MODE_UPDATE] = "update",
                                        [MODE_DELETE] = "delete",
                                        [MODE_PROFILE] = "profile"};

    *out = MODE_ANY;
    if (!text.p)
        return ERR_OK;
    for (int m = MODE_CREATE; m <= MODE_PROFILE; m++)
        if (bytes_is(text, names[m]))
            *out = (enum mode)m;
    if (*out == MODE_ANY)
        return err_set(e, ERR_INVALID,
                       "mode is create, update, delete or profile");
    if (*out == MODE_DELETE && x->route.id.n == 0)
        return err_set(e, ERR_INVALID,
                       "mode delete is for [type]/[id]/$validate");
    return ERR_OK;
}

/* Of all profiles belfry knows R4's own definition of the type. */
static enum err_code check_profile(const struct exchange *x,
                                   struct bytes profile, struct err *e)
{
    struct bytes version;
    struct bytes url = bytes_split(profile, '|', &version);
    char shown[TEXT_SHOW_BYTES];

    if (!profile.p ||
        (bytes_starts(url, STRUCTURES) &&
         bytes_equal(bytes_from(url, sizeof STRUCTURES - 1), x->route.type) &&
         (version.n == 0 || bytes_is(version, "4.0.1"))))
        return ERR_OK;
    return err_set(e, ERR_NOT_SUPPORTED,
                   "the profile %s is not known to this server; without one, "
                   "the resource is judged by R4's definitions",
                   text_show(profile, shown));
}

/* ---- judging ---- */

static void note(const struct exchange *x, struct issues *list,
                 enum err_code code, const char *member, const char *problem)
{
    char expression[ERR_EXPRESSION_BYTES];

    (void)snprintf(expression, sizeof expression, "%.*s.%s",
                   BYTES_ARG(x->route.type), member);
    issues_add(list, code, expression, "%s", problem);
}

static struct bytes member_text(struct bytes resource, const char *name)
{
    struct json_item item;

    if (resource.n == 0 ||
        !json_member(resource, json_root(resource), name, &item) ||
        resource.p[item.value.begin] != '"')
        return bytes_make(NULL, 0);
    return bytes_make(resource.p + item.value.begin + 1,
                      item.value.end - item.value.begin - 2);
}

static bool is_of_type(const struct exchange *x)
{
    return json_unescaped_is(member_text(x->write.body, "resourceType"),
                             x->route.type);
}

/* R4 http.html#update: the body's id is the URL's. */
static void check_id(const struct exchange *x, struct issues *found)
{
    struct bytes id = member_text(x->write.body, "id");

    if (!id.p)
        note(x, found, ERR_UNPROCESSABLE_REQUIRED, "id",
             "an update needs the id of the URL in the resource");
    else if (!json_unescaped_is(id, x->route.id))
        note(x, found, ERR_UNPROCESSABLE, "id",
             "the resource's id is not the id in the URL");
}

/* As a write would do it, which is then not submitted. */
static enum err_code judge(struct exchange *x, enum mode mode, struct err *e)
{
    struct issues found;
    enum err_code code;

    found.count = found.dropped = 0;
    if (!is_of_type(x))
        note(x, &found, ERR_UNPROCESSABLE, "resourceType",
             "the resourceType is not the URL's");
    if (x->route.id.n > 0 && mode != MODE_CREATE)
        check_id(x, &found);
    code = found.count == 0 ? prepare_write(&x->write, e) : ERR_UNPROCESSABLE;
    if (outcome_http_status(code) >= 500)
        return code;
    if (code != ERR_OK && found.count == 0 && !x->write.issues)
        issues_add_err(&found, e);
    return validation_add(&x->write, &found, e);
}

/* ---- answering ---- */

static enum http_next answer(struct exchange *x)
{
    const struct write *w = &x->write;
    struct buf body;

    buf_init(&body, REPLY_OUTCOME_BYTES_MAX);
    if (w->issues && w->issues->count)
        outcome_write_issues(&body, w->issues);
    else if (w->warnings)
        outcome_write_warnings(
            &body, "validation is lenient here: a write is accepted",
            w->warnings);
    else
        outcome_write_information(&body, "All OK");
    return reply_body(x, 200, &body);
}

/* A delete is fine where there is something to delete. */
static enum err_code judge_delete(struct exchange *x, struct err *e)
{
    struct resource_version v = {.deleted = true};
    struct issues found;
    enum err_code code =
        engine_read(x->rest->config.engine,
                    &(struct resource_query){x->route.type, x->route.id, 0},
                    &x->scratch, &v, e);

    if (code != ERR_OK && code != ERR_NOT_FOUND)
        return code;
    found.count = found.dropped = 0;
    if (code == ERR_NOT_FOUND || v.deleted)
        issues_add(&found, ERR_NOT_FOUND, "", "there is no such resource");
    return validation_add(&x->write, &found, e);
}

static void begin(struct exchange *x, struct bytes resource, enum mode mode)
{
    bool update = x->route.id.n > 0 && mode != MODE_CREATE;

    x->write = (struct write){.rest = x->rest,
                              .kind = update ? COMMAND_UPDATE : COMMAND_CREATE,
                              .type = x->route.type,
                              .id = update ? x->route.id : bytes_make(NULL, 0),
                              .body = resource,
                              .scratch = &x->scratch};
}

static enum err_code read_all(struct exchange *x, struct input *in,
                              enum mode *mode, struct err *e)
{
    enum err_code code = read_input(x, in, e);

    if (code == ERR_OK)
        code = read_mode(x, in->mode, mode, e);
    if (code == ERR_OK)
        code = check_profile(x, in->profile, e);
    if (code == ERR_OK && x->route.id.n > 0 && !model_is_id(x->route.id))
        code = err_set(e, ERR_INVALID, "that is not the form of an id");
    if (code == ERR_OK && *mode != MODE_DELETE && in->resource.n == 0)
        code = err_set(e, ERR_INVALID, "there is no resource to validate");
    return code;
}

enum http_next validate_resource(struct exchange *x)
{
    struct input in;
    enum mode mode = MODE_ANY;
    struct err e;
    enum err_code code = read_all(x, &in, &mode, &e);

    if (code != ERR_OK)
        return reply_error(x, &e);
    begin(x, in.resource, mode);
    code = mode == MODE_DELETE ? judge_delete(x, &e) : judge(x, mode, &e);
    return code == ERR_OK ? answer(x) : reply_error(x, &e);
}
