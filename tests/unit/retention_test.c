#include "server/engine/retention.h"
#include "tests/unit/engine_rig.h"
#include "tests/unit/same_state.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

static void limit(struct rig *r, int64_t age_ms, uint64_t events)
{
    r->retention = (struct retention_limits){age_ms, events};
    rig_restart(r);
}

static void advance(struct rig *r, int64_t ms)
{
    (void)atomic_fetch_add(&r->now_ms, ms);
}

/* Lets the sweep pass over all: each slice needs the time to be due. */
static void sweep(struct rig *r)
{
    for (int i = 0; i < 3; i++) {
        advance(r, RETENTION_SWEEP_MS);
        (void)rig_run(r, rig_command(r, COMMAND_DELETE, "Basic", "nothing"));
    }
}

static void begin(struct rig *r, const char *id)
{
    rig_subscribe(r, id, &(struct rig_wish){0});
    rig_report(r, id, (struct report){.kind = REPORT_HANDSHAKE_OK});
}

static void change(struct rig *r, int n)
{
    for (int i = 0; i < n; i++)
        rig_encounter(r, "e", "1");
}

static void deliver(struct rig *r, const char *id, uint64_t event)
{
    rig_report(r, id,
               (struct report){.kind = REPORT_DELIVERED, .event = event});
}

static size_t count(struct rig *r, const char *id, uint64_t first)
{
    struct event *events;
    struct arena arena;
    size_t n;

    arena_init(&arena, (size_t)8 << 20);
    n = rig_events(r, id, first, &arena, &events);
    arena_fini(&arena);
    return n;
}

static void assert_same_after_restarts(struct rig *r, const char *id)
{
    struct subscription_state before = rig_state(r, id), after;

    for (int round = 0; round < 2; round++) {
        rig_restart(r);
        after = rig_state(r, id);
        assert_same_state(&before, &after);
        assert_int_equal(count(r, id, before.expired), 0);
        assert_int_equal(count(r, id, before.expired + 1),
                         before.last_event - before.expired);
        (void)usleep(300000); /* the views are merged meanwhile */
    }
}

static void what_is_too_old_is_removed(void **state)
{
    struct rig *r = *state;

    limit(r, 30 * DAY_MS, 0);
    begin(r, "s1");
    change(r, 5);
    advance(r, 29 * DAY_MS);
    change(r, 3);
    deliver(r, "s1", 8);
    sweep(r);
    assert_int_equal(rig_state(r, "s1").expired, 0);
    advance(r, 2 * DAY_MS);
    sweep(r);
    assert_int_equal(rig_state(r, "s1").expired, 5);
    assert_int_equal(rig_state(r, "s1").lost, 0);
    assert_int_equal(rig_state(r, "s1").status, STATUS_ACTIVE);
    assert_same_after_restarts(r, "s1");
    change(r, 1);
    assert_int_equal(rig_state(r, "s1").last_event, 9);
}

static void what_was_not_delivered_is_lost_only_after_the_error(void **state)
{
    struct rig *r = *state;
    struct subscription_state s;

    limit(r, DAY_MS, 0);
    begin(r, "s1");
    change(r, 6);
    deliver(r, "s1", 2);
    advance(r, DAY_MS + 1);
    change(r, 1);
    /* the first look: delivered ones go, the subscription is told */
    advance(r, RETENTION_SWEEP_MS);
    (void)rig_run(r, rig_command(r, COMMAND_DELETE, "Basic", "nothing"));
    s = rig_state(r, "s1");
    assert_int_equal(s.status, STATUS_ERROR);
    assert_non_null(strstr(s.error, "up to 6"));
    assert_int_equal(s.expired, 2);
    assert_int_equal(s.lost, 0);
    sweep(r);
    s = rig_state(r, "s1");
    assert_int_equal(s.expired, 6);
    assert_int_equal(s.lost, 4);
    assert_int_equal(s.delivered, 6);
    assert_int_equal(s.last_event, 7);
    assert_same_after_restarts(r, "s1");
    rig_subscribe(r, "s1", &(struct rig_wish){0});
    change(r, 1);
    assert_int_equal(rig_state(r, "s1").last_event, 8);
    assert_int_equal(rig_state(r, "s1").lost, 4);
}

