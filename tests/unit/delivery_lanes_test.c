/* The scheduler: order per focus, batches that are too large or refused, and
 * waiting for a batch to fill. */
#include "tests/unit/scheduler_world.h"

#define REFUSED http_status_outcome(422, 0)

/* The events' foci by letter, "abac...": one subscription, active. */
static struct sub *add_foci(struct world *w, const char *foci)
{
    struct sub *sub = add_active(w, 1, strlen(foci));

    for (size_t i = 0; foci[i]; i++)
        w->focus[(i + 1) % 64] = (uint64_t)foci[i];
    sub->target.per_focus = true;
    return sub;
}

static size_t find(const struct world *w, uint64_t first)
{
    for (size_t i = 0; i < w->flying_count; i++)
        if (w->flying[i]->numbers && w->flying[i]->numbers[0] == first)
            return i;
    fail_msg("no attempt begins with event %d", (int)first);
    return 0;
}

/* Two to an endpoint at first: it earns the rest. */
static struct world *world_wide(void)
{
    struct endpoint_limits limits;
    struct world *w = world_new();

    endpoint_limits_default(&limits);
    limits.per_unproven = 8;
    scheduler_free(w->s);
    build(w, &limits);
    return w;
}

static void foci_do_not_wait_for_each_other(void **state)
{
    struct world *w = world_wide();

    (void)state;
    add_foci(w, "abacab");
    wake(w, 1);
    assert_int_equal(w->flying_count, 3);
    assert_int_equal(w->flying[find(w, 1)]->number_count, 3); /* a: 1 3 5 */
    assert_int_equal(w->flying[find(w, 1)]->numbers[1], 3);
    assert_int_equal(w->flying[find(w, 2)]->number_count, 2); /* b: 2 6 */
    finish_at(w, find(w, 4), http_status_outcome(200, 0));
    finish_at(w, find(w, 2), http_status_outcome(200, 0));
    assert_int_equal(w->subs[1].state.delivered, 0);
    assert_true(w->subs[1].state.out_of_order);
    finish_at(w, find(w, 1), http_status_outcome(200, 0));
    assert_int_equal(w->subs[1].state.delivered, 6);
    assert_false(w->subs[1].state.out_of_order);
    assert_int_equal(w->flying_count, 0);
    world_free(w);
}

static void a_failing_focus_holds_up_itself_alone(void **state)
{
    struct world *w = world_wide();
    struct sub *sub = add_foci(w, "ab");

    (void)state;
    wake(w, 1);
    finish_at(w, find(w, 1), http_status_outcome(404, 0));
    assert_int_equal(w->note.first, 1);
    assert_int_equal(w->note.chosen, 1);
    assert_int_equal(w->note.next_ms, START + 5 * SEC);
    finish_at(w, find(w, 2), http_status_outcome(200, 0));
    assert_int_equal(last_report(w)->kind, REPORT_ACKED);
    /* more of both: b goes on, a waits for its retry */
    w->focus[3] = 'b';
    w->focus[4] = 'a';
    sub->state.last_event = 4;
    wake(w, 1);
    assert_int_equal(w->flying_count, 1);
    finish_at(w, find(w, 3), http_status_outcome(200, 0));
    assert_int_equal(w->flying_count, 0);
    at_ms(w, START + 5 * SEC);
    assert_int_equal(w->flying_count, 1);
    assert_int_equal(w->flying[0]->number_count, 1); /* the same batch */
    assert_int_equal(w->flying[0]->failures, 1);
    finish_at(w, 0, http_status_outcome(200, 0));
    finish_at(w, find(w, 4), http_status_outcome(200, 0));
    assert_int_equal(sub->state.delivered, 4);
    world_free(w);
}

static void new_events_start_while_another_lane_hangs(void **state)
{
    struct world *w = world_wide();
    struct sub *sub = add_foci(w, "a");

    (void)state;
    wake(w, 1);
    assert_int_equal(w->flying_count, 1);
    w->focus[2] = 'b';
    sub->state.last_event = 2;
    wake(w, 1);
    assert_int_equal(w->flying_count, 2);
    world_free(w);
}

static void a_restart_sends_what_was_not_acknowledged_and_no_more(void **state)
{
    struct world *w = world_wide();

    (void)state;
    add_foci(w, "abcd");
    wake(w, 1);
    finish_at(w, find(w, 2), http_status_outcome(200, 0));
    finish_at(w, find(w, 4), http_status_outcome(200, 0));
    w->begun = 0;
    restart(w);
    assert_int_equal(w->begun, 2);
    assert_int_equal(w->flying[find(w, 1)]->number_count, 1);
    assert_int_equal(w->flying[find(w, 3)]->number_count, 1);
    world_free(w);
}

