#include "server/rest/write.h"

#include <stdio.h>
#include <stdlib.h>

#include "fhir/json/tokens.h"
#include "fhir/model/types.h"
#include "fhir/outcome/outcome.h"
#include "server/engine/condition.h"
#include "server/rest/body.h"
#include "server/rest/read.h"
#include "server/rest/reply.h"
#include "server/rest/shown.h"
#include "server/rest/subscription_write.h"

/* ---- what is checked before anything is prepared ---- */

static enum err_code check_no_params(const struct exchange *x, struct err *e)
{
    static const char *const none[] = {NULL};

    return params_only(&x->params, none, e);
}

/* Longest resource type or id, with a NUL. */
#define NAME_BYTES 65

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
    const struct json_tokens *t = &x->tokens;
    uint32_t type = json_token_member(t, JSON_ROOT, bytes_of("resourceType"));

    if (type == JSON_NONE)
        return refuse_member(x, "resourceType",
                             "the resource has no resourceType", e);
    if (!json_token_string_is(t, type, x->route.type))
        return refuse_member(x, "resourceType",
                             "the resourceType is not the URL's", e);
    return ERR_OK;
}

static enum err_code check_body(struct exchange *x, struct err *e)
{
    enum err_code code = body_check(x, e);

    return code == ERR_OK ? check_type(x, e) : code;
}

/* R4 http.html#update: the body's id is the URL's. */
static enum err_code check_same_id(const struct exchange *x, struct err *e)
{
    const struct json_tokens *t = &x->tokens;
    uint32_t id = json_token_member(t, JSON_ROOT, bytes_of("id"));

    if (id == JSON_NONE)
        return refuse_member(
            x, "id", "a PUT needs the id of the URL in the resource", e);
    if (!json_token_string_is(t, id, x->route.id))
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

/* ---- submitting and answering ---- */

static void finished(struct command *c)
{
    struct exchange *x = c->ctx;

    http_resume(x->request);
}

static enum http_next refuse(struct exchange *x, const struct err *e)
{
    if (x->write.issues && x->write.issues->count)
        return reply_issues(x, x->write.issues);
    return reply_error(x, e);
}

/* What the criteria find now decides what is to be done. */
static enum err_code aim(struct exchange *x, struct err *e)
{
    struct conditional *c = &x->conditional;
    enum err_code code;

    if (!c->asked)
        return ERR_OK;
    condition_free(c->condition);
    c->condition = NULL;
    code = conditional_find(x->rest, c, x->request->arena, e);
    x->write.conditional = c;
    x->write.kind = c->kind;
    x->write.id = c->id;
    return code;
}

static enum http_next answer(struct exchange *x);
static enum http_next answer_nothing(struct exchange *x);

static enum http_next submit(struct exchange *x)
{
    struct err e;
    enum err_code code;

    x->tries++;
    x->write.issues = NULL;
    code = aim(x, &e);
    if (code == ERR_OK && x->conditional.nothing)
        return answer_nothing(x);
    if (code == ERR_OK)
        code = prepare_write(&x->write, &e);
    if (code != ERR_OK)
        return refuse(x, &e);
    arena_reset(&x->scratch);
    x->write.issues = NULL;
    x->resume = answer;
    x->write.command->done = finished;
    x->write.command->ctx = x;
    /* from here on the engine may resume the request at any moment */
    code = engine_submit(x->rest->config.engine, x->write.command, &e);
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
static enum err_code put_location(struct exchange *x, struct bytes id,
                                  uint64_t version, struct err *e)
{
    size_t size = x->rest->base_url.n + x->route.type.n + id.n + 40;
    char *text = arena_alloc(x->request->arena, size);

    if (!text)
        return err_nomem(e);
    (void)snprintf(text, size, "%.*s/%.*s/%.*s/_history/%llu",
                   BYTES_ARG(x->rest->base_url), BYTES_ARG(x->route.type),
                   BYTES_ARG(id), (unsigned long long)version);
    http_response_header(x->response, "Location", text);
    return ERR_OK;
}

static enum err_code put_representation(struct exchange *x, struct buf *out,
                                        struct err *e)
{
    struct buf stored;
    enum err_code code;

    if (!x->route.subscription)
        return prepare_stored(x->write.command, out, e);
    code = prepare_stored(x->write.command, &stored, e);
    buf_init(out, stored.n + SHOWN_EXTRA_BYTES);
    if (code == ERR_OK)
        code = subscription_write_show(&x->write, buf_bytes(&stored), out, e);
    buf_fini(&stored);
    return code;
}

static void put_outcome(const struct write *w, const char *done,
                        struct buf *out)
{
    if (w->warnings)
        outcome_write_warnings(out, done, w->warnings);
    else
        outcome_write_information(out, done);
}

static enum http_next answer_written(struct exchange *x)
{
    bool created = x->write.command->kind == COMMAND_CREATE ||
                   x->write.command->result.created;
    int status = created ? 201 : 200;
    struct buf body;
    struct err e;
    enum err_code code = ERR_OK;

