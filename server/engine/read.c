#include "server/engine/read.h"

#include "server/base/log.h"
#include "server/engine/breaker_state.h"
#include "server/engine/core.h"
#include "server/engine/dead_letter.h"
#include "server/engine/record.h"

#include <stdio.h>
#include <stdlib.h>

/* The read lock is held from before the transaction begins until the overlay
 * was asked: then an entry is in one of the two for sure. */
static enum err_code begin_read(struct engine *g, struct store_txn **t,
                                struct err *e)
{
    state_lock_to_read(&g->state);
    return store_begin_read(g->state.store, t, e);
}

/* The change of the wanted version. */
static enum err_code find_change(const struct state *s, struct store_txn *t,
                                 const struct resource_query *q,
                                 uint64_t *change, struct err *e)
{
    char raw[STATE_KEY_BYTES];
    struct bytes value;
    struct current current;
    enum err_code code;

    if (q->version != 0) {
        code = state_view_get(
            s, t, VIEW_HISTORY,
            state_history_key(q->type, q->id, q->version, raw), &value, e);
        if (code == ERR_OK)
            *change = store_get_u64(value.p);
        return code;
    }
    code = state_view_get(s, t, VIEW_CURRENT,
                          state_current_key(q->type, q->id, raw), &value, e);
    if (code == ERR_OK)
        code = state_current_decode(value, &current, e);
    if (code == ERR_OK)
        *change = current.change;
    return code;
}

static enum err_code load_version(struct store_txn *t, uint64_t change,
                                  struct arena *arena,
                                  struct resource_version *out, struct err *e)
{
    struct bytes record;
    struct record_change c;
    enum err_code code = store_log_get(t, change, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code != ERR_OK)
        return code;
    *out = (struct resource_version){.change = change,
                                     .version = c.version,
                                     .time_ms = c.time_ms,
                                     .interaction = c.interaction,
                                     .deleted =
                                         c.interaction == INTERACTION_DELETE,
                                     .text = arena_copy(arena, c.text)};
    return out->text.p ? ERR_OK : err_nomem(e);
}

enum err_code engine_read(struct engine *g, const struct resource_query *query,
                          struct arena *arena, struct resource_version *out,
                          struct err *e)
{
    struct store_txn *t = NULL;
    uint64_t change = 0;
    enum err_code code = begin_read(g, &t, e);

    if (code == ERR_OK)
        code = find_change(&g->state, t, query, &change, e);
    state_unlock(&g->state);
    if (code == ERR_OK)
        code = load_version(t, change, arena, out, e);
    else if (code == ERR_NOT_FOUND)
        err_set(e, ERR_NOT_FOUND, "%.*s/%.*s does not exist",
                BYTES_ARG(query->type), BYTES_ARG(query->id));
    store_abort(&t);
    return code;
}

struct topic_set *engine_topics(struct engine *g)
{
    struct topic_set *topics;

    state_lock_to_read(&g->state);
    topics = topic_set_ref(g->state.topics);
    state_unlock(&g->state);
    return topics;
}

static enum err_code not_found(struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "the Subscription does not exist");
}

static enum subscription_status shown_status(const struct sub *s)
{
    if (s->state.classic && s->state.status == STATUS_ACTIVE &&
        sub_rare_of(s).attempts > 0)
        return STATUS_ERROR;
    return s->state.status;
}

static enum err_code change_of_version(const struct state *s,
                                       struct store_txn *t,
                                       const struct resource_query *q,
                                       uint64_t version, uint64_t *change,
                                       struct err *e)
{
    const struct resource_query of = {q->type, q->id, version};

    return find_change(s, t, &of, change, e);
}

/* Versions count from 1 without a gap, and their changes ascend. */
static enum err_code find_as_of(const struct state *s, struct store_txn *t,
                                const struct resource_query *q, uint64_t change,
                                uint64_t *found, struct err *e)
{
    char raw[STATE_KEY_BYTES];
    struct current current;
    struct bytes value;
    uint64_t low = 0, high, at = 0;
    enum err_code code = state_view_get(
        s, t, VIEW_CURRENT, state_current_key(q->type, q->id, raw), &value, e);

    if (code == ERR_OK)
        code = state_current_decode(value, &current, e);
    if (code != ERR_OK)
        return code;
    *found = current.change;
    if (current.change <= change)
        return ERR_OK;
    for (high = current.version - 1; low < high;) {
        uint64_t middle = high - (high - low) / 2;

        code = change_of_version(s, t, q, middle, &at, e);
        if (code != ERR_OK)
            return code;
        if (at <= change) {
            low = middle;
            *found = at;
        } else {
            high = middle - 1;
        }
    }
    return low > 0 ? ERR_OK : ERR_NOT_FOUND;
}

