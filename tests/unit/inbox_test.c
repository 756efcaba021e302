#include "server/delivery/inbox.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>

static struct inbox *inbox_of(size_t max)
{
    struct inbox *b;

    assert_int_equal(inbox_new(max, &b, NULL), ERR_OK);
    return b;
}

static void only_the_first_wakes(void **state)
{
    struct inbox *b = inbox_of(8);
    uint64_t n = 5;

    (void)state;
    assert_true(inbox_add(b, &n, 1));
    assert_false(inbox_add(b, &n, 1));
    assert_int_equal(inbox_take(b).n, 1);
    assert_true(inbox_add(b, &n, 1));
    assert_false(inbox_add(b, &n, 0));
    inbox_free(b);
}

static void nothing_wakes_nobody(void **state)
{
    struct inbox *b = inbox_of(8);
    uint64_t n = 5;

    (void)state;
    assert_false(inbox_add(b, &n, 0));
    assert_int_equal(inbox_take(b).n, 0);
    inbox_free(b);
}

static void each_number_is_there_once(void **state)
{
    static const uint64_t numbers[] = {3, 9, 3, 3, 7, 9};
    struct inbox *b = inbox_of(8);
    struct inbox_content c;

    (void)state;
    (void)inbox_add(b, numbers, 6);
    c = inbox_take(b);
    assert_int_equal(c.n, 3);
    assert_int_equal(c.numbers[0], 3);
    assert_int_equal(c.numbers[1], 9);
    assert_int_equal(c.numbers[2], 7);
    assert_false(c.all);
    (void)inbox_add(b, numbers, 1);
    assert_int_equal(inbox_take(b).n, 1);
    inbox_free(b);
}

static void past_the_bound_all_is_asked_for(void **state)
{
    struct inbox *b = inbox_of(4);
    struct inbox_content c;

    (void)state;
    for (uint64_t i = 1; i <= 100; i++)
        (void)inbox_add(b, &i, 1);
    c = inbox_take(b);
    assert_true(c.all);
    assert_int_equal(c.n, 4);
    assert_false(inbox_take(b).all);
    inbox_free(b);
}

static void *add_many(void *ctx)
{
    for (uint64_t i = 1; i <= 20000; i++)
        (void)inbox_add(ctx, &i, 1);
    return NULL;
}

static void no_number_is_lost_between_threads(void **state)
{
    struct inbox *b = inbox_of(32768);
    uint64_t sum = 0;
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, add_many, b), 0);
    while (sum < UINT64_C(20000) * 20001 / 2) {
        struct inbox_content c = inbox_take(b);

        for (size_t i = 0; i < c.n; i++)
            sum += c.numbers[i];
    }
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(sum, UINT64_C(20000) * 20001 / 2);
    inbox_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_first_wakes),
        cmocka_unit_test(nothing_wakes_nobody),
        cmocka_unit_test(each_number_is_there_once),
        cmocka_unit_test(past_the_bound_all_is_asked_for),
        cmocka_unit_test(no_number_is_lost_between_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