    if (created)
        code = put_location(x, x->write.command->id,
                            x->write.command->result.version, &e);
    buf_init(&body, REPLY_OUTCOME_BYTES_MAX);
    if (code == ERR_OK && x->prefer == PREFER_REPRESENTATION)
        code = put_representation(x, &body, &e);
    if (code != ERR_OK) {
        /* it is stored all the same: the client must not think otherwise */
        buf_fini(&body);
        x->prefer = PREFER_MINIMAL;
    }
    reply_version(x, x->write.command->result.version,
                  x->write.command->result.time_ms);
    if (x->prefer == PREFER_OPERATION_OUTCOME)
        put_outcome(&x->write, created ? "created" : "updated", &body);
    if (x->prefer == PREFER_MINIMAL || body.failed != ERR_OK) {
        buf_fini(&body);
        return reply_empty(x, status);
    }
    return reply_body(x, status, &body);
}

static enum http_next answer_deleted(struct exchange *x)
{
    const struct command_result *result = &x->write.command->result;

    if (result->existed)
        reply_version(x, result->version, result->time_ms);
    return reply_empty(x, 204);
}

/* Nothing was written: a create of what is there, a delete of what is not. */
static enum http_next answer_nothing(struct exchange *x)
{
    const struct conditional *c = &x->conditional;
    struct resource_version v;
    struct buf body;
    struct err e;
    enum err_code code;

    if (c->asked == COMMAND_DELETE)
        return reply_empty(x, 204);
    buf_init(&body, x->rest->config.body_bytes * 2);
    code = put_location(x, c->id, c->version, &e);
    x->route.id = c->id;
    if (code == ERR_OK && x->prefer == PREFER_REPRESENTATION)
        code = read_into(x, &v, &body, &e);
    if (code != ERR_OK) {
        buf_fini(&body);
        return reply_error(x, &e);
    }
    reply_version(x, c->version, c->time_ms);
    if (x->prefer == PREFER_OPERATION_OUTCOME)
        outcome_write_information(&body, "the resource is there already");
    if (body.n > 0)
        return reply_body(x, 200, &body);
    buf_fini(&body);
    return reply_empty(x, 200);
}

static enum http_next answer(struct exchange *x)
{
    const struct command_result *result = &x->write.command->result;

    if (result->code == ERR_STALE)
        return answer_stale(x);
    if (result->code != ERR_OK)
        return reply_error(x, &result->err);
    if (x->write.command->kind == COMMAND_DELETE)
        return answer_deleted(x);
    return answer_written(x);
}

/* ---- the interactions ---- */

static void begin(struct exchange *x, enum command_kind kind)
{
    x->write =
        (struct write){.rest = x->rest,
                       .kind = kind,
                       .type = x->route.type,
                       .id = x->route.id,
                       .body = x->request->body,
                       .tokens = &x->tokens,
                       .if_match = exchange_header(x, "If-Match"),
                       .if_none_match = exchange_header(x, "If-None-Match"),
                       .scratch = &x->scratch};
}

static void begin_conditional(struct exchange *x, enum command_kind kind,
                              struct params criteria)
{
    x->conditional = (struct conditional){.asked = kind,
                                          .type = x->route.type,
                                          .criteria = criteria,
                                          .body = x->request->body};
}

/* R4 http.html#ccreate: "just the query part" of a URL. */
static enum err_code read_if_none_exist(struct exchange *x, struct err *e)
{
    struct bytes header = exchange_header(x, "If-None-Exist");
    size_t mark = bytes_find(header, '?');
    struct params criteria = {.n = 0};
    enum err_code code;

    if (!header.p)
        return ERR_OK;
    code = params_add(&criteria,
                      bytes_from(header, mark < header.n ? mark + 1 : 0),
                      x->request->arena, e);
    if (code == ERR_OK)
        begin_conditional(x, COMMAND_CREATE, criteria);
    return code;
}

enum http_next write_create(struct exchange *x)
{
    static const char *const refused[] = {"If-Match", "If-None-Match"};
    struct err e;
    enum err_code code = check_no_params(x, &e);

    if (code == ERR_OK)
        code = check_body(x, &e);
    for (size_t i = 0; code == ERR_OK && i < 2; i++)
        code = refuse_header(x, refused[i], &e);
    if (code == ERR_OK)
        code = read_if_none_exist(x, &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    x->prefer = negotiate_prefer(exchange_header(x, "Prefer"));
    begin(x, COMMAND_CREATE);
    return submit(x);
}

enum http_next write_update(struct exchange *x)
{
    struct err e;
    enum err_code code = check_url_id(x, &e);

    if (code == ERR_OK)
        code = check_no_params(x, &e);
    if (code == ERR_OK)
        code = check_body(x, &e);
    if (code == ERR_OK)
        code = check_same_id(x, &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    x->prefer = negotiate_prefer(exchange_header(x, "Prefer"));
    begin(x, COMMAND_UPDATE);
    return submit(x);
}

enum http_next write_update_found(struct exchange *x)
{
    struct err e;
    enum err_code code = check_body(x, &e);

    if (code == ERR_OK)
        code = refuse_header(x, "If-None-Match", &e);
    if (code != ERR_OK)
        return reply_error(x, &e);
    x->prefer = negotiate_prefer(exchange_header(x, "Prefer"));
    begin(x, COMMAND_UPDATE);
    begin_conditional(x, COMMAND_UPDATE, x->params);
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
    begin(x, COMMAND_DELETE);
    return submit(x);
}

enum http_next write_delete_found(struct exchange *x)
{
    begin(x, COMMAND_DELETE);
    begin_conditional(x, COMMAND_DELETE, x->params);
    return submit(x);
}
