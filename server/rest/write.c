#include "server/rest/write.h"

#include <stdio.h>
#include <stdlib.h>

#include "fhir/json/gate.h"
#include "fhir/json/span.h"
#include "fhir/model/types.h"
#include "fhir/outcome/outcome.h"
#include "fhir/search/values.h"
#include "server/engine/read.h"
#include "server/rest/precondition.h"
#include "server/rest/reply.h"
#include "server/rest/shown.h"
#include "server/rest/subscription_write.h"
#include "server/rest/topic_write.h"

/* What a PUT or DELETE asks of the version it meets. */
struct conditions {
    struct etags match;
    struct etags none_match;
};

/* The version it meets, when it had to be looked at. */
struct seen {
    uint64_t version;  /* 0: there is none, or it was deleted */
    struct bytes text; /* scratch */
};

/* ---- what is checked before anything is prepared ---- */

static enum err_code check_no_params(const struct exchange *x, struct err *e)
{
    static const char *const none[] = {NULL};

    return params_only(&x->params, none, e);
}

/* Longest resource type or id, with a NUL. */
#define NAME_BYTES 65

static const char *name_copy(struct bytes name, char out[NAME_BYTES])
{
    size_t n = name.n < NAME_BYTES ? name.n : NAME_BYTES - 1;

    memcpy(out, name.p, n);
    out[n] = '\0';
    return out;
}

/* A refusal that names the member of the resource at fault. */
static enum err_code refuse_member(const struct exchange *x, const char *member,
                                   const char *text, struct err *e)
{
    char expression[NAME_BYTES * 2];

    (void)snprintf(expression, sizeof expression, "%.*s.%s",
                   BYTES_ARG(x->route.type), member);
    return err_set_at(e, ERR_INVALID, expression, "%s", text);
}

static enum err_code check_type(const struct exchange *x, struct err *e)
{
    const struct bytes body = x->request->body;
    struct json_item item;
    char type[NAME_BYTES];

    if (!json_member(body, json_root(body), "resourceType", &item))
        return refuse_member(x, "resourceType",
                             "the resource has no resourceType", e);
    if (!json_string_is(body, item.value, name_copy(x->route.type, type)))
        return refuse_member(x, "resourceType",
                             "the resourceType is not the URL's", e);
    return ERR_OK;
}

static enum err_code check_body(struct exchange *x, struct err *e)
{
    struct bytes body = x->request->body;
    enum err_code code = check_no_params(x, e);

    if (code != ERR_OK)
        return code;
    if (body.n == 0)
        return err_set(e, ERR_INVALID, "the request has no body");
    if (body.n > x->rest->config.body_bytes)
        return err_set(e, ERR_TOO_LARGE, "a body has at most %zu bytes",
                       x->rest->config.body_bytes);
    code = negotiate_body(exchange_header(x, "Content-Type"), e);
    if (code == ERR_OK)
        code = json_gate(body, e);
    return code == ERR_OK ? check_type(x, e) : code;
}

/* R4 http.html#update: the body's id is the URL's. */
static enum err_code check_same_id(const struct exchange *x, struct err *e)
{
    const struct bytes body = x->request->body;
    struct json_item item;
    char id[NAME_BYTES];

    if (!json_member(body, json_root(body), "id", &item))
        return refuse_member(
            x, "id", "a PUT needs the id of the URL in the resource", e);
    if (!json_string_is(body, item.value, name_copy(x->route.id, id)))
        return refuse_member(x, "id",
                             "the resource's id is not the id in the URL", e);
    return ERR_OK;
}

static enum err_code check_url_id(const struct exchange *x, struct err *e)
{
    if (model_is_id(x->route.id))
        return ERR_OK;
    return err_set(e, ERR_INVALID,
                   "an id has 1 to 64 of the characters A-Z, a-z, 0-9, \"-\" "
                   "and \".\"");
}

static enum err_code refuse_header(const struct exchange *x, const char *name,
                                   struct err *e)
{
    if (!exchange_header(x, name).p)
        return ERR_OK;
    return err_set(e, ERR_NOT_SUPPORTED, "%s is not supported here", name);
}

/* ---- preconditions ---- */

static enum err_code read_conditions(const struct exchange *x,
                                     struct conditions *out, struct err *e)
{
    enum err_code code =
        etags_read(exchange_header(x, "If-Match"), &out->match, e);

    if (code == ERR_OK)
        code = etags_read(exchange_header(x, "If-None-Match"), &out->none_match,
                          e);
    return code;
}

/* One plain If-Match is the engine's to check; all else needs a look. */
static bool needs_look(const struct conditions *c)
{
    bool plain = c->match.count == 1 && c->match.foreign == 0;

    return c->none_match.given || (c->match.given && !plain);
}

static enum err_code look(struct exchange *x, struct seen *out, struct err *e)
{
    struct resource_version v;
    enum err_code code =
        engine_read(x->rest->config.engine,
                    &(struct resource_query){x->route.type, x->route.id, 0},
                    &x->scratch, &v, e);

