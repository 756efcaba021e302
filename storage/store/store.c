#include "storage/store/store.h"

#include "storage/store/store_parts.h"
#include "storage/store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Write transactions between two looks for readers that died. */
#define STORE_READER_CHECK 1024
#define STORE_DATABASES 16
#define STORE_PATH_BYTES 4096
#define META "meta"
#define META_FORMAT "format"
#define META_VIEWS_AT "views_at"
#define META_INDEX "index"

static const char *const view_names[VIEW_COUNT] = {
    "current", "history",  "queue", "subscription",
    "parked",  "endpoint", "topic", "index"};

void store_put_u64(char out[8], uint64_t value)
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (char)(value & 0xff);
        value >>= 8;
    }
}

uint64_t store_get_u64(const char in[8])
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = (value << 8) | (unsigned char)in[i];
    return value;
}

/* LMDB lets several processes share a folder; belfry must be alone. */
static enum err_code take_lock(struct store *s, const char *dir, struct err *e)
{
    char path[STORE_PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/belfry.lock", dir);

    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, ERR_IO, "the data folder's path is too long");
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return err_set_errno(e, ERR_IO, errno, "%s cannot be opened", path);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(e, ERR_BUSY,
                       "the data folder %s is in use by another process", dir);
    return ERR_OK;
}

static enum err_code open_env(struct store *s, const char *dir,
                              size_t map_bytes, unsigned flags, struct err *e)
{
    int rc = mdb_env_create(&s->env);

    if (rc == 0)
        rc = mdb_env_set_mapsize(s->env, map_bytes);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(s->env, STORE_DATABASES);
    if (rc == 0)
        rc = mdb_env_open(s->env, dir, flags, 0600);
    if (rc == MDB_INVALID)
        return err_set(e, ERR_FORMAT,
                       "%s/data.mdb is not an LMDB file: the folder is not "
                       "belfry's, or damaged",
                       dir);
    if (rc != 0) {
        char what[STORE_PATH_BYTES];

        if (snprintf(what, sizeof what, "the data folder %s", dir) < 0)
            what[0] = '\0';
        return store_translate(rc, what, e);
    }
    return ERR_OK;
}

static enum err_code meta_get(struct store_txn *t, const char *name,
                              uint64_t *out, struct err *e)
{
    MDB_val key = store_val(bytes_of(name)), value;
    int rc = mdb_get(t->txn, t->store->meta, &key, &value);

    if (rc != 0)
        return store_translate(rc, "reading meta", e);
    if (value.mv_size != 8)
        return err_set(e, ERR_FORMAT, "the data folder's %s is damaged", name);
    *out = store_get_u64(value.mv_data);
    return ERR_OK;
}

static enum err_code meta_put(struct store_txn *t, const char *name,
                              uint64_t number, struct err *e)
{
    char raw[8];
    MDB_val key = store_val(bytes_of(name)), value = {8, raw};

    store_put_u64(raw, number);
    return store_translate(mdb_put(t->txn, t->store->meta, &key, &value, 0),
                           "writing meta", e);
}

static enum err_code same_format(uint64_t format, struct err *e)
{
    if (format == STORE_FORMAT)
        return ERR_OK;
    return err_set(e, ERR_FORMAT,
                   "the data folder has format %llu, this belfry reads "
                   "format %d",
                   (unsigned long long)format, STORE_FORMAT);
}

static enum err_code check_format(struct store_txn *t, struct err *e)
{
    uint64_t format = 0, last = 0;
    enum err_code code = meta_get(t, META_FORMAT, &format, e);

    if (code == ERR_NOT_FOUND) {
        code = store_log_last(t, &last, e);
        if (code == ERR_OK && last != 0)
            return err_set(e, ERR_FORMAT,
                           "the data folder has a log but no "
                           "format number: it is damaged");
        return code == ERR_OK ? meta_put(t, META_FORMAT, STORE_FORMAT, e)
                              : code;
    }
    if (code != ERR_OK)
        return code;
    return same_format(format, e);
}

