#include "server/engine/index_walk.h"

static enum err_code walk_store(const struct index_walk *w, struct bytes start,
                                struct bytes stop, index_walk_each *each,
                                void *ctx, struct err *e)
{
    struct store_entry entry;
    enum err_code code = store_cursor_seek(w->cursor, start, &entry, e);

    while (code == ERR_OK) {
        size_t n = entry.key.n < stop.n ? entry.key.n : stop.n;

        if (memcmp(entry.key.p, stop.p, n) > 0 || !each(ctx, entry.key))
            return ERR_OK;
        code = store_cursor_next(w->cursor, &entry, e);
    }
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

enum err_code index_walk_keys(const struct index_walk *w, struct bytes start,
                              struct bytes stop, index_walk_each *each,
                              void *ctx, struct err *e)
{
    const struct runs *both[] = {&w->state->young_index, &w->state->old_index};

    if (w->staged)
        runs_walk_staged(&w->state->young_index, start, stop, each, ctx);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < both[i]->run_count; k++)
            runs_walk(&both[i]->list[k], start, stop, each, ctx);
    return walk_store(w, start, stop, each, ctx, e);
}
