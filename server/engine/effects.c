#include "server/engine/effects.h"

#include <assert.h>
#include <stdlib.h>

#include "server/engine/breaker_state.h"
#include "server/engine/dead_letter.h"
#include "server/engine/effects_backfill.h"

/* R4 subscription-status; section 1.2 of the wire reference. Nothing leaves
 * `off` or `error` but by a client's request; a classic Subscription is then
 * active at once, for it has no handshake. */
static const bool legal[STATUS_OFF + 1][STATUS_OFF + 1] = {
    [STATUS_REQUESTED] = {[STATUS_REQUESTED] = true,
                          [STATUS_ACTIVE] = true,
                          [STATUS_ERROR] = true,
                          [STATUS_OFF] = true},
    [STATUS_ACTIVE] = {[STATUS_REQUESTED] = true,
                       [STATUS_ACTIVE] = true,
                       [STATUS_ERROR] = true,
                       [STATUS_OFF] = true},
    [STATUS_ERROR] = {[STATUS_REQUESTED] = true,
                      [STATUS_ACTIVE] = true,
                      [STATUS_ERROR] = true,
                      [STATUS_OFF] = true},
    [STATUS_OFF] = {[STATUS_REQUESTED] = true,
                    [STATUS_ACTIVE] = true,
                    [STATUS_ERROR] = true,
                    [STATUS_OFF] = true},
};

static void move_to(struct sub_change *c, enum subscription_status to)
{
    assert(legal[c->state.status][to]);
    c->state.status = to;
}

static bool set_error(struct sub_change *c, const char *text)
{
    free(c->error);
    c->error = NULL;
    c->error_set = true;
    if (!text || !text[0])
        return true;
    c->error = strdup(text);
    return c->error != NULL;
}

enum err_code effects_views(struct batch *b, uint64_t change,
                            const struct record_change *c, struct err *e)
{
    struct overlay *o = &b->state->young;
    char raw[STATE_KEY_BYTES], value[STATE_CURRENT_BYTES], number[8];
    struct current now = {change, c->version,
                          c->interaction == INTERACTION_DELETE};

    store_put_u64(number, change);
    if (overlay_stage(o, VIEW_CURRENT, state_current_key(c->type, c->id, raw),
                      state_current_value(&now, value)) &&
        overlay_stage(o, VIEW_HISTORY,
                      state_history_key(c->type, c->id, c->version, raw),
                      bytes_make(number, sizeof number)))
        return ERR_OK;
    return err_nomem(e);
}

/* The state that was loaded for it has the change already. */
static bool is_known(const struct batch *b, uint64_t change,
                     const struct sub *s)
{
    return change <= subs_loaded_as_of(&b->state->subs, s);
}

enum err_code effects_event(struct batch *b, uint64_t change,
                            struct record_event event, struct err *e)
{
    char raw[STATE_KEY_BYTES], value[STATE_QUEUED_BYTES];
    const struct queued queued = {change, event.chain};
    struct sub *s = batch_find(b, event.subscription);
    struct sub_change *c;

    if (!overlay_stage(&b->state->young, VIEW_QUEUE,
                       state_queue_key(event.subscription, event.number, raw),
                       state_queued_value(&queued, value)))
        return err_nomem(e);
    if (!s || is_known(b, change, s))
        return ERR_OK;
    c = batch_touch(b, s);
    if (!c)
        return err_nomem(e);
    c->state.last_event = event.number;
    c->state.chain = event.chain;
    return ERR_OK;
}

static struct sub_change *add_sub(struct batch *b, uint64_t number,
                                  struct bytes id)
{
    struct sub *s = subs_new(&b->state->subs, number, id);
    struct sub_change *c;

    if (!s)
        return NULL;
    s->state.status = STATUS_REQUESTED;
    c = batch_touch(b, s);
    if (!c) {
        subs_free(&b->state->subs, s);
        return NULL;
    }
    return batch_note_added(b, c) ? c : NULL;
}

/* Takes the subscription out of the matcher. What it had before the batch is
 * kept for the undo. */
static void unmatch(struct batch *b, struct sub_change *c)
{
    struct matcher *m = b->state->matcher;
    struct form *form = matcher_remove(m, c->sub);

    if (c->added || c->redefined || c->removed)
        form_free(matcher_forms(m), &form);
    else
        c->form = form;
}

/* A new subscription begins its chain; a new secret begins another one behind
 * the events that are numbered so far. */
