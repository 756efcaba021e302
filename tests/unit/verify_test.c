/* A data folder is checked: a sound one passes, and each kind of damage is
 * found. Damage is done with the storage library itself, past the engine. */
#include "server/engine/verify.h"

#include "storage/base/crc32c.h"
#include "storage/store/backup.h"
#include "tests/unit/engine_rig.h"

#include <lmdb.h>
#include <sys/stat.h>

#define PATH_BYTES 256

struct found {
    struct verify_counts counts;
    char first[400];
};

static void note(void *ctx, const char *problem)
{
    struct found *f = ctx;

    if (f->counts.problems <= 1 && !f->first[0])
        (void)snprintf(f->first, sizeof f->first, "%s", problem);
}

static struct found verify_dir(const char *dir)
{
    struct found f = {.first = ""};
    struct verify_counts counts;
    struct store *s = NULL;
    struct err e = {0};

    if (store_open_read(dir, &s, &e) != ERR_OK)
        fail_msg("%s", e.message);
    if (verify_store(s, note, &f, &counts, &e) != ERR_OK)
        fail_msg("%s", e.message);
    store_close(&s);
    f.counts = counts;
    return f;
}

static void must_be_sound(const char *dir)
{
    struct found f = verify_dir(dir);

    if (f.counts.problems)
        fail_msg("%s", f.first);
}

/* Two subscriptions, one of them deleted; encounters with versions. */
static void live(struct rig *r)
{
    rig_subscribe(r, "s1", &(struct rig_wish){0});
    rig_subscribe(r, "s2", &(struct rig_wish){0});
    rig_encounter(r, "e1", "1");
    rig_encounter(r, "e1", "1");
    rig_encounter(r, "e2", "2");
    rig_report(r, "s1", (struct report){.kind = REPORT_HANDSHAKE_OK});
    rig_report(r, "s1", (struct report){.kind = REPORT_DELIVERED, .event = 1});
    (void)rig_run(r, rig_command(r, COMMAND_DELETE, "Encounter", "e1"));
    (void)rig_run(r, rig_command(r, COMMAND_DELETE, "Subscription", "s2"));
    rig_encounter(r, "e1", "1");
}

/* Ends the engine with everything merged. */
static void settle(struct rig *r)
{
    const struct engine_config config = {.data_dir = r->dir,
                                         .map_bytes = (size_t)256 << 20,
                                         .clock = &r->clock,
                                         .topics = r->topics,
                                         .base_url = RIG_BASE};
    struct err e = {0};

    engine_close(&r->engine);
    if (engine_rebuild(&config, &e) != ERR_OK)
        fail_msg("%s", e.message);
}

static void a_folder_that_was_used_is_sound(void **state)
{
    struct rig *r = *state;
    struct found f;

    engine_close(&r->engine);
    must_be_sound(r->dir);
    rig_start(r);
    live(r);
    engine_close(&r->engine);
    f = verify_dir(r->dir);
    assert_int_equal(f.counts.problems, 0);
    assert_int_equal(f.counts.subscriptions, 1);
    assert_int_equal(f.counts.resources, 3); /* s1, e1, e2 */
    assert_true(f.counts.events >= 5);
}

static void views_made_anew_say_the_same(void **state)
{
    struct rig *r = *state;
    struct subscription_state before, after;
    struct arena arena;
    struct event *events;
    struct found f;

    live(r);
    before = rig_state(r, "s1");
    settle(r);
    f = verify_dir(r->dir);
    assert_int_equal(f.counts.problems, 0);
    assert_int_equal(f.counts.views_at,
                     f.counts.changes + f.counts.other_records);
    rig_start(r);
    after = rig_state(r, "s1");
    assert_int_equal(after.last_event, before.last_event);
    assert_int_equal(after.delivered, before.delivered);
    assert_int_equal(after.status, before.status);
    assert_memory_equal(&after.chain, &before.chain, sizeof after.chain);
    arena_init(&arena, (size_t)1 << 20);
    assert_int_equal(rig_events(r, "s1", 1, &arena, &events),
                     before.last_event);
    arena_fini(&arena);
}

/* ---- damage ---- */

struct surgery {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
};

