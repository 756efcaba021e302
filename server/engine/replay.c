#include "server/engine/replay.h"

#include "server/engine/batch.h"
#include "server/engine/effects.h"
#include "server/engine/effects_backfill.h"
#include "server/engine/effects_control.h"
#include "server/engine/topic_state.h"
#include "server/engine/index.h"
#include "storage/base/failpoint.h"

static enum err_code replay_subscription(struct batch *b, uint64_t change,
                                         const struct record_change *c,
                                         struct err *e)
{
    struct definition *definition = NULL;
    struct err reason = {0};
    struct effects_definition d = {.definition = &definition};
    enum err_code code;

    if (c->interaction == INTERACTION_DELETE)
        return effects_subscription_deleted(b, change, c->id, e);
    code = state_definition_read(b->state, topic_state_of(b), c->text,
                                 &definition, &reason);
    if (code != ERR_OK)
        return err_nomem(e);
    d.reason = definition ? NULL : reason.message;
    d.off = definition && definition_get(definition)->off;
    return effects_subscription(b, change, c, &d, e);
}

static enum err_code replay_change(struct batch *b, struct store_txn *t,
                                   uint64_t change, struct bytes record,
                                   struct err *e)
{
    struct record_change c;
    enum err_code code = record_change_read(record, &c, e);

    bool changes;

    changes = code == ERR_OK && c.interaction != INTERACTION_EVENT;
    if (changes)
        code = effects_views(b, change, &c, e);
    if (changes && code == ERR_OK)
        code =
            index_stage(b, &(struct index_source){.txn = t, .change = &c}, e);
    for (size_t i = 0; code == ERR_OK && i < c.event_count; i++)
        code = effects_event(b, change, record_change_event(&c, i), e);
    if (changes && code == ERR_OK && bytes_is(c.type, "Subscription"))
        code = replay_subscription(b, change, &c, e);
    if (changes && code == ERR_OK && topic_state_carries(c.type))
        code = topic_state_replay(b, t, change, &c, e);
    return code;
}

struct reporting {
    struct batch *batch;
    uint64_t change;
    enum err_code code;
    struct err *e;
};

static void replay_report(void *ctx, const struct report *r)
{
    struct reporting *x = ctx;

    if (x->code == ERR_OK)
        x->code = effects_report(x->batch, x->change, r, x->e);
}

static enum err_code replay_control(struct batch *b, uint64_t change,
                                    struct bytes record, struct err *e)
{
    struct control control;
    enum err_code code = control_record_read(record, &control, e);

    return code == ERR_OK ? effects_control(b, change, &control, e) : code;
}

static enum err_code replay_backfill(struct batch *b, uint64_t change,
                                     struct bytes record, struct err *e)
{
    struct backfill_record backfill;
    enum err_code code = backfill_record_read(record, &backfill, e);

    return code == ERR_OK ? effects_backfill(b, change, &backfill, e) : code;
}

static enum err_code replay_record(struct batch *b, struct store_txn *t,
                                   uint64_t change, struct bytes record,
                                   struct err *e)
{
    struct reporting x = {b, change, ERR_OK, e};
    enum err_code code;

    if (record_kind_of(record) == RECORD_CHANGE)
        return replay_change(b, t, change, record, e);
    if (record_kind_of(record) == RECORD_CONTROL)
        return replay_control(b, change, record, e);
    if (record_kind_of(record) == RECORD_BACKFILL)
        return replay_backfill(b, change, record, e);
    if (record_kind_of(record) == RECORD_REPORTS)
        b->time_ms = record_time(record);
    code = record_reports_each(record, replay_report, &x, e);
    return code == ERR_OK ? x.code : code;
}

enum err_code replay_log(struct state *s, struct store_txn *t, uint64_t last,
                         struct err *e)
{
    enum err_code code = ERR_OK;

    while (code == ERR_OK && s->published_change < last) {
        uint64_t change = s->published_change + 1;
        struct batch b = {.state = s, .change = change};
        struct bytes record;

        FAILPOINT("amid-replay");
        arena_init(&b.arena, BATCH_BYTES_MAX);
        code = store_log_get(t, change, &record, e);
        if (code == ERR_NOT_FOUND)
            code = err_set(e, ERR_FORMAT, "the log lacks change %llu",
                           (unsigned long long)change);
        if (code == ERR_OK)
            code = replay_record(&b, t, change, record, e);
        if (code == ERR_OK)
            code = batch_publish_replayed(&b, e);
        if (code != ERR_OK)
            batch_abort(&b);
    }
    return code;
}