static enum err_code rekey(struct batch *b, struct sub_change *c,
                           const struct form *next, struct err *e)
{
    char id[SUB_ID_BYTES];
    const struct form *before = c->sub->form;
    const struct proof p = {b->state->signer, form_secret(next),
                            sub_id(c->sub, id)};
    struct sub_rare *rare;

    if (before && bytes_equal(form_secret(before), form_secret(next)))
        return ERR_OK;
    if (c->state.last_event > 0) {
        rare = batch_rare(c);
        if (!rare)
            return err_nomem(e);
        rare->chain_since = c->state.last_event;
    }
    return proof_start(&p, c->state.last_event, &c->state.chain, e);
}

static enum err_code make_form(struct batch *b, const struct definition *d,
                               struct form **out, struct err *e)
{
    *out = NULL;
    return d ? form_new(matcher_forms(b->state->matcher), definition_get(d),
                        out, e)
             : ERR_OK;
}

/* The matcher follows at once, so that later changes of the batch see it. The
 * form moves in; NULL: the subscription matches no more. */
static enum err_code rematch(struct batch *b, struct sub_change *c,
                             struct form **form, struct err *e)
{
    struct matcher *m = b->state->matcher;
    enum err_code code = ERR_OK;

    unmatch(b, c);
    c->redefined = true;
    if (*form)
        code = matcher_add(m, c->sub, form, e);
    form_free(matcher_forms(m), form);
    return code;
}

static void take_definition(struct sub_change *c, struct definition **d)
{
    definition_unref(&c->definition);
    c->definition = *d;
    *d = NULL;
    c->state.unfit = !c->definition;
    c->state.classic =
        c->definition && subscription_is_classic(definition_get(c->definition));
    c->state.timed =
        c->definition && subscription_is_timed(definition_get(c->definition));
}

static bool set_end(struct sub_change *c, const struct definition *d)
{
    int64_t end_ms = d ? definition_get(d)->end_ms : 0;
    struct sub_rare *rare;

    if (batch_rare_of(c->sub).end_ms == end_ms)
        return true;
    rare = batch_rare(c);
    if (rare)
        rare->end_ms = end_ms;
    return rare != NULL;
}

static bool set_retry(struct sub_change *c, uint32_t attempts,
                      int64_t next_attempt_ms)
{
    struct sub_rare now = batch_rare_of(c->sub), *rare;

    if (now.attempts == attempts && now.next_attempt_ms == next_attempt_ms)
        return true;
    rare = batch_rare(c);
    if (!rare)
        return false;
    rare->attempts = attempts;
    rare->next_attempt_ms = next_attempt_ms;
    return true;
}

static enum subscription_status status_of(const struct definition *d, bool off)
{
    if (!d)
        return STATUS_ERROR;
    if (off)
        return STATUS_OFF;
    return subscription_is_classic(definition_get(d)) ? STATUS_ACTIVE
                                                      : STATUS_REQUESTED;
}

static enum err_code redefine(struct batch *b, struct sub_change *c,
                              const struct effects_definition *d, struct err *e)
{
    struct form *form;
    enum err_code code = make_form(b, *d->definition, &form, e);

    take_definition(c, d->definition);
    if (code == ERR_OK && form)
        code = rekey(b, c, form, e);
    if (code != ERR_OK) {
        form_free(matcher_forms(b->state->matcher), &form);
        return code;
    }
    code = rematch(b, c, &form, e);
    if (code != ERR_OK)
        return code;
    if (!set_retry(c, 0, 0) || !set_end(c, c->definition) ||
        !set_error(c, d->reason))
        return err_nomem(e);
    move_to(c, status_of(c->definition, d->off));
    return ERR_OK;
}

/* A replay without the topic could not begin the chain. */
static bool has_chain(const struct sub_change *c)
{
    static const struct chain_value none;

    return memcmp(&c->state.chain, &none, sizeof none) != 0;
}

enum err_code effects_refit(struct batch *b, struct sub_change *c,
                            struct definition **definition, struct err *e)
{
    struct form *form;
    enum err_code code = make_form(b, *definition, &form, e);

    take_definition(c, definition);
    if (code == ERR_OK && form && !has_chain(c))
        code = rekey(b, c, form, e);
    if (code == ERR_OK && c->definition && !set_end(c, c->definition))
        code = err_nomem(e);
    if (code == ERR_OK)
        return rematch(b, c, &form, e);
    form_free(matcher_forms(b->state->matcher), &form);
    return code;
}

static bool begin_backfill(struct batch *b, struct sub_change *c,
                           uint64_t change, const struct definition *d)
{
    return !d || effects_backfill_begin(b, c, change, definition_get(d));
}

