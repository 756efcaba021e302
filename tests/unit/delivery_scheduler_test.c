/* The scheduler: handshakes, batches, retries, ends, restarts, fairness. */
#include "tests/unit/scheduler_world.h"

/* ---- handshake ---- */

static void handshake_waits_for_its_delay(void **state)
{
    struct world *w = world_new();

    (void)state;
    add(w, 1, "https://a.example:443", STATUS_REQUESTED);
    wake(w, 1);
    assert_int_equal(w->begun, 0);
    assert_int_equal(scheduler_next_due(w->s), START + 1000);
    at_ms(w, START + 999);
    assert_int_equal(w->begun, 0);
    at_ms(w, START + 1000);
    assert_int_equal(w->begun, 1);
    assert_int_equal(w->flying[0]->type, NOTIFY_HANDSHAKE);
    answer(w, 204);
    assert_int_equal(last_report(w)->kind, REPORT_HANDSHAKE_OK);
    assert_int_equal(w->subs[1].state.status, STATUS_ACTIVE);
    assert_int_equal(w->begun, 1);
    world_free(w);
}

static void events_wait_until_active_is_stored(void **state)
{
    struct world *w = world_new();
    struct sub *sub = add(w, 1, "https://a.example:443", STATUS_REQUESTED);

    (void)state;
    sub->state.last_event = 3;
    w->silent_engine = true;
    wake(w, 1);
    at_ms(w, START + 1000);
    answer(w, 200);
    assert_int_equal(last_report(w)->kind, REPORT_HANDSHAKE_OK);
    at_ms(w, START + 60000);
    wake(w, 1);
    assert_int_equal(w->begun, 1);
    sub->state.status = STATUS_ACTIVE;
    wake(w, 1);
    assert_int_equal(w->begun, 2);
    assert_int_equal(w->flying[0]->type, NOTIFY_EVENT);
    assert_int_equal(w->flying[0]->first, 1);
    assert_int_equal(w->flying[0]->last, 3);
    world_free(w);
}

static void handshake_fails_after_three_attempts_within_30_s(void **state)
{
    struct world *w = world_new();

    (void)state;
    add(w, 1, "https://a.example:443", STATUS_REQUESTED);
    wake(w, 1);
    at_ms(w, START + 1000);
    answer(w, 404);
    assert_int_equal(w->report_count, 0);
    at_ms(w, START + 4999);
    assert_int_equal(w->begun, 1);
    at_ms(w, START + 5000);
    assert_int_equal(w->begun, 2);
    answer(w, 500);
    at_ms(w, START + 15000);
    assert_int_equal(w->begun, 3);
    answer(w, 302);
    assert_int_equal(last_report(w)->kind, REPORT_FAILED);
    assert_string_equal(last_report(w)->error,
                        "gave up after 3 attempts: the endpoint answered "
                        "with HTTP status 302: redirects are not "
                        "followed");
    at_ms(w, START + HOUR);
    assert_int_equal(w->begun, 3);
    world_free(w);
}

static void handshake_to_a_hanging_endpoint_ends_in_its_window(void **state)
{
    struct world *w = world_new();

    (void)state;
    add(w, 1, "https://a.example:443", STATUS_REQUESTED);
    wake(w, 1);
    at_ms(w, START + 1000);
    w->now = START + 21000;
    finish_at(w, 0, (struct outcome){.failure = FAILURE_TIMEOUT});
    at_ms(w, START + 25000);
    assert_int_equal(w->begun, 2);
    w->now = START + 45000;
    finish_at(w, 0, (struct outcome){.failure = FAILURE_TIMEOUT});
    assert_int_equal(last_report(w)->kind, REPORT_FAILED);
    world_free(w);
}

static void handshake_succeeds_on_a_later_attempt(void **state)
{
    struct world *w = world_new();

    (void)state;
    add(w, 1, "https://a.example:443", STATUS_REQUESTED)->state.last_event = 1;
    wake(w, 1);
    at_ms(w, START + 1000);
    finish_at(w, 0, (struct outcome){.failure = FAILURE_CONNECT});
    at_ms(w, START + 5000);
    answer(w, 200);
    assert_int_equal(w->reports[0].kind, REPORT_HANDSHAKE_OK);
    assert_int_equal(w->flying_count, 1); /* the event follows at once */
    assert_int_equal(w->flying[0]->failures, 0);
    world_free(w);
}

