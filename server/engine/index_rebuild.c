#include <stdlib.h>

#include "fhir/search/index_key.h"
#include "server/base/log.h"
#include "server/engine/index.h"
#include "storage/store/cursor.h"

/* Resources in one transaction, and their keys' memory. */
#define SLICE 2048
#define SLICE_BYTES ((size_t)1 << 30)

/* A slice on its way. */
struct slice {
    struct state *state;
    struct store_txn *txn;
    struct arena arena;
    struct bytes after; /* the key of the last resource of the slice before */
    struct runs keys;
    size_t resources;
    bool last;
};

static enum err_code add_resource(struct slice *s, const struct current *now,
                                  struct err *e)
{
    struct bytes record;
    struct record_change c = {0};
    struct index_list list = {NULL, 0};
    enum err_code code = store_log_get(s->txn, now->change, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code != ERR_OK || !index_types_has(&s->state->indexed, c.type))
        return code;
    code = index_of_record(s->state, &c, &s->arena, &list, e);
    for (size_t i = 0; code == ERR_OK && i < list.n; i++)
        if (!runs_stage(&s->keys, list.items[i], false))
            code = err_nomem(e);
    arena_reset(&s->arena);
    return code;
}

static enum err_code add_resources(struct slice *s, struct store_cursor *c,
                                   char last[STATE_KEY_BYTES], struct err *e)
{
    struct store_entry entry;
    struct current now;
    enum err_code code = store_cursor_seek(c, s->after, &entry, e);

    if (code == ERR_OK && bytes_equal(entry.key, s->after))
        code = store_cursor_next(c, &entry, e);
    while (code == ERR_OK && s->resources < SLICE) {
        if (entry.key.n > STATE_KEY_BYTES)
            return err_set(e, ERR_FORMAT, "a key of current is damaged");
        memcpy(last, entry.key.p, entry.key.n);
        s->after = bytes_make(last, entry.key.n);
        code = state_current_decode(entry.value, &now, e);
        if (code == ERR_OK && !now.deleted)
            code = add_resource(s, &now, e);
        s->resources++;
        if (code == ERR_OK)
            code = store_cursor_next(c, &entry, e);
    }
    s->last = code == ERR_NOT_FOUND;
    return s->last ? ERR_OK : code;
}

static enum err_code put_keys(struct slice *s, struct err *e)
{
    struct store_cursor *c = NULL;
    struct run run;
    enum err_code code;

    if (!runs_prepare(&s->keys))
        return err_nomem(e);
    runs_publish(&s->keys);
    run = runs_merged(&s->keys);
    if (!run.keys)
        return runs_count(&s->keys) > 0 ? err_nomem(e) : ERR_OK;
    code = store_cursor_open(s->txn, VIEW_INDEX, &c, e);
    for (size_t i = 0; code == ERR_OK && i < run.n; i++)
        code = store_cursor_put(c, bytes_make(run.keys[i].p, run.keys[i].n), e);
    store_cursor_close(&c);
    free(run.keys);
    return code;
}

static enum err_code do_slice(struct slice *s, char last[STATE_KEY_BYTES],
                              struct err *e)
{
    struct store_cursor *c = NULL;
    enum err_code code = store_begin_write(s->state->store, &s->txn, e);

    arena_init(&s->arena, SLICE_BYTES);
    runs_init(&s->keys);
    s->resources = 0;
    if (code == ERR_OK)
        code = store_cursor_open(s->txn, VIEW_CURRENT, &c, e);
    if (code == ERR_OK)
        code = add_resources(s, c, last, e);
    store_cursor_close(&c);
    if (code == ERR_OK)
        code = put_keys(s, e);
    if (code == ERR_OK && s->last)
        code = store_set_index_form(s->txn,
                                    index_types_form(&s->state->indexed), e);
    runs_fini(&s->keys);
    arena_fini(&s->arena);
    if (code == ERR_OK)
        return store_commit(&s->txn, e);
    store_abort(&s->txn);
    return code;
}

/* From here on the index is unfinished until its form is written. */
static enum err_code begin(struct state *s, bool *needed, struct err *e)
{
    struct store_txn *t = NULL;
    uint64_t form = 0, views_at = 0;
    enum err_code code = store_begin_write(s->store, &t, e);

    if (code == ERR_OK)
        code = store_index_form(t, &form, e);
    if (code == ERR_OK)
        code = store_views_at(t, &views_at, e);
    *needed = code == ERR_OK && form != index_types_form(&s->indexed);
    if (*needed && views_at > 0)
        log_event(LOG_INFO, "index.rebuild", "the search index is made anew");
    if (*needed)
        code = store_view_clear(t, VIEW_INDEX, e);
    if (*needed && code == ERR_OK)
        code = store_set_index_form(t, 0, e);
    if (*needed && code == ERR_OK)
        return store_commit(&t, e);
    store_abort(&t);
    return code;
}

enum err_code index_rebuild(struct state *s, struct err *e)
{
    char last[STATE_KEY_BYTES] = {0};
    struct slice slice = {.state = s, .after = {last, 1}};
    bool needed = false;
    enum err_code code = begin(s, &needed, e);

    while (code == ERR_OK && needed && !slice.last)
        code = do_slice(&slice, last, e);
    return code;
}