/* An environment that has something, and not what belfry makes first. */
static enum err_code refuse_foreign(struct store_txn *t, struct err *e)
{
    MDB_dbi root, meta;
    MDB_stat stat;
    int rc = mdb_dbi_open(t->txn, NULL, 0, &root);

    if (rc == 0)
        rc = mdb_stat(t->txn, root, &stat);
    if (rc != 0)
        return store_translate(rc, "opening the databases", e);
    if (stat.ms_entries > 0 &&
        mdb_dbi_open(t->txn, META, 0, &meta) == MDB_NOTFOUND)
        return err_set(e, ERR_FORMAT,
                       "the data folder holds another program's data");
    return ERR_OK;
}

static enum err_code open_databases(struct store *s, struct err *e)
{
    struct store_txn *t = NULL;
    enum err_code code = store_begin_write(s, &t, e);
    int rc = 0;

    if (code != ERR_OK || !t)
        return code;
    code = refuse_foreign(t, e);
    if (code != ERR_OK) {
        store_abort(&t);
        return code;
    }
    rc = mdb_dbi_open(t->txn, "log", MDB_CREATE, &s->log);
    if (rc == 0)
        rc = mdb_dbi_open(t->txn, META, MDB_CREATE, &s->meta);
    for (int i = 0; rc == 0 && i < VIEW_COUNT; i++)
        rc = mdb_dbi_open(t->txn, view_names[i], MDB_CREATE, &s->views[i]);
    code = store_translate(rc, "opening the databases", e);
    if (code == ERR_OK)
        code = check_format(t, e);
    if (code == ERR_OK)
        return store_commit(&t, e);
    store_abort(&t);
    return code;
}

enum err_code store_open(const char *dir, size_t map_bytes, struct store **out,
                         struct err *e)
{
    struct store *s = calloc(1, sizeof *s);
    enum err_code code;

    if (!s)
        return err_nomem(e);
    s->lock_fd = -1;
    code = folder_make(dir, NULL, e);
    if (code == ERR_OK)
        code = take_lock(s, dir, e);
    if (code == ERR_OK)
        code = open_env(s, dir, map_bytes, 0, e);
    if (code == ERR_OK)
        code = open_databases(s, e);
    if (code == ERR_OK)
        code = folder_sync(dir, e);
    if (code != ERR_OK)
        store_close(&s);
    *out = s;
    return code;
}

static enum err_code open_known(struct store *s, struct store_txn *t,
                                struct err *e)
{
    uint64_t format = 0;
    int rc = mdb_dbi_open(t->txn, "log", 0, &s->log);
    enum err_code code;

    if (rc == 0)
        rc = mdb_dbi_open(t->txn, META, 0, &s->meta);
    code = store_translate(rc, "opening the databases", e);
    if (code == ERR_OK)
        code = meta_get(t, META_FORMAT, &format, e);
    if (code == ERR_NOT_FOUND)
        return err_set(e, ERR_FORMAT, "this is not belfry's data folder");
    if (code == ERR_OK)
        code = same_format(format, e);
    if (code != ERR_OK)
        return code;
    for (int i = 0; rc == 0 && i < VIEW_COUNT; i++)
        rc = mdb_dbi_open(t->txn, view_names[i], 0, &s->views[i]);
    return rc == MDB_NOTFOUND
               ? err_set(e, ERR_FORMAT,
                         "the data folder lacks views; a start of the server "
                         "on it makes them")
               : store_translate(rc, "opening the databases", e);
}

/* Handles of databases stay when the transaction that opened them commits. */
static enum err_code open_to_read(struct store *s, const char *dir,
                                  struct err *e)
{
    struct store_txn *t = NULL;
    char path[STORE_PATH_BYTES];
    struct stat st;
    enum err_code code;
    int n = snprintf(path, sizeof path, "%s/data.mdb", dir);

    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, ERR_IO, "the data folder's path is too long");
    if (stat(path, &st) != 0)
        return err_set_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno,
                             "%s cannot be read", path);
    if (st.st_size == 0)
        return err_set(e, ERR_NOT_FOUND, "%s is empty", path);
    /* no size: that of the file */
    code = open_env(s, dir, 0, MDB_RDONLY, e);
    if (code == ERR_OK)
        code = store_begin_read(s, &t, e);
    if (code != ERR_OK || !t)
        return code;
    code = open_known(s, t, e);
    if (code == ERR_OK)
        return store_commit(&t, e);
    store_abort(&t);
    return code;
}

