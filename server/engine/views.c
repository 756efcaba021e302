#include "server/engine/views.h"

#include <stdlib.h>

#include "server/engine/batch.h"
#include "server/engine/load.h"
#include "server/engine/replay.h"
#include "server/engine/row.h"
#include "server/engine/topic_state.h"
#include "storage/store/cursor.h"

void views_init(struct views *v, struct state *s)
{
    *v = (struct views){.state = s};
}

void views_fini(struct views *v)
{
    if (!v->sorted.list && !views_sort_take(&v->sort, true, &v->sorted))
        return;
    views_sorted_free(&v->sorted);
}

bool views_pending(const struct views *v)
{
    return v->frozen || overlay_count(&v->state->young) > 0;
}

static bool is_due(const struct state *s)
{
    return overlay_count(&s->young) >= VIEWS_FREEZE_ENTRIES ||
           runs_count(&s->young_index) >= VIEWS_FREEZE_KEYS ||
           overlay_bytes(&s->young) + runs_bytes(&s->young_index) >=
               VIEWS_FREEZE_BYTES;
}

static void swap_index(struct state *s)
{
    struct runs young = s->young_index;

    s->young_index = s->old_index;
    s->old_index = young;
}

static void freeze(struct views *v)
{
    struct state *s = v->state;
    struct overlay young;

    v->frozen = true;
    v->merged = v->in_flight = 0;
    v->keys_merged = v->keys_in_flight = 0;
    v->upto = s->published_change;
    state_lock_to_write(s);
    young = s->young;
    s->young = s->old;
    s->old = young;
    swap_index(s);
    state_unlock(s);
}

void views_freeze(struct views *v, bool force)
{
    struct state *s = v->state;

    if (v->sorted.list || views_sort_take(&v->sort, force, &v->sorted) ||
        v->sort.running)
        return;
    if (!v->frozen) {
        if (overlay_count(&s->young) == 0 || (!force && !is_due(s)))
            return;
        freeze(v);
    }
    views_sort_begin(&v->sort, &s->old, &s->old_index, force);
    if (force)
        (void)!views_sort_take(&v->sort, true, &v->sorted);
}

/* Retention removed it while it waited here, or does so in the batch that the
 * merge is part of. */
static bool is_expired(const struct views *v, struct bytes queue_key)
{
    const struct sub *s =
        subs_find(&v->state->subs, store_get_u64(queue_key.p));

    return s && store_get_u64(queue_key.p + 8) <=
                    (s->staged ? s->staged->state.expired : s->state.expired);
}

static enum err_code merge_entry(struct views *v, struct store_txn *t,
                                 const struct overlay_entry *entry,
                                 struct err *e)
{
    struct bytes value = entry->value;
    char row[ROW_BYTES_MAX];
    const struct sub *s;

    if (entry->view == VIEW_QUEUE && is_expired(v, entry->key))
        return store_view_delete(t, entry->view, entry->key, e);
    if (entry->view == VIEW_SUBSCRIPTION) {
        s = subs_find(&v->state->subs, store_get_u64(entry->key.p));
        if (!s)
            return store_view_delete(t, entry->view, entry->key, e);
        value = row_encode(s, batch_form_published(s),
                           v->state->published_change, row);
    }
    if (entry->view == VIEW_TOPIC && value.n == 0)
        return store_view_delete(t, entry->view, entry->key, e);
    return store_view_put(t, entry->view, entry->key, value, e);
}

static enum err_code merge_keys(struct views *v, struct store_txn *t,
                                size_t budget, struct err *e)
{
    struct store_cursor *c = NULL;
    enum err_code code;

    if (budget == 0 || v->keys_merged == v->sorted.keys.n)
        return ERR_OK;
    code = store_cursor_open(t, VIEW_INDEX, &c, e);
    while (code == ERR_OK && v->keys_in_flight < budget &&
           v->keys_merged + v->keys_in_flight < v->sorted.keys.n) {
        const struct run_key *key =
            &v->sorted.keys.keys[v->keys_merged + v->keys_in_flight++];
        struct bytes text = {key->p, key->n};

        code = key->removed ? store_cursor_delete(c, text, e)
                            : store_cursor_put(c, text, e);
    }
    store_cursor_close(&c);
    return code;
}