enum err_code engine_read_as_of(struct engine *g,
                                const struct resource_query *query,
                                uint64_t change, struct arena *arena,
                                struct resource_version *out, struct err *e)
{
    struct store_txn *t = NULL;
    uint64_t found = 0;
    enum err_code code = begin_read(g, &t, e);

    if (code == ERR_OK)
        code = find_as_of(&g->state, t, query, change, &found, e);
    state_unlock(&g->state);
    if (code == ERR_OK)
        code = load_version(t, found, arena, out, e);
    store_abort(&t);
    return code;
}

/* Under the lock. */
static void copy_state(const struct sub *s, struct subscription_state *out)
{
    char raw[SUB_ID_BYTES];
    struct bytes id = sub_id(s, raw);
    const struct sub_rare rare = sub_rare_of(s);
    const char *error = sub_error(s);

    *out = (struct subscription_state){.number = s->number,
                                       .definition = s->state.definition,
                                       .status = s->state.status,
                                       .shown = shown_status(s),
                                       .unfit = s->state.unfit,
                                       .timed = s->state.timed,
                                       .last_event = s->state.last_event,
                                       .delivered = s->state.delivered,
                                       .attempts = rare.attempts,
                                       .next_attempt_ms = rare.next_attempt_ms,
                                       .requested_ms = s->state.requested_ms,
                                       .chain_since = rare.chain_since,
                                       .chain = s->state.chain,
                                       .failure = s->state.failure,
                                       .parked = rare.parked,
                                       .letters = rare.parked - rare.settled,
                                       .expired = s->state.expired,
                                       .lost = rare.lost,
                                       .backfilling =
                                           rare.backfill != BACKFILL_NONE,
                                       .paused = rare.paused,
                                       .failed_event = rare.failed_event,
                                       .out_of_order = rare.acked != NULL};
    if (rare.resend_count > 0)
        out->resend = rare.resend[0];
    memcpy(out->id, id.p, id.n);
    memcpy(out->error, error, strnlen(error, sizeof out->error - 1));
}

/* A definition that was accepted and cannot be honoured any more: the status
 * says so from now on. */
static void report_unfit(struct engine *g,
                         const struct subscription_state *state,
                         const struct err *reason)
{
    struct report r = {.subscription = state->number,
                       .definition = state->definition,
                       .kind = REPORT_FAILED};
    struct err ignored;

    if (state->status != STATUS_REQUESTED && state->status != STATUS_ACTIVE)
        return;
    memcpy(r.error, reason->message,
           strnlen(reason->message, sizeof r.error - 1));
    log_event(LOG_WARN, "subscription.unfit",
              "Subscription/%s cannot be honoured: %s", state->id, r.error);
    /* when it is lost, the next look reports it again */
    (void)(engine_report(g, &r, 1, &ignored) == ERR_OK);
}

static enum err_code read_definition(struct engine *g,
                                     const struct subscription_state *state,
                                     struct definition **out, struct err *e)
{
    struct topic_set *topics = engine_topics(g);
    struct store_txn *t = NULL;
    struct record_change c = {0};
    struct bytes record = {NULL, 0};
    struct err reason = {0};
    enum err_code code = store_begin_read(g->state.store, &t, e);

    if (code == ERR_OK)
        code = store_log_get(t, state->definition, &record, e);
    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code == ERR_OK)
        code = state_definition_read(&g->state, topics, c.text, out, &reason);
    store_abort(&t);
    topic_set_unref(topics);
    if (code == ERR_OK && !*out)
        report_unfit(g, state, &reason);
    return code;
}

/* From the cache, or else from the log. */
static enum err_code find_definition(struct engine *g,
                                     const struct subscription_state *state,
                                     struct definition **out, struct err *e)
{
    struct definition_cache *cache = &g->state.definitions;
    uint64_t generation = definition_cache_generation(cache);
    enum err_code code;

    *out = NULL;
    if (state->unfit)
        return ERR_OK;
    *out = definition_cache_get(cache, state->definition);
    if (*out)
        return ERR_OK;
    code = read_definition(g, state, out, e);
    if (code == ERR_OK && *out)
        definition_cache_put(cache, state->definition, *out, generation);
    return code;
}

enum err_code engine_subscription(struct engine *g, uint64_t number,
                                  struct subscription_state *out,
                                  struct definition **definition, struct err *e)
{
    const struct sub *s;

    state_lock_to_read(&g->state);
    s = subs_find(&g->state.subs, number);
    if (s)
        copy_state(s, out);
    state_unlock(&g->state);
    if (!s)
        return not_found(e);
    return definition ? find_definition(g, out, definition, e) : ERR_OK;
}

