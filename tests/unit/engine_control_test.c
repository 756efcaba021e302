#include "server/engine/dead_letter.h"
#include "server/engine/event_time.h"
#include "tests/unit/engine_rig.h"
#include "tests/unit/same_state.h"

/* The control as a client asks for it; what was done comes back in *c. */
static enum err_code control(struct rig *r, const char *id, struct control *c)
{
    struct command *command =
        rig_command(r, COMMAND_CONTROL, "Subscription", id);
    struct err e;

    command->control = *c;
    (void)pthread_mutex_lock(&r->m);
    r->open++;
    (void)pthread_mutex_unlock(&r->m);
    assert_int_equal(engine_submit(r->engine, command, &e), ERR_OK);
    (void)pthread_mutex_lock(&r->m);
    while (r->open > 0)
        (void)pthread_cond_wait(&r->answered, &r->m);
    (void)pthread_mutex_unlock(&r->m);
    *c = command->control;
    e.code = command->result.code;
    command_free(command);
    return e.code;
}

static enum err_code ask(struct rig *r, enum control_kind kind)
{
    return control(r, "s1", &(struct control){.kind = kind});
}

/* s1, active, with n events of which the first `delivered` are delivered. */
static void begin(struct rig *r, int n, uint64_t delivered)
{
    rig_subscribe(r, "s1", &(struct rig_wish){0});
    rig_report(r, "s1", (struct report){.kind = REPORT_HANDSHAKE_OK});
    for (int i = 0; i < n; i++)
        rig_encounter(r, "e", "1");
    rig_report(r, "s1",
               (struct report){.kind = REPORT_DELIVERED, .event = delivered});
    assert_int_equal(rig_state(r, "s1").delivered, delivered);
}

/* On the log, then on merged views. */
static void assert_same_after_restarts(struct rig *r)
{
    struct subscription_state before = rig_state(r, "s1"), after;

    for (int round = 0; round < 3; round++) {
        rig_restart(r);
        after = rig_state(r, "s1");
        assert_same_state(&before, &after);
        (void)usleep(300000);
    }
}

static void a_pause_keeps_counting_over_restarts(void **state)
{
    struct rig *r = *state;

    begin(r, 2, 1);
    assert_int_equal(ask(r, CONTROL_PAUSE), ERR_OK);
    assert_int_equal(ask(r, CONTROL_PAUSE), ERR_OK);
    assert_true(rig_state(r, "s1").paused);
    assert_int_equal(rig_state(r, "s1").status, STATUS_ACTIVE);
    rig_encounter(r, "e", "1");
    assert_same_after_restarts(r);
    assert_true(rig_state(r, "s1").paused);
    assert_int_equal(rig_state(r, "s1").last_event, 3);
    assert_int_equal(ask(r, CONTROL_RESUME), ERR_OK);
    assert_false(rig_state(r, "s1").paused);
    assert_same_after_restarts(r);
}

static void what_is_off_cannot_be_paused(void **state)
{
    struct rig *r = *state;

    rig_subscribe(r, "s1", &(struct rig_wish){.status = "off"});
    assert_int_equal(ask(r, CONTROL_PAUSE), ERR_CONFLICT);
    assert_int_equal(
        control(r, "none", &(struct control){.kind = CONTROL_PAUSE}),
        ERR_NOT_FOUND);
}

static void a_resend_is_bounded_by_what_was_delivered(void **state)
{
    struct rig *r = *state;
    struct control c = {.kind = CONTROL_RESEND, .first = 2, .last = UINT64_MAX};

    begin(r, 6, 4);
    assert_int_equal(control(r, "s1", &c), ERR_OK);
    assert_int_equal(c.first, 2);
    assert_int_equal(c.last, 4);
    assert_int_equal(rig_state(r, "s1").resend.first, 2);
    assert_int_equal(rig_state(r, "s1").resend.last, 4);
    assert_same_after_restarts(r);
    rig_report(r, "s1",
               (struct report){.kind = REPORT_RESENT, .first = 2, .event = 3});
    assert_int_equal(rig_state(r, "s1").resend.first, 4);
    assert_int_equal(rig_state(r, "s1").delivered, 4);
    assert_same_after_restarts(r);
    rig_report(r, "s1",
               (struct report){.kind = REPORT_RESENT, .first = 4, .event = 4});
    assert_int_equal(rig_state(r, "s1").resend.last, 0);
    c = (struct control){.kind = CONTROL_RESEND, .first = 5, .last = 6};
    assert_int_equal(control(r, "s1", &c), ERR_OK);
    assert_true(c.first > c.last);
    assert_int_equal(rig_state(r, "s1").resend.last, 0);
}