static void cut(struct rig *r, const char *database, struct surgery *s)
{
    assert_int_equal(mdb_env_create(&s->env), 0);
    assert_int_equal(mdb_env_set_maxdbs(s->env, 32), 0);
    assert_int_equal(mdb_env_set_mapsize(s->env, (size_t)256 << 20), 0);
    assert_int_equal(mdb_env_open(s->env, r->dir, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(s->env, NULL, 0, &s->txn), 0);
    assert_int_equal(mdb_dbi_open(s->txn, database, 0, &s->dbi), 0);
}

static void sew(struct surgery *s)
{
    assert_int_equal(mdb_txn_commit(s->txn), 0);
    mdb_env_close(s->env);
}

static MDB_val nth(struct surgery *s, unsigned n, MDB_val *key)
{
    MDB_cursor *cursor;
    MDB_val value = {0, NULL};

    assert_int_equal(mdb_cursor_open(s->txn, s->dbi, &cursor), 0);
    for (unsigned i = 0; i <= n; i++)
        assert_int_equal(mdb_cursor_get(cursor, key, &value, MDB_NEXT), 0);
    mdb_cursor_close(cursor);
    return value;
}

/* Changes the byte of the n-th entry's value; drops the entry for -1. */
static void spoil(struct rig *r, const char *database, unsigned n, long byte)
{
    struct surgery s;
    MDB_val key, value;
    char key_copy[STORE_KEY_BYTES_MAX], *copy;

    cut(r, database, &s);
    value = nth(&s, n, &key);
    memcpy(key_copy, key.mv_data, key.mv_size);
    key.mv_data = key_copy;
    if (byte < 0) {
        assert_int_equal(mdb_del(s.txn, s.dbi, &key, NULL), 0);
    } else {
        assert_true((size_t)byte < value.mv_size);
        copy = malloc(value.mv_size);
        assert_non_null(copy);
        memcpy(copy, value.mv_data, value.mv_size);
        copy[byte] ^= 1;
        value.mv_data = copy;
        assert_int_equal(mdb_put(s.txn, s.dbi, &key, &value, 0), 0);
        free(copy);
    }
    sew(&s);
}

/* The first problem has the part. */
static void must_find(struct rig *r, const char *part)
{
    struct found f = verify_dir(r->dir);

    if (f.counts.problems == 0 || !strstr(f.first, part))
        fail_msg("%s: '%s' instead", part, f.first);
}

static void any_changed_bit_of_the_log_is_found(void **state)
{
    struct rig *r = *state;

    live(r);
    settle(r);
    for (unsigned record = 0; record < 6; record += 5)
        for (long byte = 2; byte < 60; byte += 7) {
            spoil(r, "log", record, byte);
            must_find(r, "damaged");
            spoil(r, "log", record, byte);
            must_be_sound(r->dir);
        }
}

static void a_lost_record_of_the_log_is_found(void **state)
{
    struct rig *r = *state;

    live(r);
    settle(r);
    spoil(r, "log", 2, -1);
    must_find(r, "lacks change 3");
}

static void what_a_view_lacks_or_tells_wrongly_is_found(void **state)
{
    static const struct {
        const char *view;
        long byte; /* -1: the entry is lost */
        const char *part;
    } rows[] = {
        {"current", -1, "view current does not have it"},
        {"current", 7, "view current"},
        {"current", 16, "does not bear out"},
        {"history", -1, "view history lacks"},
        {"history", 7, "view history has another"},
        {"queue", -1, "view queue lacks"},
        {"queue", 7, "other contents"},
        {"queue", 12, "other contents"},
        {"subscription", -1, "view subscription has 0 of 1"},
        {"subscription", 0, "damaged"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig *r = *state;

        live(r);
        settle(r);
        spoil(r, rows[i].view, 0, rows[i].byte);
        must_find(r, rows[i].part);
        settle(r); /* views can be made anew, whatever they were */
        must_be_sound(r->dir);
        rig_start(r);
    }
}

static void entries_that_the_log_does_not_have_are_found(void **state)
{
    static const struct {
        const char *view;
        size_t key_bytes;
        size_t value_bytes;
        const char *part;
    } rows[] = {
        {"queue", 16, 24, "entries that the log does not"},
        {"history", 20, 8, "entries that the log does not"},
        {"current", 20, 17, "does not bear out"},
        {"subscription", 8, 4, "damaged"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char raw[64] = "an entry that is nobody's, and long enough";
        struct rig *r = *state;
        struct surgery s;
        MDB_val key = {rows[i].key_bytes, raw};
        MDB_val value = {rows[i].value_bytes, raw};

        live(r);
        settle(r);
        cut(r, rows[i].view, &s);
        assert_int_equal(mdb_put(s.txn, s.dbi, &key, &value, 0), 0);
        sew(&s);
        must_find(r, rows[i].part);
        settle(r);
        rig_start(r);
    }
}

/* ---- what is no data folder ---- */

static void a_folder_that_is_not_belfrys_is_refused_and_left_alone(void **state)
{
    static const char *const names[] = {"log", "meta", "current", "queue",
                                        "history"};
    struct rig *r = *state;
    char word[] = "abc";
    MDB_val key = {3, word}, value = {3, word};
    struct store *store = NULL;
    struct surgery s;
    struct err e = {0};

    /* the folder of another program, in the place of the rig's */
    engine_close(&r->engine);
    cut(r, NULL, &s);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        MDB_dbi dbi;

        if (mdb_dbi_open(s.txn, names[i], 0, &dbi) == 0)
            assert_int_equal(mdb_drop(s.txn, dbi, 1), 0);
    }
    assert_int_equal(mdb_put(s.txn, s.dbi, &key, &value, 0), 0);
    sew(&s);
    assert_int_equal(store_open(r->dir, (size_t)256 << 20, &store, &e),
                     ERR_FORMAT);
    assert_non_null(strstr(e.message, "another program"));
    assert_null(store);
    assert_int_equal(store_open_read(r->dir, &store, &e), ERR_FORMAT);
    assert_null(store);
}

static void a_folder_of_another_format_is_refused(void **state)
{
    struct rig *r = *state;
    char newer[8];
    char word[] = "format";
    MDB_val key = {6, word}, value = {8, newer};
    struct store *store = NULL;
    struct surgery s;
    struct err e = {0};

    engine_close(&r->engine);
    store_put_u64(newer, STORE_FORMAT + 1);
    cut(r, "meta", &s);
    assert_int_equal(mdb_put(s.txn, s.dbi, &key, &value, 0), 0);
    sew(&s);
    assert_int_equal(store_open(r->dir, (size_t)256 << 20, &store, &e),
                     ERR_FORMAT);
    assert_non_null(strstr(e.message, "format"));
    assert_int_equal(store_open_read(r->dir, &store, &e), ERR_FORMAT);
    assert_non_null(strstr(e.message, "format"));
}

/* ---- backup ---- */

static void remove_copy(const char *dir)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "belfry.lock"};
    char path[PATH_BYTES];

    for (size_t i = 0; i < 3; i++) {
        assert_true(snprintf(path, sizeof path, "%s/%s", dir, files[i]) > 0);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

static void a_copy_of_a_folder_is_a_folder(void **state)
{
    struct rig *r = *state;
    struct store *s = NULL;
    char dir[PATH_BYTES];
    struct found f;
    struct err e = {0};

    live(r);
    engine_close(&r->engine);
    assert_true(snprintf(dir, sizeof dir, "%s-copy", r->dir) > 0);
    assert_int_equal(store_open_read(r->dir, &s, &e), ERR_OK);
    if (backup_write(s, dir, &e) != ERR_OK)
        fail_msg("%s", e.message);
    f = verify_dir(dir);
    assert_int_equal(f.counts.problems, 0);
    assert_int_equal(f.counts.resources, 3);
    assert_int_equal(backup_write(s, dir, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.message, "empty folder"));
    store_close(&s);
    remove_copy(dir);
}

static void
a_checksum_is_the_same_with_and_without_the_instruction(void **state)
{
    char data[100];

    (void)state;
    assert_int_equal(crc32c(bytes_of("123456789")), 0xe3069283);
    assert_int_equal(crc32c(bytes_make("", 0)), 0);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 37);
    for (size_t n = 0; n < sizeof data; n++)
        assert_int_equal(crc32c(bytes_make(data, n)),
                         crc32c_portable(bytes_make(data, n)));
}

#define WITH_RIG(test) \
    cmocka_unit_test_setup_teardown(test, rig_open, rig_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_folder_that_was_used_is_sound),
        WITH_RIG(views_made_anew_say_the_same),
        WITH_RIG(any_changed_bit_of_the_log_is_found),
        WITH_RIG(a_lost_record_of_the_log_is_found),
        WITH_RIG(what_a_view_lacks_or_tells_wrongly_is_found),
        WITH_RIG(entries_that_the_log_does_not_have_are_found),
        WITH_RIG(a_folder_that_is_not_belfrys_is_refused_and_left_alone),
        WITH_RIG(a_folder_of_another_format_is_refused),
        WITH_RIG(a_copy_of_a_folder_is_a_folder),
        cmocka_unit_test(
            a_checksum_is_the_same_with_and_without_the_instruction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