    *out = (struct seen){.version = 0};
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    if (code != ERR_OK)
        return code;
    if (!v.deleted) {
        out->version = v.version;
        out->text = v.text;
    }
    return ERR_OK;
}

static enum err_code judge(const struct conditions *c, const struct seen *seen,
                           struct err *e)
{
    if (c->match.given && !etags_match(&c->match, seen->version))
        return err_set(e, ERR_PRECONDITION,
                       seen->version ? "If-Match: the version is another"
                                     : "If-Match: there is no such resource");
    if (etags_match(&c->none_match, seen->version))
        return err_set(e, ERR_PRECONDITION,
                       "If-None-Match: the resource is there");
    return ERR_OK;
}

/* Looks at the current version when the conditions or the type ask for it,
 * and ties the command to what was seen. */
static enum err_code meet(struct exchange *x, struct seen *seen, struct err *e)
{
    struct conditions c;
    enum err_code code = read_conditions(x, &c, e);
    bool text = x->route.subscription && x->command->kind == COMMAND_UPDATE;

    *seen = (struct seen){.version = 0};
    if (code != ERR_OK)
        return code;
    if (c.match.count == 1 && c.match.foreign == 0)
        x->command->if_match = c.match.versions[0];
    if (!text && !needs_look(&c))
        return ERR_OK;
    code = look(x, seen, e);
    if (code == ERR_OK)
        code = judge(&c, seen, e);
    x->command->prepared_upon = seen->version;
    return code;
}

/* ---- preparing the command ---- */

static void finished(struct command *c)
{
    struct exchange *x = c->ctx;

    http_resume(x->request);
}

static enum err_code new_command(struct exchange *x, enum command_kind kind,
                                 struct bytes id, struct err *e)
{
    struct command *c;

    command_free(x->command);
    x->command = c =
        command_new(x->rest->config.body_bytes * 4 + EXCHANGE_SCRATCH_EXTRA);
    if (!c)
        return err_nomem(e);
    c->kind = kind;
    c->type = arena_copy(&c->arena, x->route.type);
    c->id = arena_copy(&c->arena, id);
    c->done = finished;
    c->ctx = x;
    return c->type.p && c->id.p ? ERR_OK : err_nomem(e);
}

/* What the engine needs to know of the text besides the text. */
static enum err_code digest(struct exchange *x, struct bytes text,
                            struct err *e)
{
    struct command *c = x->command;
    cJSON *resource = cJSON_ParseWithLength(text.p, text.n);
    enum err_code code = ERR_OK;

    if (!resource)
        return err_nomem(e);
    if (x->route.subscription)
        code = subscription_write_read(x, resource, e);
    if (code == ERR_OK)
        code = topic_write_read(x, text, e);
    if (code == ERR_OK && model_is_resource_type(c->type))
        code = search_values_extract(resource, x->rest->base_url, &c->arena,
                                     &c->values, e);
    cJSON_Delete(resource);
    return code;
}

static enum err_code prepare_text(struct exchange *x, struct bytes previous,
                                  struct err *e)
{
    struct bytes text = x->request->body;
    enum err_code code = ERR_OK;

    if (x->route.subscription)
        code = subscription_write_complete(x, previous, &text, e);
    if (code == ERR_OK)
        code = stored_text_make(text, x->command->id, &x->scratch,
                                &x->command->text, e);
    /* the id that a client sent with a create must not match a filter: what
     * counts is the text as it will be stored */
    if (code == ERR_OK)
        code = digest(x, bytes_make(x->command->text.p, x->command->text.n), e);
    return code;
}

static enum err_code prepare_create(struct exchange *x, struct err *e)
{
    char id[RNG_UUID_BYTES];
    enum err_code code;

    rng_uuid(x->rest->config.rng, id);
    code = new_command(x, COMMAND_CREATE, bytes_of(id), e);
    if (code != ERR_OK)
        return code;
    return prepare_text(x, bytes_make(NULL, 0), e);
}

static enum err_code prepare_update(struct exchange *x, struct err *e)
{
    struct seen seen;
    enum err_code code = new_command(x, COMMAND_UPDATE, x->route.id, e);

    if (code == ERR_OK)
        code = meet(x, &seen, e);
    return code == ERR_OK ? prepare_text(x, seen.text, e) : code;
}

static enum err_code prepare_delete(struct exchange *x, struct err *e)
{
    struct seen seen;
    enum err_code code = new_command(x, COMMAND_DELETE, x->route.id, e);

    return code == ERR_OK ? meet(x, &seen, e) : code;
}

/* ---- submitting and answering ---- */

static enum http_next refuse(struct exchange *x, const struct err *e)
{
    if (x->issues && x->issues->count)
        return reply_issues(x, x->issues);
    return reply_error(x, e);
}

static enum http_next answer(struct exchange *x);

static enum http_next submit(struct exchange *x)
{
    struct err e;
    enum err_code code;

