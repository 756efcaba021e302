#include "server/engine/load.h"

#include <stdlib.h>

#include "server/base/log.h"
#include "server/engine/record.h"
#include "server/engine/report.h"
#include "server/engine/row.h"

#define DAMAGED                                                         \
    "the stored state of this Subscription was damaged; events may be " \
    "repeated once it is requested again"

struct loading {
    struct state *state;
    struct store_txn *txn;
    uint64_t views_at;
};

/* ---- what a sub has aside ---- */

/* Copies the error and the set. */
static enum err_code set_rare(struct sub *s, struct sub_rare rare,
                              struct bytes error, const struct acked *acked,
                              struct err *e)
{
    struct sub_rare *aside;

    if (rare_is_empty(&rare) && error.n == 0 && !acked)
        return ERR_OK;
    aside = malloc(sizeof *aside);
    if (!aside)
        return err_nomem(e);
    *aside = rare;
    aside->error = error.n ? strndup(error.p, error.n) : NULL;
    aside->acked = acked ? malloc(sizeof *acked) : NULL;
    if ((error.n && !aside->error) || (acked && !aside->acked)) {
        free(aside->error);
        free(aside->acked);
        free(aside);
        return err_nomem(e);
    }
    if (acked)
        *aside->acked = *acked;
    sub_set_rare(s, aside);
    return ERR_OK;
}

/* The engine reports it as failed once the writer runs. */
static enum err_code mark_unfit(struct sub *s, const char *reason,
                                struct err *e)
{
    struct sub_rare rare = sub_rare_of(s);
    size_t n = strnlen(reason, REPORT_ERROR_BYTES - 1);

    s->state.unfit = true;
    return set_rare(s, rare, bytes_make(reason, n), rare.acked, e);
}

/* ---- the definition, from the log ---- */

static enum err_code log_change(struct store_txn *t, uint64_t change,
                                struct record_change *out, struct err *e)
{
    struct bytes record;
    enum err_code code = store_log_get(t, change, &record, e);

    return code == ERR_OK ? record_change_read(record, out, e) : code;
}

static enum err_code match_by(struct state *s, struct sub *sub,
                              const struct subscription *d, struct err *reason)
{
    struct form_table *forms = matcher_forms(s->matcher);
    struct form *form;
    enum err_code code = form_new(forms, d, &form, reason);

    if (code == ERR_OK)
        code = matcher_add(s->matcher, sub, &form, reason);
    form_free(forms, &form);
    return code;
}

static enum err_code set_end(struct sub *sub, int64_t end_ms, struct err *e)
{
    struct sub_rare rare = sub_rare_of(sub);

    if (rare.end_ms == end_ms)
        return ERR_OK;
    rare.end_ms = end_ms;
    return set_rare(sub, rare, bytes_of(rare.error), rare.acked, e);
}

static enum err_code load_text(struct state *s, struct store_txn *t,
                               struct sub *sub, struct err *e)
{
    struct record_change c = {0};
    struct err reason = {0};
    struct definition *definition = NULL;
    enum err_code code = log_change(t, sub->state.definition, &c, &reason);

    if (code == ERR_OK)
        code =
            state_definition_read(s, s->topics, c.text, &definition, &reason);
    if (code == ERR_OK && definition)
        code = match_by(s, sub, definition_get(definition), &reason);
    if (definition) {
        sub->state.classic =
            subscription_is_classic(definition_get(definition));
        sub->state.timed = subscription_is_timed(definition_get(definition));
    }
    if (code == ERR_OK && definition)
        code = set_end(sub, definition_get(definition)->end_ms, &reason);
    if (code != ERR_NOMEM && (code != ERR_OK || !definition))
        code = mark_unfit(sub, reason.message, &reason);
    definition_unref(&definition);
    return code == ERR_OK ? code : err_nomem(e);
}

static enum err_code load_form(struct loading *l, struct sub *sub,
                               const struct row *row, struct err *e)
{
    struct matcher *m = l->state->matcher;
    struct form *form = NULL;
    struct err reason;
    enum err_code code;

    if (!row->has_form)
        return load_text(l->state, l->txn, sub, e);
    code = form_load(matcher_forms(m), l->state->topics, &row->form, &form,
                     &reason);
    if (code == ERR_OK)
        code = matcher_add(m, sub, &form, &reason);
    form_free(matcher_forms(m), &form);
    if (code == ERR_NOMEM)
        return err_nomem(e);
    /* the text says more clearly what is wrong, or that nothing is */
    return code == ERR_OK ? code : load_text(l->state, l->txn, sub, e);
}

