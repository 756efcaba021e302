/* What is sent again, beside the queue. */
#include "tests/unit/scheduler_world.h"

static void assert_flying(const struct world *w, uint64_t first, uint64_t last)
{
    assert_int_equal(w->flying_count, 1);
    assert_int_equal(w->flying[0]->type, NOTIFY_EVENT);
    assert_int_equal(w->flying[0]->first, first);
    assert_int_equal(w->flying[0]->last, last);
}

/* 30 events, all delivered, of which 3 to 25 are wanted again. */
static struct world *begin_world(struct sub **sub)
{
    struct world *w = world_new();

    *sub = add_active(w, 1, 30);
    (*sub)->state.delivered = 30;
    (*sub)->state.resend = (struct resend){3, 25};
    wake(w, 1);
    return w;
}

static void ranges_are_sent_again_and_the_cursor_stays(void **state)
{
    struct sub *sub;
    struct world *w = begin_world(&sub);

    (void)state;
    assert_flying(w, 3, 12);
    answer(w, 200);
    assert_int_equal(last_report(w)->kind, REPORT_RESENT);
    assert_int_equal(last_report(w)->first, 3);
    assert_int_equal(last_report(w)->event, 12);
    assert_flying(w, 13, 22);
    answer(w, 200);
    assert_flying(w, 23, 25);
    answer(w, 200);
    assert_int_equal(w->flying_count, 0);
    assert_int_equal(sub->state.delivered, 30);
    assert_int_equal(sub->state.resend.last, 0);
    assert_int_equal(count_reports(w, REPORT_DELIVERED), 0);
    world_free(w);
}

static void new_events_go_first(void **state)
{
    struct sub *sub;
    struct world *w = begin_world(&sub);

    (void)state;
    sub->state.last_event = 45;
    answer(w, 200);
    assert_flying(w, 31, 40);
    answer(w, 200);
    assert_flying(w, 41, 45);
    answer(w, 200);
    assert_flying(w, 13, 22);
    world_free(w);
}

static void it_does_not_wait_for_ever(void **state)
{
    struct sub *sub;
    struct world *w = begin_world(&sub);
    int others = 0;

    (void)state;
    sub->state.last_event = 10000;
    answer(w, 200);
    while (w->flying[0]->first > 30 && others < 100) {
        answer(w, 200);
        others++;
    }
    assert_int_equal(others, 9);
    assert_flying(w, 13, 22);
    world_free(w);
}

/* The report is on its way while the state still shows the old range. */
static void what_was_taken_is_not_sent_a_third_time(void **state)
{
    struct sub *sub;
    struct world *w = begin_world(&sub);

    (void)state;
    w->silent_engine = true;
    answer(w, 200);
    assert_flying(w, 13, 22);
    answer(w, 200);
    assert_flying(w, 23, 25);
    answer(w, 200);
    assert_int_equal(w->flying_count, 0);
    wake(w, 1);
    assert_int_equal(w->flying_count, 0);
    sub->state.resend = (struct resend){0, 0};
    wake(w, 1);
    sub->state.resend = (struct resend){3, 4};
    wake(w, 1);
    assert_flying(w, 3, 4);
    world_free(w);
}

static void a_failing_one_is_retried_with_the_same_events(void **state)
{
    struct sub *sub;
    struct world *w = begin_world(&sub);

    (void)state;
    answer(w, 503);
    assert_int_equal(last_report(w)->kind, REPORT_RETRY);
    assert_int_equal(w->flying_count, 0);
    at_ms(w, w->now + 5 * SEC);
    assert_flying(w, 3, 12);
    answer(w, 200);
    assert_flying(w, 13, 22);
    world_free(w);
}

static void a_refused_one_goes_back_to_the_dead_letters(void **state)
{
    struct sub *sub;
    struct world *w = begin_world(&sub);

    (void)state;
    answer(w, 400);
    assert_int_equal(last_report(w)->kind, REPORT_REPARKED);
    assert_int_equal(last_report(w)->first, 3);
    assert_int_equal(last_report(w)->event, 12);
    assert_flying(w, 13, 22);
    assert_int_equal(sub->state.status, STATUS_ACTIVE);
    world_free(w);
}

static void a_restart_goes_on_where_the_state_says(void **state)
{
    struct sub *sub;
    struct world *w = begin_world(&sub);

    (void)state;
    answer(w, 200);
    restart(w);
    assert_flying(w, 13, 22);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_sent_again_and_the_cursor_stays),
        cmocka_unit_test(new_events_go_first),
        cmocka_unit_test(it_does_not_wait_for_ever),
        cmocka_unit_test(what_was_taken_is_not_sent_a_third_time),
        cmocka_unit_test(a_failing_one_is_retried_with_the_same_events),
        cmocka_unit_test(a_refused_one_goes_back_to_the_dead_letters),
        cmocka_unit_test(a_restart_goes_on_where_the_state_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
