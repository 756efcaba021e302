#include "server/engine/effects_control.h"

#include "server/engine/effects.h"

static bool settle_letter(struct batch *b, const struct control *c)
{
    char raw[STATE_KEY_BYTES];

    return overlay_stage(&b->state->young, VIEW_PARKED,
                         state_parked_key(c->subscription, c->letter, raw),
                         c->settled);
}

/* Of the events up to `last` those that were not acknowledged out of order. */
static uint64_t count_lost(const struct sub_change *change, uint64_t last)
{
    const struct acked *known =
        change->acked_set ? change->acked : sub_rare_of(change->sub).acked;
    uint64_t cursor = change->state.delivered, n = last - cursor;

    for (uint64_t i = 1; known && i <= ACKED_WINDOW && i <= last - cursor; i++)
        n -= acked_has(known, cursor, cursor + i);
    return n;
}

/* What delivery has not sent is lost; the cursor goes on behind it. */
static bool expire(struct sub_change *change, struct sub_rare *rare,
                   uint64_t last)
{
    if (last > change->state.delivered) {
        rare->lost += count_lost(change, last);
        if (!effects_move_cursor(change, last))
            return false;
    }
    if (last > change->state.expired)
        change->state.expired = last;
    rare_resend_expire(rare, last);
    return true;
}

static bool take(struct sub_change *change, struct sub_rare *rare,
                 const struct control *c)
{
    switch (c->kind) {
    case CONTROL_PAUSE:
        rare->paused = true;
        break;
    case CONTROL_RESUME:
        rare->paused = false;
        rare->next_attempt_ms = 0;
        break;
    case CONTROL_REDELIVER:
        rare->settled++;
        (void)rare_resend_add(rare, (struct resend){c->first, c->last});
        break;
    case CONTROL_RESEND:
        (void)rare_resend_add(rare, (struct resend){c->first, c->last});
        break;
    case CONTROL_DISCARD:
        rare->settled++;
        break;
    case CONTROL_EXPIRE:
        return expire(change, rare, c->last);
    }
    return true;
}

enum err_code effects_control(struct batch *b, uint64_t change,
                              const struct control *c, struct err *e)
{
    struct sub *s = batch_find(b, c->subscription);
    struct sub_change *touched;
    struct sub_rare *rare;

    /* the view may lack what the subscription's row tells of already */
    if (c->settled.n && !settle_letter(b, c))
        return err_nomem(e);
    if (!s || change <= subs_loaded_as_of(&b->state->subs, s))
        return ERR_OK;
    touched = batch_touch(b, s);
    rare = touched ? batch_rare(touched) : NULL;
    return rare && take(touched, rare, c) ? ERR_OK : err_nomem(e);
}
