#include "server/delivery/scheduler.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/delivery/due_heap.h"
#include "server/delivery/entry_table.h"

/* After a fault of our own, or when the state moved on under an attempt. */
#define LOCAL_RETRY_MS 1000
/* Past every delay that retry_delay_ms() gives: the clock was set back. */
#define RESUME_MOST_MS (INT64_C(25) * 3600 * 1000)
/* A step back of the wall clock worth moving every timer for. */
#define STEP_BACK_MS 1000

struct scheduler {
    struct scheduler_config config;
    struct entry_table entries;
    struct due_heap heap;
    struct endpoint_set endpoints;
    struct attempt *free_attempts;
    int64_t now_ms;
    bool held;
};

/* What an entry does next, and from when on. */
enum work { WORK_NONE, WORK_HANDSHAKE, WORK_EVENTS, WORK_HEARTBEAT, WORK_END };

struct plan {
    enum work work;
    int64_t due_ms;
};

void handshake_policy_default(struct handshake_policy *p)
{
    *p = (struct handshake_policy){.delay_ms = 1000,
                                   .window_ms = 30000,
                                   .attempts = 3,
                                   .steps_ms = {4000, 10000},
                                   .step_count = 2};
}

enum err_code scheduler_new(const struct scheduler_config *config,
                            struct scheduler **out, struct err *e)
{
    struct scheduler *s = calloc(1, sizeof *s);

    *out = s;
    if (!s)
        return err_nomem(e);
    s->config = *config;
    entry_table_init(&s->entries);
    due_heap_init(&s->heap);
    endpoint_set_init(&s->endpoints, &config->limits);
    return ERR_OK;
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    assert(s->endpoints.in_flight == 0);
    while (s->free_attempts) {
        struct attempt *a = s->free_attempts;

        s->free_attempts = a->next_free;
        free(a);
    }
    entry_table_fini(&s->entries);
    due_heap_fini(&s->heap);
    endpoint_set_fini(&s->endpoints);
    free(s);
}

/* ---- what an entry is to do ---- */

static struct plan plan_status(const struct entry *e)
{
    struct plan p = {WORK_NONE, INT64_MAX};

    if (e->status == STATUS_REQUESTED) {
        p = (struct plan){WORK_HANDSHAKE, e->attempt_ms};
    } else if (e->status == STATUS_ACTIVE && e->last_event > e->delivered) {
        p = (struct plan){WORK_EVENTS, e->attempt_ms};
    } else if (e->status == STATUS_ACTIVE && e->heartbeat_s > 0) {
        p.work = WORK_HEARTBEAT;
        p.due_ms = e->quiet_ms + (int64_t)e->heartbeat_s * 1000;
        if (p.due_ms < e->attempt_ms)
            p.due_ms = e->attempt_ms;
    }
    return p;
}

static struct plan plan_entry(const struct entry *e)
{
    struct plan p = {WORK_NONE, INT64_MAX};

    if (e->in_flight || e->reported)
        return p;
    p = plan_status(e);
    if (p.work != WORK_NONE && p.due_ms < e->endpoint->pause_ms)
        p.due_ms = e->endpoint->pause_ms;
    if (e->end_ms > 0 && e->end_ms <= p.due_ms)
        p = (struct plan){WORK_END, e->end_ms};
    return p;
}

static struct report report_make(const struct entry *e, enum report_kind kind)
{
    return (struct report){
        .subscription = e->number, .definition = e->definition, .kind = kind};
}

static void report(struct scheduler *s, const struct report *r)
{
    s->config.source.report(s->config.source.ctx, r);
}

/* A status change was reported: nothing more until the state shows it. */
static void report_status(struct scheduler *s, struct entry *e,
                          enum report_kind kind, const char *text)
{
    struct report r = report_make(e, kind);

    r.attempts = e->failures;
    if (snprintf(r.error, sizeof r.error, "%s", text) < 0)
        r.error[0] = '\0';
    e->reported = true;
    report(s, &r);
}

