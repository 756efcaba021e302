/* The scheduler and endpoints that fail: breaker, rate, and who waits. */
#include "tests/unit/scheduler_world.h"

static const struct outcome timed_out = {.failure = FAILURE_TIMEOUT};

static struct world *world_with(const struct endpoint_limits *limits)
{
    struct world *w = world_new();

    scheduler_free(w->s);
    build(w, limits);
    return w;
}

/* Fifty subscriptions of one endpoint, which fails five times. */
static struct world *world_open(void)
{
    struct world *w = world_new();

    crowd(w, 1, 50, "https://dead.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    for (int i = 0; i < 5; i++) {
        assert_true(w->flying_count > 0);
        finish_at(w, 0, timed_out);
    }
    return w;
}

static void five_failures_open_it(void **state)
{
    struct world *w = world_open();

    (void)state;
    assert_int_equal(w->flying_count, 0);
    assert_int_equal(w->begun, 5);
    assert_int_equal(w->breaker.trips, 1);
    assert_int_equal(w->breaker.until_ms, START + 5 * SEC);
    assert_int_equal(w->breaker.since_ms, START);
    assert_int_equal(counter_get(&w->counters.opened), 1);
    assert_int_equal(scheduler_next_due(w->s), START + 5 * SEC);
    world_free(w);
}

static void one_probe_at_a_time_after_ever_longer(void **state)
{
    struct world *w = world_open();
    int64_t cooldown = 5 * SEC;

    (void)state;
    for (int i = 0; i < 20; i++) {
        at_ms(w, w->now + cooldown - 1);
        assert_int_equal(w->flying_count, 0);
        at_ms(w, w->now + 1);
        assert_int_equal(w->flying_count, 1);
        at_ms(w, w->now + 20 * SEC);
        assert_int_equal(w->flying_count, 1);
        finish_at(w, 0, timed_out);
        cooldown *= 2;
        if (cooldown > 900 * SEC)
            cooldown = 900 * SEC;
    }
    assert_int_equal(w->begun, 25);
    world_free(w);
}

static void the_probe_is_the_oldest_head(void **state)
{
    struct world *w = world_open();
    uint64_t first;

    (void)state;
    at_ms(w, START + 5 * SEC);
    first = w->flying[0]->subscription;
    assert_int_equal(w->flying[0]->type, NOTIFY_EVENT);
    assert_true(first > 5); /* those before it failed, and wait longer */
    world_free(w);
}

static void a_success_closes_it_slowly_and_for_all(void **state)
{
    struct world *w = world_open();

    (void)state;
    at_ms(w, START + 5 * SEC);
    w->now += 100;
    answer(w, 200);
    assert_int_equal(w->breaker.trips, 0);
    assert_int_equal(counter_get(&w->counters.closed), 1);
    assert_int_equal(w->flying_count, 1); /* slow start */
    for (size_t window = 1; window < 8; window++) {
        assert_int_equal(w->flying_count, window);
        for (size_t i = 0; i < window; i++)
            answer(w, 200);
    }
    for (int i = 0; i < 1000; i++)
        answer(w, 200);
    for (uint64_t i = 1; i <= 50; i++) /* those put off too, within no time */
        assert_true(w->subs[i].state.delivered > 0);
    world_free(w);
}

/* In flight to an endpoint that bears eight, after one of them ended so and
 * three well. */
