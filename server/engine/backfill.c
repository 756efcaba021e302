#include "server/engine/backfill.h"

#include <stdlib.h>

#include "fhir/search/values.h"
#include "server/engine/effects_backfill.h"
#include "server/engine/record.h"

/* Of one change: the values of two versions. */
#define VALUES_BYTES ((size_t)64 << 20)

/* ---- who is at it ---- */

void backfill_fini(struct backfill *f)
{
    free(f->numbers);
    *f = (struct backfill){0};
}

static bool is_at_it(const struct sub *s)
{
    return s && s->rare && s->rare->backfill != BACKFILL_NONE;
}

static bool add(struct backfill *f, uint64_t number)
{
    size_t capacity = f->capacity ? 2 * f->capacity : 16;
    uint64_t *numbers;

    for (size_t i = 0; i < f->count; i++)
        if (f->numbers[i] == number)
            return true;
    if (f->count == f->capacity) {
        numbers = realloc(f->numbers, capacity * sizeof *numbers);
        if (!numbers)
            return false;
        f->numbers = numbers;
        f->capacity = capacity;
    }
    f->numbers[f->count++] = number;
    return true;
}

enum err_code backfill_load(struct backfill *f, const struct subs *subs,
                            struct err *e)
{
    for (const struct sub *s = subs_after(subs, 0); s;
         s = subs_after(subs, s->number))
        if (is_at_it(s) && !add(f, s->number))
            return err_nomem(e);
    return ERR_OK;
}

bool backfill_take(struct backfill *f, const struct subs *subs,
                   const struct batch_outcome *changed)
{
    for (size_t i = 0; i < changed->count; i++) {
        const struct sub *s = subs_find(subs, changed->numbers[i]);

        if (is_at_it(s) && !add(f, s->number))
            return false;
    }
    return true;
}

/* The first that is still at it goes to the end of the list. */
static struct sub *take_turn(struct backfill *f, const struct subs *subs)
{
    while (f->count > 0) {
        uint64_t number = f->numbers[0];
        struct sub *s = subs_find(subs, number);

        memmove(f->numbers, f->numbers + 1,
                (f->count - 1) * sizeof *f->numbers);
        f->numbers[f->count - 1] = number;
        if (is_at_it(s))
            return s;
        f->count--;
    }
    return NULL;
}

/* ---- one slice ---- */

struct slice {
    struct batch *batch;
    struct sub *sub;
    struct sub_rare rare;
    struct definition *definition;
    const struct subscription *wanted;
    struct sub_state now; /* as the slice goes on */
    struct backfill_record record;
    struct backfill_event *events; /* room for BACKFILL_CHANGES */
    size_t bytes;
    struct arena values;
};

static enum err_code read_values(struct slice *x, const struct record_change *c,
                                 struct search_values **out, struct err *e)
{
    enum err_code code = search_values_read(c->text, x->batch->state->base_url,
                                            &x->values, out, e);

    x->bytes += c->text.n;
    if (code == ERR_OK)
        search_values_stamp(*out, c->time_ms);
    return code;
}

static enum err_code read_previous(struct slice *x,
                                   const struct record_change *c,
                                   struct search_values **out, struct err *e)
{
    struct record_change before;
    struct bytes record;
    enum err_code code;

    *out = NULL;
    if (c->interaction == INTERACTION_CREATE || c->previous == 0)
        return ERR_OK;
    code = store_log_get(x->batch->txn, c->previous, &record, e);
    if (code == ERR_OK)
        code = record_change_read(record, &before, e);
    return code == ERR_OK ? read_values(x, &before, out, e) : code;
}

/* As a live change is judged. */
static enum err_code judge_change(struct slice *x,
                                  const struct record_change *c, bool *fires,
                                  struct err *e)
{
    struct search_values *current = NULL, *previous = NULL;
    struct change_view view = {.interaction = c->interaction,
                               .resource_type = c->type};
    bool deletes = c->interaction == INTERACTION_DELETE;
    enum err_code code = ERR_OK;