enum err_code effects_subscription(struct batch *b, uint64_t change,
                                   const struct record_change *r,
                                   const struct effects_definition *d,
                                   struct err *e)
{
    struct sub *s = batch_find_id(b, r->id);
    struct sub_change *c;

    if (s && is_known(b, change, s)) {
        definition_unref(d->definition);
        return ERR_OK;
    }
    c = s ? batch_touch(b, s) : add_sub(b, change, r->id);
    if (!c || (!s && !begin_backfill(b, c, change, *d->definition))) {
        definition_unref(d->definition);
        return err_nomem(e);
    }
    c->state.definition = change;
    c->state.failure = FAILURE_NONE;
    c->state.requested_ms = r->time_ms;
    return redefine(b, c, d, e);
}

enum err_code effects_subscription_deleted(struct batch *b, uint64_t change,
                                           struct bytes id, struct err *e)
{
    struct sub *s = batch_find_id(b, id);
    struct sub_change *c;

    if (!s || is_known(b, change, s))
        return ERR_OK;
    c = batch_touch(b, s);
    if (!c)
        return err_nomem(e);
    unmatch(b, c);
    batch_note_removed(b, c);
    return ERR_OK;
}

static uint64_t failed_event(const struct sub_change *c)
{
    return batch_rare_of(c->sub).failed_event;
}

static bool set_failed_event(struct sub_change *c, uint64_t event)
{
    struct sub_rare *rare;

    if (failed_event(c) == event)
        return true;
    rare = batch_rare(c);
    if (rare)
        rare->failed_event = event;
    return rare != NULL;
}

static bool report_retry(struct sub_change *c, const struct report *r)
{
    c->state.failure = r->failure;
    return set_retry(c, r->attempts, r->next_attempt_ms) &&
           set_failed_event(c, r->event) && set_error(c, r->error);
}

static bool report_settled(struct sub_change *c, const struct report *r,
                           enum subscription_status to)
{
    move_to(c, to);
    c->state.failure = r->failure;
    return set_retry(c, 0, 0) && set_failed_event(c, 0) &&
           set_error(c, r->error);
}

static bool calm(struct sub_change *c)
{
    c->state.failure = FAILURE_NONE;
    return set_retry(c, 0, 0) && set_failed_event(c, 0) && set_error(c, NULL);
}

/* The set past the cursor, to be changed; NULL without memory. */
static struct acked *stage_acked(struct sub_change *c)
{
    const struct acked *published = sub_rare_of(c->sub).acked;

    if (c->acked_set && c->acked)
        return c->acked;
    c->acked = calloc(1, sizeof *c->acked);
    if (c->acked && !c->acked_set && published)
        *c->acked = *published;
    c->acked_set = true;
    return c->acked;
}

bool effects_move_cursor(struct sub_change *c, uint64_t to)
{
    const struct acked *known =
        c->acked_set ? c->acked : sub_rare_of(c->sub).acked;
    struct acked *a;

    if (!known) {
        c->state.delivered = to;
        return true;
    }
    a = stage_acked(c);
    if (!a)
        return false;
    c->state.delivered = acked_move(a, c->state.delivered, to);
    if (acked_is_empty(a)) {
        free(c->acked);
        c->acked = NULL;
    }
    return true;
}

/* Events first to last need no sending any more. */
static bool pass_events(struct sub_change *c, uint64_t first, uint64_t last)
{
    struct acked *a;

    if (last > c->state.last_event || last <= c->state.delivered)
        return true;
    if (first <= c->state.delivered + 1)
        return effects_move_cursor(c, last);
    a = stage_acked(c);
    for (uint64_t n = first; a && n <= last; n++)
        acked_add(a, c->state.delivered, n);
    return a != NULL;
}

/* What the endpoint acknowledged counts whatever became of the subscription in
 * the meantime. */
static bool report_delivered(struct sub_change *c, const struct report *r)
{
    if (!pass_events(c, 0, r->event))
        return false;
    if (r->definition != c->state.definition ||
        c->state.status != STATUS_ACTIVE)
        return true;
    return calm(c);
}

/* The failure of other events stays told. */
static bool report_acked(struct sub_change *c, const struct report *r)
{
    uint64_t failed;

    if (r->first > r->event || r->event - r->first >= ACKED_WINDOW)
        return true;
    if (!pass_events(c, r->first, r->event))
        return false;
    failed = failed_event(c);
    if (r->definition != c->state.definition ||
        c->state.status != STATUS_ACTIVE || failed < r->first ||
        failed > r->event)
        return true;
    return calm(c);
}

