#include "server/delivery/engine_link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/log.h"
#include "server/delivery/batch.h"
#include "server/delivery/limits.h"
#include "server/engine/attempts.h"
#include "server/engine/surround.h"
#include "server/security/egress.h"
#include "storage/base/failpoint.h"

void engine_link_fini(struct engine_link *l)
{
    free(l->reports);
    l->reports = NULL;
    l->report_count = 0;
    l->report_capacity = 0;
}

/* ---- states and targets ---- */

/* To the scheduler a paused one is as good as one in error: there is nothing
 * to send until its state changes. */
static void halt_paused(struct subscription_state *s)
{
    if (s->paused && s->status != STATUS_OFF)
        s->status = STATUS_ERROR;
}

static bool look(void *ctx, uint64_t number, struct subscription_state *out)
{
    struct engine_link *l = ctx;
    struct err e;
    enum err_code code = engine_subscription(l->engine, number, out, NULL, &e);

    if (code != ERR_OK && code != ERR_NOT_FOUND)
        log_err(LOG_ERROR, "delivery.read", &e);
    if (code == ERR_OK)
        halt_paused(out);
    return code == ERR_OK;
}

static bool next(void *ctx, uint64_t after, struct subscription_state *out)
{
    struct engine_link *l = ctx;
    bool found = engine_subscription_next(l->engine, after, out, NULL);

    if (found)
        halt_paused(out);
    return found;
}

static uint32_t max_count(const struct engine_link *l,
                          const struct subscription *s)
{
    if (subscription_is_classic(s))
        return 1;
    return s->max_count > 0 ? s->max_count : l->max_count;
}

static bool read_target(const struct engine_link *l,
                        const struct subscription *s, struct source_target *out)
{
    struct egress_target t;
    int n;

    if (egress_parse_url(s->endpoint, &t, NULL) != ERR_OK)
        /* every attempt will be refused: a bucket of its own */
        n = snprintf(out->endpoint, sizeof out->endpoint, "refused");
    else
        n = snprintf(out->endpoint, sizeof out->endpoint, "%s://%s:%u",
                     t.tls ? "https" : "http", t.host, t.port);
    out->heartbeat_s = s->heartbeat_s;
    out->max_count = max_count(l, s);
    out->linger_ms = (uint16_t)s->linger_ms;
    out->per_focus = s->per_focus;
    out->park = s->park;
    out->end_ms = s->end_ms;
    return n > 0;
}

static bool target(void *ctx, uint64_t number, struct source_target *out)
{
    struct engine_link *l = ctx;
    struct subscription_state state;
    struct definition *d = NULL;
    bool ok =
        engine_subscription(l->engine, number, &state, &d, NULL) == ERR_OK &&
        d && read_target(l, definition_get(d), out);

    definition_unref(&d);
    return ok;
}

static bool acked(void *ctx, uint64_t number, struct acked_events *out)
{
    struct engine_link *l = ctx;

    return engine_acked(l->engine, number, out, NULL) == ERR_OK;
}

static size_t keys(void *ctx, const struct source_keys *want, uint64_t *out)
{
    struct engine_link *l = ctx;
    const struct event_query query = {.subscription = want->number,
                                      .first = want->first,
                                      .max_count = want->most};
    struct err e;
    size_t n;

    if (engine_event_keys(l->engine, &query, out, &n, &e) == ERR_OK)
        return n;
    log_err(LOG_ERROR, "delivery.read", &e);
    return 0;
}

static bool breaker(void *ctx, uint64_t hash, struct breaker_state *out)
{
    struct engine_link *l = ctx;
    struct err e;
    enum err_code code = engine_breaker_state(l->engine, hash, out, &e);

    if (code != ERR_OK && code != ERR_NOT_FOUND)
        log_err(LOG_ERROR, "delivery.read", &e);
    return code == ERR_OK;
}

/* ---- reports ---- */

static void count(struct delivery_counters *c, enum report_kind kind)
{
    switch (kind) {
    case REPORT_DELIVERED:
    case REPORT_ACKED:
        counter_add(&c->delivered);
        break;
    case REPORT_RETRY:
        counter_add(&c->retried);
        break;
    case REPORT_FAILED:
        counter_add(&c->failed);
        break;
    case REPORT_OFF:
        counter_add(&c->off);
        break;
    case REPORT_PARKED:
    case REPORT_REPARKED:
        counter_add(&c->parked);
        break;
    case REPORT_HANDSHAKE_OK:
    case REPORT_ENDPOINT:
    case REPORT_RESENT:
        break;
    }
}