    if (!deletes)
        code = read_values(x, c, &current, e);
    if (code == ERR_OK && x->wanted->topic)
        code = read_previous(x, c, &previous, e);
    if (code != ERR_OK)
        return code;
    view.current = current;
    view.previous = previous;
    *fires =
        (x->wanted->topic ? topic_fires(x->wanted->topic, &view) : !deletes) &&
        subscription_filters_match(x->wanted, deletes ? previous : current);
    return ERR_OK;
}

/* Whether this was the version in force when the subscription was made. */
static enum err_code was_current(struct slice *x, const struct record_change *c,
                                 bool *out, struct err *e)
{
    struct batch *b = x->batch;
    char raw[STATE_KEY_BYTES];
    struct bytes value;
    enum err_code code = state_view_get(
        b->state, b->txn, VIEW_HISTORY,
        state_history_key(c->type, c->id, c->version + 1, raw), &value, e);

    *out = code == ERR_NOT_FOUND ||
           (code == ERR_OK && store_get_u64(value.p) > x->rare.backfill_upto);
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

/* As it stood then: what it had been before does not count. */
static enum err_code judge_current(struct slice *x,
                                   const struct record_change *c, bool *fires,
                                   struct err *e)
{
    struct search_values *values = NULL;
    enum err_code code;

    *fires = false;
    if (c->interaction == INTERACTION_DELETE)
        return ERR_OK;
    code = was_current(x, c, fires, e);
    if (code != ERR_OK || !*fires)
        return code;
    code = read_values(x, c, &values, e);
    *fires =
        code == ERR_OK &&
        (!x->wanted->topic || topic_holds(x->wanted->topic, c->type, values)) &&
        subscription_filters_match(x->wanted, values);
    return code;
}

static bool is_of_type(const struct subscription *s, struct bytes type)
{
    if (!s->topic)
        return bytes_is(type, s->classic_type);
    for (size_t i = 0; i < topic_trigger_count(s->topic); i++)
        if (bytes_equal(topic_trigger_type(s->topic, i), type))
            return true;
    return false;
}

static enum err_code number_event(struct slice *x, uint64_t change,
                                  const struct record_change *c, struct err *e)
{
    char id[SUB_ID_BYTES];
    const struct proof p = {x->batch->state->signer, form_secret(x->sub->form),
                            sub_id(x->sub, id)};
    const struct chain_event event = {x->now.last_event + 1, c->type, c->id,
                                      c->version};
    struct backfill_event *out = &x->events[x->record.event_count++];

    *out = (struct backfill_event){.change = change, .number = event.number};
    x->now.last_event = event.number;
    if (proof_extend(&p, &x->now.chain, &event, &out->chain, e) != ERR_OK)
        return ERR_BUG;
    x->now.chain = out->chain;
    return ERR_OK;
}

static enum err_code look_into(struct slice *x, uint64_t change, struct err *e)
{
    struct record_change c = {0};
    struct bytes record;
    bool fires = false;
    enum err_code code = store_log_get(x->batch->txn, change, &record, e);

    if (code == ERR_NOT_FOUND ||
        (code == ERR_OK && record_kind_of(record) != RECORD_CHANGE))
        return ERR_OK;
    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code != ERR_OK || c.interaction == INTERACTION_EVENT ||
        !is_of_type(x->wanted, c.type))
        return code;
    arena_reset(&x->values);
    if (x->rare.backfill == BACKFILL_CURRENT && change <= x->rare.backfill_upto)
        code = judge_current(x, &c, &fires, e);
    else
        code = judge_change(x, &c, &fires, e);
    return code == ERR_OK && fires ? number_event(x, change, &c, e) : code;
}

/* What is damaged is verify's to tell: writes must go on. */
static bool is_unreadable(enum err_code code)
{
    return code == ERR_FORMAT || code == ERR_TOO_LARGE || code == ERR_NOT_FOUND;
}

