/* Recent attempts are kept in a bounded place, and failed ones over a start. */
#include "tests/unit/engine_rig.h"

#include "server/engine/attempts.h"

static void *open_log(void)
{
    struct attempt_log *l = attempt_log_new();

    assert_non_null(l);
    return l;
}

static void note(struct attempt_log *l, uint64_t subscription, int64_t ended_ms,
                 enum failure_class failure)
{
    const struct attempt_note n = {.subscription = subscription,
                                   .ended_ms = ended_ms,
                                   .first = (uint64_t)ended_ms,
                                   .type = NOTIFY_EVENT,
                                   .failure = (uint8_t)failure};

    attempt_log_add(l, &n);
}

static size_t look(struct attempt_log *l, uint64_t subscription, uint64_t event,
                   struct attempt_note out[ATTEMPT_LOG_SHOWN])
{
    const struct attempt_query q = {subscription, event};

    return attempt_log_find(l, &q, out);
}

static void the_latest_come_first(void **state)
{
    struct attempt_log *l = open_log();
    struct attempt_note out[ATTEMPT_LOG_SHOWN];

    (void)state;
    assert_int_equal(look(l, 7, 0, out), 0);
    for (int i = 1; i <= 30; i++)
        note(l, 7, i, i % 2 ? FAILURE_SERVER : FAILURE_NONE);
    note(l, 8, 31, FAILURE_SERVER);
    assert_int_equal(look(l, 7, 0, out), ATTEMPT_LOG_SHOWN);
    for (int i = 0; i < ATTEMPT_LOG_SHOWN; i++)
        assert_int_equal(out[i].ended_ms, 30 - i);
    assert_int_equal(look(l, 8, 0, out), 1);
    attempt_log_free(l);
}

static void one_event_is_found_among_all(void **state)
{
    struct attempt_log *l = open_log();
    struct attempt_note out[ATTEMPT_LOG_SHOWN];
    struct attempt_note n = {
        .subscription = 7, .first = 10, .span = 5, .chosen = 0x21};

    (void)state;
    attempt_log_add(l, &n);
    n.chosen = 0;
    n.first = 14;
    attempt_log_add(l, &n);
    assert_int_equal(look(l, 7, 9, out), 0);
    assert_int_equal(look(l, 7, 10, out), 1);
    assert_int_equal(look(l, 7, 11, out), 0);
    assert_int_equal(look(l, 7, 15, out), 2);
    assert_int_equal(look(l, 7, 19, out), 1);
    assert_int_equal(look(l, 7, 20, out), 0);
    attempt_log_free(l);
}

static void a_flood_of_successes_hides_no_failure(void **state)
{
    struct attempt_log *l = open_log();
    struct attempt_note out[ATTEMPT_LOG_SHOWN];

    (void)state;
    note(l, 7, 1, FAILURE_SERVER);
    note(l, 7, 2, FAILURE_NONE);
    for (int i = 0; i < 3 * ATTEMPT_LOG_SLOTS; i++)
        note(l, (uint64_t)(100 + i % 1000), i, FAILURE_NONE);
    assert_int_equal(look(l, 7, 0, out), 1);
    assert_int_equal(out[0].failure, FAILURE_SERVER);
    assert_int_equal(look(l, 100, 0, out), ATTEMPT_LOG_SHOWN);
    attempt_log_free(l);
}

static void failures_are_found_again_at_a_start(void **state)
{
    struct rig *r = *state;
    struct attempt_note out[ATTEMPT_LOG_SHOWN];
    struct attempt_query q = {0, 0};

    rig_subscribe(r, "s", &(struct rig_wish){0});
    q.subscription = rig_state(r, "s").number;
    rig_report(r, "s", (struct report){.kind = REPORT_HANDSHAKE_OK});
    rig_encounter(r, "e", "1");
    rig_report(r, "s",
               (struct report){.kind = REPORT_RETRY,
                               .failure = FAILURE_SERVER,
                               .attempts = 1,
                               .next_attempt_ms = RIG_START_MS + 5000,
                               .error = "it failed",
                               .attempt = {.made = true,
                                           .ended_ms = RIG_START_MS - 3,
                                           .first = 1,
                                           .span = 2,
                                           .chosen = 5,
                                           .duration_ms = 17,
                                           .said = 503}});
    rig_report(r, "s",
               (struct report){.kind = REPORT_RETRY, .failure = FAILURE_LOCAL});
    assert_int_equal(engine_attempts(r->engine, &q, out), 0);
    rig_restart(r);
    assert_int_equal(engine_attempts(r->engine, &q, out), 1);
    assert_int_equal(out[0].first, 1);
    assert_int_equal(out[0].span, 2);
    assert_int_equal(out[0].chosen, 5);
    assert_int_equal(out[0].duration_ms, 17);
    assert_int_equal(out[0].said, 503);
    assert_int_equal(out[0].failure, FAILURE_SERVER);
    assert_int_equal(out[0].next_ms, RIG_START_MS + 5000);
    assert_int_equal(out[0].ended_ms, RIG_START_MS - 3);
    assert_int_equal(out[0].type, NOTIFY_EVENT);
    assert_int_equal(rig_state(r, "s").failure, FAILURE_LOCAL);
}

static void where_it_went_is_told_without_the_path(void **state)
{
    struct rig *r = *state;
    struct arena arena;

    rig_subscribe(r, "s", &(struct rig_wish){0});
    arena_init(&arena, 4096);
    assert_string_equal(
        engine_endpoint_of(r->engine, rig_state(r, "s").definition, &arena),
        "127.0.0.1:9");
    assert_null(engine_endpoint_of(r->engine, 999, &arena));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_come_first),
        cmocka_unit_test(one_event_is_found_among_all),
        cmocka_unit_test(a_flood_of_successes_hides_no_failure),
        cmocka_unit_test_setup_teardown(failures_are_found_again_at_a_start,
                                        rig_open, rig_close),
        cmocka_unit_test_setup_teardown(where_it_went_is_told_without_the_path,
                                        rig_open, rig_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
