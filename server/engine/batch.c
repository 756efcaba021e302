#include "server/engine/batch.h"
#include "storage/base/failpoint.h"

#include <assert.h>
#include <stdlib.h>

static void init(struct batch *b, struct state *s, int64_t time_ms)
{
    *b = (struct batch){
        .state = s, .change = s->published_change, .time_ms = time_ms};
    arena_init(&b->arena, BATCH_BYTES_MAX);
}

enum err_code batch_begin(struct batch *b, struct state *s, int64_t time_ms,
                          struct err *e)
{
    init(b, s, time_ms);
    return store_begin_write(s->store, &b->txn, e);
}

struct sub_change *batch_touch(struct batch *b, struct sub *s)
{
    struct sub_change *c = s->staged;
    char key[STATE_KEY_BYTES];
    struct bytes row = state_subscription_key(s->number, key);

    if (c)
        return c;
    c = arena_alloc(&b->arena, sizeof *c);
    if (!c)
        return NULL;
    /* the row's value is encoded when the overlay is merged */
    if (!overlay_get(&b->state->young, VIEW_SUBSCRIPTION, row) &&
        !overlay_stage(&b->state->young, VIEW_SUBSCRIPTION, row,
                       bytes_make("", 0)))
        return NULL;
    *c = (struct sub_change){.sub = s, .state = s->state, .next = b->changes};
    s->staged = c;
    b->changes = c;
    b->change_count++;
    return c;
}

bool batch_note_added(struct batch *b, struct sub_change *c)
{
    c->added = true;
    b->added_count++;
    return subs_add_id(&b->state->subs, &b->added, c->sub);
}

void batch_note_removed(struct batch *b, struct sub_change *c)
{
    c->removed = true;
    if (c->added)
        subs_remove_id(&b->state->subs, &b->added, c->sub);
}

struct sub_rare *batch_rare(struct sub_change *c)
{
    if (!c->rare) {
        c->rare = malloc(sizeof *c->rare);
        if (c->rare)
            *c->rare = sub_rare_of(c->sub);
    }
    return c->rare;
}

struct sub_rare batch_rare_of(const struct sub *s)
{
    return s->staged && s->staged->rare ? *s->staged->rare : sub_rare_of(s);
}

const struct form *batch_form_published(const struct sub *s)
{
    const struct sub_change *c = s->staged;

    return c && (c->redefined || c->removed) ? c->form : s->form;
}

struct sub *batch_find_id(const struct batch *b, struct bytes id)
{
    struct sub *s = subs_find_id_in(&b->state->subs, &b->added, id);

    if (s)
        return s;
    s = subs_find_id(&b->state->subs, id);
    return s && s->staged && s->staged->removed ? NULL : s;
}

struct sub *batch_find(const struct batch *b, uint64_t number)
{
    struct sub *s;

    /* a number is that of the change which created it */
    if (number > b->state->published_change) {
        for (const struct sub_change *c = b->changes; c; c = c->next)
            if (c->added && !c->removed && c->sub->number == number)
                return c->sub;
        return NULL;
    }
    s = subs_find(&b->state->subs, number);
    return s && s->staged && s->staged->removed ? NULL : s;
}

enum err_code batch_current(struct batch *b, struct bytes type, struct bytes id,
                            struct current *out, struct err *e)
{
    char raw[STATE_KEY_BYTES];
    struct bytes key = state_current_key(type, id, raw), value;
    const struct overlay_entry *entry =
        overlay_get_staged(&b->state->young, VIEW_CURRENT, key);
    enum err_code code;

    if (!entry)
        entry = overlay_get(&b->state->old, VIEW_CURRENT, key);
    if (entry)
        return state_current_decode(entry->value, out, e);
    code = store_view_get(b->txn, VIEW_CURRENT, key, &value, e);
    return code == ERR_OK ? state_current_decode(value, out, e) : code;
}

/* Tables that readers look into grow under the lock. */
static bool make_room(struct state *s, size_t added)
{
    bool made;

    if (overlay_is_prepared(&s->young) && subs_has_room(&s->subs, added))
        return true;
    state_lock_to_write(s);
    made = overlay_prepare(&s->young) && subs_reserve(&s->subs, added);
    state_unlock(s);
    return made;
}

/* An error and acknowledgements need a place. */
static bool prepare_rares(struct batch *b)
{
    for (struct sub_change *c = b->changes; c; c = c->next)
        if ((c->error || c->acked) && !batch_rare(c))
            return false;
    return true;
}

