#include "server/engine/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "fhir/json/gate.h"
#include "server/engine/backfill_record.h"
#include "server/engine/control.h"
#include "server/engine/dead_letter.h"
#include "server/engine/known_subs.h"
#include "server/engine/record.h"
#include "server/engine/row.h"
#include "server/engine/state.h"

#define PROBLEM_BYTES 400

/* A merge that was cut off leaves entries that are ahead of views_at, so what
 * lies behind views_at must be there, and the rest may be. */
struct check {
    struct store_txn *txn;
    uint64_t last;
    uint64_t views_at;
    uint64_t change; /* the record at hand */
    struct known_subs subs;
    uint64_t found[VIEW_COUNT]; /* entries that the log accounts for */
    struct verify_counts *counts;
    verify_tell *tell;
    void *ctx;
};

__attribute__((format(printf, 2, 3))) static void
problem(struct check *c, const char *format, ...)
{
    char text[PROBLEM_BYTES];
    va_list args;

    c->counts->problems++;
    if (c->counts->problems > VERIFY_TOLD_MAX)
        return;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) > 0)
        c->tell(c->ctx, text);
    va_end(args);
}

/* The entry that the log wants, with the value that it must have where value
 * is not NULL. */
static enum err_code look(struct check *c, enum store_view view,
                          struct bytes key, struct bytes *value, struct err *e)
{
    enum err_code code = store_view_get(c->txn, view, key, value, e);

    if (code == ERR_OK)
        c->found[view]++;
    else if (code == ERR_NOT_FOUND && c->change <= c->views_at)
        problem(c, "change %" PRIu64 ": the view %s lacks its entry", c->change,
                store_view_name(view));
    return code;
}

static enum err_code read_change(struct check *c, uint64_t change,
                                 struct record_change *out, struct err *e)
{
    struct bytes record;
    enum err_code code = store_log_get(c->txn, change, &record, e);

    return code == ERR_OK ? record_change_read(record, out, e) : code;
}

/* Not found and damaged are findings; the rest ends the check. */
static enum err_code go_on(enum err_code code)
{
    return code == ERR_NOT_FOUND || code == ERR_FORMAT ? ERR_OK : code;
}

/* ---- one change of the log ---- */

static enum err_code
check_previous(struct check *c, const struct record_change *r, struct err *e)
{
    struct record_change before;
    enum err_code code;

    if (r->previous == 0) {
        if (r->version != 1)
            problem(c,
                    "change %" PRIu64 ": version %" PRIu64
                    " has no version before it",
                    c->change, r->version);
        return ERR_OK;
    }
    if (r->previous >= c->change) {
        problem(c,
                "change %" PRIu64 ": the version before it is change %" PRIu64,
                c->change, r->previous);
        return ERR_OK;
    }
    code = read_change(c, r->previous, &before, e);
    if (code != ERR_OK)
        return go_on(code); /* told with that change */
    if (!bytes_equal(before.type, r->type) || !bytes_equal(before.id, r->id) ||
        before.version + 1 != r->version)
        problem(c,
                "change %" PRIu64 ": change %" PRIu64
                " is not the version before it",
                c->change, r->previous);
    return ERR_OK;
}

static enum err_code check_history(struct check *c,
                                   const struct record_change *r, struct err *e)
{
    char raw[STATE_KEY_BYTES];
    struct bytes value;
    enum err_code code =
        look(c, VIEW_HISTORY,
             state_history_key(r->type, r->id, r->version, raw), &value, e);

    if (code == ERR_OK && (value.n != 8 || store_get_u64(value.p) != c->change))
        problem(c, "change %" PRIu64 ": the view history has another change",
                c->change);
    return go_on(code);
}

/* The newest version comes last, so the view is never behind. */
static enum err_code check_current(struct check *c,
                                   const struct record_change *r, struct err *e)
{
    char raw[STATE_KEY_BYTES];
    struct current current;
    struct bytes value;
    enum err_code code =
        store_view_get(c->txn, VIEW_CURRENT,
                       state_current_key(r->type, r->id, raw), &value, e);

    if (code == ERR_OK)
        code = state_current_decode(value, &current, e);
    if (c->change <= c->views_at &&
        (code != ERR_OK || current.change < c->change ||
         current.version < r->version))
        problem(c,
                "change %" PRIu64
                ": the view current does not have it or a later version",
                c->change);
    return go_on(code);
}

