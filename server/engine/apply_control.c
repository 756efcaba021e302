#include "server/engine/apply_control.h"

#include "server/engine/dead_letter.h"
#include "server/engine/effects_control.h"

/* One control on its way. */
struct work {
    struct batch *batch;
    struct command *command;
    struct control *control;
    struct sub_change *sub;
    struct sub_rare *rare;
    char letter[DEAD_LETTER_BYTES_MAX];
};

static bool refuse(struct work *w, enum err_code code, const char *why)
{
    struct command_result *r = &w->command->result;

    r->code = err_set(&r->err, code, "%s", why);
    return false;
}

/* ---- each kind: true when there is something to record ---- */

static bool pause(struct work *w)
{
    if (w->sub->state.status == STATUS_OFF)
        return refuse(w, ERR_CONFLICT,
                      "the Subscription is off: there is nothing to pause");
    return !w->rare->paused;
}

static bool resume(struct work *w)
{
    return w->rare->paused;
}

/* Whether events can be sent at all, now or after a handshake. */
static bool sends(struct work *w)
{
    enum subscription_status status = w->sub->state.status;

    if (status == STATUS_ACTIVE || status == STATUS_REQUESTED)
        return true;
    return refuse(w, ERR_CONFLICT,
                  status == STATUS_OFF
                      ? "the Subscription is off: re-activate it first"
                      : "the Subscription is in error: re-activate it first");
}

static bool add_range(struct work *w)
{
    struct sub_rare trial = *w->rare;

    if (rare_resend_add(&trial,
                        (struct resend){w->control->first, w->control->last}))
        return true;
    return refuse(w, ERR_BUSY,
                  "too many other ranges of events wait to be sent again");
}

/* Only what was passed once: the rest is still to be delivered anyway. */
static bool resend(struct work *w)
{
    struct control *c = w->control;

    if (!sends(w))
        return false;
    if (c->first <= w->sub->state.expired)
        c->first = w->sub->state.expired + 1;
    if (c->last > w->sub->state.delivered)
        c->last = w->sub->state.delivered;
    return c->first <= c->last && add_range(w);
}

static enum err_code find_letter(struct work *w, struct dead_letter *out,
                                 struct err *e)
{
    const struct control *c = w->control;
    struct batch *b = w->batch;
    char raw[STATE_KEY_BYTES];
    struct bytes key = state_parked_key(c->subscription, c->letter, raw), value;
    const struct overlay_entry *entry =
        overlay_get_staged(&b->state->young, VIEW_PARKED, key);
    enum err_code code = ERR_OK;

    if (!entry)
        entry = overlay_get(&b->state->old, VIEW_PARKED, key);
    if (entry)
        value = entry->value;
    else
        code = store_view_get(b->txn, VIEW_PARKED, key, &value, e);
    return code == ERR_OK ? dead_letter_decode(value, out, e) : code;
}

static bool settle(struct work *w, struct dead_letter *d)
{
    struct control *c = w->control;

    if (d->state != DEAD_LETTER_WAITING)
        return refuse(w, ERR_CONFLICT,
                      d->state == DEAD_LETTER_DISCARDED
                          ? "the dead letter was discarded before"
                          : "the dead letter was redelivered before");
    c->first = d->first;
    c->last = d->last;
    if (c->kind == CONTROL_REDELIVER) {
        if (!sends(w))
            return false;
        if (c->last <= w->sub->state.expired)
            return refuse(w, ERR_GONE,
                          "retention has removed the events of the dead "
                          "letter");
        if (c->first <= w->sub->state.expired)
            c->first = w->sub->state.expired + 1;
        if (!add_range(w))
            return false;
    }
    d->state = c->kind == CONTROL_DISCARD ? DEAD_LETTER_DISCARDED
                                          : DEAD_LETTER_REDELIVERED;
    c->settled = dead_letter_encode(d, w->letter);
    return true;
}

static enum err_code judge_letter(struct work *w, bool *go, struct err *e)
{
    struct dead_letter d;
    enum err_code code = find_letter(w, &d, e);

    *go = false;
    if (code == ERR_NOT_FOUND) {
        (void)refuse(w, ERR_NOT_FOUND, "there is no such dead letter");
        return ERR_OK;
    }
    if (code == ERR_OK)
        *go = settle(w, &d);
    return code;
}

static enum err_code judge(struct work *w, bool *go, struct err *e)
{
    switch (w->control->kind) {
    case CONTROL_PAUSE:
        *go = pause(w);
        break;
    case CONTROL_RESUME:
        *go = resume(w);
        break;
    case CONTROL_RESEND:
        *go = resend(w);
        break;
    case CONTROL_REDELIVER:
    case CONTROL_DISCARD:
        return judge_letter(w, go, e);
    case CONTROL_EXPIRE:
        *go = refuse(w, ERR_BUG, "retention is not a client's command");
        break;
    }
    return ERR_OK;
}

enum err_code apply_control_record(struct batch *b, const struct control *c,
                                   struct err *e)
{
    char *out = NULL;
    enum err_code code = store_log_append(b->txn, b->change + 1,
                                          control_record_size(c), &out, e);

    if (code != ERR_OK)
        return code;
    control_record_write(c, b->time_ms, out);
    b->change++;
    b->records++;
    return effects_control(b, b->change, c, e);
}

enum err_code apply_control(struct batch *b, struct command *c, struct err *e)
{
    struct work w = {.batch = b, .command = c, .control = &c->control};
    struct sub *s = batch_find_id(b, c->id);
    enum err_code code;
    bool go = false;

    c->result = (struct command_result){.code = ERR_OK, .time_ms = c->time_ms};
    if (!s) {
        (void)refuse(&w, ERR_NOT_FOUND, "there is no such Subscription");
        return ERR_OK;
    }
    c->control.subscription = s->number;
    w.sub = batch_touch(b, s);
    w.rare = w.sub ? batch_rare(w.sub) : NULL;
    if (!w.rare)
        return err_nomem(e);
    code = judge(&w, &go, e);
    if (code == ERR_OK && go)
        code = apply_control_record(b, &c->control, e);
    c->control.settled = bytes_make(NULL, 0); /* it was the stack's */
    return code;
}