enum err_code engine_subscription_by_id(struct engine *g, struct bytes id,
                                        struct subscription_state *out,
                                        struct definition **definition,
                                        struct err *e)
{
    const struct sub *s;

    state_lock_to_read(&g->state);
    s = subs_find_id(&g->state.subs, id);
    if (s)
        copy_state(s, out);
    state_unlock(&g->state);
    if (!s)
        return not_found(e);
    return definition ? find_definition(g, out, definition, e) : ERR_OK;
}

enum err_code engine_acked(struct engine *g, uint64_t number,
                           struct acked_events *out, struct err *e)
{
    const struct acked *acked;
    const struct sub *s;

    state_lock_to_read(&g->state);
    *out = (struct acked_events){0};
    s = subs_find(&g->state.subs, number);
    if (s)
        out->cursor = s->state.delivered;
    acked = s ? sub_rare_of(s).acked : NULL;
    if (acked)
        out->set = *acked;
    state_unlock(&g->state);
    return s ? ERR_OK : not_found(e);
}

bool engine_subscription_next(struct engine *g, uint64_t after,
                              struct subscription_state *out,
                              struct definition **definition)
{
    const struct sub *s;
    struct err e;

    state_lock_to_read(&g->state);
    s = subs_after(&g->state.subs, after);
    if (s)
        copy_state(s, out);
    state_unlock(&g->state);
    if (s && definition && find_definition(g, out, definition, &e) != ERR_OK)
        log_err(LOG_ERROR, "engine.definition", &e);
    return s != NULL;
}

/* Under the lock: whether retention has removed the event, whose entry may
 * still wait in the overlay. */
static bool is_expired(const struct state *s, const struct event_query *q)
{
    const struct sub *sub = subs_find(&s->subs, q->subscription);

    return sub && q->first <= sub->state.expired;
}

/* Under the lock: the queue of consecutive events, until one is missing. */
static enum err_code find_events(const struct state *s, struct store_txn *t,
                                 const struct event_query *q,
                                 struct queued *queued, size_t *n,
                                 struct err *e)
{
    char raw[STATE_KEY_BYTES];
    struct bytes value;