/* What the queue lacks may be removed by retention: a later record tells. */
static enum err_code check_queue(struct check *c, struct known_sub *s,
                                 const struct backfill_event *event,
                                 struct err *e)
{
    char raw[STATE_KEY_BYTES];
    struct queued queued;
    struct bytes value;
    enum err_code code = store_view_get(
        c->txn, VIEW_QUEUE, state_queue_key(s->number, event->number, raw),
        &value, e);

    if (code == ERR_NOT_FOUND && c->change <= c->views_at)
        s->missing = event->number;
    if (code != ERR_OK)
        return go_on(code);
    c->found[VIEW_QUEUE]++;
    code = state_queued_decode(value, &queued, e);
    if (code == ERR_FORMAT || queued.change != event->change ||
        memcmp(queued.chain.p, event->chain.p, CHAIN_BYTES) != 0)
        problem(c,
                "change %" PRIu64 ": the view queue has event %" PRIu64
                " of Subscription/%s with other contents",
                c->change, event->number, s->id);
    return go_on(code);
}

static enum err_code check_event(struct check *c, uint64_t subscription,
                                 const struct backfill_event *event,
                                 struct err *e)
{
    struct known_sub *s = known_subs_find(&c->subs, subscription);

    c->counts->events++;
    if (!s || s->deleted) {
        problem(c,
                "change %" PRIu64 ": an event of subscription %" PRIu64
                ", which %s",
                c->change, subscription, s ? "is deleted" : "was never made");
        return ERR_OK;
    }
    if (event->number != s->events + 1)
        problem(c,
                "change %" PRIu64 ": event %" PRIu64
                " of Subscription/%s follows event %" PRIu64,
                c->change, event->number, s->id, s->events);
    s->events = event->number;
    if (c->change <= c->views_at)
        s->merged = event->number;
    return check_queue(c, s, event, e);
}

static enum err_code
check_own_event(struct check *c, const struct record_event event, struct err *e)
{
    const struct backfill_event own = {c->change, event.number, event.chain};

    return check_event(c, event.subscription, &own, e);
}

static enum err_code check_subscription(struct check *c,
                                        const struct record_change *r,
                                        struct err *e)
{
    struct known_sub *s = known_subs_find_id(&c->subs, r->id);

    if (!s && r->interaction != INTERACTION_CREATE) {
        problem(c, "change %" PRIu64 ": of a Subscription that is not there",
                c->change);
        return ERR_OK;
    }
    if (!s)
        return known_subs_add(&c->subs, c->change, r->id) ? ERR_OK
                                                          : err_nomem(e);
    if (r->interaction == INTERACTION_CREATE)
        problem(c, "change %" PRIu64 ": creates Subscription/%s again",
                c->change, s->id);
    if (r->interaction == INTERACTION_DELETE)
        known_subs_delete(&c->subs, s, c->change);
    else
        s->definition = c->change;
    return ERR_OK;
}

static enum err_code check_text(struct check *c, const struct record_change *r)
{
    struct err e = {0};

    if (r->interaction == INTERACTION_DELETE) {
        if (r->text.n > 0)
            problem(c, "change %" PRIu64 ": a deletion with a text", c->change);
        return ERR_OK;
    }
    if (json_gate(r->text, &e) != ERR_OK)
        problem(c, "change %" PRIu64 ": its text is no resource: %s", c->change,
                e.message);
    return e.code == ERR_NOMEM ? ERR_NOMEM : ERR_OK;
}

static enum err_code check_events(struct check *c,
                                  const struct record_change *r, struct err *e)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < r->event_count; i++)
        code = check_own_event(c, record_change_event(r, i), e);
    return code;
}

static enum err_code check_change(struct check *c,
                                  const struct record_change *r, struct err *e)
{
    enum err_code code = ERR_OK;

    if (r->interaction == INTERACTION_EVENT)
        return check_events(c, r, e);
    code = check_text(c, r);
    c->counts->changes++;
    c->counts->resources += r->interaction == INTERACTION_CREATE;
    c->counts->resources -= r->interaction == INTERACTION_DELETE;
    if (code == ERR_OK)
        code = check_previous(c, r, e);
    if (code == ERR_OK)
        code = check_history(c, r, e);
    if (code == ERR_OK)
        code = check_current(c, r, e);
    if (code == ERR_OK)
        code = check_events(c, r, e);
    if (code == ERR_OK && bytes_is(r->type, "Subscription"))
        code = check_subscription(c, r, e);
    return code;
}

/* ---- the other records ---- */