static void a_clock_set_back_does_not_hold_the_handshake(void **state)
{
    struct world *w = world_new();

    (void)state;
    add(w, 1, "https://a.example:443", STATUS_REQUESTED)->state.requested_ms =
        START + HOUR;
    wake(w, 1);
    assert_int_equal(scheduler_next_due(w->s), START + 1000);
    world_free(w);
}

/* ---- events ---- */

static void batches_go_in_order_one_at_a_time(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 25);
    wake(w, 1);
    assert_int_equal(w->flying_count, 1);
    assert_int_equal(w->flying[0]->first, 1);
    assert_int_equal(w->flying[0]->last, 10);
    w->subs[1].state.last_event = 26;
    wake(w, 1);
    at_ms(w, START + 15000);
    assert_int_equal(w->begun, 1); /* not acknowledged: nothing follows */
    answer(w, 200);
    assert_int_equal(w->flying[0]->first, 11);
    assert_int_equal(w->flying[0]->last, 20);
    answer(w, 202);
    assert_int_equal(w->flying[0]->first, 21);
    assert_int_equal(w->flying[0]->last, 26);
    answer(w, 204);
    assert_int_equal(w->flying_count, 0);
    assert_int_equal(w->subs[1].state.delivered, 26);
    assert_int_equal(count_reports(w, REPORT_DELIVERED), 3);
    world_free(w);
}

static void next_batch_does_not_wait_for_the_reports_commit(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->silent_engine = true;
    add_active(w, 1, 20);
    wake(w, 1);
    answer(w, 200);
    assert_int_equal(w->subs[1].state.delivered, 0);
    assert_int_equal(w->flying[0]->first, 11);
    world_free(w);
}

static void a_retry_is_the_same_batch_though_more_came(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 4);
    wake(w, 1);
    answer(w, 500);
    assert_int_equal(last_report(w)->kind, REPORT_RETRY);
    w->subs[1].state.last_event = 9;
    wake(w, 1);
    assert_int_equal(w->flying_count, 0); /* a wake does not hasten it */
    at_ms(w, START + 5000);
    assert_int_equal(w->flying[0]->first, 1);
    assert_int_equal(w->flying[0]->exact_last, 4);
    assert_int_equal(w->flying[0]->last, 4);
    answer(w, 200);
    assert_int_equal(w->flying[0]->first, 5);
    assert_int_equal(w->flying[0]->exact_last, 0);
    assert_int_equal(w->flying[0]->last, 9);
    world_free(w);
}

static void what_an_attempt_came_to_is_noted(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 4);
    wake(w, 1);
    at_ms(w, START + 40);
    answer(w, 500);
    assert_int_equal(w->note.subscription, 1);
    assert_int_equal(w->note.failure, FAILURE_SERVER);
    assert_int_equal(w->note.said, 500);
    assert_int_equal(w->note.type, NOTIFY_EVENT);
    assert_int_equal(w->note.first, 1);
    assert_int_equal(w->note.span, 3);
    assert_int_equal(w->note.duration_ms, 40);
    assert_int_equal(w->note.ended_ms, START + 40);
    assert_int_equal(w->note.next_ms, START + 5040);
    assert_true(last_report(w)->attempt.made);
    assert_int_equal(last_report(w)->attempt.span, 3);
    at_ms(w, START + 5040);
    answer(w, 200);
    assert_int_equal(w->note.failure, FAILURE_NONE);
    assert_int_equal(w->note.said, 200);
    assert_int_equal(w->note.next_ms, 0);
    assert_false(last_report(w)->attempt.made);
    world_free(w);
}

