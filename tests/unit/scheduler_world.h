/* scheduler_world: the real scheduler with a fake engine, a fake transport and
 * no clock. */
#ifndef BELFRY_TESTS_UNIT_SCHEDULER_WORLD_H
#define BELFRY_TESTS_UNIT_SCHEDULER_WORLD_H

#include "server/delivery/scheduler.h"

#include "server/delivery/http_status.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define SUBS 512
#define RESTING 64
#define REPORTS 8192
#define SEC INT64_C(1000)
#define HOUR (3600 * SEC)
#define START (INT64_C(1700000000) * SEC)

struct sub {
    bool live;
    struct subscription_state state;
    struct source_target target;
    uint32_t max_count;
    struct acked acked;
};

struct world {
    struct scheduler *s;
    int64_t now;
    struct sub subs[SUBS]; /* by number; 0 is not used */
    struct attempt *flying[1024];
    size_t flying_count;
    struct report reports[REPORTS];
    size_t report_count;
    size_t begun;
    size_t looks;
    struct attempt_note note; /* of the last attempt */
    struct delivery_counters counters;
    uint64_t focus[64];           /* of event n: focus[n % 64] */
    struct breaker_state breaker; /* as remembered, of any endpoint */
    bool silent_engine;           /* reports do not reach the state */
    bool refuse_begin;
    bool refuse_target; /* it cannot be read */
};

static inline bool look(void *ctx, uint64_t number,
                        struct subscription_state *out)
{
    struct world *w = ctx;

    w->looks++;
    if (number >= SUBS || !w->subs[number].live)
        return false;
    *out = w->subs[number].state;
    out->timed = w->subs[number].target.heartbeat_s > 0 ||
                 w->subs[number].target.end_ms > 0;
    return true;
}

static inline bool next(void *ctx, uint64_t after,
                        struct subscription_state *out)
{
    for (uint64_t i = after + 1; i < SUBS; i++) {
        if (look(ctx, i, out))
            return true;
    }
    return false;
}

static inline bool target(void *ctx, uint64_t number, struct source_target *out)
{
    struct world *w = ctx;

    *out = w->subs[number].target;
    out->max_count = w->subs[number].max_count;
    return !w->refuse_target;
}

static inline bool acked(void *ctx, uint64_t number, struct acked_events *out)
{
    struct world *w = ctx;

    *out = (struct acked_events){w->subs[number].state.delivered,
                                 w->subs[number].acked};
    return true;
}

static inline size_t keys(void *ctx, const struct source_keys *want,
                          uint64_t *out)
{
    struct world *w = ctx;
    size_t n = 0;

    for (; n < want->most &&
           want->first + n <= w->subs[want->number].state.last_event;
         n++)
        out[n] = w->focus[(want->first + n) % 64];
    return n;
}

static inline bool breaker(void *ctx, uint64_t hash, struct breaker_state *out)
{
    struct world *w = ctx;

    (void)hash;
    *out = w->breaker;
    return w->breaker.trips > 0;
}

static inline void take_note(void *ctx, const struct attempt_note *n)
{
    struct world *w = ctx;

    w->note = *n;
}

/* What the engine does with a report (server/engine/report.h). */
static inline void apply(struct world *w, const struct report *r)
{
    struct sub *sub = &w->subs[r->subscription];
    struct subscription_state *st = &sub->state;
    bool current = r->definition == st->definition;

    switch (r->kind) {
    case REPORT_DELIVERED:
        if (st->delivered < r->event)
            st->delivered = r->event;
        st->attempts = 0;
        st->next_attempt_ms = 0;
        break;
    case REPORT_RETRY:
        st->attempts = r->attempts;
        st->next_attempt_ms = r->next_attempt_ms;
        break;
    case REPORT_HANDSHAKE_OK:
        st->status = current ? STATUS_ACTIVE : st->status;
        break;
    case REPORT_FAILED:
        st->status = current ? STATUS_ERROR : st->status;
        break;
    case REPORT_OFF:
        st->status = current ? STATUS_OFF : st->status;
        break;
    case REPORT_ACKED:
    case REPORT_PARKED:
        st->parked += r->kind == REPORT_PARKED;
        for (uint64_t n = r->first; n <= r->event; n++)
            acked_add(&sub->acked, st->delivered, n);
        st->delivered = acked_move(&sub->acked, st->delivered, 0);
        st->out_of_order = !acked_is_empty(&sub->acked);
        break;
    case REPORT_RESENT:
    case REPORT_REPARKED:
        st->resend.first = r->event + 1;
        if (st->resend.first > st->resend.last)
            st->resend = (struct resend){0, 0};
        break;
    case REPORT_ENDPOINT:
        w->breaker = (struct breaker_state){r->attempts, (int64_t)r->first,
                                            r->next_attempt_ms};
        break;
    }
}

static inline void take_report(void *ctx, const struct report *r)
{
    struct world *w = ctx;

    assert_true(w->report_count < REPORTS);
    w->reports[w->report_count++] = *r;
    if (!w->silent_engine)
        apply(w, r);
}

