#include "server/rest/write.h"

#include <stdio.h>
#include <stdlib.h>

#include "fhir/json/span.h"
#include "fhir/model/types.h"
#include "fhir/outcome/outcome.h"
#include "server/rest/body.h"
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
    enum err_code code = check_no_params(x, e);

    if (code == ERR_OK)
        code = body_check(x, e);
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

static enum http_next answer(struct exchange *x);

static enum http_next submit(struct exchange *x)
{
    struct err e;
    enum err_code code;

    x->tries++;
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
static enum err_code put_location(struct exchange *x, struct err *e)
{
    const struct command *c = x->write.command;
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
    enum err_code code = created ? put_location(x, &e) : ERR_OK;

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
                       .if_match = exchange_header(x, "If-Match"),
                       .if_none_match = exchange_header(x, "If-None-Match"),
                       .scratch = &x->scratch};
}

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
    begin(x, COMMAND_CREATE);
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
    begin(x, COMMAND_UPDATE);
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