/* Puts the entry where its plan wants it: ready, in the heap, or nowhere. */
static void place(struct scheduler *s, struct entry *e, int64_t now_ms)
{
    struct plan p = plan_entry(e);

    if (p.work == WORK_END && p.due_ms <= now_ms) {
        report_status(s, e, REPORT_OFF, "the subscription's end was reached");
        p = plan_entry(e);
    }
    if (p.work != WORK_NONE && p.due_ms <= now_ms) {
        due_heap_remove(&s->heap, e);
        endpoint_ready(&s->endpoints, e);
        return;
    }
    endpoint_not_ready(&s->endpoints, e);
    if (p.work == WORK_NONE)
        due_heap_remove(&s->heap, e);
    else
        due_heap_set(&s->heap, e, p.due_ms);
}

/* ---- what the state says ---- */

static void drop(struct scheduler *s, struct entry *e)
{
    if (e->endpoint)
        endpoint_not_ready(&s->endpoints, e);
    due_heap_remove(&s->heap, e);
    endpoint_unref(&s->endpoints, &e->endpoint);
    entry_table_remove(&s->entries, e);
}

/* A definition that is new to the entry starts with a clean slate. */
static bool adopt(struct scheduler *s, struct entry *e,
                  const struct subscription_state *state)
{
    const struct delivery_source *source = &s->config.source;
    struct source_target target;
    struct endpoint *endpoint;

    if (!source->target(source->ctx, e->number, &target))
        return false;
    endpoint = endpoint_get(&s->endpoints, target.endpoint);
    if (!endpoint)
        return false;
    if (e->endpoint)
        endpoint_not_ready(&s->endpoints, e);
    endpoint_unref(&s->endpoints, &e->endpoint);
    e->endpoint = endpoint;
    e->definition = state->definition;
    e->heartbeat_s = target.heartbeat_s;
    e->end_ms = target.end_ms;
    e->status = 0;
    e->failed_last = 0;
    return true;
}

/* The commit's time says when the 201 went out; a clock that was set since
 * must not hold the handshake back. */
static int64_t handshake_ms(const struct scheduler *s, int64_t requested_ms,
                            int64_t now_ms)
{
    int64_t delay = s->config.handshake.delay_ms;

    if (requested_ms > now_ms)
        return now_ms + delay;
    return requested_ms + delay;
}

/* After a restart the retries of the batch at the head go on where they were:
 * the number of failures and the time of the next attempt are known. */
static void resume(const struct scheduler *s, struct entry *e,
                   const struct subscription_state *state, int64_t now_ms)
{
    if (state->attempts == 0)
        return;
    e->failures = state->attempts;
    e->attempt_ms = state->next_attempt_ms;
    if (e->attempt_ms > now_ms + RESUME_MOST_MS)
        e->attempt_ms = now_ms;
    e->since_ms = e->attempt_ms - retry_span_ms(&s->config.retry, e->failures);
}

static void enter_status(struct scheduler *s, struct entry *e,
                         const struct subscription_state *state, bool fresh)
{
    e->status = (uint8_t)state->status;
    e->reported = false;
    e->failures = 0;
    e->since_ms = 0;
    e->attempt_ms = 0;
    if (state->status == STATUS_REQUESTED)
        e->attempt_ms = handshake_ms(s, state->requested_ms, s->now_ms);
    if (state->status == STATUS_ACTIVE) {
        e->quiet_ms = s->now_ms;
        if (fresh)
            resume(s, e, state, s->now_ms);
    }
}

static struct entry *entry_make(struct scheduler *s, uint64_t number)
{
    if (!due_heap_reserve(&s->heap, s->entries.n + 1))
        return NULL;
    return entry_table_add(&s->entries, number);
}

/* Nothing is due for it, whatever the time. */
static bool is_idle_for_good(const struct entry *e)
{
    return e->status == STATUS_OFF ||
           (e->status == STATUS_ERROR && e->end_ms == 0);
}

/* Takes over what the state says. Returns the entry, made where there was
 * none, or NULL when there is no entry (any more). */