static bool report_resent(struct sub_change *c, const struct report *r)
{
    struct sub_rare *rare = batch_rare(c);

    if (!rare)
        return false;
    rare_resend_done(rare, (struct resend){r->first, r->event});
    if (r->definition != c->state.definition ||
        c->state.status != STATUS_ACTIVE)
        return true;
    return calm(c);
}

static bool report_reparked(struct sub_change *c, const struct report *r)
{
    struct sub_rare *rare = batch_rare(c);

    if (!rare)
        return false;
    rare_resend_done(rare, (struct resend){r->first, r->event});
    if (rare->parked < r->letter)
        rare->parked = r->letter;
    c->state.failure = r->failure;
    return set_error(c, r->error);
}

static bool live(const struct sub_change *c)
{
    return c->state.status == STATUS_REQUESTED ||
           c->state.status == STATUS_ACTIVE;
}

static bool stage_letter(struct batch *b, const struct report *r)
{
    char raw[STATE_KEY_BYTES], value[DEAD_LETTER_BYTES_MAX];
    struct dead_letter d = {.state = DEAD_LETTER_WAITING,
                            .failure = r->failure,
                            .attempts = r->attempts,
                            .time_ms = b->time_ms,
                            .first = r->first,
                            .last = r->event};

    memcpy(d.error, r->error, sizeof d.error);
    return overlay_stage(&b->state->young, VIEW_PARKED,
                         state_parked_key(r->subscription, r->letter, raw),
                         dead_letter_encode(&d, value));
}

/* Delivery has passed the events, whatever became of the definition since:
 * they must be in the list. The last error stays told. */
static bool report_parked(struct sub_change *c, const struct report *r)
{
    struct sub_rare *rare;

    if (r->letter == 0 || r->first > r->event ||
        r->event - r->first >= ACKED_WINDOW)
        return true;
    rare = batch_rare(c);
    if (!rare)
        return false;
    if (rare->parked < r->letter)
        rare->parked = r->letter;
    if (!pass_events(c, r->first, r->event))
        return false;
    if (r->definition != c->state.definition ||
        c->state.status != STATUS_ACTIVE)
        return true;
    rare->failed_event = 0;
    rare->attempts = 0;
    rare->next_attempt_ms = 0;
    c->state.failure = r->failure;
    return set_error(c, r->error);
}

static enum err_code stage_endpoint(struct batch *b, const struct report *r,
                                    struct err *e)
{
    char raw[STATE_KEY_BYTES], value[BREAKER_STATE_BYTES];
    const struct breaker_state s = {.trips = r->attempts,
                                    .since_ms = (int64_t)r->first,
                                    .until_ms = r->next_attempt_ms};

    return overlay_stage(&b->state->young, VIEW_ENDPOINT,
                         state_endpoint_key(r->event, raw),
                         breaker_state_encode(&s, value))
               ? ERR_OK
               : err_nomem(e);
}

static bool report_changes(struct sub_change *c, const struct report *r)
{
    bool current = r->definition == c->state.definition;

    switch (r->kind) {
    case REPORT_DELIVERED:
        return report_delivered(c, r);
    case REPORT_ACKED:
        return report_acked(c, r);
    case REPORT_PARKED:
        return report_parked(c, r);
    case REPORT_RESENT:
        return report_resent(c, r);
    case REPORT_REPARKED:
        return report_reparked(c, r);
    case REPORT_RETRY:
        return !current || !live(c) || report_retry(c, r);
    case REPORT_HANDSHAKE_OK:
        return !current || c->state.status != STATUS_REQUESTED ||
               report_settled(c, r, STATUS_ACTIVE);
    case REPORT_FAILED:
        return !current || !live(c) || report_settled(c, r, STATUS_ERROR);
    case REPORT_OFF:
        return !current || report_settled(c, r, STATUS_OFF);
    case REPORT_ENDPOINT:
        break;
    }
    return true;
}

enum err_code effects_report(struct batch *b, uint64_t change,
                             const struct report *r, struct err *e)
{
    struct sub *s;
    struct sub_change *c;

    if (r->kind == REPORT_ENDPOINT)
        return stage_endpoint(b, r, e);
    /* the view may lack what the subscription's row tells of already */
    if (r->letter > 0 && !stage_letter(b, r))
        return err_nomem(e);
    s = batch_find(b, r->subscription);
    if (!s || is_known(b, change, s))
        return ERR_OK;
    c = batch_touch(b, s);
    if (!c || !report_changes(c, r))
        return err_nomem(e);
    return ERR_OK;
}
