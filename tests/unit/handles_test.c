/* The pool of objects named by handles, and the set of handles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "storage/base/blocks.h"
#include "storage/base/handle_set.h"
#include "storage/base/pool.h"

struct item {
    uint64_t key;
    uint64_t other;
};

static void objects_stay_where_they_are(void **state)
{
    struct pool p;
    struct item *first;
    uint32_t handle;

    (void)state;
    pool_init(&p, sizeof(struct item));
    handle = pool_take(&p);
    assert_int_equal(handle, 1);
    first = pool_at(&p, handle);
    first->key = 42;
    for (uint32_t i = 2; i <= 10000; i++) {
        handle = pool_take(&p);
        assert_int_equal(handle, i);
        ((struct item *)pool_at(&p, handle))->key = i;
    }
    assert_ptr_equal(pool_at(&p, 1), first);
    assert_int_equal(first->key, 42);
    for (uint32_t i = 2; i <= 10000; i++)
        assert_int_equal(((struct item *)pool_at(&p, i))->key, i);
    assert_int_equal(p.count, 10000);
    pool_fini(&p);
}

static void a_given_handle_comes_back_zeroed(void **state)
{
    struct pool p;
    struct item *item;
    uint32_t a, b;

    (void)state;
    pool_init(&p, sizeof(struct item));
    a = pool_take(&p);
    b = pool_take(&p);
    memset(pool_at(&p, a), 0xff, sizeof *item);
    memset(pool_at(&p, b), 0xff, sizeof *item);
    pool_give(&p, a);
    pool_give(&p, b);
    assert_int_equal(p.count, 0);
    assert_int_equal(pool_take(&p), b);
    assert_int_equal(pool_take(&p), a);
    item = pool_at(&p, a);
    assert_int_equal(item->key, 0);
    assert_int_equal(item->other, 0);
    assert_int_equal(pool_take(&p), 3);
    pool_fini(&p);
}

/* The handle h stands for the key keys[h]. */
struct look {
    const uint64_t *keys;
    uint64_t key;
};

static bool equal(const void *ctx, uint32_t handle)
{
    const struct look *l = ctx;

    return l->keys[handle] == l->key;
}

#define KEYS 2000

static uint32_t find(const struct handle_set *s, const uint64_t *keys,
                     uint64_t key)
{
    struct look l = {keys, key};

    return handle_set_find(s, key, equal, &l);
}

static void a_set_finds_what_is_in_it_and_nothing_else(void **state)
{
    static uint64_t keys[KEYS + 1];
    struct handle_set s = {0};

    (void)state;
    assert_int_equal(find(&s, keys, 7), 0);
    for (uint32_t h = 1; h <= KEYS; h++) {
        keys[h] = h * 3; /* plain numbers: the set must spread them */
        assert_true(handle_set_reserve(&s, 1));
        handle_set_insert(&s, keys[h], h);
    }
    assert_int_equal(s.count, KEYS);
    for (uint32_t h = 1; h <= KEYS; h++) {
        assert_int_equal(find(&s, keys, keys[h]), h);
        assert_int_equal(find(&s, keys, keys[h] + 1), 0);
    }
    handle_set_fini(&s);
}

static void removing_keeps_the_others_reachable(void **state)
{
    static uint64_t keys[KEYS + 1];
    struct handle_set s = {0};

    (void)state;
    assert_true(handle_set_reserve(&s, KEYS));
    assert_true(handle_set_has_room(&s, KEYS));
    for (uint32_t h = 1; h <= KEYS; h++) {
        keys[h] = h % 50; /* many of one hash: long runs */
        handle_set_insert(&s, keys[h], h);
    }
    for (uint32_t h = 1; h <= KEYS; h += 2)
        handle_set_remove(&s, keys[h], h);
    handle_set_remove(&s, 49, KEYS + 7);
    assert_int_equal(s.count, KEYS / 2);
    for (uint32_t h = 1; h <= KEYS; h++)
        if (h % 2 == 0)
            assert_int_not_equal(find(&s, keys, keys[h]), 0);
    for (uint32_t h = 2; h <= KEYS; h += 2)
        handle_set_remove(&s, keys[h], h);
    assert_int_equal(s.count, 0);
    assert_int_equal(find(&s, keys, 4), 0);
    handle_set_fini(&s);
}

static void another_handle_takes_the_place(void **state)
{
    static const uint64_t keys[] = {0, 5, 5};
    struct handle_set s = {0};

    (void)state;
    assert_true(handle_set_reserve(&s, 1));
    handle_set_insert(&s, 5, 1);
    handle_set_replace(&s, 5, 1, 2);
    assert_int_equal(find(&s, keys, 5), 2);
    assert_int_equal(s.count, 1);
    handle_set_fini(&s);
}

/* Past one segment the set splits: what is in it stays, and what is not is
 * not found. Handles repeat their key. */
static bool same(const void *ctx, uint32_t handle)
{
    return handle == *(const uint32_t *)ctx;
}

static uint32_t find_self(const struct handle_set *s, uint32_t h)
{
    return handle_set_find(s, h, same, &h);
}

static void a_large_set_splits_and_loses_nothing(void **state)
{
    const uint32_t n = 3 * HANDLE_SEGMENT_SLOTS;
    struct handle_set s = {0};

    (void)state;
    for (uint32_t h = 1; h <= n; h++) {
        assert_true(handle_set_reserve(&s, 1));
        handle_set_insert(&s, h, h);
    }
    assert_true(s.depth >= 2);
    for (uint32_t h = 1; h <= n; h += 2)
        handle_set_remove(&s, h, h);
    assert_int_equal(s.count, n / 2);
    for (uint32_t h = 1; h <= n; h++)
        assert_int_equal(find_self(&s, h), h % 2 == 0 ? h : 0);
    handle_set_fini(&s);
}

static void blocks_of_any_size_keep_apart(void **state)
{
    static const size_t sizes[] = {1, 16, 17, 80, 1024, 1025, 5000, 512 << 10};
    const size_t n = sizeof sizes / sizeof *sizes;
    struct blocks b = {0};
    uint32_t handles[sizeof sizes / sizeof *sizes];

    (void)state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < n; i++) {
            char *object;

            handles[i] = blocks_take(&b, sizes[i]);
            assert_int_not_equal(handles[i], 0);
            object = blocks_at(&b, handles[i]);
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(object[k], 0);
            memset(object, (int)i + 1, sizes[i]);
        }
        for (size_t i = 0; i < n; i++) {
            const char *object = blocks_at(&b, handles[i]);

            assert_int_equal(object[0], i + 1);
            assert_int_equal(object[sizes[i] - 1], i + 1);
            blocks_give(&b, handles[i], sizes[i]);
        }
        assert_int_equal(b.bytes, 0);
    }
    assert_int_equal(b.chunk_count, 1);
    assert_int_equal(blocks_take(&b, BLOCKS_BYTES_MAX + 1), 0);
    blocks_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_stay_where_they_are),
        cmocka_unit_test(a_given_handle_comes_back_zeroed),
        cmocka_unit_test(a_set_finds_what_is_in_it_and_nothing_else),
        cmocka_unit_test(removing_keeps_the_others_reachable),
        cmocka_unit_test(another_handle_takes_the_place),
        cmocka_unit_test(a_large_set_splits_and_loses_nothing),
        cmocka_unit_test(blocks_of_any_size_keep_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