/* ---- rows ---- */

/* A new sub in the table. */
static enum err_code add(struct loading *l, uint64_t number, struct bytes id,
                         uint64_t as_of, struct sub **out, struct err *e)
{
    struct subs *subs = &l->state->subs;
    struct sub *s = subs_new(subs, number, id);

    *out = s;
    if (!s)
        return err_nomem(e);
    if (subs_reserve(subs, 1) && subs_note_loaded(subs, s, as_of)) {
        subs_add(subs, s);
        return ERR_OK;
    }
    subs_free(subs, s);
    return err_nomem(e);
}

/* The last event that the merged queue has of the subscription. */
static enum err_code last_queued(struct loading *l, struct sub *sub,
                                 struct err *e)
{
    char after[STATE_KEY_BYTES];
    struct bytes key, value;
    struct queued queued;
    enum err_code code = store_view_before(
        l->txn, VIEW_QUEUE, state_queue_key(sub->number + 1, 0, after), &key,
        &value, e);

    if (code == ERR_NOT_FOUND ||
        (code == ERR_OK && store_get_u64(key.p) != sub->number))
        return ERR_OK;
    if (code == ERR_OK)
        code = state_queued_decode(value, &queued, e);
    if (code != ERR_OK)
        return code;
    sub->state.last_event = store_get_u64(key.p + 8);
    sub->state.chain = queued.chain;
    return ERR_OK;
}

/* The current version of the Subscription that the number's change created;
 * false when it is none any more. */
static bool find_definition(struct loading *l, uint64_t number,
                            struct record_change *created, uint64_t *definition)
{
    char raw[STATE_KEY_BYTES];
    struct bytes value;
    struct current current;

    if (log_change(l->txn, number, created, NULL) != ERR_OK ||
        !bytes_is(created->type, "Subscription") ||
        store_view_get(l->txn, VIEW_CURRENT,
                       state_current_key(created->type, created->id, raw),
                       &value, NULL) != ERR_OK ||
        state_current_decode(value, &current, NULL) != ERR_OK)
        return false;
    *definition = current.change;
    return !current.deleted && current.change >= number;
}

/* What the log and the other views still know of it. */
static enum err_code rescue(struct loading *l, uint64_t number, struct err *e)
{
    struct record_change created;
    uint64_t definition;
    struct sub *s;
    enum err_code code;

    log_event(LOG_ERROR, "engine.row_damaged",
              "the row of subscription %llu is damaged",
              (unsigned long long)number);
    if (!find_definition(l, number, &created, &definition))
        return ERR_OK;
    code = add(l, number, created.id, l->views_at, &s, e);
    if (code != ERR_OK)
        return code;
    s->state.status = STATUS_ERROR;
    s->state.definition = definition;
    code = last_queued(l, s, e);
    if (code == ERR_OK)
        code = set_rare(s, (struct sub_rare){0}, bytes_of(DAMAGED), NULL, e);
    return code == ERR_OK ? load_text(l->state, l->txn, s, e) : code;
}

static enum err_code load_row(void *ctx, struct bytes key, struct bytes value,
                              struct err *e)
{
    struct loading *l = ctx;
    struct row row = {0};
    struct sub *s;
    enum err_code code;

    if (key.n != 8) {
        log_event(LOG_ERROR, "engine.row_damaged",
                  "a row without a subscription's number");
        return ERR_OK;
    }
    if (row_decode(value, &row, e) != ERR_OK)
        return rescue(l, store_get_u64(key.p), e);
    code = add(l, store_get_u64(key.p), row.id, row.as_of, &s, e);
    if (code != ERR_OK)
        return code;
    s->state = row.state;
    code =
        set_rare(s, row.rare, row.error, row.has_acked ? &row.acked : NULL, e);
    return code == ERR_OK ? load_form(l, s, &row, e) : code;
}

enum err_code load_subscriptions(struct state *s, struct store_txn *t,
                                 uint64_t views_at, struct err *e)
{
    struct loading l = {s, t, views_at};

    return store_view_walk(t, VIEW_SUBSCRIPTION, load_row, &l, e);
}