static size_t left_after(int status)
{
    struct world *w = world_new();
    size_t n;

    crowd(w, 1, 50, "https://full.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    for (int i = 0; i < 100; i++)
        answer(w, 200);
    assert_int_equal(w->flying_count, 8);
    answer(w, status);
    for (int i = 0; i < 3; i++)
        answer(w, 200);
    n = w->flying_count;
    world_free(w);
    return n;
}

static void overload_alone_halves_the_window(void **state)
{
    static const int overloads[] = {408, 429, 502, 503, 504};
    static const int others[] = {404, 425, 500, 501, 507};

    (void)state;
    for (size_t i = 0; i < sizeof overloads / sizeof *overloads; i++)
        assert_int_equal(left_after(overloads[i]), 4);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(left_after(others[i]), 8);
}

static void an_answer_of_any_kind_but_overload_closes_it(void **state)
{
    struct world *w = world_open();

    (void)state;
    at_ms(w, START + 5 * SEC);
    answer(w, 404);
    assert_int_equal(w->breaker.trips, 0);
    world_free(w);
}

static void refusals_never_open_it(void **state)
{
    struct world *w = world_new();

    (void)state;
    crowd(w, 1, 50, "https://strict.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    for (int i = 0; i < 50; i++)
        answer(w, 403);
    assert_int_equal(w->flying_count, 0);
    assert_int_equal(count_reports(w, REPORT_ENDPOINT), 0);
    assert_int_equal(count_reports(w, REPORT_RETRY), 50);
    world_free(w);
}

static void half_of_twenty_opens_it_too(void **state)
{
    struct world *w = world_new();
    int n = 0;

    (void)state;
    crowd(w, 1, 100, "https://shaky.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    while (w->breaker.trips == 0 && n < 60) {
        answer(w, n % 2 ? 500 : 200);
        n++;
    }
    assert_in_range(n, 19, 21);
    world_free(w);
}

static void a_handshake_does_not_wait_for_the_breaker(void **state)
{
    struct world *w = world_open();

    (void)state;
    add(w, 100, "https://dead.example:443", STATUS_REQUESTED)
        ->state.requested_ms = START;
    wake(w, 100);
    at_ms(w, START + SEC);
    assert_int_equal(w->flying_count, 1);
    assert_int_equal(w->flying[0]->type, NOTIFY_HANDSHAKE);
    finish_at(w, 0, timed_out); /* says nothing new */
    assert_int_equal(w->breaker.until_ms, START + 5 * SEC);
    at_ms(w, START + 5 * SEC);
    assert_int_equal(w->flying[0]->type, NOTIFY_HANDSHAKE);
    finish_at(w, 0, timed_out);
    assert_int_equal(w->flying[0]->type, NOTIFY_EVENT); /* the probe */
    finish_at(w, 0, timed_out);
    assert_int_equal(w->breaker.until_ms, START + 15 * SEC);
    at_ms(w, START + 15 * SEC);
    assert_int_equal(w->flying[0]->type, NOTIFY_HANDSHAKE);
    answer(w, 200); /* it is back */
    assert_int_equal(w->breaker.trips, 0);
    assert_int_equal(w->flying_count, 1);
    world_free(w);
}

static void our_own_fault_does_not_use_the_probe_up(void **state)
{
    struct world *w = world_open();

    (void)state;
    at_ms(w, START + 5 * SEC);
    assert_int_equal(w->flying_count, 1);
    finish_at(w, 0, (struct outcome){.failure = FAILURE_LOCAL});
    assert_int_equal(w->flying_count, 1); /* another one at once */
    assert_int_equal(w->breaker.trips, 1);
    world_free(w);
}

static void a_restart_does_not_run_into_it_again(void **state)
{
    struct world *w = world_open();

    (void)state;
    w->now = START + 2 * SEC;
    restart(w);
    assert_int_equal(w->flying_count, 0);
    at_ms(w, START + 5 * SEC - 1);
    assert_int_equal(w->flying_count, 0);
    at_ms(w, START + 5 * SEC);
    assert_int_equal(w->flying_count, 1);
    finish_at(w, 0, timed_out);
    assert_int_equal(w->breaker.trips, 2);
    assert_int_equal(w->breaker.since_ms, START);
    world_free(w);
}

/* Nobody waits for ever behind those that are tried. */
static void after_seven_days_all_of_its_subscriptions_fail(void **state)
{
    struct world *w = world_new();
    size_t unreached = 0;

    (void)state;
    crowd(w, 1, 400, "https://dead.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    while (w->now < START + 8 * 24 * HOUR) {
        if (w->flying_count > 0)
            finish_at(w, 0, timed_out);
        else if (scheduler_next_due(w->s) < INT64_MAX)
            at_ms(w, scheduler_next_due(w->s));
        else
            break;
    }
    for (uint64_t i = 1; i <= 400; i++)
        assert_int_equal(w->subs[i].state.status, STATUS_ERROR);
    for (size_t i = 0; i < w->report_count; i++)
        unreached += w->reports[i].failure == FAILURE_UNREACHED;
    assert_in_range(w->now, START + 7 * 24 * HOUR,
                    START + 7 * 24 * HOUR + HOUR);
    assert_true(unreached > 0);
    assert_true(w->begun < 1000); /* a probe every quarter of an hour */
    world_free(w);
}

static void a_rate_is_kept_and_its_burst(void **state)
{
    struct endpoint_limits limits;
    struct world *w;

    (void)state;
    endpoint_limits_default(&limits);
    limits.rate = 10;
    w = world_with(&limits);
    crowd(w, 1, 50, "https://slow.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    while (w->flying_count > 0)
        answer(w, 200);
    assert_in_range(w->begun, 10, 11);
    for (int i = 0; i < 1000; i++) {
        at_ms(w, w->now + 10);
        while (w->flying_count > 0)
            answer(w, 200);
    }
    assert_in_range(w->begun, 109, 112);
    world_free(w);
}

static void a_step_of_the_clock_moves_breakers_and_timers(void **state)
{
    struct world *w = world_open();

    (void)state;
    w->now += 100 * HOUR;
    scheduler_step(w->s, 100 * HOUR, w->now);
    assert_int_equal(scheduler_next_due(w->s), w->now + 5 * SEC);
    at_ms(w, w->now - 200 * HOUR);
    assert_int_equal(scheduler_next_due(w->s), w->now + 5 * SEC);
    world_free(w);
}

static void unproven_endpoints_leave_half_to_the_good(void **state)
{
    struct endpoint_limits limits;
    struct world *w;
    char name[64];

    (void)state;
    endpoint_limits_default(&limits);
    limits.in_flight = 16;
    limits.unproven = 8;
    limits.suspects = 4;
    w = world_with(&limits);
    for (uint64_t i = 1; i <= 100; i++) {
        assert_true(snprintf(name, sizeof name, "https://new%d.example:443",
                             (int)i) > 0);
        crowd(w, i, 1, name);
    }
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    assert_int_equal(w->flying_count, 8);
    world_free(w);
}

/* The slow ones count with the failing ones: a good one keeps its share. */
static void slow_endpoints_are_suspects(void **state)
{
    struct endpoint_limits limits;
    struct world *w;
    size_t slow;

    (void)state;
    endpoint_limits_default(&limits);
    limits.in_flight = 16;
    limits.suspects = 4;
    w = world_with(&limits);
    crowd(w, 1, 50, "https://slow.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    for (int i = 0; i < 100; i++) {
        w->now += 5 * SEC;
        answer(w, 200);
    }
    slow = w->flying_count;
    assert_true(slow <= 4 && slow > 0);
    world_free(w);
}

/* They failed before the start, and hang now. */
static void a_crowd_of_the_dead_costs_the_good_one_nothing(void **state)
{
    enum { DEAD = 400, EACH = 1 };
    struct world *w = world_new();
    char name[64];
    size_t good = 0;

    (void)state;
    for (uint64_t i = 1; i <= DEAD; i++) {
        assert_true(snprintf(name, sizeof name, "https://dead%d.example:443",
                             (int)i) > 0);
        crowd(w, i, EACH, name);
        w->subs[i].state.attempts = 3;
        w->subs[i].state.next_attempt_ms = START;
    }
    crowd(w, 500, 4, "https://good.example:443");
    scheduler_load(w->s, w->now);
    scheduler_tick(w->s, w->now);
    for (int round = 0; round < 2000; round++) {
        size_t at = 0;

        w->now += 10;
        while (at < w->flying_count && w->flying[at]->subscription < 500)
            at++;
        if (at < w->flying_count) {
            good++;
            finish_at(w, at, http_status_outcome(200, 0));
        } else {
            at_ms(w, w->now);
        }
        if (round % 20 == 0 && w->flying[0]->subscription < 500)
            finish_at(w, 0, timed_out);
    }
    assert_true(good > 1950);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_failures_open_it),
        cmocka_unit_test(one_probe_at_a_time_after_ever_longer),
        cmocka_unit_test(the_probe_is_the_oldest_head),
        cmocka_unit_test(a_success_closes_it_slowly_and_for_all),
        cmocka_unit_test(overload_alone_halves_the_window),
        cmocka_unit_test(an_answer_of_any_kind_but_overload_closes_it),
        cmocka_unit_test(refusals_never_open_it),
        cmocka_unit_test(half_of_twenty_opens_it_too),
        cmocka_unit_test(a_handshake_does_not_wait_for_the_breaker),
        cmocka_unit_test(our_own_fault_does_not_use_the_probe_up),
        cmocka_unit_test(a_restart_does_not_run_into_it_again),
        cmocka_unit_test(after_seven_days_all_of_its_subscriptions_fail),
        cmocka_unit_test(a_rate_is_kept_and_its_burst),
        cmocka_unit_test(a_step_of_the_clock_moves_breakers_and_timers),
        cmocka_unit_test(unproven_endpoints_leave_half_to_the_good),
        cmocka_unit_test(slow_endpoints_are_suspects),
        cmocka_unit_test(a_crowd_of_the_dead_costs_the_good_one_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
