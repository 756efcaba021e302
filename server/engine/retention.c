#include "server/engine/retention.h"

#include <stdio.h>

#include "server/engine/apply.h"
#include "server/engine/apply_control.h"
#include "server/engine/record.h"

void retention_init(struct retention *r, const struct retention_limits *l)
{
    *r = (struct retention){.limits = *l};
}

bool retention_is_due(const struct retention *r, int64_t now_ms)
{
    return (r->limits.age_ms > 0 || r->limits.events > 0) &&
           now_ms >= r->next_ms;
}

void retention_done(struct retention *r, int64_t now_ms)
{
    r->after = r->next_after;
    r->next_ms = now_ms + (r->after ? RETENTION_SLICE_MS : RETENTION_SWEEP_MS);
}

void retention_put_off(struct retention *r, int64_t now_ms)
{
    r->next_after = r->after;
    r->next_ms = now_ms + RETENTION_SLICE_MS;
}

/* ---- what is too old ---- */

static enum err_code change_of(struct batch *b, const struct sub *s,
                               uint64_t event, uint64_t *out, struct err *e)
{
    char raw[STATE_KEY_BYTES];
    struct queued queued;
    struct bytes value;
    enum err_code code =
        state_view_get(b->state, b->txn, VIEW_QUEUE,
                       state_queue_key(s->number, event, raw), &value, e);

    *out = 0; /* one that is missing is as good as one too old */
    if (code == ERR_OK)
        code = state_queued_decode(value, &queued, e);
    if (code == ERR_OK)
        *out = queued.change;
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

/* The last of the events `first` to `last` whose change is before the cutoff;
 * first - 1 when there is none. */
static enum err_code last_old(const struct retention *r, struct batch *b,
                              const struct sub *s, uint64_t *found,
                              struct err *e)
{
    uint64_t low = s->state.expired + 1, high = s->state.last_event + 1;
    enum err_code code;
    uint64_t change;

    *found = low - 1;
    if (r->limits.age_ms == 0)
        return ERR_OK;
    /* most have nothing too old: the oldest one tells */
    code = change_of(b, s, low, &change, e);
    if (code != ERR_OK || change >= r->cutoff)
        return code;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        code = change_of(b, s, middle, &change, e);
        if (code != ERR_OK)
            return code;
        if (change < r->cutoff)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low - 1;
    return ERR_OK;
}

static enum err_code last_to_remove(const struct retention *r, struct batch *b,
                                    const struct sub *s, uint64_t *out,
                                    struct err *e)
{
    uint64_t last = s->state.last_event;
    enum err_code code = last_old(r, b, s, out, e);

    if (r->limits.events > 0 && last > r->limits.events &&
        last - r->limits.events > *out)
        *out = last - r->limits.events;
    return code;
}

/* ---- removing ---- */

static enum err_code fail_first(struct batch *b, const struct sub *s,
                                uint64_t last, struct err *e)
{
    struct report report = {.subscription = s->number,
                            .definition = s->state.definition,
                            .kind = REPORT_FAILED};

    (void)snprintf(report.error, sizeof report.error,
                   "events up to %llu could not be delivered before their "
                   "retention ended: they will be removed",
                   (unsigned long long)last);
    return apply_reports(b, &report, 1, e);
}

static enum err_code remove_rows(struct batch *b, const struct sub *s,
                                 uint64_t first, uint64_t last, struct err *e)
{
    char raw[STATE_KEY_BYTES];
    enum err_code code = ERR_OK;

    for (uint64_t n = first; code == ERR_OK && n <= last; n++)
        code = store_view_delete(b->txn, VIEW_QUEUE,
                                 state_queue_key(s->number, n, raw), e);
    return code;
}

static bool is_live(const struct sub *s)
{
    return s->state.status == STATUS_REQUESTED ||
           s->state.status == STATUS_ACTIVE;
}

/* *budget is what may still be removed in this slice. */
static enum err_code look_at(const struct retention *r, struct batch *b,
                             const struct sub *s, uint64_t *budget,
                             struct err *e)
{
    uint64_t first = s->state.expired + 1, last = 0;
    struct control c = {.subscription = s->number, .kind = CONTROL_EXPIRE};
    enum err_code code = last_to_remove(r, b, s, &last, e);

    /* what is damaged is verify's to tell: writes must go on */
    if (code == ERR_FORMAT)
        return ERR_OK;
    if (code != ERR_OK || last < first)
        return code;
    if (last > s->state.delivered && is_live(s)) {
        code = fail_first(b, s, last, e);
        last = s->state.delivered;
    }
    if (code != ERR_OK || last < first)
        return code;
    if (last - first >= *budget)
        last = first + *budget - 1;
    *budget -= last - first + 1;
    c.last = last;
    code = apply_control_record(b, &c, e);
    return code == ERR_OK ? remove_rows(b, s, first, last, e) : code;
}

enum err_code retention_slice(struct retention *r, struct batch *b,
                              struct err *e)
{
    const struct subs *subs = &b->state->subs;
    const struct sub *s = subs_after(subs, r->after);
    uint64_t budget = RETENTION_EVENTS;
    enum err_code code = ERR_OK;

    if (r->after == 0 && r->limits.age_ms > 0)
        code = state_change_since(b->state, b->txn,
                                  b->time_ms - r->limits.age_ms, &r->cutoff, e);
    r->next_after = r->after;
    for (size_t i = 0; code == ERR_OK && s && budget > 0; i++) {
        if (i == RETENTION_SUBS)
            return ERR_OK;
        /* one that the batch has changed already is looked at next time */
        if (!s->staged && s->state.last_event > s->state.expired)
            code = look_at(r, b, s, &budget, e);
        r->next_after = s->number;
        s = subs_after(subs, s->number);
    }
    if (!s)
        r->next_after = 0;
    return code;
}