static void a_resend_needs_a_subscription_that_sends(void **state)
{
    struct rig *r = *state;
    struct control c = {.kind = CONTROL_RESEND, .first = 1, .last = 1};

    begin(r, 2, 1);
    rig_report(r, "s1",
               (struct report){.kind = REPORT_FAILED, .error = "no answer"});
    assert_int_equal(control(r, "s1", &c), ERR_CONFLICT);
    rig_subscribe(r, "s1", &(struct rig_wish){0});
    assert_int_equal(control(r, "s1", &c), ERR_OK);
}

static struct dead_letter letter(struct rig *r, uint64_t number)
{
    struct dead_letter d;
    struct err e;

    assert_int_equal(engine_dead_letter(r->engine, rig_state(r, "s1").number,
                                        number, &d, &e),
                     ERR_OK);
    return d;
}

static void park(struct rig *r, uint64_t first, uint64_t last)
{
    rig_report(r, "s1",
               (struct report){.kind = REPORT_PARKED,
                               .first = first,
                               .event = last,
                               .attempts = 3,
                               .failure = FAILURE_REFUSED,
                               .error = "answered 400"});
}

static void dead_letters_are_redelivered_or_discarded_once(void **state)
{
    struct rig *r = *state;
    struct control c = {.kind = CONTROL_REDELIVER, .letter = 1};

    begin(r, 5, 1);
    park(r, 2, 3);
    park(r, 4, 4);
    assert_int_equal(rig_state(r, "s1").letters, 2);
    assert_int_equal(control(r, "s1", &c), ERR_OK);
    assert_int_equal(c.first, 2);
    assert_int_equal(c.last, 3);
    assert_int_equal(rig_state(r, "s1").resend.first, 2);
    assert_int_equal(control(r, "s1", &c), ERR_CONFLICT);
    c = (struct control){.kind = CONTROL_DISCARD, .letter = 2};
    assert_int_equal(control(r, "s1", &c), ERR_OK);
    c.kind = CONTROL_REDELIVER;
    assert_int_equal(control(r, "s1", &c), ERR_CONFLICT);
    c = (struct control){.kind = CONTROL_DISCARD, .letter = 3};
    assert_int_equal(control(r, "s1", &c), ERR_NOT_FOUND);
    assert_same_after_restarts(r);
    assert_int_equal(rig_state(r, "s1").letters, 0);
    assert_int_equal(rig_state(r, "s1").parked, 2);
    assert_int_equal(letter(r, 1).state, DEAD_LETTER_REDELIVERED);
    assert_int_equal(letter(r, 2).state, DEAD_LETTER_DISCARDED);
    assert_int_equal(letter(r, 2).attempts, 3);
    assert_string_equal(letter(r, 2).error, "answered 400");
}

static void what_is_refused_again_is_a_new_dead_letter(void **state)
{
    struct rig *r = *state;
    struct control c = {.kind = CONTROL_REDELIVER, .letter = 1};
    const struct report again = {.kind = REPORT_REPARKED,
                                 .first = 2,
                                 .event = 3,
                                 .attempts = 1,
                                 .failure = FAILURE_REFUSED,
                                 .error = "answered 400"};

    begin(r, 5, 1);
    park(r, 2, 3);
    assert_int_equal(control(r, "s1", &c), ERR_OK);
    rig_report(r, "s1", again);
    rig_report(r, "s1", again); /* a late one */
    assert_int_equal(rig_state(r, "s1").resend.last, 0);
    assert_int_equal(rig_state(r, "s1").parked, 2);
    assert_int_equal(rig_state(r, "s1").letters, 1);
    assert_int_equal(letter(r, 2).state, DEAD_LETTER_WAITING);
    assert_int_equal(letter(r, 2).first, 2);
    assert_same_after_restarts(r);
}

static void events_are_found_by_time(void **state)
{
    struct rig *r = *state;
    uint64_t number;
    struct subscription_state s;
    struct err e;

    begin(r, 1, 1);
    for (int i = 1; i < 9; i++) {
        atomic_store(&r->now_ms, RIG_START_MS + i * 1000);
        rig_encounter(r, "e", "1");
    }
    s = rig_state(r, "s1");
    for (int i = 0; i < 9; i++) {
        assert_int_equal(engine_event_since(r->engine, &s,
                                            RIG_START_MS + i * 1000, &number,
                                            &e),
                         ERR_OK);
        assert_int_equal(number, i + 1);
        assert_int_equal(engine_event_since(r->engine, &s,
                                            RIG_START_MS + i * 1000 + 1,
                                            &number, &e),
                         ERR_OK);
        assert_int_equal(number, i + 2);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_open, rig_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pause_keeps_counting_over_restarts),
        TEST(what_is_off_cannot_be_paused),
        TEST(a_resend_is_bounded_by_what_was_delivered),
        TEST(a_resend_needs_a_subscription_that_sends),
        TEST(dead_letters_are_redelivered_or_discarded_once),
        TEST(what_is_refused_again_is_a_new_dead_letter),
        TEST(events_are_found_by_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
