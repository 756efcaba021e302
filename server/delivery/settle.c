#include "server/delivery/scheduler_core.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- reports ---- */

struct report scheduler_report_of(const struct entry *e, enum report_kind kind)
{
    return (struct report){
        .subscription = e->number, .definition = e->definition, .kind = kind};
}

/* What failed is told with its attempt, so that it is known after a restart. */
static void add_attempt(const struct attempt_note *n, struct report *r)
{
    if (n->subscription != r->subscription || n->subscription == 0 ||
        r->failure == FAILURE_NONE || n->type == NOTIFY_HEARTBEAT)
        return;
    r->attempt =
        (struct report_attempt){true,    n->ended_ms,    n->first, n->chosen,
                                n->span, n->duration_ms, n->said};
}

void scheduler_report(struct scheduler *s, const struct report *r)
{
    struct report told = *r;

    add_attempt(&s->note, &told);
    if (s->note.subscription == r->subscription && r->next_attempt_ms > 0)
        s->note.next_ms = r->next_attempt_ms;
    s->config.source.report(s->config.source.ctx, &told);
}

/* ---- what is noted of an attempt ---- */

static void note_numbers(const struct attempt *a, struct attempt_note *n)
{
    if (a->type != NOTIFY_EVENT)
        return;
    n->first = a->numbers ? a->numbers[0] : a->first;
    if (!a->numbers) {
        n->span = (uint32_t)(a->last - a->first);
        return;
    }
    for (uint32_t i = 0; i < a->number_count; i++) {
        uint64_t at = a->numbers[i] - n->first;

        n->chosen |= at < 64 ? (uint64_t)1 << at : 0;
        n->span = (uint32_t)at;
    }
}

void scheduler_note(struct scheduler *s, const struct attempt *a,
                    const struct outcome *o)
{
    int64_t took_ms = s->now_ms - a->begun_ms;

    s->note = (struct attempt_note){
        .subscription = a->subscription,
        .definition = a->definition,
        .ended_ms = s->now_ms,
        .duration_ms =
            took_ms > 0 && took_ms < UINT32_MAX ? (uint32_t)took_ms : 0,
        .said = o->status,
        .type = (uint8_t)a->type,
        .failure = (uint8_t)o->failure};
    note_numbers(a, &s->note);
}

void scheduler_note_done(struct scheduler *s)
{
    const struct delivery_source *source = &s->config.source;

    if (source->attempted)
        source->attempted(source->ctx, &s->note);
    s->note = (struct attempt_note){.subscription = 0};
}

void scheduler_report_status(struct scheduler *s, struct entry *e,
                             const struct scheduler_change *c)
{
    struct report r = scheduler_report_of(e, c->kind);

    r.attempts = e->failures;
    r.failure = c->failure;
    if (snprintf(r.error, sizeof r.error, "%s", c->text) < 0)
        r.error[0] = '\0';
    e->reported = true;
    scheduler_report(s, &r);
}

/* ---- what was delivered, given up, put off ---- */

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
    e->refusals = 0;
    e->since_ms = 0;
    e->attempt_ms = 0;
    e->failed_last = 0;
}

/* All that was waiting is sent: the next batch may be larger again. */
static void forget_limit(struct entry *e)
{
    if (e->delivered >= e->last_event)
        e->batch_limit = 0;
}

static void pass_runs(struct scheduler *s, struct entry *e,
                      const struct attempt *a, struct report *r)
{
    struct lane_run run;
    uint32_t at = 0;

    while (lane_run_next(a->numbers, a->number_count, &at, &run)) {
        r->first = run.first;
        r->event = run.last;
        if (e->lanes)
            lanes_pass(e->lanes, e, &run);
        scheduler_report(s, r);
    }
}

/* Sent again and settled, one way or the other. */
static void resent(struct scheduler *s, struct entry *e,
                   const struct attempt *a, struct report *r)
{
    r->first = a->first;
    r->event = a->last;
    e->resent = a->last;
    e->resend = false; /* until the state shows more */
    scheduler_report(s, r);
}