static void ladder_ends_in_error_after_seven_days(void **state)
{
    static const int64_t steps_s[] = {5,     30,    120,   600,   1800,
                                      7200,  18000, 36000, 50400, 72000,
                                      86400, 86400, 86400};
    struct world *w = world_new();
    int64_t due = START;

    (void)state;
    add_active(w, 1, 1);
    wake(w, 1);
    for (uint32_t i = 0; i < 13; i++) {
        assert_int_equal(w->flying_count, 1);
        answer(w, 503);
        assert_int_equal(last_report(w)->kind, REPORT_RETRY);
        assert_int_equal(last_report(w)->attempts, i + 1);
        due += steps_s[i] * SEC;
        assert_int_equal(last_report(w)->next_attempt_ms, due);
        assert_int_equal(scheduler_next_due(w->s), due);
        at_ms(w, due - 1);
        assert_int_equal(w->flying_count, 0);
        at_ms(w, due);
    }
    answer(w, 503); /* 445,355 s; one more day ends before the window */
    assert_int_equal(last_report(w)->kind, REPORT_RETRY);
    at_ms(w, due + 86400 * SEC);
    answer(w, 503);
    assert_int_equal(last_report(w)->kind, REPORT_FAILED);
    assert_int_equal(w->subs[1].state.status, STATUS_ERROR);
    assert_int_equal(w->subs[1].state.delivered, 0);
    assert_int_equal(scheduler_next_due(w->s), INT64_MAX);
    world_free(w);
}

static void failed_subscription_sends_nothing_before_reactivation(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 2);
    wake(w, 1);
    answer(w, 410);
    assert_int_equal(last_report(w)->kind, REPORT_OFF);
    assert_int_equal(w->subs[1].state.status, STATUS_OFF);
    w->subs[1].state.last_event = 3;
    wake(w, 1);
    at_ms(w, START + HOUR);
    assert_int_equal(w->begun, 1);
    redefine(w, 1, 77);
    wake(w, 1);
    at_ms(w, w->now + 1000);
    assert_int_equal(w->flying[0]->type, NOTIFY_HANDSHAKE);
    answer(w, 200);
    assert_int_equal(w->flying[0]->first, 1);
    assert_int_equal(w->flying[0]->last, 3);
    world_free(w);
}

static void nothing_follows_a_failure_that_is_not_committed_yet(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->silent_engine = true;
    add_active(w, 1, 2);
    wake(w, 1);
    answer(w, 410);
    w->subs[1].state.last_event = 5;
    wake(w, 1);
    at_ms(w, START + 48 * HOUR);
    assert_int_equal(w->begun, 1);
    assert_int_equal(w->report_count, 1);
    world_free(w);
}

static void retry_after_holds_the_whole_endpoint(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 1);
    wake(w, 1);
    finish_at(w, 0, http_status_outcome(429, 120 * SEC));
    assert_int_equal(last_report(w)->next_attempt_ms, START + 120 * SEC);
    add_active(w, 2, 1);
    wake(w, 2);
    at_ms(w, START + 119 * SEC);
    assert_int_equal(w->begun, 1);
    at_ms(w, START + 120 * SEC);
    assert_int_equal(w->begun, 2);
    world_free(w);
}

static void our_own_fault_is_not_charged(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 1);
    wake(w, 1);
    finish_at(w, 0, (struct outcome){.failure = FAILURE_LOCAL});
    assert_int_equal(w->report_count, 0);
    assert_int_equal(w->flying_count, 0);
    at_ms(w, START + 1000);
    assert_int_equal(w->flying_count, 1);
    assert_int_equal(w->flying[0]->failures, 0);
    world_free(w);
}

static void an_attempt_that_cannot_begin_is_tried_in_a_second(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->refuse_begin = true;
    add_active(w, 1, 1);
    wake(w, 1);
    assert_int_equal(w->flying_count, 0);
    assert_int_equal(scheduler_next_due(w->s), START + 1000);
    w->refuse_begin = false;
    at_ms(w, START + 1000);
    assert_int_equal(w->flying_count, 1);
    world_free(w);
}

/* ---- changes while in flight ---- */

static void a_target_that_cannot_be_read_is_read_again_soon(void **state)
{
    struct world *w = world_new();

    (void)state;
    w->refuse_target = true;
    add_active(w, 1, 3);
    wake(w, 1);
    at_ms(w, w->now + SEC);
    assert_int_equal(w->begun, 0);
    assert_true(scheduler_next_due(w->s) <= w->now + SEC);
    scheduler_step(w->s, -HOUR, w->now - HOUR);
    w->now -= HOUR;
    w->refuse_target = false;
    at_ms(w, w->now + SEC);
    assert_int_equal(w->begun, 1);
    answer(w, 200);
    assert_int_equal(w->subs[1].state.delivered, 3);
    world_free(w);
}

