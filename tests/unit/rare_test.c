#include "server/engine/rare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void assert_ranges(const struct sub_rare *r, const struct resend *wanted,
                          size_t n)
{
    assert_int_equal(r->resend_count, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(r->resend[i].first, wanted[i].first);
        assert_int_equal(r->resend[i].last, wanted[i].last);
    }
}

static void ranges_that_meet_become_one(void **state)
{
    struct sub_rare r = {0};

    (void)state;
    assert_true(rare_resend_add(&r, (struct resend){10, 12}));
    assert_true(rare_resend_add(&r, (struct resend){20, 22}));
    assert_ranges(&r, (struct resend[]){{10, 12}, {20, 22}}, 2);
    assert_true(rare_resend_add(&r, (struct resend){23, 25}));
    assert_ranges(&r, (struct resend[]){{10, 12}, {20, 25}}, 2);
    assert_true(rare_resend_add(&r, (struct resend){11, 19}));
    assert_ranges(&r, (struct resend[]){{10, 25}}, 1);
    assert_true(rare_resend_add(&r, (struct resend){1, 1}));
    assert_ranges(&r, (struct resend[]){{10, 25}, {1, 1}}, 2);
}

static void too_many_ranges_are_refused(void **state)
{
    struct sub_rare r = {0};

    (void)state;
    for (uint64_t i = 0; i < RESEND_MAX; i++)
        assert_true(rare_resend_add(&r, (struct resend){10 * i, 10 * i}));
    assert_false(rare_resend_add(&r, (struct resend){5, 5}));
    assert_int_equal(r.resend_count, RESEND_MAX);
    assert_true(rare_resend_add(&r, (struct resend){11, 12}));
}

static void what_was_sent_again_leaves_the_range(void **state)
{
    struct sub_rare r = {0};

    (void)state;
    assert_true(rare_resend_add(&r, (struct resend){3, 9}));
    assert_true(rare_resend_add(&r, (struct resend){20, 22}));
    rare_resend_done(&r, (struct resend){3, 5});
    assert_ranges(&r, (struct resend[]){{6, 9}, {20, 22}}, 2);
    rare_resend_done(&r, (struct resend){3, 5});
    rare_resend_done(&r, (struct resend){7, 9});
    assert_ranges(&r, (struct resend[]){{6, 9}, {20, 22}}, 2);
    rare_resend_done(&r, (struct resend){6, 9});
    assert_ranges(&r, (struct resend[]){{20, 22}}, 1);
    rare_resend_done(&r, (struct resend){20, 30});
    assert_true(rare_is_empty(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_that_meet_become_one),
        cmocka_unit_test(too_many_ranges_are_refused),
        cmocka_unit_test(what_was_sent_again_leaves_the_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
