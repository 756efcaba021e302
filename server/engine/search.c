#include "server/engine/search.h"

#include <assert.h>
#include <stdlib.h>

#include "server/engine/core.h"
#include "server/engine/gather.h"
#include "server/engine/index_walk.h"
#include "server/engine/record.h"

/* Counting further would not change which plan is taken. */
#define COUNT_ENOUGH 256
/* "Type/" */
#define PREFIX_BYTES 80

/* One call on its way. */
struct walk {
    struct engine *engine;
    struct store_txn *txn;
    struct store_cursor *cursor;
    struct search_step *step;
    struct gather ids;
    size_t seen;
    size_t enough; /* stop after so many keys */
};

/* --- walking the index --- */

static bool visit(void *ctx, struct bytes key)
{
    struct walk *w = ctx;

    w->seen++;
    gather_add(&w->ids, index_key_id(key));
    return w->seen < w->enough;
}

/* In order of ids a source need not give more than are asked for. */
static bool visit_in_order(void *ctx, struct bytes key)
{
    struct walk *w = ctx;

    return visit(ctx, key) && !gather_is_beyond(&w->ids, index_key_id(key));
}

static bool count(void *ctx, struct bytes key)
{
    struct walk *w = ctx;

    (void)key;
    return ++w->seen < w->enough;
}

static enum err_code walk_keys(struct walk *w, struct bytes start,
                               struct bytes stop, index_walk_each *each,
                               struct err *e)
{
    const struct index_walk index = {&w->engine->state, w->cursor, false};

    return index_walk_keys(&index, start, stop, each, w, e);
}

static struct bytes head(const struct index_head *h)
{
    return bytes_make(h->bytes, h->n);
}

/* Where ids are in order, from behind the id of the page before. */
static enum err_code walk_range(struct walk *w, const struct index_plan *p,
                                const struct index_range *range, struct err *e)
{
    char raw[INDEX_KEY_BYTES_MAX];
    struct bytes after = w->step->after;

    if (!p->by_id)
        return walk_keys(w, head(&range->start), head(&range->stop), visit, e);
    assert(range->start.n + after.n <= sizeof raw);
    memcpy(raw, range->start.bytes, range->start.n);
    if (after.n > 0)
        memcpy(raw + range->start.n, after.p, after.n);
    return walk_keys(w, bytes_make(raw, range->start.n + after.n),
                     head(&range->stop), visit_in_order, e);
}

static enum err_code walk_plan(struct walk *w, const struct index_plan *p,
                               struct err *e)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < p->id_count; i++)
        gather_add(&w->ids, p->ids[i]);
    for (size_t i = 0; code == ERR_OK && i < p->range_count; i++)
        code = walk_range(w, p, &p->ranges[i], e);
    return code;
}

/* --- all of a type --- */

static void walk_overlay(struct walk *w, const struct overlay *o,
                         struct bytes prefix)
{
    size_t position = 0;
    const struct overlay_entry *entry;

    while ((entry = map_next(&o->published, &position)) != NULL)
        if (entry->view == VIEW_CURRENT && entry->key.n > prefix.n &&
            memcmp(entry->key.p, prefix.p, prefix.n) == 0)
            gather_add(&w->ids, bytes_from(entry->key, prefix.n));
}

static enum err_code walk_type(struct walk *w, struct err *e)
{
    char raw[STATE_KEY_BYTES];
    struct bytes key = state_current_key(w->step->type, w->step->after, raw);
    struct bytes prefix = {raw, w->step->type.n + 1};
    struct store_entry entry;
    enum err_code code;

    walk_overlay(w, &w->engine->state.young, prefix);
    walk_overlay(w, &w->engine->state.old, prefix);
    code = store_cursor_open(w->txn, VIEW_CURRENT, &w->cursor, e);
    if (code == ERR_OK)
        code = store_cursor_seek(w->cursor, key, &entry, e);
    while (code == ERR_OK && entry.key.n > prefix.n &&
           memcmp(entry.key.p, prefix.p, prefix.n) == 0) {
        struct bytes id = bytes_from(entry.key, prefix.n);

        gather_add(&w->ids, id);
        if (gather_is_beyond(&w->ids, id))
            break;
        code = store_cursor_next(w->cursor, &entry, e);
    }
    store_cursor_close(&w->cursor);
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

/* --- choosing --- */

static enum err_code count_plan(struct walk *w, const struct index_plan *p,
                                size_t *out, struct err *e)
{
    enum err_code code = ERR_OK;

    w->seen = p->id_count;
    w->enough = COUNT_ENOUGH;
    for (size_t i = 0;
         code == ERR_OK && i < p->range_count && w->seen < w->enough; i++)
        code = walk_keys(w, head(&p->ranges[i].start), head(&p->ranges[i].stop),
                         count, e);
    *out = w->seen;
    return code;
}

/* Fewest candidates; where they are many, the likeliest to have few, and best
 * one that can be read in order. */
static bool is_better(const struct index_plan *a, size_t a_count,
                      const struct index_plan *b, size_t b_count)
{
    if (a_count < COUNT_ENOUGH || b_count < COUNT_ENOUGH)
        return a_count < b_count;
    if (a->by_id != b->by_id)
        return a->by_id;
    return a->rank > b->rank;
}

static enum err_code choose(struct walk *w, const struct index_plan **out,
                            struct err *e)
{
    const struct search_step *s = w->step;
    size_t least = 0;
    enum err_code code = ERR_OK;

