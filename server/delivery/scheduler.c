#include "server/delivery/scheduler.h"

#include "server/delivery/resend.h"
#include "server/delivery/scheduler_core.h"

#include <assert.h>
#include <stdlib.h>

/* Past every delay that retry_delay_ms() gives: the clock was set back. */
#define RESUME_MOST_MS (INT64_C(25) * 3600 * 1000)
/* A step back of the wall clock worth moving every timer for. */
#define STEP_BACK_MS 1000

/* What an entry does next, and from when on. */
enum work {
    WORK_NONE,
    WORK_HANDSHAKE,
    WORK_EVENTS,
    WORK_RESEND,
    WORK_HEARTBEAT,
    WORK_READ, /* the target, once more */
    WORK_END
};

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
    for (size_t i = 0; i < s->entries.bucket_count; i++)
        for (struct entry *e = s->entries.buckets[i]; e; e = e->chain)
            lanes_free(e->lanes);
    entry_table_fini(&s->entries);
    due_heap_fini(&s->heap);
    endpoint_set_fini(&s->endpoints);
    free(s);
}

/* ---- what an entry is to do ---- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A batch that is not full may wait for more, one that failed does not. */
static int64_t linger_until(const struct entry *e)
{
    bool full = e->last_event - e->delivered >= e->max_count;

    if (e->linger_ms == 0 || full || e->failures > 0 || e->pending_ms == 0)
        return 0;
    return e->pending_ms + e->linger_ms;
}

static struct plan plan_events(const struct entry *e)
{
    int64_t due = later(e->attempt_ms, linger_until(e));

    if (e->lanes)
        due = later(due, lanes_due_ms(e->lanes));
    return (struct plan){due == INT64_MAX ? WORK_NONE : WORK_EVENTS, due};
}

static struct plan plan_status(const struct entry *e)
{
    struct plan p = {WORK_NONE, INT64_MAX};

    if (e->status == STATUS_REQUESTED) {
        p = (struct plan){WORK_HANDSHAKE, e->attempt_ms};
    } else if (resend_is_next(e)) {
        p = (struct plan){WORK_RESEND, e->attempt_ms};
    } else if (e->status == STATUS_ACTIVE && e->last_event > e->delivered) {
        p = plan_events(e);
    } else if (e->status == STATUS_ACTIVE && e->heartbeat_s > 0) {
        p.work = WORK_HEARTBEAT;
        p.due_ms =
            later(e->quiet_ms + (int64_t)e->heartbeat_s * 1000, e->attempt_ms);
    }
    return p;
}

/* Only lanes have more than one attempt in flight. */
static bool is_engaged(const struct entry *e)
{
    return e->in_flight > 0 && (!e->lanes || e->woken);
}

static struct plan plan_entry(const struct scheduler *s, const struct entry *e)
{
    struct plan p = {WORK_NONE, INT64_MAX};

    if (e->unread)
        return (struct plan){WORK_READ, e->attempt_ms};
    if (is_engaged(e) || e->reported)
        return p;
    p = plan_status(e);
    if (p.work != WORK_EVENTS && e->in_flight > 0)
        p = (struct plan){WORK_NONE, INT64_MAX};
    if (e->end_ms > 0 && (e->end_ms <= s->now_ms || e->end_ms <= p.due_ms))
        p = (struct plan){WORK_END, e->end_ms};
    return p;
}

static void end_it(struct scheduler *s, struct entry *e)
{
    scheduler_report_status(
        s, e,
        &(struct scheduler_change){REPORT_OFF, FAILURE_NONE,
                                   "the subscription's end was reached"});
}

/* What waits for its endpoint is looked at again when its end comes. */
static void place_ready(struct scheduler *s, struct entry *e, enum work work)
{
    if (e->end_ms > 0)
        due_heap_set(&s->heap, &e->due, e->end_ms);
    else
        due_heap_remove(&s->heap, &e->due);
    endpoint_ready(&s->endpoints, e, work == WORK_HANDSHAKE);
}

void scheduler_place(struct scheduler *s, struct entry *e)
{
    struct plan p = plan_entry(s, e);

    if (p.work == WORK_END && p.due_ms <= s->now_ms) {
        end_it(s, e);
        p = plan_entry(s, e);
    }
    if (p.work != WORK_NONE && p.work != WORK_READ && p.due_ms <= s->now_ms) {
        place_ready(s, e, p.work);
        return;
    }
    endpoint_not_ready(&s->endpoints, e);
    if (p.work == WORK_NONE)
        due_heap_remove(&s->heap, &e->due);
    else
        due_heap_set(&s->heap, &e->due, p.due_ms);
}