enum err_code store_open_read(const char *dir, struct store **out,
                              struct err *e)
{
    struct store *s = calloc(1, sizeof *s);
    enum err_code code;

    *out = NULL;
    if (!s)
        return err_nomem(e);
    s->lock_fd = -1;
    code = open_to_read(s, dir, e);
    if (code != ERR_OK)
        store_close(&s);
    *out = s;
    return code;
}

void store_close(struct store **s)
{
    if (!*s)
        return;
    if ((*s)->env)
        mdb_env_close((*s)->env);
    if ((*s)->lock_fd >= 0)
        close((*s)->lock_fd);
    free(*s);
    *s = NULL;
}

static enum err_code begin(struct store *s, unsigned flags,
                           struct store_txn **out, struct err *e)
{
    struct store_txn *t = calloc(1, sizeof *t);
    enum err_code code;

    if (!t)
        return err_nomem(e);
    t->store = s;
    code = store_translate(mdb_txn_begin(s->env, NULL, flags, &t->txn),
                           "beginning a transaction", e);
    if (code != ERR_OK) {
        free(t);
        t = NULL;
    }
    *out = t;
    return code;
}

enum err_code store_begin_read(struct store *s, struct store_txn **out,
                               struct err *e)
{
    return begin(s, MDB_RDONLY, out, e);
}

enum err_code store_begin_write(struct store *s, struct store_txn **out,
                                struct err *e)
{
    int dead;

    /* of a backup that was killed: its slot would keep pages from reuse */
    if (++s->writes % STORE_READER_CHECK == 0)
        (void)mdb_reader_check(s->env, &dead);
    return begin(s, 0, out, e);
}

enum err_code store_commit(struct store_txn **t, struct err *e)
{
    int rc = mdb_txn_commit((*t)->txn);

    free(*t);
    *t = NULL;
    return store_translate(rc, "committing", e);
}

void store_abort(struct store_txn **t)
{
    if (!*t)
        return;
    mdb_txn_abort((*t)->txn);
    free(*t);
    *t = NULL;
}

enum err_code store_log_append(struct store_txn *t, uint64_t change, size_t n,
                               char **out, struct err *e)
{
    char raw[8];
    MDB_val key = {8, raw}, value = {n, NULL};
    enum err_code code;

    store_put_u64(raw, change);
    code = store_translate(
        mdb_put(t->txn, t->store->log, &key, &value, MDB_APPEND | MDB_RESERVE),
        "appending to the log", e);
    *out = value.mv_data;
    return code;
}

enum err_code store_log_get(struct store_txn *t, uint64_t change,
                            struct bytes *out, struct err *e)
{
    char raw[8];
    MDB_val key = {8, raw}, value;
    int rc;

    store_put_u64(raw, change);
    rc = mdb_get(t->txn, t->store->log, &key, &value);
    if (rc == MDB_NOTFOUND)
        return err_set(e, ERR_NOT_FOUND, "change %llu is not in the log",
                       (unsigned long long)change);
    if (rc != 0)
        return store_translate(rc, "reading the log", e);
    *out = bytes_make(value.mv_data, value.mv_size);
    return ERR_OK;
}

enum err_code store_log_last(struct store_txn *t, uint64_t *out, struct err *e)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int rc = mdb_cursor_open(t->txn, t->store->log, &cursor);

    *out = 0;
    if (rc != 0)
        return store_translate(rc, "reading the log", e);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    if (rc == 0 && key.mv_size == 8)
        *out = store_get_u64(key.mv_data);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? ERR_OK
                              : store_translate(rc, "reading the log", e);
}

enum err_code store_view_get(struct store_txn *t, enum store_view view,
                             struct bytes key, struct bytes *out, struct err *e)
{
    MDB_val k = store_val(key), value;
    int rc = mdb_get(t->txn, t->store->views[view], &k, &value);

