#include "server/rest/bundle_run.h"

#include <stdio.h>

#include "fhir/outcome/outcome.h"
#include "server/rest/read.h"
#include "server/rest/reply.h"
#include "server/rest/shown.h"
#include "server/rest/subscription_write.h"

/* Of an entry without its resource: status, location, times, outcome. */
#define ENTRY_BYTES 1024

enum err_code bundle_run_blame(struct err *e, const struct bundle_item *item)
{
    char inside[ERR_EXPRESSION_BYTES];
    const char *member = strchr(e->expression, '.');

    if (strncmp(e->expression, "Bundle.entry", 12) == 0)
        return e->code;
    memcpy(inside, e->expression, sizeof inside);
    member = member ? inside + (member - e->expression) : "";
    (void)snprintf(e->expression, sizeof e->expression,
                   "Bundle.entry[%zu].%s%.120s", item->entry->index,
                   inside[0] ? "resource" : "request", member);
    return e->code;
}

bool bundle_run_refuse(struct bundle_run *run, struct bundle_item *item,
                       const struct err *e, const struct issues *issues)
{
    bool several = issues && issues->count > 0;
    struct buf out;

    buf_init(&out, REPLY_OUTCOME_BYTES_MAX);
    if (several)
        outcome_write_issues(&out, issues);
    else
        outcome_write(&out, e);
    item->status =
        outcome_http_status(several ? issues->items[0].code : e->code);
    item->outcome = arena_copy(&run->arena, buf_bytes(&out));
    buf_fini(&out);
    return item->outcome.p != NULL;
}

static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {{200, "200 OK"},
                 {201, "201 Created"},
                 {204, "204 No Content"},
                 {404, "404 Not Found"},
                 {409, "409 Conflict"},
                 {410, "410 Gone"},
                 {412, "412 Precondition Failed"},
                 {422, "422 Unprocessable Entity"}};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return status < 500 ? "400 Bad Request" : "500 Internal Server Error";
}

static void add_version(struct buf *out, uint64_t version, int64_t time_ms)
{
    char time[INSTANT_TEXT_BYTES];

    instant_format(time_ms, time);
    buf_add_format(out, ",\"etag\":\"W/\\\"%llu\\\"\",\"lastModified\":\"",
                   (unsigned long long)version);
    buf_add(out, bytes_make(time, sizeof time));
    buf_add_text(out, "\"");
}

static void add_status(struct buf *out, int status)
{
    buf_add_text(out, "\"response\":{\"status\":\"");
    buf_add_text(out, status_text(status));
    buf_add_text(out, "\"");
}

static void add_refusal(struct buf *out, int status, struct bytes outcome)
{
    add_status(out, status);
    buf_add_text(out, ",\"outcome\":");
    buf_add(out, outcome);
    buf_add_text(out, "}");
}

static void add_error(struct buf *out, const struct err *e)
{
    add_status(out, outcome_http_status(e->code));
    buf_add_text(out, ",\"outcome\":");
    outcome_write(out, e);
    buf_add_text(out, "}");
}

/* The secret of a Subscription is told in the answer to its create alone, so
 * that one is shown whatever the client prefers. */
static bool is_shown(const struct exchange *x, const struct bundle_item *item)
{
    return item->command->kind != COMMAND_DELETE &&
           (x->prefer == PREFER_REPRESENTATION ||
            bytes_is(item->entry->type, "Subscription"));
}

static enum err_code add_resource(struct exchange *x,
                                  const struct bundle_item *item,
                                  struct buf *out, struct err *e)
{
    const struct write w = {
        .rest = x->rest,
        .body = json_text(x->request->body, item->entry->resource),
        .scratch = &x->scratch,
        .command = item->command};
    struct buf stored;
    enum err_code code = prepare_stored(item->command, &stored, e);

    buf_add_text(out, "\"resource\":");
    if (code == ERR_OK && bytes_is(item->entry->type, "Subscription"))
        code = subscription_write_show(&w, buf_bytes(&stored), out, e);
    else if (code == ERR_OK)
        buf_add(out, buf_bytes(&stored));
    buf_add_text(out, ",");
    buf_fini(&stored);
    return code;
}

static void add_full_url(const struct exchange *x,
                         const struct bundle_item *item, struct buf *out)
{
    buf_add_text(out, "\"fullUrl\":\"");
    buf_add(out, x->rest->base_url);
    buf_add_format(out, "/%.*s/%.*s\",", BYTES_ARG(item->entry->type),
                   BYTES_ARG(item->id));
}

