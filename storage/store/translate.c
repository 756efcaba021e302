#include "storage/store/store_parts.h"

#include <errno.h>

enum err_code store_translate(int rc, const char *what, struct err *e)
{
    enum err_code code = ERR_IO;

    if (rc == 0)
        return ERR_OK;
    switch (rc) {
    case MDB_NOTFOUND:
        return ERR_NOT_FOUND;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
        code = ERR_FULL;
        break;
    case ENOMEM:
        code = ERR_NOMEM;
        break;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        code = ERR_FORMAT;
        break;
    case MDB_READERS_FULL:
        code = ERR_BUSY;
        break;
    default:
        break;
    }
    err_set(e, code, "%s: %s", what, mdb_strerror(rc));
    if (e)
        e->system = rc;
    return code;
}

MDB_val store_val(struct bytes b)
{
    /* LMDB's interface lacks const; it writes to neither keys nor values */
    union {
        const char *in;
        void *out;
    } p = {.in = b.p};

    return (MDB_val){b.n, p.out};
}