/* Everything that publishing needs and that could fail. */
static enum err_code prepare(struct batch *b, struct batch_outcome *out,
                             struct err *e)
{
    *out = (struct batch_outcome){0};
    if (!make_room(b->state, b->added_count) || !prepare_rares(b) ||
        !runs_prepare(&b->state->young_index))
        return err_nomem(e);
    if (b->change_count > 0) {
        out->numbers = malloc(b->change_count * sizeof *out->numbers);
        if (!out->numbers)
            return err_nomem(e);
    }
    return ERR_OK;
}

/* What is new and not NULL has a staged rare: prepare_rares() made it. */
static void publish_rare(struct sub_change *c)
{
    struct sub_rare was = sub_rare_of(c->sub);
    struct sub_rare *rare = c->rare ? c->rare : c->sub->rare;

    if (!rare)
        return;
    if (c->error_set) {
        rare->error = c->error;
        c->error = NULL;
    }
    if (c->acked_set) {
        rare->acked = c->acked;
        c->acked = NULL;
    }
    if (rare == c->sub->rare) {
        if (rare->error != was.error)
            free(was.error);
        if (rare->acked != was.acked)
            free(was.acked);
    }
    sub_set_rare(c->sub, rare);
    c->rare = NULL;
}

static void publish_change(struct state *s, struct sub_change *c)
{
    struct sub *sub = c->sub;

    sub->staged = NULL;
    sub->state = c->state;
    publish_rare(c);
    if (c->definition)
        definition_cache_put(&s->definitions, c->state.definition,
                             c->definition,
                             definition_cache_generation(&s->definitions));
    if (c->added && !c->removed)
        subs_add(&s->subs, sub);
    else if (!c->added && c->removed)
        subs_remove(&s->subs, sub);
}

static struct sub_change *reverse(struct sub_change *list)
{
    struct sub_change *reversed = NULL;

    while (list) {
        struct sub_change *next = list->next;

        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

static void release(struct batch *b)
{
    struct state *s = b->state;

    for (struct sub_change *c = b->changes; c; c = c->next) {
        definition_unref(&c->definition);
        form_free(matcher_forms(s->matcher), &c->form);
        free(c->error);
        free(c->rare);
        free(c->acked);
        if (c->removed && !c->sub->staged)
            subs_free(&s->subs, c->sub);
    }
    b->changes = NULL;
    topic_set_unref(b->topics);
    b->topics = NULL;
    handle_set_fini(&b->added);
    arena_fini(&b->arena);
}

static void publish(struct batch *b, struct batch_outcome *out)
{
    struct state *s = b->state;

    state_lock_to_write(s);
    if (b->topics)
        definition_cache_renew(&s->definitions);
    /* oldest first: numbers ascend in the table */
    b->changes = reverse(b->changes);
    for (struct sub_change *c = b->changes; c; c = c->next) {
        publish_change(s, c);
        if (out->numbers)
            out->numbers[out->count++] = c->sub->number;
    }
    overlay_publish(&s->young);
    if (b->topics) {
        struct topic_set *superseded = s->topics;

        s->topics = b->topics;
        b->topics = superseded; /* released with the batch */
    }
    runs_publish(&s->young_index);
    s->published_change = b->change;
    state_unlock(s);
    release(b);
}

enum err_code batch_commit(struct batch *b, struct batch_outcome *out,
                           struct err *e)
{
    enum err_code code = prepare(b, out, e);

    if (code == ERR_OK)
        code = store_commit(&b->txn, e);
    FAILPOINT("after-commit");
    if (code == ERR_OK) {
        publish(b, out);
        return ERR_OK;
    }
    free(out->numbers);
    *out = (struct batch_outcome){0};
    return code;
}

enum err_code batch_publish_replayed(struct batch *b, struct err *e)
{
    struct batch_outcome out;
    enum err_code code = prepare(b, &out, e);

    if (code == ERR_OK)
        publish(b, &out);
    free(out.numbers);
    return code;
}

static void drop_form(struct state *s, struct sub *sub)
{
    struct form *form = matcher_remove(s->matcher, sub);

    form_free(matcher_forms(s->matcher), &form);
}

/* Puts the matcher back to what it was before the batch. Without memory for
 * that the writer could only go on with wrong answers: it stops instead. */
static void undo(struct state *s, struct sub_change *c)
{
    enum err_code code = ERR_OK;

    c->sub->staged = NULL;
    if (c->added || c->redefined || c->removed)
        drop_form(s, c->sub);
    if (c->added)
        subs_free(&s->subs, c->sub);
    else if (c->form)
        code = matcher_add(s->matcher, c->sub, &c->form, NULL);
    assert(code == ERR_OK);
    (void)code;
    c->removed = false;
}

void batch_abort(struct batch *b)
{
    store_abort(&b->txn);
    for (struct sub_change *c = b->changes; c; c = c->next)
        undo(b->state, c);
    overlay_discard(&b->state->young);
    runs_discard(&b->state->young_index);
    release(b);
}