    if (rc == 0)
        *out = bytes_make(value.mv_data, value.mv_size);
    return store_translate(rc, "reading a view", e);
}

enum err_code store_view_put(struct store_txn *t, enum store_view view,
                             struct bytes key, struct bytes value,
                             struct err *e)
{
    MDB_val k = store_val(key), v = store_val(value);

    return store_translate(mdb_put(t->txn, t->store->views[view], &k, &v, 0),
                           "writing a view", e);
}

enum err_code store_view_delete(struct store_txn *t, enum store_view view,
                                struct bytes key, struct err *e)
{
    MDB_val k = store_val(key);
    int rc = mdb_del(t->txn, t->store->views[view], &k, NULL);

    return rc == MDB_NOTFOUND ? ERR_OK
                              : store_translate(rc, "writing a view", e);
}

enum err_code store_view_before(struct store_txn *t, enum store_view view,
                                struct bytes key, struct bytes *found,
                                struct bytes *out, struct err *e)
{
    MDB_cursor *cursor;
    MDB_val k = store_val(key), value;
    int rc = mdb_cursor_open(t->txn, t->store->views[view], &cursor);

    if (rc != 0)
        return store_translate(rc, "reading a view", e);
    rc = mdb_cursor_get(cursor, &k, &value, MDB_SET_RANGE);
    rc = mdb_cursor_get(cursor, &k, &value,
                        rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    mdb_cursor_close(cursor);
    if (rc == 0) {
        *found = bytes_make(k.mv_data, k.mv_size);
        *out = bytes_make(value.mv_data, value.mv_size);
    }
    return store_translate(rc, "reading a view", e);
}

enum err_code store_view_walk(struct store_txn *t, enum store_view view,
                              enum err_code (*each)(void *ctx, struct bytes key,
                                                    struct bytes value,
                                                    struct err *e),
                              void *ctx, struct err *e)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    enum err_code code = ERR_OK;
    int rc = mdb_cursor_open(t->txn, t->store->views[view], &cursor);

    if (rc != 0)
        return store_translate(rc, "reading a view", e);
    while (code == ERR_OK &&
           (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        code = each(ctx, bytes_make(key.mv_data, key.mv_size),
                    bytes_make(value.mv_data, value.mv_size), e);
    mdb_cursor_close(cursor);
    if (code == ERR_OK && rc != MDB_NOTFOUND)
        code = store_translate(rc, "reading a view", e);
    return code;
}

enum err_code store_view_count(struct store_txn *t, enum store_view view,
                               uint64_t *out, struct err *e)
{
    MDB_stat stat;
    int rc = mdb_stat(t->txn, t->store->views[view], &stat);

    *out = rc == 0 ? stat.ms_entries : 0;
    return store_translate(rc, "reading a view", e);
}

bool store_is_lost(const struct err *e)
{
    return e->system == MDB_PANIC;
}

const char *store_view_name(enum store_view view)
{
    return view_names[view];
}

enum err_code store_copy(struct store *s, int fd, struct err *e)
{
    return store_translate(mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT),
                           "copying the data file", e);
}

enum err_code store_views_at(struct store_txn *t, uint64_t *out, struct err *e)
{
    enum err_code code = meta_get(t, META_VIEWS_AT, out, e);

    if (code != ERR_NOT_FOUND)
        return code;
    *out = 0;
    return ERR_OK;
}

enum err_code store_index_form(struct store_txn *t, uint64_t *out,
                               struct err *e)
{
    enum err_code code = meta_get(t, META_INDEX, out, e);

    if (code != ERR_NOT_FOUND)
        return code;
    *out = 0;
    return ERR_OK;
}

enum err_code store_set_index_form(struct store_txn *t, uint64_t form,
                                   struct err *e)
{
    return meta_put(t, META_INDEX, form, e);
}

enum err_code store_set_views_at(struct store_txn *t, uint64_t change,
                                 struct err *e)
{
    return meta_put(t, META_VIEWS_AT, change, e);
}