static struct entry *absorb(struct scheduler *s, struct entry *e,
                            const struct subscription_state *state)
{
    bool fresh = !e;

    if (fresh && state->status == STATUS_OFF)
        return NULL;
    if (fresh)
        e = entry_make(s, state->number);
    if (!e)
        return NULL;
    if (e->definition != state->definition && !adopt(s, e, state)) {
        drop(s, e);
        return NULL;
    }
    if (e->status != (uint8_t)state->status)
        enter_status(s, e, state, fresh);
    e->last_event = state->last_event;
    if (e->delivered < state->delivered)
        e->delivered = state->delivered;
    if (is_idle_for_good(e)) {
        drop(s, e);
        return NULL;
    }
    return e;
}

static struct entry *look(struct scheduler *s, uint64_t number, struct entry *e)
{
    struct subscription_state state;

    if (s->config.source.look(s->config.source.ctx, number, &state))
        return absorb(s, e, &state);
    if (e)
        drop(s, e);
    return NULL;
}

static void set_now(struct scheduler *s, int64_t now_ms);

void scheduler_wake(struct scheduler *s, uint64_t number, int64_t now_ms)
{
    struct entry *e = entry_table_find(&s->entries, number);

    set_now(s, now_ms);
    if (e && e->in_flight) {
        e->woken = true; /* looked at when the attempt ends */
        return;
    }
    e = look(s, number, e);
    if (e)
        place(s, e, now_ms);
}

void scheduler_load(struct scheduler *s, int64_t now_ms)
{
    const struct delivery_source *source = &s->config.source;
    struct subscription_state state;
    uint64_t after = 0;

    set_now(s, now_ms);
    while (source->next(source->ctx, after, &state)) {
        struct entry *e = entry_table_find(&s->entries, state.number);

        after = state.number;
        if (e && e->in_flight) {
            e->woken = true;
            continue;
        }
        e = absorb(s, e, &state);
        if (e)
            place(s, e, now_ms);
    }
}

/* ---- attempts ---- */

static struct attempt *attempt_new(struct scheduler *s)
{
    struct attempt *a = s->free_attempts;

    if (!a)
        return calloc(1, sizeof *a);
    s->free_attempts = a->next_free;
    *a = (struct attempt){0};
    return a;
}

static void attempt_release(struct scheduler *s, struct attempt *a)
{
    a->next_free = s->free_attempts;
    s->free_attempts = a;
}

static void attempt_fill(struct attempt *a, struct entry *e, enum work work)
{
    a->subscription = e->number;
    a->definition = e->definition;
    a->failures = e->failures;
    a->entry = e;
    a->type = NOTIFY_EVENT;
    if (work == WORK_HANDSHAKE)
        a->type = NOTIFY_HANDSHAKE;
    if (work == WORK_HEARTBEAT)
        a->type = NOTIFY_HEARTBEAT;
    if (work == WORK_EVENTS) {
        a->first = e->delivered + 1;
        if (e->failed_last > e->delivered)
            a->exact_last = e->failed_last;
    }
}

static bool begin(struct scheduler *s, struct entry *e, enum work work)
{
    struct attempt *a = attempt_new(s);

    if (!a)
        return false;
    attempt_fill(a, e, work);
    if (!s->config.channel.begin(s->config.channel.ctx, a)) {
        attempt_release(s, a);
        return false;
    }
    if (work == WORK_HANDSHAKE && e->since_ms == 0)
        e->since_ms = s->now_ms;
    e->in_flight = true;
    e->woken = false;
    a->endpoint = endpoint_ref(e->endpoint);
    endpoint_begun(&s->endpoints, a->endpoint);
    return true;
}

static void dispatch(struct scheduler *s)
{
    struct entry *e;

    while (!s->held && (e = endpoint_take(&s->endpoints)) != NULL) {
        struct plan p = plan_entry(e);

        if (p.work == WORK_NONE || p.work == WORK_END || p.due_ms > s->now_ms) {
            place(s, e, s->now_ms);
        } else if (!begin(s, e, p.work)) {
            e->attempt_ms = s->now_ms + LOCAL_RETRY_MS;
            place(s, e, s->now_ms);
        }
    }
}

void scheduler_tick(struct scheduler *s, int64_t now_ms)
{
    struct entry *e;

    set_now(s, now_ms);
    while ((e = due_heap_first(&s->heap)) != NULL && e->due_ms <= now_ms)
        place(s, e, now_ms);
    dispatch(s);
}

