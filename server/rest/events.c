#include "server/rest/events.h"

#include <stdio.h>

#include "server/engine/surround.h"
#include "server/engine/tell.h"
#include "server/rest/operation.h"
#include "server/rest/reply.h"
#include "server/rest/text.h"
#include "server/rest/subscription_find.h"

/* Of an answer besides the resources: the parts of EVENTS_MAX events. */
#define EVENTS_EXTRA_BYTES ((size_t)4 << 20)

static const struct operation operation = {
    "$events", (const struct operation_parameter[]){
                   {"eventsSinceNumber", {"valueString"}},
                   {"eventsUntilNumber", {"valueString"}},
                   {"content", {"valueCode", "valueString"}},
                   {NULL, {NULL}}}};

/* What is asked for, and what is found. */
struct events {
    struct exchange *x;
    struct subscription_state state;
    struct definition *definition; /* NULL: cannot be honoured any more */
    uint64_t since;
    uint64_t until;
    enum content_level content;
    bool content_given;
    struct arena arena;
    struct event *list;
    size_t count;
};

static enum err_code read_content(struct events *v, struct err *e)
{
    char shown[TEXT_SHOW_BYTES];
    struct bytes text;
    enum err_code code = operation_value(v->x, "content", &text, e);

    if (code != ERR_OK || !text.p)
        return code;
    v->content_given = true;
    if (content_level_parse(text, &v->content))
        return ERR_OK;
    return err_set(e, ERR_INVALID,
                   "content is empty, id-only or full-resource, not \"%s\"",
                   text_show(text, shown));
}

static enum err_code read_input(struct events *v, struct err *e)
{
    enum err_code code = operation_read(v->x, &operation, e);

    if (code == ERR_OK)
        code = operation_number(v->x, "eventsSinceNumber", 1, &v->since, e);
    if (code == ERR_OK)
        code = operation_number(v->x, "eventsUntilNumber", UINT64_MAX,
                                &v->until, e);
    if (code == ERR_OK)
        code = read_content(v, e);
    if (code == ERR_OK && v->since > v->until)
        return err_set(e, ERR_INVALID,
                       "eventsSinceNumber is greater than eventsUntilNumber");
    return code;
}

/* The level asked for, but never above the Subscription's own. */
static void limit_content(struct events *v)
{
    enum content_level own =
        v->definition ? definition_get(v->definition)->content : CONTENT_EMPTY;

    if (!v->content_given || v->content > own)
        v->content = own;
}

static enum err_code load(struct events *v, struct err *e)
{
    uint64_t last =
        v->until < v->state.last_event ? v->until : v->state.last_event;
    const struct subscription *d =
        v->definition ? definition_get(v->definition) : NULL;
    bool full = v->content == CONTENT_FULL_RESOURCE;
    bool surrounded = surround_is_wanted(d, v->content);
    uint64_t kept = v->state.expired + 1;
    struct event_query q = {.subscription = v->state.number,
                            .first = v->since > kept ? v->since : kept,
                            .max_count = EVENTS_MAX,
                            .max_bytes = EVENTS_BYTES,
                            .with_text = full || surrounded};
    enum err_code code;

    if (q.first > last)
        return ERR_OK;
    if (last - q.first < EVENTS_MAX)
        q.max_count = (size_t)(last - q.first + 1);
    code = engine_events(v->x->rest->config.engine, &q, &v->arena, &v->list,
                         &v->count, e);
    if (code != ERR_OK || !surrounded || !d)
        return code;
    return engine_surround(v->x->rest->config.engine,
                           &(struct surround_query){d->topic,
                                                    v->x->rest->base_url, full,
                                                    EVENTS_BYTES},
                           v->list, v->count, &v->arena, e);
}

/* The URL of what this answer has no room for; NULL when nothing is left. */
static enum err_code next_url(struct events *v, const char **out, struct err *e)
{
    uint64_t last = v->count ? v->list[v->count - 1].number : UINT64_MAX;
    char *text = NULL;
    int n;

    *out = NULL;
    if (last >= v->until || last >= v->state.last_event)
        return ERR_OK;
    n = snprintf(NULL, 0, "%.*s/Subscription/%s/$events?eventsSinceNumber=",
                 BYTES_ARG(v->x->rest->base_url), v->state.id);
    if (n > 0)
        text = arena_alloc(&v->arena, (size_t)n + 128);
    if (!text)
        return err_nomem(e);
    n = snprintf(text, (size_t)n + 128,
                 "%.*s/Subscription/%s/$events?eventsSinceNumber=%llu",
                 BYTES_ARG(v->x->rest->base_url), v->state.id,
                 (unsigned long long)last + 1);
    if (v->until < UINT64_MAX && n > 0)
        n += snprintf(text + n, 64, "&eventsUntilNumber=%llu",
                      (unsigned long long)v->until);
    if (v->content_given && n > 0)
        (void)snprintf(text + n, 32, "&content=%s",
                       content_level_text(v->content));
    *out = text;
    return ERR_OK;
}

static enum err_code fill(struct events *v, struct notification *n,
                          struct err *e)
{
    const struct rest_config *c = &v->x->rest->config;
    const struct subscription *d =
        v->definition ? definition_get(v->definition) : NULL;
    const struct tell t = {.state = &v->state,
                           .definition = d,
                           .content = v->content,
                           .events = v->list,
                           .event_count = v->count};
    struct notification_event *events;
    enum err_code code = tell_events(&t, &v->arena, &events, e);

    *n = (struct notification){
        .status = {.base_url = v->x->rest->base_url,
                   .subscription_id = bytes_of(v->state.id),
                   .topic = d ? d->canonical : NULL,
                   .status = v->state.status,
                   .type = NOTIFY_QUERY_EVENT,
                   .events_since_start = v->state.last_event,
                   .error_code = failure_code(v->state.failure),
                   .error_text = v->state.error[0] ? v->state.error : NULL},
        .content = v->content,
        .timestamp_ms = clock_wall_ms(c->clock),
        .events = events,
        .event_count = v->count};
    rng_uuid(c->rng, n->bundle_id);
    rng_uuid(c->rng, n->status.uuid);
    n->status.facts = tell_facts(&v->state, &v->arena, &n->status.fact_count);
    if (code == ERR_OK && !n->status.facts)
        code = err_nomem(e);
    if (code == ERR_OK)
        code = tell_proof(&t, &n->status.proof, e);
    return code == ERR_OK ? next_url(v, &n->next_url, e) : code;
}

static enum err_code gather(struct events *v, struct notification *n,
                            struct err *e)
{
    enum err_code code = read_input(v, e);

    if (code == ERR_OK)
        code = subscription_find(v->x, &v->state, &v->definition, e);
    if (code != ERR_OK)
        return code;
    limit_content(v);
    code = load(v, e);
    return code == ERR_OK ? fill(v, n, e) : code;
}

enum http_next events_get(struct exchange *x)
{
    size_t bytes = EVENTS_BYTES + x->rest->config.body_bytes * 2;
    struct events v = {.x = x};
    struct notification n;
    struct buf body;
    struct err e;
    enum err_code code;
    enum http_next next;

    arena_init(&v.arena, bytes + EVENTS_EXTRA_BYTES);
    code = gather(&v, &n, &e);
    if (code == ERR_OK) {
        buf_init(&body, bytes + EVENTS_EXTRA_BYTES);
        notification_write(&body, &n);
        next = reply_body(x, 200, &body);
    } else {
        next = reply_error(x, &e);
    }
    definition_unref(&v.definition);
    arena_fini(&v.arena);
    return next;
}