    *out = NULL;
    for (size_t i = 0; code == ERR_OK && i < s->plan_count; i++) {
        const struct index_plan *p = &s->plans[i];
        size_t n;

        if (p->ids) {
            *out = p;
            return ERR_OK;
        }
        code = count_plan(w, p, &n, e);
        if (code == ERR_OK && (!*out || is_better(p, n, *out, least))) {
            *out = p;
            least = n;
        }
    }
    return code;
}

/* A plan that would have to look at too many keys helps no more than going
 * through all of the type does, page by page. */
static enum err_code collect(struct walk *w, struct err *e)
{
    const struct index_plan *plan = NULL;
    bool indexed = index_types_has(&w->engine->state.indexed, w->step->type);
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < w->step->plan_count && !plan; i++)
        if (w->step->plans[i].ids)
            plan = &w->step->plans[i];
    if (indexed && !plan && w->step->plan_count > 0) {
        code = store_cursor_open(w->txn, VIEW_INDEX, &w->cursor, e);
        if (code == ERR_OK)
            code = choose(w, &plan, e);
    }
    w->seen = 0;
    w->enough = SEARCH_WALK_MAX;
    if (code == ERR_OK && plan)
        code = walk_plan(w, plan, e);
    store_cursor_close(&w->cursor);
    if (code != ERR_OK || (plan && w->seen < w->enough))
        return code;
    gather_reset(&w->ids);
    return walk_type(w, e);
}

/* --- the candidates --- */

/* Under the lock: which change each of them is at, 0 for none. */
static enum err_code find_current(struct walk *w, uint64_t *changes,
                                  struct err *e)
{
    for (size_t i = 0; i < w->ids.n; i++) {
        char raw[STATE_KEY_BYTES];
        struct current current = {0};
        struct bytes value = {NULL, 0};
        enum err_code code = ERR_NOT_FOUND;

        if (w->ids.items[i].n <= 64)
            code = state_view_get(
                &w->engine->state, w->txn, VIEW_CURRENT,
                state_current_key(w->step->type, w->ids.items[i], raw), &value,
                e);
        if (code == ERR_OK)
            code = state_current_decode(value, &current, e);
        if (code != ERR_OK && code != ERR_NOT_FOUND)
            return code;
        changes[i] = current.deleted ? 0 : current.change;
    }
    return ERR_OK;
}

static enum err_code hand_over(struct walk *w, struct bytes id, uint64_t change,
                               bool *taken, struct err *e)
{
    struct bytes record;
    struct record_change c;
    enum err_code code = store_log_get(w->txn, change, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code == ERR_OK)
        *taken = w->step->each(
            w->step->ctx,
            &(struct search_candidate){id, c.version, c.time_ms, c.text});
    return code;
}

static enum err_code hand_over_all(struct walk *w, const uint64_t *changes,
                                   struct err *e)
{
    struct search_step *s = w->step;
    size_t i;

    s->more = w->ids.n > s->max;
    for (i = 0; i < w->ids.n && i < s->max; i++) {
        bool taken = true;
        enum err_code code = ERR_OK;

        if (changes[i] != 0)
            code = hand_over(w, w->ids.items[i], changes[i], &taken, e);
        if (code != ERR_OK)
            return code;
        if (!taken) {
            s->more = true;
            break;
        }
    }
    if (i > 0)
        s->last = arena_copy(s->arena, w->ids.items[i - 1]);
    return i > 0 && !s->last.p ? err_nomem(e) : ERR_OK;
}

enum err_code engine_search(struct engine *g, struct search_step *s,
                            struct err *e)
{
    struct walk w = {.engine = g, .step = s};
    uint64_t changes[SEARCH_STEP_MAX + 1] = {0};
    enum err_code code;

    assert(s->max <= SEARCH_STEP_MAX);
    state_lock_to_read(&g->state);
    code = store_begin_read(g->state.store, &w.txn, e);
    if (!s->after.p)
        s->after = bytes_of("");
    gather_init(&w.ids, s->after, s->max + 1);
    s->more = false;
    s->last = s->after;
    if (code == ERR_OK)
        code = collect(&w, e);
    if (code == ERR_OK)
        code =
            gather_finish(&w.ids) ? find_current(&w, changes, e) : err_nomem(e);
    state_unlock(&g->state);
    if (code == ERR_OK)
        code = hand_over_all(&w, changes, e);
    gather_fini(&w.ids);
    store_abort(&w.txn);
    return code;
}
