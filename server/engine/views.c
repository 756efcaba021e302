#include "server/engine/views.h"

#include <assert.h>
#include <stdlib.h>

#include "server/engine/load.h"
#include "server/engine/replay.h"
#include "server/engine/row.h"
#include "server/engine/topic_state.h"

void views_init(struct views *v, struct state *s)
{
    *v = (struct views){.state = s};
}

void views_fini(struct views *v)
{
    free(v->list);
    *v = (struct views){0};
}

bool views_pending(const struct views *v)
{
    return v->list || overlay_count(&v->state->young) > 0;
}

static void lock(struct state *s)
{
    int rc = pthread_rwlock_wrlock(&s->lock);

    assert(rc == 0);
    (void)rc;
}

static void unlock(struct state *s)
{
    int rc = pthread_rwlock_unlock(&s->lock);

    assert(rc == 0);
    (void)rc;
}

void views_freeze(struct views *v, bool force)
{
    struct state *s = v->state;
    size_t entries = overlay_count(&s->young);
    struct overlay young;

    if (v->list || entries == 0)
        return;
    if (!force && entries < VIEWS_FREEZE_ENTRIES &&
        overlay_bytes(&s->young) < VIEWS_FREEZE_BYTES)
        return;
    v->list = overlay_sorted(&s->young);
    if (!v->list)
        return;
    v->count = entries;
    v->merged = v->in_flight = 0;
    v->upto = s->published_change;
    lock(s);
    young = s->young;
    s->young = s->old;
    s->old = young;
    unlock(s);
}

static enum err_code merge_entry(struct views *v, struct store_txn *t,
                                 const struct overlay_entry *entry,
                                 struct err *e)
{
    struct bytes value = entry->value;
    char row[ROW_BYTES_MAX];
    const struct sub *s;

    if (entry->view == VIEW_SUBSCRIPTION) {
        s = subs_find(&v->state->subs, store_get_u64(entry->key.p));
        if (!s)
            return store_view_delete(t, entry->view, entry->key, e);
        value = row_encode(s, v->state->published_change, row);
    }
    if (entry->view == VIEW_TOPIC && value.n == 0)
        return store_view_delete(t, entry->view, entry->key, e);
    return store_view_put(t, entry->view, entry->key, value, e);
}

enum err_code views_merge(struct views *v, struct store_txn *t, size_t budget,
                          struct err *e)
{
    enum err_code code = ERR_OK;

    if (!v->list)
        return ERR_OK;
    while (code == ERR_OK && v->in_flight < budget &&
           v->merged + v->in_flight < v->count)
        code = merge_entry(v, t, v->list[v->merged + v->in_flight++], e);
    if (code == ERR_OK && v->merged + v->in_flight == v->count)
        code = store_set_views_at(t, v->upto, e);
    return code;
}

void views_committed(struct views *v)
{
    v->merged += v->in_flight;
    v->in_flight = 0;
    if (!v->list || v->merged < v->count)
        return;
    lock(v->state);
    overlay_clear(&v->state->old);
    unlock(v->state);
    free(v->list);
    v->list = NULL;
}

void views_aborted(struct views *v)
{
    v->in_flight = 0;
}

enum err_code views_load(struct state *s, struct err *e)
{
    struct store_txn *t = NULL;
    uint64_t views_at = 0, last = 0;
    enum err_code code = store_begin_read(s->store, &t, e);

    if (code == ERR_OK)
        code = store_views_at(t, &views_at, e);
    if (code == ERR_OK)
        code = store_log_last(t, &last, e);
    if (code == ERR_OK)
        code = topic_state_load(s, t, e);
    if (code == ERR_OK)
        code = load_subscriptions(s, t, views_at, e);
    s->published_change = code == ERR_OK ? views_at : 0;
    if (code == ERR_OK)
        code = replay_log(s, t, last, e);
    subs_forget_loaded(&s->subs);
    store_abort(&t);
    return code;
}