static const char *event_of(enum report_kind kind)
{
    if (kind == REPORT_OFF)
        return "delivery.off";
    return kind == REPORT_PARKED || kind == REPORT_REPARKED ? "delivery.parked"
                                                            : "delivery.failed";
}

static void tell(struct engine_link *l, const struct report *r)
{
    struct subscription_state state;
    const char *id = "?";

    if (r->kind == REPORT_DELIVERED || r->kind == REPORT_ACKED ||
        r->kind == REPORT_ENDPOINT || r->kind == REPORT_RESENT)
        return;
    if (look(l, r->subscription, &state))
        id = state.id;
    if (r->kind == REPORT_HANDSHAKE_OK)
        log_event(LOG_INFO, "delivery.active", "Subscription/%s", id);
    else if (r->kind == REPORT_RETRY)
        log_event(LOG_INFO, "delivery.retry", "Subscription/%s, attempt %u: %s",
                  id, r->attempts, r->error);
    else
        log_event(LOG_WARN, event_of(r->kind), "Subscription/%s: %s", id,
                  r->error);
}

static bool make_room(struct engine_link *l)
{
    size_t capacity = l->report_capacity ? l->report_capacity * 2 : 256;
    struct report *reports;

    if (l->report_count < l->report_capacity)
        return true;
    reports = realloc(l->reports, capacity * sizeof(*reports));
    if (!reports)
        return false;
    l->reports = reports;
    l->report_capacity = capacity;
    return true;
}

static void report(void *ctx, const struct report *r)
{
    struct engine_link *l = ctx;

    count(l->counters, r->kind);
    tell(l, r);
    if (make_room(l))
        l->reports[l->report_count++] = *r;
    else
        log_event(LOG_ERROR, "delivery.report", "out of memory");
}

static void attempted(void *ctx, const struct attempt_note *n)
{
    const struct engine_link *l = ctx;

    engine_note_attempt(l->engine, n);
}

bool engine_link_flush(struct engine_link *l)
{
    struct err e;

    if (l->report_count == 0)
        return true;
    FAILPOINT("before-report");
    if (engine_report(l->engine, l->reports, l->report_count, &e) == ERR_OK) {
        FAILPOINT("after-report");
        l->report_count = 0;
        l->stuck = false;
        return true;
    }
    if (!l->stuck)
        log_err(LOG_ERROR, "delivery.report", &e);
    l->stuck = true;
    return false;
}

struct delivery_source engine_link_source(struct engine_link *l)
{
    return (struct delivery_source){look, next,    target, report,   acked,
                                    keys, breaker, l,      attempted};
}

/* ---- messages ---- */

/* The events that the attempt names, one by one. */
static enum err_code read_numbered(struct engine_link *l,
                                   const struct attempt *a,
                                   struct event_query *query,
                                   struct arena *arena, struct event *all,
                                   struct err *e)
{
    enum err_code code = ERR_OK;
    struct event *one = NULL;
    size_t n = 0;

    query->max_count = 1;
    for (uint32_t i = 0; code == ERR_OK && i < a->number_count; i++) {
        query->first = a->numbers[i];
        code = engine_events(l->engine, query, arena, &one, &n, e);
        if (code == ERR_OK && one && n == 1)
            all[i] = *one;
        else if (code == ERR_OK)
            code = err_set(e, ERR_STALE, "no event to send");
    }
    return code;
}

struct chosen {
    struct event *events;
    size_t n;
};

static enum err_code read_chosen(struct engine_link *l, const struct attempt *a,
                                 struct event_query *query, struct arena *arena,
                                 struct chosen *out, struct err *e)
{
    if (a->numbers) {
        out->n = a->number_count;
        out->events = arena_calloc(arena, out->n, sizeof *out->events);
        return out->events ? read_numbered(l, a, query, arena, out->events, e)
                           : err_nomem(e);
    }
    if (a->most_events > 0 && a->most_events < query->max_count)
        query->max_count = a->most_events;
    if (a->exact_last >= a->first && a->exact_last > 0) {
        query->max_count = (size_t)(a->exact_last - a->first + 1);
        query->max_bytes = DELIVERY_BODY_BYTES;
    }
    return engine_events(l->engine, query, arena, &out->events, &out->n, e);
}

