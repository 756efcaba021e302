#include "server/rest/bundle_post.h"

#include <stdlib.h>

#include "server/rest/body.h"
#include "server/rest/bundle_run.h"
#include "server/rest/reply.h"
#include "server/rest/write.h"

/* Of the bundle's size: its entries, unescaped URLs, rewritten texts. */
#define RUN_BODIES 4

void bundle_run_free(struct bundle_run *run)
{
    if (!run)
        return;
    link_table_fini(&run->links);
    arena_fini(&run->arena);
    free(run);
}

static struct bundle_run *run_new(const struct exchange *x)
{
    struct bundle_run *run = calloc(1, sizeof *run);
    uint64_t seed[2];

    if (!run)
        return NULL;
    arena_init(&run->arena, x->rest->config.body_bytes * RUN_BODIES +
                                EXCHANGE_SCRATCH_EXTRA);
    rng_fill(x->rest->config.rng, seed, sizeof seed);
    link_table_init(&run->links, seed, &run->arena);
    return run;
}

static bool is_write(const struct bundle_entry *entry)
{
    return entry->refused == ERR_OK && entry->method != BUNDLE_GET;
}

/* ---- what the entries are to one another ---- */

/* Ids of creates are drawn before anything refers to them. */
static bool make_items(struct exchange *x, struct bundle_run *run)
{
    const struct bundle *b = &run->bundle;
    char id[RNG_UUID_BYTES];

    run->items =
        arena_calloc(&run->arena, b->count ? b->count : 1, sizeof *run->items);
    for (size_t i = 0; run->items && i < b->count; i++) {
        struct bundle_item *item = &run->items[i];

        item->entry = &b->entries[i];
        item->id = item->entry->id;
        if (item->entry->method == BUNDLE_POST) {
            rng_uuid(x->rest->config.rng, id);
            item->id = arena_copy(&run->arena, bytes_of(id));
        }
    }
    return !arena_failed(&run->arena);
}

static struct bytes reference_to(struct bundle_run *run,
                                 const struct bundle_item *item)
{
    struct bytes type = item->entry->type, id = item->id;
    char *p = arena_alloc(&run->arena, type.n + id.n + 2);

    if (!p)
        return bytes_make(NULL, 0);
    memcpy(p, type.p, type.n);
    p[type.n] = '/';
    memcpy(p + type.n + 1, id.p, id.n);
    return bytes_make(p, type.n + id.n + 1);
}

/* R4 http.html#trules: a resource has one interaction in a transaction, and a
 * fullUrl is one entry's. */
static enum err_code link_items(struct bundle_run *run, struct err *e)
{
    struct link_table once;
    enum err_code code = ERR_OK;

    link_table_init(&once, run->links.seed, &run->arena);
    for (size_t i = 0; code == ERR_OK && i < run->bundle.count; i++) {
        const struct bundle_item *item = &run->items[i];
        struct bytes to = reference_to(run, item);
        bool repeated = false, linked = false;

        if (!is_write(item->entry))
            continue;
        if (!to.p || !link_table_add(&once, to, to, &repeated))
            code = err_nomem(e);
        else if (repeated)
            code = bundle_refuse(e, ERR_INVALID, i, "request.url",
                                 "another entry is of the same resource");
        else if (item->entry->full_url.n &&
                 !link_table_add(&run->links, item->entry->full_url, to,
                                 &linked))
            code = err_nomem(e);
        else if (linked)
            code = bundle_refuse(e, ERR_INVALID, i, "fullUrl",
                                 "another entry has the same fullUrl");
    }
    link_table_fini(&once);
    return code;
}

/* ---- the commands ---- */

static enum err_code item_body(struct exchange *x, struct bundle_item *item,
                               struct bytes *out, struct err *e)
{
    struct bundle_run *run = x->bundle;
    struct bytes text = x->request->body;
    struct json_span span = item->entry->resource;
    struct json_item id;
    char want[65];
    struct buf buf;
    enum err_code code;

    *out = json_text(text, span);
    if (item->entry->method == BUNDLE_PUT) {
        memcpy(want, item->id.p, item->id.n); /* an id: at most 64 */
        want[item->id.n] = '\0';
        if (!json_member(text, span, "id", &id) ||
            !json_string_is(text, id.value, want))
            return bundle_refuse(e, ERR_INVALID, item->entry->index,
                                 "resource.id", "it is not the id of the URL");
    }
    if (run->links.map.count == 0)
        return ERR_OK;
    buf_init(&buf, x->rest->config.body_bytes * 2);
    link_rewrite(&run->links, text, span, item->entry->full_url, &buf);
    code = buf_check(&buf, e);
    if (code == ERR_OK) {
        *out = arena_copy(&x->scratch, buf_bytes(&buf));
        code = out->p ? ERR_OK : err_nomem(e);
    }
    buf_fini(&buf);
    return code;
}

static enum command_kind kind_of(enum bundle_method method)
{
    switch (method) {
    case BUNDLE_POST:
        return COMMAND_CREATE;
    case BUNDLE_PUT:
        return COMMAND_UPDATE;
    case BUNDLE_DELETE:
    case BUNDLE_GET:
        break;
    }
    return COMMAND_DELETE;
}

static void append(struct command *group, struct command *part)
{
    struct command **end = &group->parts;

    while (*end)
        end = &(*end)->next;
    *end = part;
}

/* Prepares the entry's command as the group's last part. */
static enum err_code prepare_item(struct exchange *x, struct bundle_item *item,
                                  struct write *w, struct err *e)
{
    enum err_code code = ERR_OK;