/* With the entries and keys in flight all are there. */
static bool is_whole(const struct views *v)
{
    return v->merged + v->in_flight == v->sorted.count &&
           v->keys_merged + v->keys_in_flight == v->sorted.keys.n;
}

enum err_code views_merge(struct views *v, struct store_txn *t, size_t budget,
                          struct err *e)
{
    enum err_code code = ERR_OK;

    if (!v->sorted.list)
        return ERR_OK;
    while (code == ERR_OK && v->in_flight < budget &&
           v->merged + v->in_flight < v->sorted.count)
        code = merge_entry(v, t, v->sorted.list[v->merged + v->in_flight++], e);
    if (code == ERR_OK)
        code =
            merge_keys(v, t, (budget - v->in_flight) * VIEWS_KEYS_PER_ENTRY, e);
    if (code == ERR_OK && is_whole(v))
        code = store_set_views_at(t, v->upto, e);
    return code;
}

void views_committed(struct views *v)
{
    v->merged += v->in_flight;
    v->keys_merged += v->keys_in_flight;
    v->in_flight = v->keys_in_flight = 0;
    if (!v->sorted.list || !is_whole(v))
        return;
    state_lock_to_write(v->state);
    overlay_clear(&v->state->old);
    runs_clear(&v->state->old_index);
    state_unlock(v->state);
    views_sorted_free(&v->sorted);
    v->frozen = false;
}

void views_aborted(struct views *v)
{
    v->in_flight = v->keys_in_flight = 0;
}

enum err_code views_merge_all(struct views *v, struct err *e)
{
    struct store_txn *t = NULL;
    enum err_code code = ERR_OK;

    views_freeze(v, true);
    if (!v->sorted.list)
        return views_pending(v) ? err_nomem(e) : ERR_OK;
    code = store_begin_write(v->state->store, &t, e);
    if (code == ERR_OK)
        code = views_merge(v, t, SIZE_MAX, e);
    if (code == ERR_OK)
        code = store_commit(&t, e);
    store_abort(&t);
    if (code == ERR_OK)
        views_committed(v);
    else
        views_aborted(v);
    return code;
}

enum err_code views_clear(struct store *s, struct err *e)
{
    struct store_txn *t = NULL;
    enum err_code code = store_begin_write(s, &t, e);

    for (int i = 0; code == ERR_OK && i < VIEW_COUNT; i++)
        code = store_view_clear(t, (enum store_view)i, e);
    if (code == ERR_OK)
        code = store_set_views_at(t, 0, e);
    if (code == ERR_OK)
        return store_commit(&t, e);
    store_abort(&t);
    return code;
}

/* One slice of the log; none is left when published_change is *last. */
static enum err_code replay_slice(struct state *s, uint64_t *last,
                                  struct err *e)
{
    struct store_txn *t = NULL;
    enum err_code code = store_begin_read(s->store, &t, e);
    uint64_t to = s->published_change + VIEWS_REPLAY_SLICE;

    if (code == ERR_OK)
        code = store_log_last(t, last, e);
    if (code == ERR_OK)
        code = replay_log(s, t, to < *last ? to : *last, e);
    store_abort(&t);
    return code;
}

static enum err_code replay_all(struct views *v, struct err *e)
{
    struct state *s = v->state;
    enum err_code code;
    uint64_t last = 0;

    do {
        code = replay_slice(s, &last, e);
        if (code == ERR_OK && is_due(s))
            code = views_merge_all(v, e);
    } while (code == ERR_OK && s->published_change < last);
    return code;
}

enum err_code views_load(struct views *v, struct err *e)
{
    struct state *s = v->state;
    struct store_txn *t = NULL;
    uint64_t views_at = 0;
    enum err_code code = store_begin_read(s->store, &t, e);

    if (code == ERR_OK)
        code = store_views_at(t, &views_at, e);
    if (code == ERR_OK)
        code = topic_state_load(s, t, e);
    if (code == ERR_OK)
        code = load_subscriptions(s, t, views_at, e);
    store_abort(&t);
    if (code != ERR_OK)
        return code;
    s->published_change = views_at;
    code = replay_all(v, e);
    subs_forget_loaded(&s->subs);
    return code;
}
