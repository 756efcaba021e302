#include "server/engine/rare.h"

#include <string.h>

bool rare_is_empty(const struct sub_rare *r)
{
    return r->chain_since == 0 && r->failed_event == 0 && r->parked == 0 &&
           r->lost == 0 && r->next_attempt_ms == 0 && r->end_ms == 0 &&
           r->attempts == 0 && !r->paused && r->resend_count == 0 &&
           r->backfill == 0 && !r->error && !r->acked;
}

/* One range instead of both, when they overlap or one continues the other. */
static bool join(struct resend *a, const struct resend *b)
{
    if (b->first > a->last + 1 || a->first > b->last + 1)
        return false;
    if (b->first < a->first)
        a->first = b->first;
    if (b->last > a->last)
        a->last = b->last;
    return true;
}

static void drop(struct sub_rare *r, size_t at)
{
    r->resend_count--;
    memmove(&r->resend[at], &r->resend[at + 1],
            (r->resend_count - at) * sizeof r->resend[0]);
}

bool rare_resend_add(struct sub_rare *r, struct resend range)
{
    size_t at = 0;

    while (at < r->resend_count && !join(&r->resend[at], &range))
        at++;
    if (at == RESEND_MAX)
        return false;
    if (at == r->resend_count)
        r->resend[r->resend_count++] = range;
    /* what grew may meet the ones behind it */
    for (size_t i = at + 1; i < r->resend_count;) {
        if (join(&r->resend[at], &r->resend[i]))
            drop(r, i);
        else
            i++;
    }
    return true;
}

void rare_resend_done(struct sub_rare *r, struct resend range)
{
    for (size_t i = 0; i < r->resend_count; i++) {
        struct resend *open = &r->resend[i];

        if (range.first > open->first || range.last < open->first)
            continue;
        open->first = range.last + 1;
        if (open->first > open->last)
            drop(r, i);
        return;
    }
}

void rare_resend_expire(struct sub_rare *r, uint64_t last)
{
    for (size_t i = 0; i < r->resend_count;) {
        struct resend *open = &r->resend[i];

        if (open->first <= last)
            open->first = last + 1;
        if (open->first > open->last)
            drop(r, i);
        else
            i++;
    }
}