static void add_location(struct buf *out, struct bytes type, struct bytes id,
                         uint64_t version)
{
    buf_add_format(out, ",\"location\":\"%.*s/%.*s/_history/%llu\"",
                   BYTES_ARG(type), BYTES_ARG(id), (unsigned long long)version);
}

/* A create of what is there, a delete of what is not. */
static void add_nothing(struct exchange *x, const struct bundle_item *item,
                        struct buf *out)
{
    const struct conditional *c = &item->conditional;

    if (c->asked == COMMAND_DELETE) {
        add_status(out, 204);
        buf_add_text(out, "}");
        return;
    }
    add_full_url(x, item, out);
    add_status(out, 200);
    add_location(out, item->entry->type, item->id, c->version);
    add_version(out, c->version, c->time_ms);
    buf_add_text(out, "}");
}

static enum err_code add_written(struct exchange *x,
                                 const struct bundle_item *item,
                                 struct buf *out, struct err *e)
{
    const struct command *c = item->command;
    bool created = c->kind == COMMAND_CREATE || c->result.created;
    enum err_code code = ERR_OK;

    if (c->kind == COMMAND_DELETE) {
        add_status(out, 204);
        if (c->result.existed)
            add_version(out, c->result.version, c->result.time_ms);
        buf_add_text(out, "}");
        return ERR_OK;
    }
    add_full_url(x, item, out);
    if (is_shown(x, item))
        code = add_resource(x, item, out, e);
    add_status(out, created ? 201 : 200);
    add_location(out, c->type, c->id, c->result.version);
    add_version(out, c->result.version, c->result.time_ms);
    if (x->prefer == PREFER_OPERATION_OUTCOME) {
        buf_add_text(out, ",\"outcome\":");
        outcome_write_information(out, created ? "created" : "updated");
    }
    buf_add_text(out, "}");
    return code;
}

/* The route becomes the entry's: reading goes by it. */
static void add_read(struct exchange *x, const struct bundle_item *item,
                     struct buf *out)
{
    struct resource_version v = {0};
    struct buf text;
    struct err e;

    x->route.type = item->entry->type;
    x->route.id = item->entry->id;
    x->route.version = item->entry->version;
    x->route.subscription = bytes_is(item->entry->type, "Subscription");
    buf_init(&text, out->max);
    if (read_into(x, &v, &text, &e) != ERR_OK) {
        add_error(out, &e);
    } else {
        add_full_url(x, item, out);
        buf_add_text(out, "\"resource\":");
        buf_add(out, buf_bytes(&text));
        buf_add_text(out, ",");
        add_status(out, 200);
        add_version(out, v.version, v.time_ms);
        buf_add_text(out, "}");
    }
    buf_fini(&text);
}

static enum err_code add_entry(struct exchange *x,
                               const struct bundle_item *item, struct buf *out,
                               struct err *e)
{
    const struct command_result *result =
        item->command ? &item->command->result : NULL;

    arena_reset(&x->scratch);
    if (item->status != 0)
        add_refusal(out, item->status, item->outcome);
    else if (item->entry->refused != ERR_OK)
        add_error(out, item->entry->err);
    else if (item->conditional.nothing)
        add_nothing(x, item, out);
    else if (!result)
        add_read(x, item, out);
    else if (result->code != ERR_OK)
        add_error(out, &result->err);
    else
        return add_written(x, item, out, e);
    return ERR_OK;
}

enum http_next bundle_run_answer(struct exchange *x)
{
    const struct bundle_run *run = x->bundle;
    char id[RNG_UUID_BYTES];
    struct buf out;
    struct err e;
    enum err_code code = ERR_OK;

    rng_uuid(x->rest->config.rng, id);
    buf_init(&out, x->rest->config.body_bytes * 8 +
                       run->bundle.count * ENTRY_BYTES + SHOWN_EXTRA_BYTES);
    buf_add_format(&out,
                   "{\"resourceType\":\"Bundle\",\"id\":\"%s\","
                   "\"type\":\"%s-response\"%s",
                   id,
                   run->bundle.kind == BUNDLE_BATCH ? "batch" : "transaction",
                   run->bundle.count ? ",\"entry\":[" : "");
    for (size_t i = 0; code == ERR_OK && i < run->bundle.count; i++) {
        buf_add_text(&out, i ? ",{" : "{");
        code = add_entry(x, &run->items[i], &out, &e);
        buf_add_text(&out, "}");
    }
    buf_add_text(&out, run->bundle.count ? "]}" : "}");
    if (code == ERR_OK)
        return reply_body(x, 200, &out);
    buf_fini(&out);
    return reply_error(x, &e);
}