int64_t scheduler_next_due(const struct scheduler *s)
{
    const struct entry *e = due_heap_first(&s->heap);

    return e ? e->due_ms : INT64_MAX;
}

void scheduler_hold(struct scheduler *s, bool held)
{
    s->held = held;
}

/* ---- outcomes ---- */

/* The attempt still is what the entry is about. */
static bool is_current(const struct attempt *a, const struct entry *e)
{
    uint8_t wanted =
        a->type == NOTIFY_HANDSHAKE ? STATUS_REQUESTED : STATUS_ACTIVE;

    return a->definition == e->definition && !e->reported &&
           e->status == wanted;
}

static void clear_failures(struct entry *e)
{
    e->failures = 0;
    e->since_ms = 0;
    e->attempt_ms = 0;
    e->failed_last = 0;
}

/* Counts whatever became of the definition since: the events were taken. */
static void delivered(struct scheduler *s, struct entry *e,
                      const struct attempt *a)
{
    struct report r = report_make(e, REPORT_DELIVERED);

    r.definition = a->definition;
    r.event = a->last;
    if (e->delivered < a->last)
        e->delivered = a->last;
    report(s, &r);
}

static void give_up(struct scheduler *s, struct entry *e,
                    const struct outcome *o)
{
    char why[REPORT_ERROR_BYTES];
    char text[REPORT_ERROR_BYTES + 64];

    outcome_text(o, why, sizeof why);
    if (snprintf(text, sizeof text, "gave up after %u %s: %s", e->failures,
                 e->failures == 1 ? "attempt" : "attempts", why) < 0)
        text[0] = '\0';
    report_status(s, e, REPORT_FAILED, text);
}

static int64_t handshake_delay_ms(const struct handshake_policy *p,
                                  uint32_t failures, const struct outcome *o)
{
    size_t step =
        failures - 1 < p->step_count ? failures - 1 : p->step_count - 1;
    int64_t delay = p->step_count > 0 ? p->steps_ms[step] : 0;

    return o->retry_after_ms > delay ? o->retry_after_ms : delay;
}

static void handshake_failed(struct scheduler *s, struct entry *e,
                             const struct outcome *o)
{
    const struct handshake_policy *p = &s->config.handshake;
    int64_t next = s->now_ms + handshake_delay_ms(p, e->failures, o);

    if (e->failures >= p->attempts || next - e->since_ms > p->window_ms)
        give_up(s, e, o);
    else
        e->attempt_ms = next;
}

static void events_failed(struct scheduler *s, struct entry *e,
                          const struct outcome *o)
{
    struct report r = report_make(e, REPORT_RETRY);
    int64_t delay =
        retry_delay_ms(&s->config.retry, e->failures, o, s->config.rng);

    if (e->since_ms == 0)
        e->since_ms = s->now_ms;
    e->attempt_ms = s->now_ms + delay;
    if (retry_exhausted(&s->config.retry, e->since_ms, e->attempt_ms)) {
        give_up(s, e, o);
        return;
    }
    r.attempts = e->failures;
    r.next_attempt_ms = e->attempt_ms;
    outcome_text(o, r.error, sizeof r.error);
    report(s, &r);
}

/* A heartbeat carries nothing that could be lost: a failed one changes neither
 * the status nor the retries, the next period brings the next. */
static void failed(struct scheduler *s, struct entry *e,
                   const struct attempt *a, const struct outcome *o)
{
    if (a->type == NOTIFY_HEARTBEAT)
        return;
    if (a->type == NOTIFY_EVENT)
        e->failed_last = a->last;
    e->failures++;
    if (a->type == NOTIFY_HANDSHAKE)
        handshake_failed(s, e, o);
    else
        events_failed(s, e, o);
}

static void switched_off(struct scheduler *s, struct entry *e,
                         const struct outcome *o)
{
    char text[REPORT_ERROR_BYTES];

    e->failures++;
    outcome_text(o, text, sizeof text);
    report_status(s, e, REPORT_OFF, text);
}

static void succeeded(struct scheduler *s, struct entry *e,
                      const struct attempt *a)
{
    if (a->type == NOTIFY_HEARTBEAT)
        return;
    clear_failures(e);
    if (a->type == NOTIFY_HANDSHAKE)
        report_status(s, e, REPORT_HANDSHAKE_OK, "");
}