static void a_new_definition_that_cannot_be_read_comes_later(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 1);
    wake(w, 1);
    answer(w, 200);
    add_active(w, 1, 2)->state.definition = 7;
    w->subs[1].state.delivered = 1;
    w->refuse_target = true;
    wake(w, 1);
    assert_int_equal(w->flying_count, 0);
    w->refuse_target = false;
    at_ms(w, w->now + SEC);
    assert_int_equal(w->flying_count, 1);
    assert_int_equal(w->flying[0]->definition, 7);
    world_free(w);
}

static void changed_definition_in_flight_counts_for_the_cursor(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 2);
    wake(w, 1);
    redefine(w, 1, 50);
    answer(w, 200);
    assert_int_equal(w->reports[0].kind, REPORT_DELIVERED);
    assert_int_equal(w->reports[0].definition, 1);
    assert_int_equal(w->subs[1].state.delivered, 2);
    assert_int_equal(w->subs[1].state.status, STATUS_REQUESTED);
    at_ms(w, START + 1000);
    assert_int_equal(w->flying[0]->type, NOTIFY_HANDSHAKE);
    assert_int_equal(w->flying[0]->definition, 50);
    world_free(w);
}

static void changed_definition_wakes_while_in_flight(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 2);
    wake(w, 1);
    redefine(w, 1, 50);
    wake(w, 1);
    assert_int_equal(w->begun, 1);
    answer(w, 500); /* of the old definition: changes nothing */
    assert_int_equal(w->report_count, 0);
    at_ms(w, START + 1000);
    assert_int_equal(w->flying[0]->type, NOTIFY_HANDSHAKE);
    assert_int_equal(w->flying[0]->failures, 0);
    world_free(w);
}

static void a_410_of_an_old_definition_switches_nothing_off(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 2);
    wake(w, 1);
    redefine(w, 1, 50);
    wake(w, 1);
    answer(w, 410);
    assert_int_equal(w->report_count, 0);
    world_free(w);
}

static void deleted_in_flight_is_forgotten(void **state)
{
    struct world *w = world_new();
    struct scheduler_facts facts;

    (void)state;
    add_active(w, 1, 20);
    wake(w, 1);
    w->subs[1].live = false;
    wake(w, 1);
    answer(w, 200);
    assert_int_equal(w->begun, 1);
    scheduler_facts(w->s, &facts);
    assert_int_equal(facts.entries, 0);
    assert_int_equal(facts.endpoints, 0);
    world_free(w);
}

static void switched_off_between_attempts_stops_at_once(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 20);
    wake(w, 1);
    answer(w, 500);
    w->subs[1].state.status = STATUS_OFF;
    wake(w, 1);
    at_ms(w, START + HOUR);
    assert_int_equal(w->begun, 1);
    assert_int_equal(scheduler_next_due(w->s), INT64_MAX);
    world_free(w);
}

/* ---- end, heartbeat, restart ---- */

static void end_switches_off(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 0)->target.end_ms = START + HOUR;
    wake(w, 1);
    assert_int_equal(scheduler_next_due(w->s), START + HOUR);
    at_ms(w, START + HOUR - 1);
    assert_int_equal(w->report_count, 0);
    at_ms(w, START + HOUR);
    assert_int_equal(last_report(w)->kind, REPORT_OFF);
    at_ms(w, START + 2 * HOUR);
    assert_int_equal(w->report_count, 1);
    world_free(w);
}

static void end_comes_before_a_later_retry(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 1)->target.end_ms = START + 3000;
    wake(w, 1);
    answer(w, 500);
    at_ms(w, START + 10000);
    assert_int_equal(w->begun, 1);
    assert_int_equal(last_report(w)->kind, REPORT_OFF);
    world_free(w);
}

static void heartbeat_follows_silence_only(void **state)
{
    struct world *w = world_new();
    struct sub *sub = add_active(w, 1, 0);

    (void)state;
    sub->target.heartbeat_s = 60;
    wake(w, 1);
    at_ms(w, START + 50 * SEC);
    sub->state.last_event = 1;
    wake(w, 1);
    assert_int_equal(w->flying[0]->type, NOTIFY_EVENT);
    answer(w, 200);
    at_ms(w, START + 109 * SEC);
    assert_int_equal(w->begun, 1);
    at_ms(w, START + 110 * SEC);
    assert_int_equal(w->begun, 2);
    assert_int_equal(w->flying[0]->type, NOTIFY_HEARTBEAT);
    answer(w, 200);
    assert_int_equal(count_reports(w, REPORT_DELIVERED), 1);
    at_ms(w, START + 169 * SEC);
    assert_int_equal(w->begun, 2);
    at_ms(w, START + 170 * SEC);
    assert_int_equal(w->begun, 3);
    world_free(w);
}

