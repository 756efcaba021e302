/* store_parts: the inside of a store, for the sources of this folder.
 * Owns:   nothing.
 * Thread: as store.h. */
#ifndef BELFRY_STORAGE_STORE_STORE_PARTS_H
#define BELFRY_STORAGE_STORE_STORE_PARTS_H

#include <lmdb.h>

#include "storage/store/store.h"

struct store {
    MDB_env *env;
    int lock_fd;
    uint64_t writes; /* owner: writer; transactions begun */
    MDB_dbi log;
    MDB_dbi meta;
    MDB_dbi views[VIEW_COUNT];
};

struct store_txn {
    struct store *store;
    MDB_txn *txn;
};

/* Every MDB_* and errno that LMDB returns becomes one of ours here. */
enum err_code store_translate(int rc, const char *what, struct err *e);

MDB_val store_val(struct bytes b);

#endif