static enum err_code read_events(struct engine_link *l, const struct attempt *a,
                                 struct batch *b, struct arena *arena,
                                 struct err *e)
{
    const struct subscription *d = b->definition;
    bool full = d->content == CONTENT_FULL_RESOURCE;
    bool surrounded = surround_is_wanted(d, d->content);
    const struct surround_query around = {d->topic, l->base_url, full,
                                          DELIVERY_BATCH_BYTES};
    struct event_query query = {.subscription = a->subscription,
                                .first = a->first,
                                .max_count = max_count(l, b->definition),
                                .max_bytes = DELIVERY_BATCH_BYTES,
                                .with_text = full || surrounded};
    struct chosen c = {0};
    enum err_code code = read_chosen(l, a, &query, arena, &c, e);

    b->events = c.events;
    b->event_count = c.n;
    if (code == ERR_OK && (c.n == 0 || !c.events))
        return err_set(e, ERR_STALE, "no event to send");
    if (code == ERR_OK && surrounded)
        code = engine_surround(l->engine, &around, c.events, c.n, arena, e);
    return code;
}

/* R4 subscription.html, rest-hook: with a payload, the endpoint is the base of
 * a service that the resource is PUT to; without, an empty POST. */
static enum err_code write_classic(const struct batch *b, struct message *m,
                                   struct err *e)
{
    const struct event *event;
    int n;

    if (b->event_count == 0 || !b->events ||
        b->definition->content != CONTENT_FULL_RESOURCE)
        return ERR_OK;
    event = &b->events[0];
    n = snprintf(m->path, sizeof m->path, "%.*s/%.*s", BYTES_ARG(event->type),
                 BYTES_ARG(event->id));
    if (n < 0 || (size_t)n >= sizeof m->path)
        return err_set(e, ERR_BUG, "a type and id are too long");
    buf_add(&m->body, event->text);
    return buf_check(&m->body, e);
}

static bool is_wanted(const struct subscription_state *state,
                      const struct attempt *a)
{
    enum subscription_status wanted =
        a->type == NOTIFY_HANDSHAKE ? STATUS_REQUESTED : STATUS_ACTIVE;

    return state->definition == a->definition && state->status == wanted &&
           !state->paused;
}

static enum err_code make_in(struct engine_link *l, struct attempt *a,
                             struct message *m, struct arena *arena,
                             struct err *e)
{
    struct subscription_state state;
    struct batch b = {.base_url = l->base_url,
                      .state = &state,
                      .type = a->type,
                      .now_ms = clock_wall_ms(l->clock)};
    enum err_code code = engine_subscription(l->engine, a->subscription, &state,
                                             &m->reference, e);

    if (code != ERR_OK)
        return code;
    if (!m->reference || !is_wanted(&state, a))
        return err_set(e, ERR_STALE, "the subscription moved on");
    m->definition = definition_get(m->reference);
    m->definition_number = state.definition;
    b.definition = m->definition;
    if (a->type == NOTIFY_EVENT) {
        code = read_events(l, a, &b, arena, e);
        if (code != ERR_OK)
            return code;
        assert(b.events && b.event_count > 0);
        a->last = b.events[b.event_count - 1].number;
    }
    batch_message_id(&b, m->id);
    m->path[0] = '\0';
    if (subscription_is_classic(b.definition))
        return write_classic(&b, m, e);
    return batch_write(&b, arena, &m->body, e);
}

static bool make(void *ctx, struct attempt *a, struct message *out)
{
    struct engine_link *l = ctx;
    struct arena arena;
    struct err e;
    enum err_code code;

    arena_init(&arena, DELIVERY_BODY_BYTES);
    code = make_in(l, a, out, &arena, &e);
    arena_fini(&arena);
    if (code != ERR_OK) {
        definition_unref(&out->reference);
        if (code != ERR_STALE && code != ERR_NOT_FOUND)
            log_err(LOG_ERROR, "delivery.build", &e);
    }
    return code == ERR_OK;
}

static void release(void *ctx, struct message *m)
{
    (void)ctx;
    definition_unref(&m->reference);
    m->definition = NULL;
}

struct message_maker engine_link_maker(struct engine_link *l)
{
    return (struct message_maker){make, release, l};
}