/* ---- what the state says ---- */

static void leave_endpoint(struct scheduler *s, struct entry *e)
{
    if (!e->endpoint)
        return;
    endpoint_not_ready(&s->endpoints, e);
    endpoint_leave(e);
    endpoint_unref(&s->endpoints, &e->endpoint);
}

/* ---- entries at rest: kept for a while, for who comes again soon ---- */

static void wake_up(struct scheduler *s, struct entry *e)
{
    if (!e->resting)
        return;
    e->resting = false;
    s->resting_count--;
    *(e->prev ? &e->prev->next : &s->resting.first) = e->next;
    *(e->next ? &e->next->prev : &s->resting.last) = e->prev;
    e->next = e->prev = NULL;
}

/* An entry with attempts in flight stays until the last one came back, and
 * does nothing more. */
static void drop(struct scheduler *s, struct entry *e)
{
    wake_up(s, e);
    due_heap_remove(&s->heap, &e->due);
    if (e->in_flight > 0) {
        endpoint_not_ready(&s->endpoints, e);
        e->status = STATUS_OFF;
        e->woken = true;
        return;
    }
    leave_endpoint(s, e);
    lanes_free(e->lanes);
    entry_table_remove(&s->entries, e);
}

static void rest(struct scheduler *s, struct entry *e)
{
    e->resting = true;
    e->next = NULL;
    e->prev = s->resting.last;
    *(e->prev ? &e->prev->next : &s->resting.first) = e;
    s->resting.last = e;
    s->resting_count++;
    if (s->resting_count > s->config.resting)
        drop(s, s->resting.first);
}

static struct endpoint *find_endpoint(struct scheduler *s, const char *key)
{
    const struct delivery_source *source = &s->config.source;
    struct breaker_state remembered;
    bool fresh;
    struct endpoint *p = endpoint_get(&s->endpoints, key, &fresh);

    if (p && fresh && source->breaker(source->ctx, p->hash, &remembered))
        breaker_resume(&p->breaker, &remembered, &s->config.limits.breaker,
                       s->now_ms);
    return p;
}

