#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/map.h"
#include "storage/store/overlay.h"
#include "storage/store/store.h"

#define MAP_BYTES ((size_t)64 << 20)

static const uint64_t seed[2] = {1, 2};

/* A folder of its own for each test, removed with what is in it. */
static int make_folder(void **state)
{
    char *dir = strdup("/tmp/belfry-store-XXXXXX");

    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    *state = dir;
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "belfry.lock"};
    char path[256];

    for (size_t i = 0; i < 3; i++) {
        assert_true(
            snprintf(path, sizeof path, "%s/%s", (char *)*state, files[i]) > 0);
        (void)unlink(path);
    }
    (void)rmdir(*state);
    free(*state);
    return 0;
}

static struct store *open_store(const char *dir)
{
    struct store *s;
    struct err e;

    assert_int_equal(store_open(dir, MAP_BYTES, &s, &e), ERR_OK);
    return s;
}

static void append(struct store *s, uint64_t change, const char *text)
{
    struct store_txn *t;
    struct err e;
    char *out;

    assert_int_equal(store_begin_write(s, &t, &e), ERR_OK);
    assert_int_equal(store_log_append(t, change, strlen(text), &out, &e),
                     ERR_OK);
    memcpy(out, text, strlen(text));
    assert_int_equal(store_commit(&t, &e), ERR_OK);
    assert_null(t);
}

static void log_survives_reopening(void **state)
{
    struct store *s = open_store(*state);
    struct store_txn *t;
    struct bytes record;
    struct err e;
    uint64_t last;

    append(s, 1, "one");
    append(s, 2, "two");
    store_close(&s);
    s = open_store(*state);
    assert_int_equal(store_begin_read(s, &t, &e), ERR_OK);
    assert_int_equal(store_log_last(t, &last, &e), ERR_OK);
    assert_int_equal(last, 2);
    assert_int_equal(store_log_get(t, 1, &record, &e), ERR_OK);
    assert_true(bytes_is(record, "one"));
    assert_int_equal(store_log_get(t, 3, &record, &e), ERR_NOT_FOUND);
    store_abort(&t);
    store_close(&s);
}

static void aborted_transaction_leaves_nothing(void **state)
{
    struct store *s = open_store(*state);
    struct store_txn *t;
    struct bytes record;
    struct err e;
    char *out;

    assert_int_equal(store_begin_write(s, &t, &e), ERR_OK);
    assert_int_equal(store_log_append(t, 1, 3, &out, &e), ERR_OK);
    memcpy(out, "one", 3);
    store_abort(&t);
    assert_int_equal(store_begin_read(s, &t, &e), ERR_OK);
    assert_int_equal(store_log_get(t, 1, &record, &e), ERR_NOT_FOUND);
    store_abort(&t);
    store_close(&s);
}

static void log_refuses_a_number_out_of_order(void **state)
{
    struct store *s = open_store(*state);
    struct store_txn *t;
    struct err e;
    char *out;

    append(s, 5, "five");
    assert_int_equal(store_begin_write(s, &t, &e), ERR_OK);
    assert_int_not_equal(store_log_append(t, 4, 4, &out, &e), ERR_OK);
    store_abort(&t);
    store_close(&s);
}

static void second_server_on_one_folder_is_refused(void **state)
{
    struct store *s = open_store(*state), *second;
    struct err e;

    assert_int_equal(store_open(*state, MAP_BYTES, &second, &e), ERR_BUSY);
    assert_null(second);
    assert_non_null(strstr(e.message, "in use"));
    store_close(&s);
}

