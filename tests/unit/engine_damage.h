/* engine_damage: the first record of a rig's log as a disk, or an older belfry,
 * could have left it. */
#ifndef BELFRY_TESTS_UNIT_ENGINE_DAMAGE_H
#define BELFRY_TESTS_UNIT_ENGINE_DAMAGE_H

#include "server/engine/record.h"
#include "tests/unit/engine_rig.h"

#include <lmdb.h>

/* What becomes of a record of n bytes at p; how many are left. */
typedef size_t damage(char *p, size_t n);

/* What is left, without a checksum, still says that it is a change. */
static inline size_t damage_cut(char *p, size_t n)
{
    static const char rubbish[] = "rubbish";

    assert_true(n > 4 + sizeof rubbish + 8);
    memcpy(p + 4, rubbish, sizeof rubbish);
    return 4 + sizeof rubbish + 8;
}

/* The text is no JSON any more; the checksum is right. */
static inline size_t damage_text(char *p, size_t n)
{
    char *brace = memchr(p, '{', n);

    assert_non_null(brace);
    *brace = '?';
    record_seal(p, n);
    return n;
}

/* The text is of a type that is none; the checksum is right. */
static inline size_t damage_type(char *p, size_t n)
{
    char *type = memmem(p, n, "\"Encounter\"", 11);

    assert_non_null(type);
    type[1] = 'X';
    record_seal(p, n);
    return n;
}

/* Starts the engine anew with it. */
static inline void damage_first_record(struct rig *r, damage *what)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi log;
    MDB_cursor *cursor;
    MDB_val key, value;
    char record[1024];

    (void)usleep(400000); /* the views are merged meanwhile */
    engine_close(&r->engine);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 32), 0);
    assert_int_equal(mdb_env_set_mapsize(env, (size_t)256 << 20), 0);
    assert_int_equal(mdb_env_open(env, r->dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "log", 0, &log), 0);
    assert_int_equal(mdb_cursor_open(txn, log, &cursor), 0);
    assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    assert_true(value.mv_size <= sizeof record);
    memcpy(record, value.mv_data, value.mv_size);
    value = (MDB_val){what(record, value.mv_size), record};
    assert_int_equal(mdb_cursor_put(cursor, &key, &value, MDB_CURRENT), 0);
    mdb_cursor_close(cursor);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    rig_start(r);
}

#endif
