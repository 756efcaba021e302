#include "server/engine/effects_backfill.h"

#include "server/engine/effects.h"

bool effects_backfill_begin(struct batch *b, struct sub_change *c,
                            uint64_t change, const struct subscription *d)
{
    struct sub_rare *rare;

    if (d->backfill == BACKFILL_NONE || d->off)
        return true;
    rare = batch_rare(c);
    if (!rare)
        return false;
    rare->backfill = (uint8_t)d->backfill;
    rare->backfill_next = d->backfill == BACKFILL_CURRENT ? 1 : 0;
    rare->backfill_upto = change;
    b->backfills++;
    return true;
}

static enum err_code add_event(struct batch *b, uint64_t change,
                               const struct backfill_record *r, size_t index,
                               struct err *e)
{
    struct backfill_event from = backfill_record_event(r, index);
    struct record_event event = {r->subscription, from.number, from.chain};
    char raw[STATE_KEY_BYTES], value[STATE_QUEUED_BYTES];
    const struct queued queued = {from.change, from.chain};
    enum err_code code = effects_event(b, change, event, e);

    /* the queue names the change of long ago, not the slice's own */
    if (code == ERR_OK &&
        !overlay_stage(&b->state->young, VIEW_QUEUE,
                       state_queue_key(r->subscription, from.number, raw),
                       state_queued_value(&queued, value)))
        return err_nomem(e);
    return code;
}

enum err_code effects_backfill(struct batch *b, uint64_t change,
                               const struct backfill_record *r, struct err *e)
{
    struct sub *s = batch_find(b, r->subscription);
    enum err_code code = ERR_OK;
    struct sub_change *c;
    struct sub_rare *rare;

    for (size_t i = 0; code == ERR_OK && i < r->event_count; i++)
        code = add_event(b, change, r, i, e);
    if (code != ERR_OK || !s || change <= subs_loaded_as_of(&b->state->subs, s))
        return code;
    c = batch_touch(b, s);
    rare = c ? batch_rare(c) : NULL;
    if (!rare)
        return err_nomem(e);
    rare->backfill_next = r->done ? 0 : r->next;
    if (r->done) {
        rare->backfill = BACKFILL_NONE;
        rare->backfill_upto = 0;
    }
    return ERR_OK;
}