static void folder_of_another_program_is_refused(void **state)
{
    char path[256];
    struct store *s;
    struct err e;
    FILE *f;

    assert_true(snprintf(path, sizeof path, "%s/data.mdb", (char *)*state) > 0);
    f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 5000; i++)
        assert_true(fputs("not a database", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(store_open(*state, MAP_BYTES, &s, &e), ERR_FORMAT);
    assert_null(s);
}

static void folder_that_is_a_file_is_refused(void **state)
{
    struct store *s;
    struct err e;

    (void)state;
    assert_int_equal(store_open("/dev/null", MAP_BYTES, &s, &e), ERR_IO);
    assert_null(s);
}

static void full_map_is_err_full_and_reads_go_on(void **state)
{
    struct store *s;
    struct store_txn *t;
    struct err e;
    struct bytes record;
    enum err_code code = ERR_OK;
    char *out;

    assert_int_equal(store_open(*state, (size_t)1 << 20, &s, &e), ERR_OK);
    append(s, 1, "first");
    assert_int_equal(store_begin_write(s, &t, &e), ERR_OK);
    for (uint64_t i = 2; code == ERR_OK && i < 1000; i++)
        code = store_log_append(t, i, 8000, &out, &e);
    assert_int_equal(code, ERR_FULL);
    store_abort(&t);
    assert_int_equal(store_begin_read(s, &t, &e), ERR_OK);
    assert_int_equal(store_log_get(t, 1, &record, &e), ERR_OK);
    store_abort(&t);
    append(s, 2, "room again");
    store_close(&s);
}

static void view_keeps_the_latest_value(void **state)
{
    struct store *s = open_store(*state);
    struct store_txn *t;
    struct bytes value, key = bytes_of("Patient/1");
    struct err e;

    assert_int_equal(store_begin_write(s, &t, &e), ERR_OK);
    assert_int_equal(store_view_get(t, VIEW_CURRENT, key, &value, &e),
                     ERR_NOT_FOUND);
    assert_int_equal(store_view_put(t, VIEW_CURRENT, key, bytes_of("a"), &e),
                     ERR_OK);
    assert_int_equal(store_view_put(t, VIEW_CURRENT, key, bytes_of("b"), &e),
                     ERR_OK);
    assert_int_equal(store_view_get(t, VIEW_CURRENT, key, &value, &e), ERR_OK);
    assert_true(bytes_is(value, "b"));
    assert_int_equal(store_view_get(t, VIEW_HISTORY, key, &value, &e),
                     ERR_NOT_FOUND);
    assert_int_equal(store_view_delete(t, VIEW_CURRENT, key, &e), ERR_OK);
    assert_int_equal(store_view_delete(t, VIEW_CURRENT, key, &e), ERR_OK);
    assert_int_equal(store_view_get(t, VIEW_CURRENT, key, &value, &e),
                     ERR_NOT_FOUND);
    store_abort(&t);
    store_close(&s);
}

static void staged_entries_show_only_after_publishing(void **state)
{
    struct overlay o;
    struct bytes key = bytes_of("k");

    (void)state;
    overlay_init(&o, seed);
    assert_true(overlay_stage(&o, VIEW_CURRENT, key, bytes_of("1")));
    assert_null(overlay_get(&o, VIEW_CURRENT, key));
    assert_non_null(overlay_get_staged(&o, VIEW_CURRENT, key));
    assert_true(overlay_prepare(&o));
    overlay_publish(&o);
    assert_true(bytes_is(overlay_get(&o, VIEW_CURRENT, key)->value, "1"));
    assert_null(overlay_get(&o, VIEW_HISTORY, key));
    assert_true(overlay_stage(&o, VIEW_CURRENT, key, bytes_of("22")));
    overlay_discard(&o);
    assert_true(
        bytes_is(overlay_get_staged(&o, VIEW_CURRENT, key)->value, "1"));
    assert_true(overlay_stage(&o, VIEW_CURRENT, key, bytes_of("333")));
    assert_true(overlay_prepare(&o));
    overlay_publish(&o);
    assert_true(bytes_is(overlay_get(&o, VIEW_CURRENT, key)->value, "333"));
    assert_int_equal(overlay_count(&o), 1);
    overlay_fini(&o);
}

/* A full disk refuses batches for hours: what they staged must not add up. */
static void discarded_entries_leave_no_memory_behind(void **state)
{
    struct overlay o;
    struct bytes key = bytes_of("k");
    char large[10000] = {0};
    size_t before;

    (void)state;
    overlay_init(&o, seed);
    assert_true(overlay_stage(&o, VIEW_CURRENT, key, bytes_of("1")));
    assert_true(overlay_prepare(&o));
    overlay_publish(&o);
    before = overlay_bytes(&o);
    for (int i = 0; i < 100; i++) {
        assert_true(overlay_stage(&o, VIEW_CURRENT, key, bytes_of("22")));
        assert_true(overlay_stage(&o, VIEW_HISTORY, key,
                                  bytes_make(large, sizeof large)));
        overlay_discard(&o);
        assert_int_equal(overlay_bytes(&o), before);
    }
    assert_true(bytes_is(overlay_get(&o, VIEW_CURRENT, key)->value, "1"));
    overlay_clear(&o);
    assert_true(overlay_stage(&o, VIEW_CURRENT, key, bytes_of("22")));
    overlay_discard(&o);
    assert_int_equal(overlay_bytes(&o), 0);
    overlay_fini(&o);
}

static void sorted_overlay_is_in_key_order(void **state)
{
    struct overlay o;
    const struct overlay_entry **list;
    char key[8];

    (void)state;
    overlay_init(&o, seed);
    for (uint64_t i = 0; i < 1000; i++) {
        store_put_u64(key, i * 7919 % 1000);
        assert_true(
            overlay_stage(&o, VIEW_QUEUE, bytes_make(key, 8), bytes_of("")));
    }
    assert_true(overlay_prepare(&o));
    overlay_publish(&o);
    list = overlay_sorted(&o);
    assert_non_null(list);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(store_get_u64(list[i]->key.p), i);
    free(list);
    overlay_fini(&o);
}

static bool number_equal(const void *object, const void *key)
{
    return *(const uint64_t *)object == *(const uint64_t *)key;
}

static void map_finds_what_remains_after_removals(void **state)
{
    static uint64_t numbers[5000];
    struct map m;

    (void)state;
    map_init(&m);
    /* few distinct hashes: long probes, wrapped around the end */
    for (uint64_t i = 0; i < 5000; i++) {
        numbers[i] = i;
        assert_true(map_insert(&m, i % 37, &numbers[i]));
    }
    for (uint64_t i = 0; i < 5000; i += 2)
        map_remove(&m, i % 37, &numbers[i]);
    assert_int_equal(m.count, 2500);
    for (uint64_t i = 0; i < 5000; i++) {
        void *found = map_find(&m, i % 37, number_equal, &i);

        assert_ptr_equal(found, i % 2 ? &numbers[i] : NULL);
    }
    map_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(log_survives_reopening, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(aborted_transaction_leaves_nothing,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(log_refuses_a_number_out_of_order,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(second_server_on_one_folder_is_refused,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(folder_of_another_program_is_refused,
                                        make_folder, remove_folder),
        cmocka_unit_test(folder_that_is_a_file_is_refused),
        cmocka_unit_test_setup_teardown(full_map_is_err_full_and_reads_go_on,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(view_keeps_the_latest_value,
                                        make_folder, remove_folder),
        cmocka_unit_test(staged_entries_show_only_after_publishing),
        cmocka_unit_test(discarded_entries_leave_no_memory_behind),
        cmocka_unit_test(sorted_overlay_is_in_key_order),
        cmocka_unit_test(map_finds_what_remains_after_removals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