    x->tries++;
    code = x->prepare(x, &e);
    if (code != ERR_OK)
        return refuse(x, &e);
    arena_reset(&x->scratch);
    x->issues = NULL;
    x->resume = answer;
    /* from here on the engine may resume the request at any moment */
    code = engine_submit(x->rest->config.engine, x->command, &e);
    return code == ERR_OK ? HTTP_WAIT : reply_error(x, &e);
}

static enum http_next answer_stale(struct exchange *x)
{
    struct err e;

    if (x->tries < WRITE_TRIES)
        return submit(x);
    (void)err_set(&e, ERR_CONFLICT,
                  "others keep changing this resource; try again");
    return reply_error(x, &e);
}

/* RFC 3986: type, id and version need no escapes. */
static enum err_code put_location(struct exchange *x, struct err *e)
{
    const struct command *c = x->command;
    size_t size = x->rest->base_url.n + c->type.n + c->id.n + 40;
    char *text = arena_alloc(x->request->arena, size);

    if (!text)
        return err_nomem(e);
    (void)snprintf(text, size, "%.*s/%.*s/%.*s/_history/%llu",
                   BYTES_ARG(x->rest->base_url), BYTES_ARG(c->type),
                   BYTES_ARG(c->id), (unsigned long long)c->result.version);
    http_response_header(x->response, "Location", text);
    return ERR_OK;
}

static enum err_code put_stored(const struct command *c, struct buf *out,
                                struct err *e)
{
    size_t n = stored_text_size(&c->text, c->result.version);
    char *at;

    buf_init(out, n);
    at = buf_extend(out, n);
    if (!at)
        return err_nomem(e);
    stored_text_fill(&c->text, c->result.version, c->result.time_ms, at);
    return ERR_OK;
}

static enum err_code put_representation(struct exchange *x, struct buf *out,
                                        struct err *e)
{
    struct buf stored;
    enum err_code code;

    if (!x->route.subscription)
        return put_stored(x->command, out, e);
    code = put_stored(x->command, &stored, e);
    buf_init(out, stored.n + SHOWN_EXTRA_BYTES);
    if (code == ERR_OK)
        code = subscription_write_show(x, buf_bytes(&stored), out, e);
    buf_fini(&stored);
    return code;
}

static enum http_next answer_written(struct exchange *x)
{
    bool created =
        x->command->kind == COMMAND_CREATE || x->command->result.created;
    int status = created ? 201 : 200;
    struct buf body;
    struct err e;
    enum err_code code = created ? put_location(x, &e) : ERR_OK;

    buf_init(&body, REPLY_OUTCOME_BYTES_MAX);
    if (code == ERR_OK && x->prefer == PREFER_REPRESENTATION)
        code = put_representation(x, &body, &e);
    if (code != ERR_OK) {
        /* it is stored all the same: the client must not think otherwise */
        buf_fini(&body);
        x->prefer = PREFER_MINIMAL;
    }
    reply_version(x, x->command->result.version, x->command->result.time_ms);
    if (x->prefer == PREFER_OPERATION_OUTCOME)
        outcome_write_information(&body, created ? "created" : "updated");
    if (x->prefer == PREFER_MINIMAL || body.failed != ERR_OK) {
        buf_fini(&body);
        return reply_empty(x, status);
    }
    return reply_body(x, status, &body);
}

static enum http_next answer_deleted(struct exchange *x)
{
    const struct command_result *result = &x->command->result;

    if (result->existed)
        reply_version(x, result->version, result->time_ms);
    return reply_empty(x, 204);
}

static enum http_next answer(struct exchange *x)
{
    const struct command_result *result = &x->command->result;

    if (result->code == ERR_STALE)
        return answer_stale(x);
    if (result->code != ERR_OK)
        return reply_error(x, &result->err);
    if (x->command->kind == COMMAND_DELETE)
        return answer_deleted(x);
    return answer_written(x);
}

/* ---- the interactions ---- */

enum http_next write_create(struct exchange *x)
{
    static const char *const refused[] = {"If-None-Exist", "If-Match",
                                          "If-None-Match"};
    struct err e;
    enum err_code code = check_body(x, &e);

    for (size_t i = 0; code == ERR_OK && i < 3; i++)
        code = refuse_header(x, refused[i], &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    x->prefer = negotiate_prefer(exchange_header(x, "Prefer"));
    x->prepare = prepare_create;
    return submit(x);
}

enum http_next write_update(struct exchange *x)
{
    struct err e;
    enum err_code code = check_url_id(x, &e);

    if (code == ERR_OK)
        code = check_body(x, &e);
    if (code == ERR_OK)
        code = check_same_id(x, &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    x->prefer = negotiate_prefer(exchange_header(x, "Prefer"));
    x->prepare = prepare_update;
    return submit(x);
}

enum http_next write_delete(struct exchange *x)
{
    struct err e;
    enum err_code code = check_url_id(x, &e);

    if (code == ERR_OK)
        code = check_no_params(x, &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    x->prepare = prepare_delete;
    return submit(x);
}
