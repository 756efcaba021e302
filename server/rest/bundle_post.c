#include "server/rest/bundle_post.h"

#include <stdlib.h>

#include "server/engine/condition.h"
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
    for (size_t i = 0; run->items && i < run->bundle.count; i++)
        condition_free(run->items[i].conditional.condition);
    for (size_t i = 0; i < run->earlier_count; i++)
        command_free(run->earlier[i]);
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
        if (item->entry->method == BUNDLE_POST || item->entry->criteria.p) {
            rng_uuid(x->rest->config.rng, id);
            item->drawn = arena_copy(&run->arena, bytes_of(id));
            item->id = item->drawn;
        }
    }
    return !arena_failed(&run->arena);
}

/* ---- what criteria find ---- */

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

/* A new id is the drawn one, so that others can refer to it. */
static enum err_code find_item(struct exchange *x, struct bundle_item *item,
                               struct err *e)
{
    struct bundle_run *run = x->bundle;
    struct conditional *c = &item->conditional;
    enum err_code code;

    condition_free(c->condition);
    *c = (struct conditional){
        .asked = kind_of(item->entry->method),
        .type = item->entry->type,
        .body = json_text(x->request->body, item->entry->resource)};
    code = params_add(&c->criteria, item->entry->criteria, &run->arena, e);
    if (code == ERR_OK)
        code = conditional_find(x->rest, c, &run->arena, e);
    item->id = c->id.n > 0 ? c->id : item->drawn;
    return code;
}

/* Those of a transaction are found before any of its entries is prepared. */
static enum err_code find_items(struct exchange *x, struct err *e)
{
    struct bundle_run *run = x->bundle;

    for (size_t i = 0; i < run->bundle.count; i++) {
        struct bundle_item *item = &run->items[i];

        if (item->entry->criteria.p && find_item(x, item, e) != ERR_OK)
            return bundle_run_blame(e, item);
    }
    return ERR_OK;
}

struct reference_search {
    struct exchange *x;
    struct err *e;
    enum err_code failed;
};

static bool find_reference(void *ctx, struct bytes reference)
{
    struct reference_search *s = ctx;
    struct bundle_run *run = s->x->bundle;
    struct bytes from = arena_copy(&run->arena, reference);
    struct bytes to = {NULL, 0};
    bool known = link_table_has(&run->links, reference);

    if (known)
        return true;
    s->failed = from.p ? conditional_reference(s->x->rest, reference,
                                               &run->arena, &to, s->e)
                       : err_nomem(s->e);
    if (s->failed == ERR_OK && !link_table_add(&run->links, from, to, &known))
        s->failed = err_nomem(s->e);
    return s->failed == ERR_OK;
}

/* R4 http.html#trules: conditional references are replaced by what they find,
 * one resource each. */
static enum err_code find_references(struct exchange *x, struct err *e)
{
    const struct bundle *b = &x->bundle->bundle;
    struct reference_search s = {.x = x, .e = e};
    struct err why;

    for (size_t i = 0; i < b->count; i++) {
        struct bundle_item *item = &x->bundle->items[i];

        if (item->entry->method == BUNDLE_GET ||
            item->entry->method == BUNDLE_DELETE ||
            link_conditionals(x->request->body, item->entry->resource,
                              find_reference, &s))
            continue;
        why = *e;
        return bundle_refuse(e, s.failed, i, "resource", why.message);
    }
    return ERR_OK;
}

static struct bytes join(struct bundle_run *run, struct bytes a, char between,
                         struct bytes b)
{
    char *p = arena_alloc(&run->arena, a.n + b.n + 2);

    if (!p)
        return bytes_make(NULL, 0);
    memcpy(p, a.p, a.n);
    p[a.n] = between;
    memcpy(p + a.n + 1, b.p, b.n);
    return bytes_make(p, a.n + b.n + 1);
}

/* A resource has one interaction in a transaction; two creates by the same
 * criteria would make two of what should be there once. What is not touched
 * may be meant by several. */
static enum err_code claim(struct bundle_run *run, struct link_table *once,
                           const struct bundle_item *item, struct bytes to,
                           struct err *e)
{
    const struct bundle_entry *entry = item->entry;
    bool repeated = false;
    struct bytes criteria;

    if (item->conditional.nothing)
        return ERR_OK;
    if (!link_table_add(once, to, to, &repeated))
        return err_nomem(e);
    if (!repeated && entry->method == BUNDLE_POST && entry->criteria.p) {
        criteria = join(run, entry->type, '?', entry->criteria);
        if (!criteria.p || !link_table_add(once, criteria, to, &repeated))
            return err_nomem(e);
    }
    return repeated ? bundle_refuse(e, ERR_INVALID, entry->index, "request.url",
                                    "another entry is of the same resource")
                    : ERR_OK;
}