static void failed_heartbeat_changes_no_status(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 0)->target.heartbeat_s = 10;
    wake(w, 1);
    for (int i = 1; i <= 20; i++) {
        at_ms(w, START + i * 10 * SEC);
        if (w->flying_count > 0)
            finish_at(w, 0, (struct outcome){.failure = FAILURE_TIMEOUT});
    }
    assert_in_range(w->begun, 5, 15); /* the breaker's cooldown holds some */
    assert_int_equal(w->report_count, count_reports(w, REPORT_ENDPOINT));
    w->subs[1].state.last_event = 1;
    wake(w, 1);
    at_ms(w, START + HOUR);
    assert_int_equal(w->flying[0]->type, NOTIFY_EVENT);
    assert_int_equal(w->flying[0]->failures, 0);
    world_free(w);
}

static void restart_goes_on_where_the_ladder_was(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 3);
    wake(w, 1);
    answer(w, 500);
    at_ms(w, START + 5000);
    answer(w, 500); /* next in 30 s */
    w->now = START + 20000;
    restart(w);
    assert_int_equal(w->flying_count, 0);
    assert_int_equal(scheduler_next_due(w->s), START + 35000);
    at_ms(w, START + 35000);
    assert_int_equal(w->flying[0]->failures, 2);
    answer(w, 500);
    assert_int_equal(last_report(w)->attempts, 3);
    assert_int_equal(last_report(w)->next_attempt_ms, START + 155000);
    world_free(w);
}

static void restart_keeps_the_seven_days(void **state)
{
    struct world *w = world_new();
    struct sub *sub = add_active(w, 1, 3);

    (void)state;
    sub->state.attempts = 14; /* 531,755 s after the first failure */
    sub->state.next_attempt_ms = START;
    restart(w);
    answer(w, 500);
    assert_int_equal(last_report(w)->kind, REPORT_FAILED);
    world_free(w);
}

static void restart_begins_what_was_in_flight_again(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 25);
    wake(w, 1);
    answer(w, 200);
    restart(w);
    assert_int_equal(w->flying_count, 1);
    assert_int_equal(w->flying[0]->first, 11);
    world_free(w);
}

static void load_makes_entries_of_live_ones_only(void **state)
{
    struct world *w = world_new();
    struct scheduler_facts facts;

    (void)state;
    add(w, 1, "https://a.example:443", STATUS_REQUESTED);
    add(w, 2, "https://b.example:443", STATUS_ACTIVE);
    add(w, 3, "https://c.example:443", STATUS_ERROR);
    add(w, 4, "https://d.example:443", STATUS_OFF);
    w->subs[2].state.last_event = 1;
    add(w, 5, "https://e.example:443", STATUS_ACTIVE); /* nothing to do */
    scheduler_load(w->s, w->now);
    scheduler_facts(w->s, &facts);
    assert_int_equal(facts.entries, 2);
    assert_int_equal(facts.endpoints, 2);
    world_free(w);
}

static void a_step_back_of_the_clock_moves_the_timers(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 1);
    wake(w, 1);
    answer(w, 500);
    at_ms(w, START - HOUR);
    assert_int_equal(scheduler_next_due(w->s), START - HOUR + 5000);
    at_ms(w, START - HOUR + 5000);
    assert_int_equal(w->flying_count, 1);
    world_free(w);
}

static void while_held_nothing_begins(void **state)
{
    struct world *w = world_new();

    (void)state;
    scheduler_hold(w->s, true);
    add_active(w, 1, 1);
    wake(w, 1);
    assert_int_equal(w->flying_count, 0);
    scheduler_hold(w->s, false);
    scheduler_tick(w->s, w->now);
    assert_int_equal(w->flying_count, 1);
    world_free(w);
}

/* ---- fairness ---- */