void scheduler_acknowledge(struct scheduler *s, struct entry *e,
                           const struct attempt *a, const struct outcome *o)
{
    struct report r =
        scheduler_report_of(e, a->numbers ? REPORT_ACKED : REPORT_DELIVERED);

    if (a->type != NOTIFY_EVENT || outcome_verdict(o) != VERDICT_SUCCESS)
        return;
    r.definition = a->definition;
    if (a->resend) {
        r.kind = REPORT_RESENT;
        resent(s, e, a, &r);
        return;
    }
    if (a->numbers) {
        pass_runs(s, e, a, &r);
        return;
    }
    r.event = a->last;
    if (e->lanes)
        e->delivered = acked_move(&e->lanes->acked, e->delivered, a->last);
    else if (e->delivered < a->last)
        e->delivered = a->last;
    scheduler_report(s, &r);
}

static void give_up(struct scheduler *s, struct entry *e, uint32_t attempts,
                    const struct outcome *o)
{
    char why[REPORT_ERROR_BYTES];
    char text[REPORT_ERROR_BYTES + 64];

    outcome_text(o, why, sizeof why);
    if (snprintf(text, sizeof text, "gave up after %u %s: %s", attempts,
                 attempts == 1 ? "attempt" : "attempts", why) < 0)
        text[0] = '\0';
    scheduler_report_status(
        s, e, &(struct scheduler_change){REPORT_FAILED, o->failure, text});
}

/* ---- handshakes ---- */

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
    int64_t next;

    e->failures++;
    next = s->now_ms + handshake_delay_ms(p, e->failures, o);
    if (e->failures >= p->attempts || next - e->since_ms > p->window_ms)
        give_up(s, e, e->failures, o);
    else
        s->note.next_ms = e->attempt_ms = next;
}

/* ---- batches: of the one line, or of a lane ---- */

/* The part of an entry or of a lane that a failing batch changes. */
struct head {
    uint32_t *failures;
    uint32_t refusals; /* with this one */
    int64_t *attempt_ms;
    int64_t *since_ms;
};

/* True when the batch is to be sent again, at *attempt_ms. */
static bool put_off(struct scheduler *s, struct entry *e,
                    const struct attempt *a, const struct head *h,
                    const struct outcome *o)
{
    struct report r = scheduler_report_of(e, REPORT_RETRY);

    ++*h->failures;
    if (*h->since_ms == 0)
        *h->since_ms = s->now_ms;
    *h->attempt_ms = s->now_ms + retry_delay_ms(&s->config.retry, *h->failures,
                                                o, s->config.rng);
    if (retry_exhausted(&s->config.retry, *h->since_ms, *h->attempt_ms)) {
        give_up(s, e, *h->failures, o);
        return false;
    }
    r.attempts = *h->failures;
    r.next_attempt_ms = *h->attempt_ms;
    r.failure = o->failure;
    r.event = a->numbers ? a->first : 0;
    outcome_text(o, r.error, sizeof r.error);
    scheduler_report(s, &r);
    return true;
}

static bool is_to_park(const struct scheduler *s, const struct entry *e,
                       uint32_t refusals)
{
    return e->park && refusals >= s->config.park_after;
}

static void park(struct scheduler *s, struct entry *e, const struct attempt *a,
                 const struct outcome *o)
{
    struct report r = scheduler_report_of(e, REPORT_PARKED);

    r.failure = o->failure;
    r.attempts = (a->numbers ? a->failures : e->failures) + 1;
    r.first = a->first;
    r.event = a->last;
    outcome_text(o, r.error, sizeof r.error);
    if (a->numbers) {
        pass_runs(s, e, a, &r);
        return;
    }
    e->delivered = a->last;
    scheduler_report(s, &r);
    clear_failures(e);
    forget_limit(e);
}

/* A batch that is too large becomes two messages of their own, with ids of
 * their own; what was learned of the size holds until all is sent. */