static inline bool begin(void *ctx, struct attempt *a)
{
    struct world *w = ctx;
    const struct sub *sub = &w->subs[a->subscription];

    if (w->refuse_begin)
        return false;
    if (a->numbers) {
        a->last = a->numbers[a->number_count - 1];
    } else if (a->type == NOTIFY_EVENT) {
        a->last = a->first + sub->max_count - 1;
        if (a->most_events > 0 && a->most_events < sub->max_count)
            a->last = a->first + a->most_events - 1;
        if (a->last > sub->state.last_event)
            a->last = sub->state.last_event;
        if (a->exact_last > 0)
            a->last = a->exact_last;
        assert_true(a->last >= a->first);
    }
    w->flying[w->flying_count++] = a;
    w->begun++;
    return true;
}

static inline void fill_zero(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
}

static const struct rng no_jitter = {fill_zero, NULL};

static inline void build(struct world *w, const struct endpoint_limits *limits)
{
    struct scheduler_config c = {.source = {look, next, target, take_report,
                                            acked, keys, breaker, w, take_note},
                                 .channel = {begin, w},
                                 .rng = &no_jitter,
                                 .counters = &w->counters,
                                 .park_after = 3,
                                 .resting = RESTING};

    endpoint_limits_default(&c.limits);
    if (limits)
        c.limits = *limits;
    retry_policy_default(&c.retry);
    handshake_policy_default(&c.handshake);
    assert_int_equal(scheduler_new(&c, &w->s, NULL), ERR_OK);
}

static inline struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->now = START;
    build(w, NULL);
    return w;
}

static inline struct attempt *take(struct world *w, size_t at)
{
    struct attempt *a = w->flying[at];

    assert_true(at < w->flying_count);
    w->flying_count--;
    memmove(&w->flying[at], &w->flying[at + 1],
            (w->flying_count - at) * sizeof(w->flying[0]));
    return a;
}

static inline void finish_at(struct world *w, size_t at, struct outcome o)
{
    uint64_t number = w->flying[at]->subscription;

    scheduler_complete(w->s, take(w, at), &o, w->now);
    /* the commit of the reports wakes */
    scheduler_wake(w->s, number, w->now);
    scheduler_tick(w->s, w->now);
}

static inline void answer(struct world *w, int status)
{
    finish_at(w, 0, http_status_outcome(status, 0));
}

static inline void world_free(struct world *w)
{
    scheduler_hold(w->s, true);
    while (w->flying_count > 0)
        finish_at(w, 0, (struct outcome){.failure = FAILURE_LOCAL});
    scheduler_free(w->s);
    free(w);
}

static inline void restart(struct world *w)
{
    scheduler_hold(w->s, true);
    while (w->flying_count > 0)
        finish_at(w, 0, (struct outcome){.failure = FAILURE_LOCAL});
    scheduler_free(w->s);
    build(w, NULL);
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
}

static inline void wake(struct world *w, uint64_t number)
{
    scheduler_wake(w->s, number, w->now);
    scheduler_tick(w->s, w->now);
}

static inline void at_ms(struct world *w, int64_t now)
{
    w->now = now;
    scheduler_tick(w->s, now);
}

/* Adds a subscription; wake() or a load makes the scheduler see it. */
static inline struct sub *add(struct world *w, uint64_t number,
                              const char *endpoint,
                              enum subscription_status status)
{
    struct sub *sub = &w->subs[number];

    *sub = (struct sub){.live = true, .max_count = 10};
    sub->state = (struct subscription_state){.number = number,
                                             .definition = number,
                                             .status = status,
                                             .requested_ms = w->now};
    assert_true(snprintf(sub->target.endpoint, sizeof sub->target.endpoint,
                         "%s", endpoint) > 0);
    return sub;
}

static inline struct sub *add_active(struct world *w, uint64_t number,
                                     uint64_t events)
{
    struct sub *sub = add(w, number, "https://a.example:443", STATUS_ACTIVE);

    sub->state.last_event = events;
    return sub;
}

static inline void redefine(struct world *w, uint64_t number,
                            uint64_t definition)
{
    struct subscription_state *st = &w->subs[number].state;

    st->definition = definition;
    st->status = STATUS_REQUESTED;
    st->requested_ms = w->now;
}

static inline const struct report *last_report(const struct world *w)
{
    size_t n = w->report_count;

    while (n > 0 && w->reports[n - 1].kind == REPORT_ENDPOINT)
        n--;
    assert_true(n > 0);
    return &w->reports[n - 1];
}

static inline size_t count_reports(const struct world *w, enum report_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < w->report_count; i++)
        n += w->reports[i].kind == kind;
    return n;
}

static inline size_t flying_to(const struct world *w, const char *endpoint)
{
    size_t n = 0;

    for (size_t i = 0; i < w->flying_count; i++)
        n += strcmp(w->subs[w->flying[i]->subscription].target.endpoint,
                    endpoint) == 0;
    return n;
}

/* Subscriptions from first on to one endpoint, all with work. */
static inline void crowd(struct world *w, uint64_t first, size_t n,
                         const char *endpoint)
{
    for (uint64_t i = first; i < first + n; i++)
        add(w, i, endpoint, STATUS_ACTIVE)->state.last_event = 100000;
}

#endif