static void an_endpoint_earns_its_window(void **state)
{
    struct world *w = world_new();

    (void)state;
    crowd(w, 1, 50, "https://a.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    for (size_t window = 2; window < 8; window++) {
        assert_int_equal(w->flying_count, window);
        for (size_t i = 0; i < window; i++)
            answer(w, 200);
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(w->flying_count, 8); /* and no more */
        answer(w, 200);
    }
    world_free(w);
}

static void overload_halves_the_window(void **state)
{
    struct world *w = world_new();

    (void)state;
    crowd(w, 1, 50, "https://a.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    for (int i = 0; i < 60; i++)
        answer(w, 200);
    assert_int_equal(w->flying_count, 8);
    answer(w, 503);
    assert_int_equal(w->flying_count,
                     7); /* nothing more before one ends well */
    answer(w, 200);
    assert_int_equal(w->flying_count, 6);
    answer(w, 200);
    answer(w, 200);
    assert_int_equal(w->flying_count, 4);
    answer(w, 200);
    assert_int_equal(w->flying_count, 5); /* 4, and it grew */
    world_free(w);
}

static void subscriptions_of_an_endpoint_take_turns(void **state)
{
    struct world *w = world_new();
    size_t served[64] = {0};

    (void)state;
    crowd(w, 1, 40, "https://a.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    for (int i = 0; i < 400; i++) {
        served[w->flying[0]->subscription]++;
        answer(w, 200);
    }
    for (int i = 1; i <= 40; i++)
        assert_in_range(served[i], 9, 11);
    world_free(w);
}

static void endpoints_take_turns(void **state)
{
    struct endpoint_limits limits = {.in_flight = 4,
                                     .per_endpoint = 4,
                                     .per_unproven = 4,
                                     .per_suspect = 1,
                                     .unproven = 4,
                                     .suspects = 1,
                                     .breaker = {5, 20, 60000, 5000, 900000}};
    struct world *w = world_new();
    size_t served[2] = {0};

    (void)state;
    scheduler_free(w->s);
    build(w, &limits);
    crowd(w, 1, 100, "https://crowded.example:443");
    crowd(w, 101, 1, "https://lonely.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    for (int i = 0; i < 300; i++) {
        served[w->flying[0]->subscription > 100]++;
        answer(w, 200);
    }
    /* one subscription against a hundred, and yet nearly its fair share */
    assert_true(served[1] >= 60);
    assert_true(served[0] >= 100);
    world_free(w);
}

static void dead_endpoints_hold_a_quarter_at_most(void **state)
{
    struct endpoint_limits limits = {.in_flight = 16,
                                     .per_endpoint = 8,
                                     .per_unproven = 2,
                                     .per_suspect = 1,
                                     .unproven = 8,
                                     .suspects = 4,
                                     .breaker = {5, 20, 60000, 5000, 900000}};
    struct world *w = world_new();
    size_t dead = 0;
    char name[64];

    (void)state;
    scheduler_free(w->s);
    build(w, &limits);
    for (uint64_t i = 1; i <= 100; i++) {
        assert_true(snprintf(name, sizeof name, "https://dead%d.example:443",
                             (int)i) > 0);
        crowd(w, i, 1, name);
    }
    crowd(w, 101, 30, "https://good1.example:443");
    crowd(w, 131, 30, "https://good2.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    /* every dead endpoint fails once; from then on they are suspects */
    for (int i = 0; i < 4000; i++) {
        uint64_t number = w->flying[0]->subscription;

        if (number <= 100)
            finish_at(w, 0, (struct outcome){.failure = FAILURE_TIMEOUT});
        else
            answer(w, 200);
    }
    scheduler_hold(w->s, true);
    while (w->flying_count > 0)
        answer(w, 200);
    scheduler_hold(w->s, false);
    w->now += 30 * SEC; /* all the dead are due */
    scheduler_tick(w->s, w->now);
    for (int i = 0; i < 2000; i++) {
        size_t at = 0;

        dead = w->flying_count - flying_to(w, "https://good1.example:443") -
               flying_to(w, "https://good2.example:443");
        assert_true(dead <= 4);
        assert_true(w->flying_count - dead >= 12);
        while (w->flying[at]->subscription <= 100)
            at++;
        finish_at(w, at, http_status_outcome(200, 0));
    }
    assert_true(dead == 4); /* and they are not starved either */
    world_free(w);
}

static void a_thousand_wakes_in_flight_cost_one_look(void **state)
{
    struct world *w = world_new();

    (void)state;
    add_active(w, 1, 1);
    wake(w, 1);
    w->looks = 0;
    for (int i = 0; i < 1000; i++)
        wake(w, 1);
    assert_int_equal(w->looks, 0);
    world_free(w);
}

/* Past the bound the one at rest for longest goes; it comes back with its next
 * event as if it had never gone. */
static void those_at_rest_are_bounded_and_come_back(void **state)
{
    enum { MANY = 3 * RESTING };
    struct world *w = world_new();
    struct scheduler_facts facts;

    (void)state;
    for (uint64_t n = 1; n <= MANY; n++)
        add_active(w, n, 0);
    for (uint64_t event = 1; event <= 3; event++) {
        for (uint64_t n = 1; n <= MANY; n++) {
            w->subs[n].state.last_event = event;
            wake(w, n);
        }
        while (w->flying_count > 0) {
            assert_int_equal(w->flying[0]->first, event);
            answer(w, 200);
        }
        assert_int_equal(count_reports(w, REPORT_DELIVERED), event * MANY);
        for (uint64_t n = 1; n <= MANY; n++) {
            w->subs[n].state.delivered = event;
            wake(w, n);
        }
        scheduler_facts(w->s, &facts);
        assert_int_equal(facts.entries, RESTING);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_waits_for_its_delay),
        cmocka_unit_test(events_wait_until_active_is_stored),
        cmocka_unit_test(handshake_fails_after_three_attempts_within_30_s),
        cmocka_unit_test(handshake_to_a_hanging_endpoint_ends_in_its_window),
        cmocka_unit_test(handshake_succeeds_on_a_later_attempt),
        cmocka_unit_test(a_clock_set_back_does_not_hold_the_handshake),
        cmocka_unit_test(batches_go_in_order_one_at_a_time),
        cmocka_unit_test(next_batch_does_not_wait_for_the_reports_commit),
        cmocka_unit_test(a_retry_is_the_same_batch_though_more_came),
        cmocka_unit_test(what_an_attempt_came_to_is_noted),
        cmocka_unit_test(ladder_ends_in_error_after_seven_days),
        cmocka_unit_test(failed_subscription_sends_nothing_before_reactivation),
        cmocka_unit_test(nothing_follows_a_failure_that_is_not_committed_yet),
        cmocka_unit_test(retry_after_holds_the_whole_endpoint),
        cmocka_unit_test(our_own_fault_is_not_charged),
        cmocka_unit_test(an_attempt_that_cannot_begin_is_tried_in_a_second),
        cmocka_unit_test(changed_definition_in_flight_counts_for_the_cursor),
        cmocka_unit_test(changed_definition_wakes_while_in_flight),
        cmocka_unit_test(a_410_of_an_old_definition_switches_nothing_off),
        cmocka_unit_test(deleted_in_flight_is_forgotten),
        cmocka_unit_test(switched_off_between_attempts_stops_at_once),
        cmocka_unit_test(end_switches_off),
        cmocka_unit_test(end_comes_before_a_later_retry),
        cmocka_unit_test(heartbeat_follows_silence_only),
        cmocka_unit_test(a_target_that_cannot_be_read_is_read_again_soon),
        cmocka_unit_test(a_new_definition_that_cannot_be_read_comes_later),
        cmocka_unit_test(failed_heartbeat_changes_no_status),
        cmocka_unit_test(restart_goes_on_where_the_ladder_was),
        cmocka_unit_test(restart_keeps_the_seven_days),
        cmocka_unit_test(restart_begins_what_was_in_flight_again),
        cmocka_unit_test(load_makes_entries_of_live_ones_only),
        cmocka_unit_test(those_at_rest_are_bounded_and_come_back),
        cmocka_unit_test(a_step_back_of_the_clock_moves_the_timers),
        cmocka_unit_test(while_held_nothing_begins),
        cmocka_unit_test(an_endpoint_earns_its_window),
        cmocka_unit_test(overload_halves_the_window),
        cmocka_unit_test(subscriptions_of_an_endpoint_take_turns),
        cmocka_unit_test(endpoints_take_turns),
        cmocka_unit_test(dead_endpoints_hold_a_quarter_at_most),
        cmocka_unit_test(a_thousand_wakes_in_flight_cost_one_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
