#include "server/delivery/resend.h"

bool resend_is_next(const struct entry *e)
{
    return e->resend && e->status == STATUS_ACTIVE &&
           (e->last_event <= e->delivered ||
            (e->turns >= RESEND_TURNS && e->failures == 0));
}

void resend_take(struct entry *e, const struct resend *r)
{
    if (e->resent < r->first || e->resent > r->last)
        e->resent = 0;
    e->resend = r->last > 0 && e->resent < r->last;
}

bool resend_fill(struct scheduler *s, struct attempt *a, struct entry *e)
{
    const struct delivery_source *source = &s->config.source;
    uint64_t most = e->batch_limit ? e->batch_limit : e->max_count;
    struct subscription_state state;
    struct resend r = {0, 0};

    e->turns = 0;
    if (source->look(source->ctx, e->number, &state))
        r = state.resend;
    if (e->resent >= r.first && e->resent <= r.last)
        r.first = e->resent + 1;
    e->resend = r.last > 0 && r.first <= r.last;
    if (!e->resend)
        return false;
    if (most > r.last - r.first + 1)
        most = r.last - r.first + 1;
    a->type = NOTIFY_EVENT;
    a->resend = true;
    a->first = r.first;
    a->most_events = (uint32_t)most;
    return true;
}

void resend_count_turn(struct entry *e, const struct attempt *a)
{
    if (e->resend && !a->resend && e->turns < RESEND_TURNS)
        e->turns++;
}