    for (*n = 0; *n < q->max_count; (*n)++) {
        enum err_code code = state_view_get(
            s, t, VIEW_QUEUE,
            state_queue_key(q->subscription, q->first + *n, raw), &value, e);

        if (code == ERR_NOT_FOUND)
            return ERR_OK;
        if (code == ERR_OK)
            code = state_queued_decode(value, &queued[*n], e);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

/* Where events are loaded from and to. */
struct loading {
    struct store_txn *txn;
    const struct event_query *query;
    struct arena *arena;
    const struct queued *queued;
};

/* The focus is as it was when the event was reported. */
static enum err_code load_reported(const struct loading *x,
                                   const struct record_change *report,
                                   struct event *out, struct err *e)
{
    struct bytes record = {NULL, 0};
    struct record_change focus = {0};
    enum err_code code = store_log_get(x->txn, report->previous, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &focus, e);
    if (code != ERR_OK)
        return code;
    out->reported = arena_copy(x->arena, report->text);
    if (x->query->with_text)
        out->text = arena_copy(x->arena, focus.text);
    return arena_failed(x->arena) ? err_nomem(e) : ERR_OK;
}

static enum err_code load_event(const struct loading *x,
                                const struct queued *queued, struct event *out,
                                struct err *e)
{
    struct arena *arena = x->arena;
    struct bytes record;
    struct record_change c;
    enum err_code code = store_log_get(x->txn, queued->change, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code != ERR_OK)
        return code;
    *out = (struct event){.change = queued->change,
                          .as_of = queued->change + c.behind,
                          .chain = queued->chain,
                          .version = c.version,
                          .time_ms = c.time_ms,
                          .interaction = c.interaction,
                          .update_as_create = c.update_as_create,
                          .type = arena_copy(arena, c.type),
                          .id = arena_copy(arena, c.id)};
    if (x->query->with_text && c.surround.n)
        out->surround = arena_copy(arena, c.surround);
    if (c.interaction == INTERACTION_EVENT)
        return load_reported(x, &c, out, e);
    if (x->query->with_text)
        out->text = arena_copy(arena, c.text);
    return arena_failed(arena) ? err_nomem(e) : ERR_OK;
}

static enum err_code load_events(const struct loading *x, struct event *out,
                                 size_t *n, struct err *e)
{
    const struct event_query *q = x->query;
    size_t bytes = 0, wanted = *n;

    for (*n = 0; *n < wanted; (*n)++) {
        enum err_code code = load_event(x, &x->queued[*n], &out[*n], e);

        if (code != ERR_OK)
            return code;
        out[*n].number = q->first + *n;
        bytes += out[*n].text.n;
        if (bytes > q->max_bytes && *n > 0)
            return ERR_OK;
    }
    return ERR_OK;
}

enum err_code engine_events(struct engine *g, const struct event_query *query,
                            struct arena *arena, struct event **events,
                            size_t *n, struct err *e)
{
    struct queued *queued =
        arena_calloc(arena, query->max_count, sizeof *queued);
    struct store_txn *t = NULL;
    enum err_code code;

    *events = NULL;
    *n = 0;
    if (!queued)
        return err_nomem(e);
    code = begin_read(g, &t, e);
    if (code == ERR_OK && !is_expired(&g->state, query))
        code = find_events(&g->state, t, query, queued, n, e);
    state_unlock(&g->state);
    if (code == ERR_OK && *n > 0) {
        *events = arena_calloc(arena, *n, sizeof **events);
        code = *events ? ERR_OK : err_nomem(e);
    }
    if (code == ERR_OK && *events)
        code = load_events(&(struct loading){t, query, arena, queued}, *events,
                           n, e);
    store_abort(&t);
    return code;
}

/* Chosen by clients: a collision makes two resources share a line. */
static enum err_code focus_key(struct store_txn *t, uint64_t change,
                               uint64_t *out, struct err *e)
{
    static const uint64_t seed[2] = {0x62656c66, 0x7279};
    char raw[STATE_KEY_BYTES];
    struct bytes record;
    struct record_change c;
    enum err_code code = store_log_get(t, change, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code == ERR_OK)
        *out = bytes_hash(state_current_key(c.type, c.id, raw), seed);
    return code;
}

enum err_code engine_event_keys(struct engine *g,
                                const struct event_query *query, uint64_t *keys,
                                size_t *n, struct err *e)
{
    struct queued queued[ENGINE_KEYS_MAX];
    struct event_query bounded = *query;
    struct store_txn *t = NULL;
    enum err_code code;

    *n = 0;
    if (bounded.max_count > ENGINE_KEYS_MAX)
        bounded.max_count = ENGINE_KEYS_MAX;
    code = begin_read(g, &t, e);
    if (code == ERR_OK)
        code = find_events(&g->state, t, &bounded, queued, n, e);
    state_unlock(&g->state);
    for (size_t i = 0; code == ERR_OK && i < *n; i++)
        code = focus_key(t, queued[i].change, &keys[i], e);
    store_abort(&t);
    return code;
}

/* ---- entries of small views ---- */

struct small_entry {
    enum store_view view;
    struct bytes key;
    enum err_code (*decode)(struct bytes value, void *out, struct err *e);
    void *out;
};

static enum err_code read_entry(struct engine *g, const struct small_entry *x,
                                struct err *e)
{
    struct store_txn *t = NULL;
    struct bytes value = {0};
    enum err_code code = begin_read(g, &t, e);

    if (code == ERR_OK)
        code = state_view_get(&g->state, t, x->view, x->key, &value, e);
    if (code == ERR_OK)
        code = x->decode(value, x->out, e);
    state_unlock(&g->state); /* a value may be the overlay's */
    store_abort(&t);
    return code;
}

static enum err_code decode_letter(struct bytes value, void *out, struct err *e)
{
    return dead_letter_decode(value, out, e);
}

enum err_code engine_dead_letter(struct engine *g, uint64_t subscription,
                                 uint64_t letter, struct dead_letter *out,
                                 struct err *e)
{
    char raw[STATE_KEY_BYTES];
    const struct small_entry x = {VIEW_PARKED,
                                  state_parked_key(subscription, letter, raw),
                                  decode_letter, out};

    return read_entry(g, &x, e);
}

static enum err_code decode_breaker(struct bytes value, void *out,
                                    struct err *e)
{
    return breaker_state_decode(value, out, e);
}

enum err_code engine_breaker_state(struct engine *g, uint64_t hash,
                                   struct breaker_state *out, struct err *e)
{
    char raw[STATE_KEY_BYTES];
    const struct small_entry x = {VIEW_ENDPOINT, state_endpoint_key(hash, raw),
                                  decode_breaker, out};

    return read_entry(g, &x, e);
}

enum err_code engine_event_of(struct engine *g, uint64_t change,
                              uint64_t subscription, uint64_t *out,
                              struct err *e)
{
    struct store_txn *t = NULL;
    struct record_change c = {0};
    struct bytes record = {NULL, 0};
    enum err_code code = store_begin_read(g->state.store, &t, e);

    *out = 0;
    if (code == ERR_OK)
        code = store_log_get(t, change, &record, e);
    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    for (size_t i = 0; code == ERR_OK && i < c.event_count; i++) {
        struct record_event event = record_change_event(&c, i);

        if (event.subscription == subscription)
            *out = event.number;
    }
    store_abort(&t);
    return code;
}
