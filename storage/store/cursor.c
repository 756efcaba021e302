#include "storage/store/cursor.h"

#include <stdlib.h>

#include "storage/store/store_parts.h"

struct store_cursor {
    MDB_cursor *cursor;
};

enum err_code store_cursor_open(struct store_txn *t, enum store_view view,
                                struct store_cursor **out, struct err *e)
{
    struct store_cursor *c = calloc(1, sizeof *c);
    enum err_code code;

    *out = NULL;
    if (!c)
        return err_nomem(e);
    code = store_translate(
        mdb_cursor_open(t->txn, t->store->views[view], &c->cursor),
        "opening a view", e);
    if (code != ERR_OK) {
        free(c);
        return code;
    }
    *out = c;
    return ERR_OK;
}

void store_cursor_close(struct store_cursor **c)
{
    if (!*c)
        return;
    mdb_cursor_close((*c)->cursor);
    free(*c);
    *c = NULL;
}

static enum err_code get(struct store_cursor *c, struct bytes key,
                         MDB_cursor_op op, struct store_entry *out,
                         struct err *e)
{
    MDB_val k = store_val(key), v;
    int rc = mdb_cursor_get(c->cursor, &k, &v, op);

    if (rc == 0)
        *out = (struct store_entry){bytes_make(k.mv_data, k.mv_size),
                                    bytes_make(v.mv_data, v.mv_size)};
    return store_translate(rc, "reading a view", e);
}

enum err_code store_cursor_seek(struct store_cursor *c, struct bytes key,
                                struct store_entry *out, struct err *e)
{
    return get(c, key, MDB_SET_RANGE, out, e);
}

enum err_code store_cursor_next(struct store_cursor *c, struct store_entry *out,
                                struct err *e)
{
    return get(c, bytes_make(NULL, 0), MDB_NEXT, out, e);
}

enum err_code store_cursor_put(struct store_cursor *c, struct bytes key,
                               struct err *e)
{
    MDB_val k = store_val(key), v = store_val(bytes_of(""));

    return store_translate(mdb_cursor_put(c->cursor, &k, &v, 0),
                           "writing a view", e);
}

enum err_code store_cursor_delete(struct store_cursor *c, struct bytes key,
                                  struct err *e)
{
    MDB_val k = store_val(key), v;
    int rc = mdb_cursor_get(c->cursor, &k, &v, MDB_SET);

    if (rc == MDB_NOTFOUND)
        return ERR_OK;
    if (rc == 0)
        rc = mdb_cursor_del(c->cursor, 0);
    return store_translate(rc, "writing a view", e);
}

enum err_code store_view_clear(struct store_txn *t, enum store_view view,
                               struct err *e)
{
    return store_translate(mdb_drop(t->txn, t->store->views[view], 0),
                           "emptying a view", e);
}