/* R4 http.html#trules: and a fullUrl is one entry's. */
static enum err_code link_items(struct bundle_run *run, struct err *e)
{
    struct link_table once;
    enum err_code code = ERR_OK;

    link_table_init(&once, run->links.seed, &run->arena);
    for (size_t i = 0; code == ERR_OK && i < run->bundle.count; i++) {
        const struct bundle_item *item = &run->items[i];
        struct bytes to = join(run, item->entry->type, '/', item->id);
        bool linked = false;

        if (!is_write(item->entry))
            continue;
        code = to.p ? claim(run, &once, item, to, e) : err_nomem(e);
        if (code != ERR_OK || item->entry->full_url.n == 0 ||
            (item->conditional.nothing && item->entry->method == BUNDLE_DELETE))
            continue;
        if (!link_table_add(&run->links, item->entry->full_url, to, &linked))
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
    if (item->entry->method == BUNDLE_PUT && !item->entry->criteria.p) {
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
    if (item->entry->criteria.p) {
        if (x->bundle->bundle.kind == BUNDLE_BATCH)
            code = find_item(x, item, e);
        if (code != ERR_OK || item->conditional.nothing)
            return code;
        w->conditional = &item->conditional;
        w->kind = item->conditional.kind;
        w->id = item->id;
    }
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

        if (!is_write(item->entry) || item->entry->method != method ||
            item->settled)
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

/* What a transaction's entries mean, anew each time that it is prepared. */
static enum err_code resolve(struct exchange *x, struct err *e)
{
    struct bundle_run *run = x->bundle;
    enum err_code code;

    if (run->bundle.kind != BUNDLE_TRANSACTION)
        return ERR_OK;
    link_table_reset(&run->links);
    code = find_items(x, e);
    if (code == ERR_OK)
        code = link_items(run, e);
    return code == ERR_OK ? find_references(x, e) : code;
}

static void end_stale(struct bundle_run *run, const struct err *why)
{
    for (size_t i = 0; i < run->bundle.count; i++) {
        struct bundle_item *item = &run->items[i];

        if (item->settled || !item->command)
            continue;
        item->command->result.code = why->code;
        item->command->result.err = *why;
    }
}

static enum http_next submit(struct exchange *x)
{
    /* R4 http.html#trules: the order of processing */
    static const enum bundle_method order[] = {BUNDLE_DELETE, BUNDLE_POST,
                                               BUNDLE_PUT};
    struct err e;
    enum err_code code = new_group(x, &e);
    bool refused = false;

    x->tries++;
    if (code == ERR_OK)
        code = resolve(x, &e);
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
    if (code == ERR_OK)
        return HTTP_WAIT;
    if (x->bundle->earlier_count == 0)
        return reply_error(x, &e);
    end_stale(x->bundle, &e); /* the other entries are done */
    return bundle_run_answer(x);
}

static struct bundle_item *item_of(struct bundle_run *run,
                                   const struct command *c)
{
    for (size_t i = 0; c && i < run->bundle.count; i++)
        if (run->items[i].command == c)
            return &run->items[i];
    return NULL;
}

/* Entries of a batch that were prepared upon what another one, or another
 * client, changed since: a batch is no transaction, so the others stay. */
static bool has_stale(struct bundle_run *run)
{
    bool stale = false;

    for (size_t i = 0; i < run->bundle.count; i++) {
        struct bundle_item *item = &run->items[i];

        item->settled =
            !item->command || item->command->result.code != ERR_STALE;
        stale = stale || !item->settled;
    }
    return stale;
}

static enum http_next answer_batch(struct exchange *x)
{
    struct bundle_run *run = x->bundle;
    struct err e;

    if (run->bundle.kind != BUNDLE_BATCH || !has_stale(run))
        return bundle_run_answer(x);
    if (x->tries < WRITE_TRIES) {
        run->earlier[run->earlier_count++] = x->write.command;
        x->write.command = NULL;
        return submit(x);
    }
    (void)err_set(&e, ERR_CONFLICT,
                  "others keep changing what the entry is about; try again");
    end_stale(run, &e);
    return bundle_run_answer(x);
}

static enum http_next answer(struct exchange *x)
{
    const struct command_result *result = &x->write.command->result;
    struct bundle_item *culprit = item_of(x->bundle, result->culprit);
    struct err e;

    if (result->code == ERR_OK)
        return answer_batch(x);
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
