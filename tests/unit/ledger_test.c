/* The bounds of the reports that wait for the writer. */
#include "server/engine/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct ledger *l = malloc(sizeof *l);
    struct err e;

    assert_non_null(l);
    assert_int_equal(ledger_init(l, &e), ERR_OK);
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    ledger_fini(*state);
    free(*state);
    return 0;
}

/* One report with the number as its event. */
static enum err_code put(struct ledger *l, uint64_t number)
{
    const struct report r = {.kind = REPORT_DELIVERED, .event = number};
    struct err e;

    return ledger_put_reports(l, &r, 1, &e);
}

static void fill(struct ledger *l)
{
    for (uint64_t i = 1; i <= LEDGER_REPORTS; i++)
        assert_int_equal(put(l, i), ERR_OK);
}

static struct intake take(struct ledger *l)
{
    struct intake taken = {0};

    ledger_take(l, 0, 0, &taken);
    return taken;
}

static void past_the_limit_no_report_is_taken(void **state)
{
    struct ledger *l = *state;

    fill(l);
    assert_int_equal(put(l, 0), ERR_BUSY);
}

static void an_intake_takes_so_many_in_order(void **state)
{
    struct ledger *l = *state;
    uint64_t next = 1;

    fill(l);
    while (next <= LEDGER_REPORTS) {
        struct intake t = take(l);

        assert_in_range(t.report_count, 1, LEDGER_TAKE_REPORTS);
        for (size_t i = 0; i < t.report_count; i++)
            assert_int_equal(t.reports[i].event, next++);
        free(t.reports);
    }
    assert_int_equal(take(l).report_count, 0);
}

/* A disk that stays full: the same go out and come back. */
static void returned_reports_are_first_and_count(void **state)
{
    struct ledger *l = *state;

    fill(l);
    for (int i = 0; i < 3; i++) {
        struct intake t = take(l);

        assert_int_equal(t.reports[0].event, 1);
        assert_int_equal(put(l, 0), ERR_BUSY);
        assert_true(ledger_return_reports(l, t.reports, t.report_count));
        assert_int_equal(put(l, 0), ERR_BUSY);
        assert_int_equal(l->report_count, LEDGER_REPORTS);
        free(t.reports);
    }
}

static void room_comes_back_with_what_is_settled(void **state)
{
    struct ledger *l = *state;

    fill(l);
    free(take(l).reports);
    assert_int_equal(put(l, 0), ERR_BUSY);
    free(take(l).reports); /* the first ones are settled by now */
    assert_int_equal(put(l, 0), ERR_OK);
}

static void a_closed_one_ends_when_all_are_taken(void **state)
{
    struct ledger *l = *state;
    struct intake t;

    fill(l);
    ledger_close(l);
    t = take(l);
    assert_false(t.closed);
    assert_false(ledger_return_reports(l, t.reports, t.report_count));
    do {
        free(t.reports);
        t = take(l);
    } while (!t.closed);
    free(t.reports);
    assert_int_equal(l->report_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(past_the_limit_no_report_is_taken),
        TEST(an_intake_takes_so_many_in_order),
        TEST(returned_reports_are_first_and_count),
        TEST(room_comes_back_with_what_is_settled),
        TEST(a_closed_one_ends_when_all_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
