/* store: the data folder, an LMDB environment with the log and its views.
 * Owns:   the environment, the folder's lock file.
 * Thread: open and close by one; read transactions by any thread (one at a
 *         time per thread); the write transaction by the writer only.
 * Bounds: map_bytes is the upper bound of the data file (sparse).
 * Errors: ERR_FULL (map or disk full), ERR_IO, ERR_FORMAT (a folder of another
 *         format or program), ERR_BUSY (another process has the folder).
 * Full sync always: a commit that returned survives power loss (P1). */
#ifndef BELFRY_STORAGE_STORE_STORE_H
#define BELFRY_STORAGE_STORE_STORE_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"

/* Longer keys do not fit LMDB. */
#define STORE_KEY_BYTES_MAX 511
#define STORE_FORMAT 2

/* The views of the log: each could be rebuilt from it. */
enum store_view {
    VIEW_CURRENT,      /* type, id -> change, version, flags */
    VIEW_HISTORY,      /* type, id, version -> change */
    VIEW_QUEUE,        /* subscription, event number -> change */
    VIEW_SUBSCRIPTION, /* subscription -> its state */
    VIEW_PARKED,       /* subscription, number -> dead letter */
    VIEW_ENDPOINT,     /* hash of an endpoint -> its breaker */
    VIEW_TOPIC,        /* type, id of a topic -> change */
    VIEW_INDEX,        /* key of the search index, no value */
    VIEW_COUNT
};

struct store;
struct store_txn; /* a read or a write transaction */

MUST_CHECK enum err_code store_open(const char *dir, size_t map_bytes,
                                    struct store **out, struct err *e);
void store_close(struct store **s);

/* Opens a folder that is there, to be read only, beside a server that has it
 * or without one. ERR_NOT_FOUND when it holds no data. */
MUST_CHECK enum err_code store_open_read(const char *dir, struct store **out,
                                         struct err *e);

/* Copies all that is committed, without free pages, into a file of the
 * descriptor: a data file of its own, consistent at one commit. */
MUST_CHECK enum err_code store_copy(struct store *s, int fd, struct err *e);

/* True when the error is that the environment gave up: nothing works on the
 * store any more, and what was committed is there when it is opened anew. */
bool store_is_lost(const struct err *e);

/* How many entries a view has. */
MUST_CHECK enum err_code store_view_count(struct store_txn *t,
                                          enum store_view view, uint64_t *out,
                                          struct err *e);
const char *store_view_name(enum store_view view);

MUST_CHECK enum err_code
store_begin_read(struct store *s, struct store_txn **out, struct err *e);
MUST_CHECK enum err_code
store_begin_write(struct store *s, struct store_txn **out, struct err *e);

/* Ends the transaction; *t becomes NULL. A failed commit changed nothing. */
MUST_CHECK enum err_code store_commit(struct store_txn **t, struct err *e);
void store_abort(struct store_txn **t); /* *t may be NULL */

/* ---- the log: change number -> record, append only ---- */

/* Appends a record of n bytes and returns where to write it: valid until the
 * next call on the transaction. change must be greater than all before. */
MUST_CHECK enum err_code store_log_append(struct store_txn *t, uint64_t change,
                                          size_t n, char **out, struct err *e);

/* The record, borrowed until the transaction ends. ERR_NOT_FOUND without. */
MUST_CHECK enum err_code store_log_get(struct store_txn *t, uint64_t change,
                                       struct bytes *out, struct err *e);

/* The number of the newest record, 0 for an empty log. */
MUST_CHECK enum err_code store_log_last(struct store_txn *t, uint64_t *out,
                                        struct err *e);

/* ---- the views ---- */

/* ERR_NOT_FOUND (without a text) when the key is not there. */
MUST_CHECK enum err_code store_view_get(struct store_txn *t,
                                        enum store_view view, struct bytes key,
                                        struct bytes *out, struct err *e);
MUST_CHECK enum err_code store_view_put(struct store_txn *t,
                                        enum store_view view, struct bytes key,
                                        struct bytes value, struct err *e);
MUST_CHECK enum err_code store_view_delete(struct store_txn *t,
                                           enum store_view view,
                                           struct bytes key, struct err *e);

/* The entry with the greatest key below `key`; ERR_NOT_FOUND without. */
MUST_CHECK enum err_code
store_view_before(struct store_txn *t, enum store_view view, struct bytes key,
                  struct bytes *found, struct bytes *out, struct err *e);

/* Calls each() for every entry in key order until it fails. */
MUST_CHECK enum err_code
store_view_walk(struct store_txn *t, enum store_view view,
                enum err_code (*each)(void *ctx, struct bytes key,
                                      struct bytes value, struct err *e),
                void *ctx, struct err *e);

/* The change up to which the views are merged. */
MUST_CHECK enum err_code store_views_at(struct store_txn *t, uint64_t *out,
                                        struct err *e);
MUST_CHECK enum err_code store_set_views_at(struct store_txn *t,
                                            uint64_t change, struct err *e);

/* Big-endian, so that LMDB's key order is the number's order. */
void store_put_u64(char out[8], uint64_t value);
uint64_t store_get_u64(const char in[8]);

/* What made the search index (0: nothing yet): a number that tells one way of
 * making it from another. */
MUST_CHECK enum err_code store_index_form(struct store_txn *t, uint64_t *out,
                                          struct err *e);
MUST_CHECK enum err_code store_set_index_form(struct store_txn *t,
                                              uint64_t form, struct err *e);

#endif