static bool is_split(struct scheduler *s, struct entry *e, uint64_t events,
                     const struct outcome *o)
{
    if (outcome_verdict(o) != VERDICT_SPLIT || events < 2)
        return false;
    e->batch_limit = (uint16_t)((events + 1) / 2);
    counter_add(&s->config.counters->split);
    return true;
}

static void line_failed(struct scheduler *s, struct entry *e,
                        const struct attempt *a, const struct outcome *o)
{
    struct head h = {&e->failures, e->refusals + 1U, &e->attempt_ms,
                     &e->since_ms};

    if (is_split(s, e, a->last - a->first + 1, o)) {
        clear_failures(e);
        return;
    }
    e->failed_last = a->last;
    if (outcome_is_refusal(o) && e->refusals < UINT8_MAX)
        e->refusals++;
    if (outcome_is_refusal(o) && is_to_park(s, e, h.refusals))
        park(s, e, a, o);
    else
        (void)put_off(s, e, a, &h, o);
}

/* The lane gets its batch back. */
static void take_back(struct lane *lane, struct attempt *a)
{
    lane->numbers = a->numbers;
    lane->count = a->number_count;
    a->numbers = NULL;
}

static void lane_failed(struct scheduler *s, struct entry *e, struct attempt *a,
                        const struct outcome *o)
{
    struct lane *lane = e->lanes ? lanes_find(e->lanes, a->key) : NULL;
    struct head h;

    if (!lane)
        return;
    if (is_split(s, e, a->number_count, o)) {
        lane_release(e->lanes, lane);
        return;
    }
    if (outcome_is_refusal(o))
        lane->refusals++;
    if (outcome_is_refusal(o) && is_to_park(s, e, lane->refusals)) {
        park(s, e, a, o);
        lane_release(e->lanes, lane);
        return;
    }
    h = (struct head){&lane->failures, lane->refusals, &lane->attempt_ms,
                      &lane->since_ms};
    if (put_off(s, e, a, &h, o))
        take_back(lane, a);
}

/* What is refused again goes back to the dead letters, so that it stands in
 * nobody's way. */
static void resend_failed(struct scheduler *s, struct entry *e,
                          const struct attempt *a, const struct outcome *o)
{
    struct head h = {&e->failures, 0, &e->attempt_ms, &e->since_ms};
    struct report r = scheduler_report_of(e, REPORT_REPARKED);

    if (is_split(s, e, a->last - a->first + 1, o))
        return;
    if (!outcome_is_refusal(o)) {
        (void)put_off(s, e, a, &h, o);
        return;
    }
    r.failure = o->failure;
    r.attempts = 1;
    outcome_text(o, r.error, sizeof r.error);
    resent(s, e, a, &r);
}

/* A heartbeat carries nothing that could be lost: a failed one changes neither
 * the status nor the retries, the next period brings the next. */
static void failed(struct scheduler *s, struct entry *e, struct attempt *a,
                   const struct outcome *o)
{
    if (a->type == NOTIFY_HANDSHAKE)
        handshake_failed(s, e, o);
    else if (a->resend)
        resend_failed(s, e, a, o);
    else if (a->type == NOTIFY_EVENT && a->numbers)
        lane_failed(s, e, a, o);
    else if (a->type == NOTIFY_EVENT)
        line_failed(s, e, a, o);
}

static void switched_off(struct scheduler *s, struct entry *e,
                         const struct outcome *o)
{
    char text[REPORT_ERROR_BYTES];

    e->failures++;
    outcome_text(o, text, sizeof text);
    scheduler_report_status(
        s, e, &(struct scheduler_change){REPORT_OFF, o->failure, text});
}

/* The rules refuse the target, and will until they or the target change: its
 * owner is told at once, the events stay. */
static void halted(struct scheduler *s, struct entry *e,
                   const struct outcome *o)
{
    char text[REPORT_ERROR_BYTES];

    outcome_text(o, text, sizeof text);
    scheduler_report_status(
        s, e, &(struct scheduler_change){REPORT_FAILED, o->failure, text});
}