static void check_report(void *ctx, const struct report *r)
{
    struct check *c = ctx;

    if (r->kind != REPORT_ENDPOINT &&
        !known_subs_find(&c->subs, r->subscription))
        problem(c,
                "change %" PRIu64 ": a report of subscription %" PRIu64
                ", which was never made",
                c->change, r->subscription);
}

static enum err_code check_backfill(struct check *c, struct bytes record,
                                    struct err *e)
{
    struct backfill_record r;
    enum err_code code = backfill_record_read(record, &r, e);

    for (size_t i = 0; code == ERR_OK && i < r.event_count; i++) {
        const struct backfill_event event = backfill_record_event(&r, i);

        if (event.change >= c->change)
            problem(c,
                    "change %" PRIu64 ": a backfill tells of change %" PRIu64,
                    c->change, event.change);
        code = check_event(c, r.subscription, &event, e);
    }
    return code;
}

static enum err_code check_control(struct check *c, struct bytes record,
                                   struct err *e)
{
    struct control control;
    enum err_code code = control_record_read(record, &control, e);
    struct known_sub *s =
        code == ERR_OK ? known_subs_find(&c->subs, control.subscription) : NULL;

    if (code != ERR_OK)
        return code;
    if (!s)
        problem(c,
                "change %" PRIu64 ": steers subscription %" PRIu64
                ", which was never made",
                c->change, control.subscription);
    else if (control.kind == CONTROL_EXPIRE && control.last >= s->missing)
        s->missing = 0;
    return ERR_OK;
}

static enum err_code check_record(struct check *c, struct bytes record,
                                  struct err *e)
{
    enum record_kind kind = record_kind_of(record);
    struct record_change change;
    enum err_code code;

    if (kind == RECORD_CHANGE) {
        code = record_change_read(record, &change, e);
        if (code == ERR_OK)
            return check_change(c, &change, e);
    } else if (kind == RECORD_REPORTS) {
        c->counts->other_records++;
        code = record_reports_each(record, check_report, c, e);
    } else if (kind == RECORD_CONTROL) {
        c->counts->other_records++;
        code = check_control(c, record, e);
    } else if (kind == RECORD_BACKFILL) {
        c->counts->other_records++;
        code = check_backfill(c, record, e);
    } else {
        code = err_set(e, ERR_FORMAT,
                       "a record of the log is damaged or of a newer version");
    }
    if (code == ERR_FORMAT)
        problem(c, "change %" PRIu64 ": %s", c->change, e->message);
    return go_on(code);
}

static enum err_code check_log(struct check *c, struct err *e)
{
    enum err_code code = ERR_OK;
    struct bytes record;

    for (c->change = 1; c->change <= c->last && code == ERR_OK; c->change++) {
        code = store_log_get(c->txn, c->change, &record, e);
        if (code == ERR_OK)
            code = check_record(c, record, e);
        else if (code == ERR_NOT_FOUND)
            problem(c, "the log lacks change %" PRIu64, c->change);
        code = go_on(code);
    }
    return code;
}

/* ---- what the views have ---- */

static enum err_code check_current_entry(void *ctx, struct bytes key,
                                         struct bytes value, struct err *e)
{
    struct check *c = ctx;
    char raw[STATE_KEY_BYTES];
    struct record_change r;
    struct current current = {.change = 0};
    enum err_code code = state_current_decode(value, &current, e);

    if (code == ERR_OK)
        code = read_change(c, current.change, &r, e);
    if (code == ERR_OK && r.type.n + r.id.n + 1 < sizeof raw &&
        bytes_equal(key, state_current_key(r.type, r.id, raw)) &&
        r.version == current.version &&
        (r.interaction == INTERACTION_DELETE) == current.deleted)
        return ERR_OK;
    if (code == ERR_OK || go_on(code) == ERR_OK)
        problem(c,
                "the view current has an entry that its change %" PRIu64
                " does not bear out",
                current.change);
    return go_on(code);
}

static void check_row(struct check *c, const struct known_sub *s,
                      const struct row *row)
{
    const struct sub_state *state = &row->state;

    if (!bytes_is(row->id, s->id) || row->as_of > c->last ||
        row->as_of < s->number)
        problem(c, "the row of Subscription/%s is another's", s->id);
    if (state->last_event < s->merged || state->last_event > s->events)
        problem(c,
                "the row of Subscription/%s counts %" PRIu64
                " events, the log has %" PRIu64,
                s->id, state->last_event, s->events);
    if (state->delivered > state->last_event)
        problem(c,
                "the row of Subscription/%s has delivered more than there "
                "was",
                s->id);
    if (state->definition > s->definition ||
        (s->definition <= c->views_at && state->definition != s->definition))
        problem(c,
                "the row of Subscription/%s has another definition than "
                "change %" PRIu64,
                s->id, s->definition);
}