static void order_that_is_asked_for_again_repeats_nothing(void **state)
{
    struct world *w = world_wide();
    struct sub *sub = add_foci(w, "abc");

    (void)state;
    wake(w, 1);
    finish_at(w, find(w, 2), http_status_outcome(200, 0));
    sub->target.per_focus = false;
    redefine(w, 1, 50);
    wake(w, 1);
    finish_at(w, find(w, 1), http_status_outcome(500, 0));
    finish_at(w, find(w, 3), http_status_outcome(500, 0));
    at_ms(w, START + SEC);
    answer(w, 200); /* the handshake */
    assert_int_equal(w->flying_count, 1);
    assert_int_equal(w->flying[0]->number_count, 2);
    assert_int_equal(w->flying[0]->numbers[0], 1);
    assert_int_equal(w->flying[0]->numbers[1], 3);
    answer(w, 200);
    assert_int_equal(sub->state.delivered, 3);
    world_free(w);
}

static void deleted_with_lanes_in_flight_is_forgotten(void **state)
{
    struct world *w = world_wide();
    struct scheduler_facts facts;

    (void)state;
    add_foci(w, "abc");
    wake(w, 1);
    w->subs[1].live = false;
    wake(w, 1);
    answer(w, 200);
    answer(w, 500);
    answer(w, 410);
    scheduler_facts(w->s, &facts);
    assert_int_equal(facts.entries, 0);
    assert_int_equal(facts.endpoints, 0);
    assert_int_equal(w->flying_count, 0);
    world_free(w);
}

static void exhausted_lane_is_an_error_of_the_whole(void **state)
{
    struct world *w = world_wide();

    (void)state;
    add_foci(w, "ab");
    wake(w, 1);
    finish_at(w, find(w, 2), http_status_outcome(200, 0));
    while (w->subs[1].state.status == STATUS_ACTIVE) {
        assert_true(w->now < START + 8 * 24 * HOUR);
        if (w->flying_count > 0)
            answer(w, 404);
        else
            at_ms(w, scheduler_next_due(w->s));
    }
    assert_int_equal(w->subs[1].state.status, STATUS_ERROR);
    assert_true(w->now >= START + 6 * 24 * HOUR);
    redefine(w, 1, 60);
    wake(w, 1);
    at_ms(w, w->now + SEC);
    answer(w, 200);
    assert_int_equal(w->flying[0]->numbers[0], 1);
    assert_int_equal(w->flying[0]->failures, 0);
    answer(w, 200);
    assert_int_equal(w->subs[1].state.delivered, 2);
    world_free(w);
}

/* ---- refused ---- */

static void what_is_refused_three_times_is_parked(void **state)
{
    struct world *w = world_new();
    struct sub *sub = add_active(w, 1, 25);

    (void)state;
    sub->target.park = true;
    wake(w, 1);
    finish_at(w, 0, REFUSED);
    at_ms(w, START + 5 * SEC);
    finish_at(w, 0, (struct outcome){.failure = FAILURE_TIMEOUT});
    at_ms(w, w->now + 30 * SEC);
    finish_at(w, 0, REFUSED);
    assert_int_equal(count_reports(w, REPORT_PARKED), 0);
    at_ms(w, w->now + 120 * SEC);
    finish_at(w, 0, REFUSED);
    assert_int_equal(last_report(w)->kind, REPORT_PARKED);
    assert_int_equal(last_report(w)->first, 1);
    assert_int_equal(last_report(w)->event, 10);
    assert_int_equal(last_report(w)->attempts, 4);
    assert_int_equal(last_report(w)->failure, FAILURE_CONFIG);
    assert_int_equal(w->flying[0]->first, 11); /* and on at once */
    assert_int_equal(w->flying[0]->failures, 0);
    answer(w, 200);
    answer(w, 200);
    assert_int_equal(sub->state.delivered, 25);
    assert_int_equal(sub->state.status, STATUS_ACTIVE);
    world_free(w);
}

static void a_failing_endpoint_parks_nothing(void **state)
{
    struct world *w = world_new();
    struct sub *sub = add_active(w, 1, 5);

    (void)state;
    sub->target.park = true;
    wake(w, 1);
    while (w->now < START + 24 * HOUR) {
        if (w->flying_count > 0)
            answer(w, 500);
        else
            at_ms(w, scheduler_next_due(w->s));
    }
    assert_int_equal(count_reports(w, REPORT_PARKED), 0);
    assert_int_equal(sub->state.delivered, 0);
    world_free(w);
}