/* The set past the cursor moves with it. */
static void what_was_acknowledged_out_of_order_stays_so(void **state)
{
    struct rig *r = *state;
    struct acked_events known;
    struct err e;

    limit(r, DAY_MS, 0);
    begin(r, "s1");
    change(r, 3);
    rig_report(r, "s1",
               (struct report){.kind = REPORT_ACKED, .first = 2, .event = 2});
    advance(r, DAY_MS + 1);
    change(r, 4);
    rig_report(r, "s1",
               (struct report){.kind = REPORT_ACKED, .first = 5, .event = 5});
    sweep(r);
    assert_int_equal(rig_state(r, "s1").expired, 3);
    assert_int_equal(rig_state(r, "s1").delivered, 3);
    assert_int_equal(rig_state(r, "s1").lost, 2);
    assert_same_after_restarts(r, "s1");
    assert_int_equal(
        engine_acked(r->engine, rig_state(r, "s1").number, &known, &e), ERR_OK);
    for (uint64_t event = 4; event <= 9; event++)
        assert_int_equal(acked_has(&known.set, known.cursor, event),
                         event == 5);
}

static void the_newest_of_each_are_kept(void **state)
{
    struct rig *r = *state;

    begin(r, "s1");
    begin(r, "s2");
    change(r, 12);
    deliver(r, "s1", 12);
    deliver(r, "s2", 12);
    limit(r, 0, 5);
    sweep(r);
    assert_int_equal(rig_state(r, "s1").expired, 7);
    assert_int_equal(rig_state(r, "s2").expired, 7);
    assert_same_after_restarts(r, "s2");
}

static void resends_lose_what_is_removed(void **state)
{
    struct rig *r = *state;
    struct command *c;

    limit(r, DAY_MS, 0);
    begin(r, "s1");
    change(r, 4);
    advance(r, DAY_MS / 2);
    change(r, 2);
    deliver(r, "s1", 6);
    c = rig_command(r, COMMAND_CONTROL, "Subscription", "s1");
    c->control =
        (struct control){.kind = CONTROL_RESEND, .first = 1, .last = 6};
    assert_int_equal(rig_run(r, c).code, ERR_OK);
    advance(r, DAY_MS / 2 + 1);
    sweep(r);
    assert_int_equal(rig_state(r, "s1").expired, 4);
    assert_int_equal(rig_state(r, "s1").resend.first, 5);
    assert_int_equal(rig_state(r, "s1").resend.last, 6);
    assert_same_after_restarts(r, "s1");
}

/* More than one slice takes, of events and of subscriptions. */
static void a_sweep_goes_on_slice_by_slice(void **state)
{
    struct rig *r = *state;
    char id[16];

    for (int i = 0; i < RETENTION_SUBS + 20; i++) {
        assert_true(snprintf(id, sizeof id, "s%d", i) > 0);
        rig_subscribe(r, id, &(struct rig_wish){0});
    }
    change(r, 20);
    limit(r, 0, 4);
    for (int i = 0; i < 12; i++)
        sweep(r);
    for (int i = 0; i < RETENTION_SUBS + 20; i++) {
        assert_true(snprintf(id, sizeof id, "s%d", i) > 0);
        assert_int_equal(rig_state(r, id).expired, 16);
        assert_int_equal(rig_state(r, id).lost, 16);
        assert_int_equal(rig_state(r, id).status, STATUS_ERROR);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_open, rig_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_too_old_is_removed),
        TEST(what_was_not_delivered_is_lost_only_after_the_error),
        TEST(what_was_acknowledged_out_of_order_stays_so),
        TEST(the_newest_of_each_are_kept),
        TEST(resends_lose_what_is_removed),
        TEST(a_sweep_goes_on_slice_by_slice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