static enum err_code check_row_entry(void *ctx, struct bytes key,
                                     struct bytes value, struct err *e)
{
    struct check *c = ctx;
    const struct known_sub *s = NULL;
    struct row row;
    enum err_code code = key.n == 8 ? ERR_OK : ERR_FORMAT;

    if (code == ERR_OK) {
        s = known_subs_find(&c->subs, store_get_u64(key.p));
        code = row_decode(value, &row, e);
    }
    if (code == ERR_FORMAT)
        problem(c, "a row of the view subscription is damaged");
    else if (code == ERR_OK &&
             (!s || (s->deleted && s->deleted <= c->views_at)))
        problem(c, "the view subscription has a row of none that lives");
    else if (code == ERR_OK) {
        c->found[VIEW_SUBSCRIPTION] += !s->deleted && s->number <= c->views_at;
        check_row(c, s, &row);
    }
    return go_on(code);
}

static enum err_code check_parked_entry(void *ctx, struct bytes key,
                                        struct bytes value, struct err *e)
{
    struct check *c = ctx;
    struct dead_letter letter;
    enum err_code code = dead_letter_decode(value, &letter, e);

    if (code != ERR_OK || key.n != 16 ||
        !known_subs_find(&c->subs, store_get_u64(key.p)) ||
        letter.first > letter.last)
        problem(c, "the view parked has a damaged entry");
    return go_on(code);
}

static enum err_code check_rows(struct check *c, struct err *e)
{
    uint64_t want = 0;
    enum err_code code =
        store_view_walk(c->txn, VIEW_SUBSCRIPTION, check_row_entry, c, e);

    for (size_t i = 0; i < c->subs.count; i++) {
        const struct known_sub *s = c->subs.items[i];

        want += !s->deleted && s->number <= c->views_at;
        c->counts->subscriptions += !s->deleted;
        if (s->missing > 0)
            problem(c,
                    "the view queue lacks event %" PRIu64
                    " of Subscription/%s, which no retention removed",
                    s->missing, s->id);
    }
    if (code == ERR_OK && c->found[VIEW_SUBSCRIPTION] != want)
        problem(c,
                "the view subscription has %" PRIu64 " of %" PRIu64
                " subscriptions",
                c->found[VIEW_SUBSCRIPTION], want);
    return code;
}

/* Entries that no change of the log made. */
static enum err_code check_extra(struct check *c, enum store_view view,
                                 struct err *e)
{
    uint64_t have = 0;
    enum err_code code = store_view_count(c->txn, view, &have, e);

    if (code == ERR_OK && have > c->found[view])
        problem(c, "the view %s has %" PRIu64 " entries that the log does not",
                store_view_name(view), have - c->found[view]);
    return code;
}

static enum err_code check_views(struct check *c, struct err *e)
{
    enum err_code code =
        store_view_walk(c->txn, VIEW_CURRENT, check_current_entry, c, e);

    if (code == ERR_OK)
        code = check_rows(c, e);
    if (code == ERR_OK)
        code = store_view_walk(c->txn, VIEW_PARKED, check_parked_entry, c, e);
    if (code == ERR_OK)
        code = check_extra(c, VIEW_HISTORY, e);
    if (code == ERR_OK)
        code = check_extra(c, VIEW_QUEUE, e);
    return code;
}

static enum err_code check_all(struct check *c, struct err *e)
{
    enum err_code code = store_log_last(c->txn, &c->last, e);

    if (code == ERR_OK)
        code = store_views_at(c->txn, &c->views_at, e);
    if (code != ERR_OK)
        return code;
    c->counts->views_at = c->views_at;
    if (c->views_at > c->last)
        problem(c,
                "the views are at change %" PRIu64 ", the log ends at %" PRIu64,
                c->views_at, c->last);
    code = check_log(c, e);
    return code == ERR_OK ? check_views(c, e) : code;
}

enum err_code verify_store(struct store *s, verify_tell *tell, void *ctx,
                           struct verify_counts *out, struct err *e)
{
    struct check c = {.counts = out, .tell = tell, .ctx = ctx};
    enum err_code code = store_begin_read(s, &c.txn, e);

    *out = (struct verify_counts){.changes = 0};
    known_subs_init(&c.subs);
    if (code == ERR_OK)
        code = check_all(&c, e);
    known_subs_fini(&c.subs);
    store_abort(&c.txn);
    return code;
}
