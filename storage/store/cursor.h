/* cursor: a view of the store in key order.
 * Owns:   LMDB's cursor, until it is closed or its transaction ends; it must be
 *         closed before.
 * Thread: that of its transaction.
 * Errors: as store.h. */
#ifndef BELFRY_STORAGE_STORE_CURSOR_H
#define BELFRY_STORAGE_STORE_CURSOR_H

#include "storage/store/store.h"

struct store_cursor;

struct store_entry {
    struct bytes key;
    struct bytes value;
};

MUST_CHECK enum err_code store_cursor_open(struct store_txn *t,
                                           enum store_view view,
                                           struct store_cursor **out,
                                           struct err *e);
void store_cursor_close(struct store_cursor **c); /* *c may be NULL */

/* The first entry whose key is not below the given one, and the one behind the
 * last. Borrowed until the transaction ends or writes. ERR_NOT_FOUND (without a
 * text) when there is none. */
MUST_CHECK enum err_code store_cursor_seek(struct store_cursor *c,
                                           struct bytes key,
                                           struct store_entry *out,
                                           struct err *e);
MUST_CHECK enum err_code store_cursor_next(struct store_cursor *c,
                                           struct store_entry *out,
                                           struct err *e);

/* A key without a value; cheap when keys come in order. To remove one that is
 * not there is no error. */
MUST_CHECK enum err_code store_cursor_put(struct store_cursor *c,
                                          struct bytes key, struct err *e);
MUST_CHECK enum err_code store_cursor_delete(struct store_cursor *c,
                                             struct bytes key, struct err *e);

/* Empties a view. */
MUST_CHECK enum err_code store_view_clear(struct store_txn *t,
                                          enum store_view view, struct err *e);

#endif