static void settle(struct scheduler *s, struct entry *e,
                   const struct attempt *a, const struct outcome *o)
{
    enum verdict verdict = outcome_verdict(o);

    if (verdict == VERDICT_SUCCESS && a->type == NOTIFY_EVENT)
        delivered(s, e, a);
    if (!is_current(a, e))
        return;
    if (verdict != VERDICT_UNCHARGED)
        e->quiet_ms = s->now_ms;
    switch (verdict) {
    case VERDICT_SUCCESS:
        succeeded(s, e, a);
        break;
    case VERDICT_RETRY:
        failed(s, e, a, o);
        break;
    case VERDICT_OFF:
        switched_off(s, e, o);
        break;
    case VERDICT_UNCHARGED:
        e->failed_last = a->type == NOTIFY_EVENT ? a->last : 0;
        e->attempt_ms = s->now_ms + LOCAL_RETRY_MS;
        break;
    }
}

static enum endpoint_health health_after(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_SUCCESS:
    case VERDICT_OFF: /* it answered, and as it meant to */
        return HEALTH_GOOD;
    case VERDICT_RETRY:
        return HEALTH_SUSPECT;
    case VERDICT_UNCHARGED:
        break;
    }
    return HEALTH_UNPROVEN;
}

/* Retry-After speaks for the whole endpoint. */
static void pause_endpoint(struct endpoint *p, const struct outcome *o,
                           int64_t now_ms)
{
    int64_t hint = o->retry_after_ms;

    if (hint > RETRY_AFTER_MAX_MS)
        hint = RETRY_AFTER_MAX_MS;
    if (hint > 0 && outcome_verdict(o) == VERDICT_RETRY &&
        p->pause_ms < now_ms + hint)
        p->pause_ms = now_ms + hint;
}

void scheduler_complete(struct scheduler *s, struct attempt *a,
                        const struct outcome *outcome, int64_t now_ms)
{
    struct entry *e = a->entry;

    set_now(s, now_ms);
    endpoint_ended(&s->endpoints, a->endpoint,
                   health_after(outcome_verdict(outcome)));
    pause_endpoint(a->endpoint, outcome, now_ms);
    e->in_flight = false;
    if (e->woken)
        e = look(s, e->number, e);
    if (e) {
        settle(s, e, a, outcome);
        place(s, e, now_ms);
    }
    endpoint_unref(&s->endpoints, &a->endpoint);
    attempt_release(s, a);
    dispatch(s);
}

/* ---- the clock, and facts ---- */

static void step_entry(struct scheduler *s, struct entry *e, int64_t delta)
{
    e->attempt_ms = e->attempt_ms > 0 ? e->attempt_ms + delta : 0;
    e->since_ms = e->since_ms > 0 ? e->since_ms + delta : 0;
    e->quiet_ms += delta;
    place(s, e, s->now_ms);
}

/* The wall clock was set back: what was to happen in five minutes still is. */
static void step_all(struct scheduler *s, int64_t delta)
{
    for (size_t i = 0; i < s->endpoints.bucket_count; i++) {
        struct endpoint *p = s->endpoints.buckets[i];

        for (; p; p = p->chain)
            p->pause_ms = p->pause_ms > 0 ? p->pause_ms + delta : 0;
    }
    for (size_t i = 0; i < s->entries.bucket_count; i++) {
        struct entry *e = s->entries.buckets[i];

        for (; e; e = e->chain)
            step_entry(s, e, delta);
    }
}

static void set_now(struct scheduler *s, int64_t now_ms)
{
    int64_t before = s->now_ms;

    s->now_ms = now_ms;
    if (now_ms < before - STEP_BACK_MS)
        step_all(s, now_ms - before);
}

size_t scheduler_in_flight(const struct scheduler *s)
{
    return s->endpoints.in_flight;
}

void scheduler_facts(const struct scheduler *s, struct scheduler_facts *out)
{
    *out = (struct scheduler_facts){.entries = s->entries.n,
                                    .endpoints = s->endpoints.n,
                                    .in_flight = s->endpoints.in_flight};
}