static void a_lane_is_parked_by_itself(void **state)
{
    struct world *w = world_wide();
    struct sub *sub = add_foci(w, "aabaab");

    (void)state;
    sub->target.park = true;
    wake(w, 1);
    finish_at(w, find(w, 3), http_status_outcome(200, 0));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w->flying_count, 1);
        finish_at(w, 0, REFUSED);
        if (w->flying_count == 0 && i < 2)
            at_ms(w, scheduler_next_due(w->s));
    }
    assert_int_equal(count_reports(w, REPORT_PARKED), 2); /* 1-2, 4-5 */
    assert_int_equal(sub->state.delivered, 6);
    assert_int_equal(w->flying_count, 0);
    world_free(w);
}

/* ---- too large ---- */

static void a_batch_that_is_too_large_is_halved(void **state)
{
    static const uint64_t sizes[] = {5, 3, 2, 1};
    struct world *w = world_new();
    struct sub *sub = add_active(w, 1, 12);

    (void)state;
    wake(w, 1);
    assert_int_equal(w->flying[0]->last, 10);
    for (size_t i = 0; i < 4; i++) {
        answer(w, 413); /* each half is a message of its own, at once */
        assert_int_equal(w->flying[0]->first, 1);
        assert_int_equal(w->flying[0]->last, sizes[i]);
        assert_int_equal(w->flying[0]->exact_last, 0);
        assert_int_equal(w->flying[0]->failures, 0);
    }
    assert_int_equal(w->report_count, 0);
    answer(w, 413); /* one event: nothing is left to halve */
    assert_int_equal(last_report(w)->kind, REPORT_RETRY);
    assert_int_equal(last_report(w)->failure, FAILURE_TOO_LARGE);
    at_ms(w, START + 5 * SEC);
    for (uint64_t n = 1; n <= 12; n++) {
        assert_int_equal(w->flying[0]->first, n);
        assert_int_equal(w->flying[0]->last, n);
        answer(w, 200);
    }
    sub->state.last_event = 22; /* what was learned is forgotten then */
    wake(w, 1);
    assert_int_equal(w->flying[0]->last, 22);
    world_free(w);
}

static void a_lane_is_halved_too(void **state)
{
    struct world *w = world_wide();

    (void)state;
    add_foci(w, "aaaab");
    wake(w, 1);
    finish_at(w, find(w, 1), http_status_outcome(413, 0));
    assert_int_equal(w->flying[find(w, 1)]->number_count, 2);
    finish_at(w, find(w, 1), http_status_outcome(200, 0));
    assert_int_equal(w->flying[find(w, 3)]->number_count, 2);
    finish_at(w, find(w, 3), http_status_outcome(200, 0));
    finish_at(w, find(w, 5), http_status_outcome(200, 0));
    assert_int_equal(w->subs[1].state.delivered, 5);
    world_free(w);
}

/* ---- linger ---- */

static void a_batch_waits_to_be_filled(void **state)
{
    struct world *w = world_new();
    struct sub *sub = add_active(w, 1, 1);

    (void)state;
    sub->target.linger_ms = 500;
    wake(w, 1);
    assert_int_equal(w->flying_count, 0);
    at_ms(w, START + 300);
    sub->state.last_event = 4;
    wake(w, 1);
    at_ms(w, START + 499);
    assert_int_equal(w->flying_count, 0);
    at_ms(w, START + 500);
    assert_int_equal(w->flying[0]->last, 4);
    answer(w, 200);
    sub->state.last_event = 14; /* as many as it may hold: at once */
    wake(w, 1);
    assert_int_equal(w->flying_count, 1);
    assert_int_equal(w->flying[0]->last, 14);
    world_free(w);
}

static void a_retry_does_not_linger(void **state)
{
    struct world *w = world_new();
    struct sub *sub = add_active(w, 1, 1);

    (void)state;
    sub->target.linger_ms = 60000;
    wake(w, 1);
    at_ms(w, START + 60000);
    answer(w, 500);
    at_ms(w, START + 65000);
    assert_int_equal(w->flying_count, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foci_do_not_wait_for_each_other),
        cmocka_unit_test(a_failing_focus_holds_up_itself_alone),
        cmocka_unit_test(new_events_start_while_another_lane_hangs),
        cmocka_unit_test(a_restart_sends_what_was_not_acknowledged_and_no_more),
        cmocka_unit_test(order_that_is_asked_for_again_repeats_nothing),
        cmocka_unit_test(deleted_with_lanes_in_flight_is_forgotten),
        cmocka_unit_test(exhausted_lane_is_an_error_of_the_whole),
        cmocka_unit_test(what_is_refused_three_times_is_parked),
        cmocka_unit_test(a_failing_endpoint_parks_nothing),
        cmocka_unit_test(a_lane_is_parked_by_itself),
        cmocka_unit_test(a_batch_that_is_too_large_is_halved),
        cmocka_unit_test(a_lane_is_halved_too),
        cmocka_unit_test(a_batch_waits_to_be_filled),
        cmocka_unit_test(a_retry_does_not_linger),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