static void succeeded(struct scheduler *s, struct entry *e, struct attempt *a)
{
    struct lane *lane = NULL;

    if (a->type == NOTIFY_HEARTBEAT)
        return;
    forget_limit(e);
    if (a->numbers && e->lanes)
        lane = lanes_find(e->lanes, a->key);
    if (lane)
        lane_release(e->lanes, lane);
    if (!a->numbers)
        clear_failures(e);
    if (a->type == NOTIFY_HANDSHAKE)
        scheduler_report_status(
            s, e,
            &(struct scheduler_change){REPORT_HANDSHAKE_OK, FAILURE_NONE, ""});
}

static void uncharged(struct scheduler *s, struct entry *e, struct attempt *a)
{
    struct lane *lane = NULL;

    if (a->numbers && e->lanes)
        lane = lanes_find(e->lanes, a->key);
    if (lane) {
        take_back(lane, a);
        lane->attempt_ms = s->now_ms + LOCAL_RETRY_MS;
        return;
    }
    if (!a->resend)
        e->failed_last = a->type == NOTIFY_EVENT ? a->last : 0;
    e->attempt_ms = s->now_ms + LOCAL_RETRY_MS;
}

void scheduler_settle(struct scheduler *s, struct entry *e, struct attempt *a,
                      const struct outcome *o)
{
    enum verdict verdict = outcome_verdict(o);

    if (!is_current(a, e))
        return;
    if (verdict != VERDICT_UNCHARGED)
        e->quiet_ms = s->now_ms;
    switch (verdict) {
    case VERDICT_SUCCESS:
        succeeded(s, e, a);
        break;
    case VERDICT_RETRY:
    case VERDICT_SPLIT:
        failed(s, e, a, o);
        break;
    case VERDICT_OFF:
        switched_off(s, e, o);
        break;
    case VERDICT_HALT:
        halted(s, e, o);
        break;
    case VERDICT_UNCHARGED:
        uncharged(s, e, a);
        break;
    }
}

/* ---- what an endpoint's breaker means for all that share it ---- */

static void remember(struct scheduler *s, const struct endpoint *p)
{
    const struct breaker_state *b = &p->breaker.state;
    const struct report r = {.kind = REPORT_ENDPOINT,
                             .event = p->hash,
                             .first = (uint64_t)b->since_ms,
                             .attempts = b->trips,
                             .next_attempt_ms = b->until_ms};

    scheduler_report(s, &r);
}

static bool has_events(const struct entry *e)
{
    return e->status == STATUS_ACTIVE && !e->reported &&
           e->last_event > e->delivered;
}

/* The endpoint works again: nobody waits for a retry that was put off because
 * it did not. */
static void hasten(struct scheduler *s, struct entry *e)
{
    if (!has_events(e))
        return;
    if (e->attempt_ms > s->now_ms)
        e->attempt_ms = s->now_ms;
    for (int i = 0; e->lanes && i < LANES_MOST; i++)
        if (e->lanes->items[i].attempt_ms > s->now_ms)
            e->lanes->items[i].attempt_ms = s->now_ms;
    scheduler_place(s, e);
}

/* Events that were never tried, because others found the endpoint failing for
 * as long as events are retried, are given up with it. */
static void abandon(struct scheduler *s, struct entry *e)
{
    const struct outcome o = {.failure = FAILURE_UNREACHED};

    if (!has_events(e) || e->in_flight > 0)
        return;
    give_up(s, e, e->failures, &o);
    scheduler_place(s, e);
}

void scheduler_spread(struct scheduler *s, struct endpoint *p,
                      enum endpoint_news news)
{
    const struct breaker_state *b = &p->breaker.state;
    bool over = news == NEWS_OPENED &&
                retry_exhausted(&s->config.retry, b->since_ms, s->now_ms);
    struct entry *next;

    if (news == NEWS_NONE)
        return;
    counter_add(news == NEWS_OPENED ? &s->config.counters->opened
                                    : &s->config.counters->closed);
    remember(s, p);
    for (struct entry *e = p->members; e && (over || news == NEWS_CLOSED);
         e = next) {
        next = e->member_next;
        if (over)
            abandon(s, e);
        else
            hasten(s, e);
    }
}