static enum err_code look_at(struct slice *x, uint64_t change, struct err *e)
{
    enum err_code code = look_into(x, change, e);

    return is_unreadable(code) ? ERR_OK : code;
}

/* The first change at or after the instant that was asked for. */
static enum err_code find_start(struct slice *x, struct err *e)
{
    if (x->rare.backfill_next > 0)
        return ERR_OK;
    return state_change_since(x->batch->state, x->batch->txn,
                              x->wanted->backfill_since_ms, &x->record.next, e);
}

static enum err_code scan(struct slice *x, struct err *e)
{
    uint64_t last = x->batch->change;
    enum err_code code = find_start(x, e);

    for (size_t n = 0; code == ERR_OK && x->record.next <= last &&
                       n < BACKFILL_CHANGES && x->bytes < BACKFILL_BYTES;
         n++)
        code = look_at(x, x->record.next++, e);
    x->record.done = x->record.next > last;
    return code;
}

/* Its topic may have been replaced since by one that cannot be followed back;
 * then its events are those that happen. */
static bool can_go_back(const struct subscription *s)
{
    return !s->topic || topic_goes_by_values(s->topic);
}

static bool counts(const struct slice *x)
{
    return x->wanted && can_go_back(x->wanted) && x->sub->form &&
           x->now.status != STATUS_OFF &&
           (x->rare.end_ms == 0 || x->batch->time_ms < x->rare.end_ms);
}

static enum err_code write_slice(struct slice *x, struct err *e)
{
    struct batch *b = x->batch;
    char *out = NULL;
    struct bytes record;
    enum err_code code =
        store_log_append(b->txn, b->change + 1,
                         backfill_record_size(x->record.event_count), &out, e);

    if (code != ERR_OK)
        return code;
    backfill_record_write(&x->record, x->events, b->time_ms, out);
    record = bytes_make(out, backfill_record_size(x->record.event_count));
    b->change++;
    b->records++;
    code = backfill_record_read(record, &x->record, e);
    return code == ERR_OK ? effects_backfill(b, b->change, &x->record, e)
                          : code;
}

static enum err_code find_definition(struct slice *x, struct err *e)
{
    struct record_change c;
    struct bytes record;
    struct err reason;
    enum err_code code =
        store_log_get(x->batch->txn, x->now.definition, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code == ERR_OK)
        code = state_definition_read(x->batch->state, x->batch->state->topics,
                                     c.text, &x->definition, &reason);
    if (code == ERR_OK && x->definition)
        x->wanted = definition_get(x->definition);
    if (code == ERR_NOMEM)
        return err_nomem(e);
    return is_unreadable(code) ? ERR_OK : code;
}

static enum err_code run(struct slice *x, struct err *e)
{
    enum err_code code = find_definition(x, e);

    x->events = calloc(BACKFILL_CHANGES, sizeof *x->events);
    if (!x->events)
        return err_nomem(e);
    x->record.done = true;
    if (code == ERR_OK && counts(x))
        code = scan(x, e);
    return code == ERR_OK ? write_slice(x, e) : code;
}

enum err_code backfill_slice(struct backfill *f, struct batch *b, struct err *e)
{
    struct slice x = {.batch = b, .sub = take_turn(f, &b->state->subs)};
    enum err_code code;

    /* one that the batch deletes is gone with the next turn */
    if (!x.sub || (x.sub->staged && x.sub->staged->removed))
        return ERR_OK;
    x.rare = batch_rare_of(x.sub);
    x.now = x.sub->staged ? x.sub->staged->state : x.sub->state;
    x.record = (struct backfill_record){.subscription = x.sub->number,
                                        .next = x.rare.backfill_next};
    arena_init(&x.values, VALUES_BYTES);
    code = run(&x, e);
    arena_fini(&x.values);
    definition_unref(&x.definition);
    free(x.events);
    return code;
}