    *w = (struct write){.rest = x->rest,
                        .kind = kind_of(item->entry->method),
                        .type = item->entry->type,
                        .id = item->id,
                        .if_match = item->entry->if_match,
                        .if_none_match = item->entry->if_none_match,
                        .scratch = &x->scratch};
    item->command = NULL;
    item->status = 0;
    if (w->kind != COMMAND_DELETE)
        code = item_body(x, item, &w->body, e);
    if (code == ERR_OK)
        code = prepare_write(w, e);
    if (code != ERR_OK) {
        command_free(w->command);
        w->command = NULL;
        return code;
    }
    item->command = w->command;
    append(x->write.command, w->command);
    return ERR_OK;
}

/* The issues of an entry, led through the bundle. */
static enum http_next refuse_all(struct exchange *x, struct bundle_item *item,
                                 struct issues *issues, struct err *e)
{
    if (!issues || issues->count == 0) {
        (void)bundle_run_blame(e, item);
        return reply_error(x, e);
    }
    for (size_t i = 0; i < issues->count; i++)
        (void)bundle_run_blame(&issues->items[i], item);
    return reply_issues(x, issues);
}

static enum err_code new_group(struct exchange *x, struct err *e)
{
    command_free(x->write.command);
    x->write.command = command_new(EXCHANGE_SCRATCH_EXTRA);
    if (!x->write.command)
        return err_nomem(e);
    x->write.command->kind = COMMAND_GROUP;
    x->write.command->each_alone = x->bundle->bundle.kind == BUNDLE_BATCH;
    return ERR_OK;
}

/* Prepares the entries with the method. *refused is true when the exchange
 * was answered instead. */
static enum http_next prepare_items(struct exchange *x,
                                    enum bundle_method method, bool *refused)
{
    struct bundle_run *run = x->bundle;

    for (size_t i = 0; i < run->bundle.count; i++) {
        struct bundle_item *item = &run->items[i];
        struct write w;
        struct err e;

        if (!is_write(item->entry) || item->entry->method != method)
            continue;
        arena_reset(&x->scratch);
        if (prepare_item(x, item, &w, &e) == ERR_OK)
            continue;
        if (run->bundle.kind == BUNDLE_TRANSACTION) {
            *refused = true;
            return refuse_all(x, item, w.issues, &e);
        }
        if (!bundle_run_refuse(run, item, &e, w.issues)) {
            *refused = true;
            (void)err_nomem(&e);
            return reply_error(x, &e);
        }
    }
    return HTTP_REPLY;
}

/* ---- submitting ---- */

static void finished(struct command *c)
{
    struct exchange *x = c->ctx;

    http_resume(x->request);
}

static enum http_next answer(struct exchange *x);

static enum http_next submit(struct exchange *x)
{
    /* R4 http.html#trules: the order of processing */
    static const enum bundle_method order[] = {BUNDLE_DELETE, BUNDLE_POST,
                                               BUNDLE_PUT};
    struct err e;
    enum err_code code = new_group(x, &e);
    bool refused = false;

    x->tries++;
    if (code != ERR_OK)
        return reply_error(x, &e);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        enum http_next next = prepare_items(x, order[i], &refused);

        if (refused)
            return next;
    }
    arena_reset(&x->scratch);
    x->resume = answer;
    if (!x->write.command->parts)
        return bundle_run_answer(x);
    x->write.command->done = finished;
    x->write.command->ctx = x;
    /* from here on the engine may resume the request at any moment */
    code = engine_submit(x->rest->config.engine, x->write.command, &e);
    return code == ERR_OK ? HTTP_WAIT : reply_error(x, &e);
}

static struct bundle_item *item_of(struct bundle_run *run,
                                   const struct command *c)
{
    for (size_t i = 0; c && i < run->bundle.count; i++)
        if (run->items[i].command == c)
            return &run->items[i];
    return NULL;
}

static enum http_next answer(struct exchange *x)
{
    const struct command_result *result = &x->write.command->result;
    struct bundle_item *culprit = item_of(x->bundle, result->culprit);
    struct err e;

    if (result->code == ERR_OK)
        return bundle_run_answer(x);
    if (result->code == ERR_STALE && x->tries < WRITE_TRIES)
        return submit(x);
    e = result->err;
    if (result->code == ERR_STALE)
        (void)err_set(&e, ERR_CONFLICT,
                      "others keep changing a resource of the bundle; try "
                      "again");
    if (culprit)
        (void)bundle_run_blame(&e, culprit);
    return reply_error(x, &e);
}

static enum err_code open_run(struct exchange *x, struct err *e)
{
    static const char *const none[] = {NULL};
    enum err_code code = params_only(&x->params, none, e);

    if (code == ERR_OK)
        code = body_check(x, e);
    if (code != ERR_OK)
        return code;
    x->bundle = run_new(x);
    if (!x->bundle)
        return err_nomem(e);
    code = bundle_read(x->request->body, x->rest->base_url, &x->bundle->arena,
                       &x->bundle->bundle, e);
    if (code == ERR_OK && !make_items(x, x->bundle))
        code = err_nomem(e);
    if (code == ERR_OK && x->bundle->bundle.kind == BUNDLE_TRANSACTION)
        code = link_items(x->bundle, e);
    return code;
}

enum http_next bundle_post(struct exchange *x)
{
    struct err e;

    if (open_run(x, &e) != ERR_OK)
        return reply_error(x, &e);
    x->prefer = PREFER_MINIMAL;
    if (exchange_header(x, "Prefer").p)
        x->prefer = negotiate_prefer(exchange_header(x, "Prefer"));
    return submit(x);
}