static void adopt_target(struct entry *e, const struct source_target *t)
{
    e->heartbeat_s = t->heartbeat_s;
    e->end_ms = t->end_ms;
    e->max_count = t->max_count;
    e->linger_ms = t->linger_ms;
    e->per_focus = t->per_focus;
    e->park = t->park;
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
    endpoint = find_endpoint(s, target.endpoint);
    if (!endpoint)
        return false;
    leave_endpoint(s, e);
    e->endpoint = endpoint;
    endpoint_join(e);
    e->definition = state->definition;
    e->unread = false;
    adopt_target(e, &target);
    e->status = 0;
    e->failed_last = 0;
    e->batch_limit = 0;
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

/* The lanes' work is done, or another definition wants none. */
static void end_lanes(struct entry *e)
{
    if (!e->lanes || e->in_flight > 0 || !lanes_are_idle(e->lanes) ||
        (e->per_focus && e->last_event > e->delivered))
        return;
    lanes_free(e->lanes);
    e->lanes = NULL;
}

/* Lanes are there for those that ask for them once something is sent, and for
 * what is left of lanes that a definition gave up. False without memory. */
static bool need_lanes(struct scheduler *s, struct entry *e)
{
    const struct delivery_source *source = &s->config.source;
    struct acked_events known;

    if (e->lanes || (!e->per_focus && !e->out_of_order))
        return true;
    e->lanes = lanes_new();
    if (!e->lanes || !source->acked(source->ctx, e->number, &known))
        return false;
    e->lanes->acked = known.set;
    if (e->delivered < known.cursor)
        e->delivered = known.cursor;
    e->delivered = acked_move(&e->lanes->acked, known.cursor, e->delivered);
    return true;
}

/* After a restart the retries of the batch at the head go on where they were:
 * the number of failures and the time of the next attempt are known. */
static void resume(struct scheduler *s, struct entry *e,
                   const struct subscription_state *state)
{
    int64_t next = state->next_attempt_ms;

    if (state->attempts == 0)
        return;
    endpoint_doubt(&s->endpoints, e->endpoint);
    if (next > s->now_ms + RESUME_MOST_MS)
        next = s->now_ms;
    if (need_lanes(s, e) && e->lanes) {
        e->lanes->resume_event = state->failed_event;
        e->lanes->resume_failures = state->attempts;
        e->lanes->resume_ms = next;
        return;
    }
    e->failures = state->attempts;
    e->attempt_ms = next;
    e->since_ms = next - retry_span_ms(&s->config.retry, e->failures);
}

static void enter_status(struct scheduler *s, struct entry *e,
                         const struct subscription_state *state, bool fresh)
{
    e->status = (uint8_t)state->status;
    e->reported = false;
    e->failures = 0;
    e->refusals = 0;
    e->since_ms = 0;
    e->attempt_ms = 0;
    if (e->lanes)
        lanes_reset(e->lanes);
    if (state->status == STATUS_REQUESTED)
        e->attempt_ms = handshake_ms(s, state->requested_ms, s->now_ms);
    if (state->status == STATUS_ACTIVE) {
        e->quiet_ms = s->now_ms;
        if (fresh)
            resume(s, e, state);
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

/* Nothing is due for it until the state changes, and there is nothing to know
 * of it that the state does not tell: it needs no entry. */
static bool is_settled(const struct subscription_state *state)
{
    return !state->timed && state->attempts == 0 && state->resend.last == 0 &&
           ((state->status == STATUS_ACTIVE &&
             state->last_event == state->delivered) ||
            state->status == STATUS_ERROR || state->status == STATUS_OFF);
}

static bool is_at_rest(const struct entry *e)
{
    return e->settled && e->status == STATUS_ACTIVE && !e->lanes &&
           !e->reported && e->in_flight == 0 && e->failures == 0;
}

static void place(struct scheduler *s, struct entry *e)
{
    scheduler_place(s, e);
    if (is_at_rest(e))
        rest(s, e);
}

static void take_events(const struct scheduler *s, struct entry *e,
                        const struct subscription_state *state)
{
    if (state->last_event > e->last_event && e->pending_ms == 0)
        e->pending_ms = s->now_ms;
    if (e->lanes && e->last_event != state->last_event)
        e->lanes->dry = false;
    e->last_event = state->last_event;
    resend_take(e, &state->resend);
    if (e->delivered >= state->delivered)
        return;
    if (e->lanes)
        e->delivered =
            acked_move(&e->lanes->acked, e->delivered, state->delivered);
    else
        e->delivered = state->delivered;
}

/* A target that cannot be read now is read again soon. False when there is
 * nothing to read it for, or when the end of an attempt will ask for it. */
static bool put_off(struct scheduler *s, struct entry *e,
                    const struct subscription_state *state)
{
    if (e->in_flight > 0 || is_settled(state) ||
        state->status == STATUS_ERROR || state->status == STATUS_OFF)
        return false;
    leave_endpoint(s, e);
    e->definition = 0;
    e->unread = true;
    e->settled = false;
    e->attempt_ms = s->now_ms + LOCAL_RETRY_MS;
    return true;
}

/* Takes over what the state says. Returns the entry, made where there was
 * none, or NULL when there is no entry (any more). */
static struct entry *absorb(struct scheduler *s, struct entry *e,
                            const struct subscription_state *state)
{
    bool fresh = !e;

    if (fresh && (state->status == STATUS_OFF || is_settled(state)))
        return NULL;
    if (e)
        wake_up(s, e);
    if (fresh)
        e = entry_make(s, state->number);
    if (!e)
        return NULL;
    fresh = fresh || e->unread;
    if (e->definition != state->definition && !adopt(s, e, state)) {
        if (put_off(s, e, state))
            return e;
        drop(s, e);
        return NULL;
    }
    e->out_of_order = state->out_of_order;
    if (e->status != (uint8_t)state->status)
        enter_status(s, e, state, fresh);
    take_events(s, e, state);
    end_lanes(e);
    if (is_idle_for_good(e)) {
        drop(s, e);
        return NULL;
    }
    e->settled = is_settled(state) && e->delivered == state->delivered;
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

/* One line has nothing to do before its attempt ends, and is looked at then;
 * other lanes than those in flight may have something to do at once. */
static bool is_for_later(struct entry *e)
{
    if (!e || e->in_flight == 0 || e->lanes)
        return false;
    e->woken = true;
    return true;
}

void scheduler_wake(struct scheduler *s, uint64_t number, int64_t now_ms)
{
    struct entry *e = entry_table_find(&s->entries, number);

    set_now(s, now_ms);
    if (is_for_later(e))
        return;
    e = look(s, number, e);
    if (e)
        place(s, e);
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
        if (is_for_later(e))
            continue;
        e = absorb(s, e, &state);
        if (e)
            place(s, e);
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
    free(a->numbers);
    a->numbers = NULL;
    a->next_free = s->free_attempts;
    s->free_attempts = a;
}

static void fill_events(struct attempt *a, struct entry *e, struct lane *lane)
{
    a->type = NOTIFY_EVENT;
    a->most_events = e->batch_limit;
    if (!lane) {
        a->first = e->delivered + 1;
        if (e->failed_last > e->delivered)
            a->exact_last = e->failed_last;
        return;
    }
    a->failures = lane->failures;
    a->key = lane->key;
    a->numbers = lane->numbers;
    a->number_count = lane->count;
    a->first = lane->numbers[0];
    lane->numbers = NULL;
}

static void attempt_fill(struct attempt *a, struct entry *e, enum work work,
                         struct lane *lane)
{
    a->subscription = e->number;
    a->definition = e->definition;
    a->failures = e->failures;
    a->entry = e;
    a->type = work == WORK_HANDSHAKE ? NOTIFY_HANDSHAKE : NOTIFY_HEARTBEAT;
    if (work == WORK_EVENTS)
        fill_events(a, e, lane);
}

static void note_begun(struct scheduler *s, struct entry *e, struct attempt *a)
{
    if (a->type == NOTIFY_HANDSHAKE && e->since_ms == 0)
        e->since_ms = s->now_ms;
    if (a->type == NOTIFY_EVENT && a->last >= e->last_event)
        e->pending_ms = 0;
    resend_count_turn(e, a);
    e->in_flight++;
    e->woken = false;
    a->begun_ms = s->now_ms;
    a->endpoint = endpoint_ref(e->endpoint);
    a->probe =
        endpoint_begun(&s->endpoints, a->endpoint, a->type == NOTIFY_HANDSHAKE);
}

static bool begin(struct scheduler *s, struct entry *e, enum work work,
                  struct lane *lane)
{
    struct attempt *a = attempt_new(s);

    if (!a)
        return false;
    attempt_fill(a, e, work, lane);
    if (work == WORK_RESEND && !resend_fill(s, a, e)) {
        attempt_release(s, a);
        return true;
    }
    if (s->config.channel.begin(s->config.channel.ctx, a)) {
        note_begun(s, e, a);
        return true;
    }
    if (lane)
        lane->numbers = a->numbers;
    attempt_release(s, a);
    return false;
}

/* Lanes that have nothing to send are no failure: they are looked at again
 * when something changes. */
static bool begin_events(struct scheduler *s, struct entry *e)
{
    struct lane *lane;

    if (!need_lanes(s, e))
        return false;
    if (!e->lanes)
        return begin(s, e, WORK_EVENTS, NULL);
    lane = lanes_next(e->lanes, e, &s->config.source, s->now_ms);
    return !lane || begin(s, e, WORK_EVENTS, lane);
}

static void dispatch_entry(struct scheduler *s, struct entry *e)
{
    struct plan p = plan_entry(s, e);
    bool begun;

    if (p.work != WORK_NONE && p.work != WORK_END && p.due_ms <= s->now_ms) {
        if (p.work == WORK_EVENTS)
            begun = begin_events(s, e);
        else
            begun = begin(s, e, p.work, NULL);
        if (!begun)
            e->attempt_ms = s->now_ms + LOCAL_RETRY_MS;
    }
    scheduler_place(s, e);
}

static void dispatch(struct scheduler *s)
{
    struct entry *e;

    while (!s->held && (e = endpoint_take(&s->endpoints)) != NULL)
        dispatch_entry(s, e);
}

void scheduler_tick(struct scheduler *s, int64_t now_ms)
{
    struct due *d;

    set_now(s, now_ms);
    while ((d = due_heap_first(&s->heap)) != NULL && d->ms <= now_ms) {
        struct entry *e = (struct entry *)d; /* its first member */

        if (e->unread)
            scheduler_wake(s, e->number, now_ms);
        else
            scheduler_place(s, e);
    }
    dispatch(s);
}

int64_t scheduler_next_due(const struct scheduler *s)
{
    const struct due *d = due_heap_first(&s->heap);
    int64_t blocked = endpoint_set_due(&s->endpoints);

    return d && d->ms < blocked ? d->ms : blocked;
}

void scheduler_hold(struct scheduler *s, bool held)
{
    s->held = held;
}

/* ---- ends of attempts ---- */

static struct endpoint_end end_of(const struct scheduler *s,
                                  const struct attempt *a,
                                  const struct outcome *o)
{
    int64_t hint = outcome_verdict(o) == VERDICT_RETRY ? o->retry_after_ms : 0;

    return (struct endpoint_end){.sign = outcome_sign(o),
                                 .probe = a->probe,
                                 .timeout = o->failure == FAILURE_TIMEOUT,
                                 .took_ms = s->now_ms - a->begun_ms,
                                 .retry_after_ms = hint > RETRY_AFTER_MAX_MS
                                                       ? RETRY_AFTER_MAX_MS
                                                       : hint};
}

static enum endpoint_news tell_endpoint(struct scheduler *s, struct attempt *a,
                                        const struct outcome *o)
{
    const struct endpoint_end end = end_of(s, a, o);

    counter_add(&s->config.counters->ended[o->failure]);
    return endpoint_ended(&s->endpoints, a->endpoint, &end, s->config.rng);
}

static void tell_entry(struct scheduler *s, struct attempt *a,
                       const struct outcome *o)
{
    struct entry *e = a->entry;

    e->in_flight--;
    scheduler_acknowledge(s, e, a, o);
    if (e->woken && e->in_flight == 0)
        e = look(s, e->number, e);
    if (!e)
        return;
    scheduler_settle(s, e, a, o);
    if (e->lanes && e->in_flight == 0)
        lanes_rest(e->lanes);
    place(s, e);
}

void scheduler_complete(struct scheduler *s, struct attempt *a,
                        const struct outcome *outcome, int64_t now_ms)
{
    enum endpoint_news news;

    set_now(s, now_ms);
    scheduler_note(s, a, outcome);
    news = tell_endpoint(s, a, outcome);
    tell_entry(s, a, outcome);
    scheduler_note_done(s);
    scheduler_spread(s, a->endpoint, news);
    endpoint_unref(&s->endpoints, &a->endpoint);
    attempt_release(s, a);
    dispatch(s);
}

/* ---- the clock, and facts ---- */

static void step_entry(struct scheduler *s, struct entry *e, int64_t delta)
{
    e->attempt_ms = e->attempt_ms > 0 ? e->attempt_ms + delta : 0;
    e->since_ms = e->since_ms > 0 ? e->since_ms + delta : 0;
    e->pending_ms = e->pending_ms > 0 ? e->pending_ms + delta : 0;
    e->quiet_ms += delta;
    for (int i = 0; e->lanes && i < LANES_MOST; i++) {
        struct lane *lane = &e->lanes->items[i];

        lane->attempt_ms = lane->attempt_ms > 0 ? lane->attempt_ms + delta : 0;
        lane->since_ms = lane->since_ms > 0 ? lane->since_ms + delta : 0;
    }
    scheduler_place(s, e);
}

static void step_all(struct scheduler *s, int64_t delta)
{
    endpoint_set_shift(&s->endpoints, delta);
    for (size_t i = 0; i < s->entries.bucket_count; i++) {
        struct entry *e = s->entries.buckets[i];

        for (; e; e = e->chain)
            step_entry(s, e, delta);
    }
}

void scheduler_step(struct scheduler *s, int64_t delta_ms, int64_t now_ms)
{
    s->now_ms = now_ms;
    s->endpoints.now_ms = now_ms;
    step_all(s, delta_ms);
}

static void set_now(struct scheduler *s, int64_t now_ms)
{
    int64_t before = s->now_ms;

    if (now_ms < before - STEP_BACK_MS)
        scheduler_step(s, now_ms - before, now_ms);
    s->now_ms = now_ms;
    endpoint_set_now(&s->endpoints, now_ms);
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
