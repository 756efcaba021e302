#include "server/engine/backfill.h"
#include "tests/unit/engine_damage.h"

#define CURRENT                                                   \
    "{\"url\":\"https://belfry.example/fhir/StructureDefinition/" \
    "subscription-backfill\",\"valueCode\":\"current\"},"
#define SINCE(instant)                                            \
    "{\"url\":\"https://belfry.example/fhir/StructureDefinition/" \
    "subscription-backfill-since\",\"valueInstant\":\"" instant "\"},"

/* Waits until the slices have caught up. */
static void settle(struct rig *r, const char *id)
{
    for (int i = 0; i < 500 && rig_state(r, id).backfilling; i++)
        (void)usleep(10000);
    assert_false(rig_state(r, id).backfilling);
}

static void begin(struct rig *r, const char *id, const char *how)
{
    rig_subscribe(r, id, &(struct rig_wish){.channel = how});
}

/* The focus ids of all events, with the version: "a/2 b/1". */
static void assert_events(struct rig *r, const char *id, const char *wanted)
{
    char text[4096] = "";
    struct event *events;
    struct arena arena;
    size_t at = 0, n;

    arena_init(&arena, (size_t)8 << 20);
    n = rig_events(r, id, 1, &arena, &events);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(events[i].number, i + 1);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s/%llu",
                               i ? " " : "", BYTES_ARG(events[i].id),
                               (unsigned long long)events[i].version);
    }
    arena_fini(&arena);
    assert_string_equal(text, wanted);
    assert_int_equal(rig_state(r, id).last_event, n);
}

static void delete (struct rig *r, const char *id)
{
    assert_int_equal(
        rig_run(r, rig_command(r, COMMAND_DELETE, "Encounter", id)).code,
        ERR_OK);
}

static void resources_as_they_stand_come_first(void **state)
{
    struct rig *r = *state;

    rig_encounter(r, "a", "1");
    rig_encounter(r, "b", "2");
    rig_encounter(r, "c", "1");
    rig_encounter(r, "a", "1");
    rig_encounter(r, "d", "1");
    delete (r, "d");
    rig_encounter(r, "e", "1");
    rig_encounter(r, "e", "2");
    begin(r, "s1", CURRENT);
    rig_encounter(r, "c", "1");
    rig_encounter(r, "f", "1");
    settle(r, "s1");
    rig_encounter(r, "a", "1");
    assert_events(r, "s1", "c/1 a/2 c/2 f/1 a/3");
    for (int round = 0; round < 2; round++) {
        rig_restart(r);
        assert_events(r, "s1", "c/1 a/2 c/2 f/1 a/3");
        (void)usleep(300000);
    }
}

static void changes_since_an_instant_come_first(void **state)
{
    struct rig *r = *state;

    rig_encounter(r, "a", "1");
    atomic_store(&r->now_ms, RIG_START_MS + 10000);
    rig_encounter(r, "a", "1");
    rig_encounter(r, "b", "1");
    atomic_store(&r->now_ms, RIG_START_MS + 20000);
    rig_encounter(r, "b", "2");
    delete (r, "b");
    delete (r, "a");
    /* RIG_START_MS is 2023-11-14T22:13:20Z */
    begin(r, "s1", SINCE("2023-11-14T22:13:30Z"));
    settle(r, "s1");
    rig_encounter(r, "c", "1");
    assert_events(r, "s1", "a/2 b/1 a/3 c/1");
}

/* Several slices, with changes between them. */
static void nothing_is_missed_or_told_twice_while_it_runs(void **state)
{
    struct rig *r = *state;
    struct subscription_state s;
    uint8_t seen[3000] = {0};
    struct event *events;
    struct arena arena;
    uint64_t first = 1;
    char id[16];
    size_t n;

    for (int i = 0; i < 2 * BACKFILL_CHANGES; i++) {
        assert_true(snprintf(id, sizeof id, "%d", i) > 0);
        rig_encounter(r, id, "1");
    }
    begin(r, "s1", CURRENT);
    for (int i = 2 * BACKFILL_CHANGES; i < 2 * BACKFILL_CHANGES + 50; i++) {
        assert_true(snprintf(id, sizeof id, "%d", i) > 0);
        rig_encounter(r, id, "1");
        if (i == 2 * BACKFILL_CHANGES + 2)
            rig_restart(r);
    }
    settle(r, "s1");
    s = rig_state(r, "s1");
    assert_int_equal(s.last_event, 2 * BACKFILL_CHANGES + 50);
    while (first <= s.last_event) {
        arena_init(&arena, (size_t)8 << 20);
        n = rig_events(r, "s1", first, &arena, &events);
        assert_true(n > 0);
        for (size_t i = 0; i < n; i++)
            seen[strtoul(events[i].id.p, NULL, 10)]++;
        arena_fini(&arena);
        first += n;
    }
    for (int i = 0; i < 2 * BACKFILL_CHANGES + 50; i++)
        assert_int_equal(seen[i], 1);
}

static void an_update_begins_no_second_one(void **state)
{
    struct rig *r = *state;

    rig_encounter(r, "a", "1");
    begin(r, "s1", CURRENT);
    settle(r, "s1");
    begin(r, "s1", CURRENT);
    settle(r, "s1");
    rig_encounter(r, "b", "1");
    assert_events(r, "s1", "a/1 b/1");
}

static void what_is_off_begins_none(void **state)
{
    struct rig *r = *state;

    rig_encounter(r, "a", "1");
    rig_subscribe(r, "s1",
                  &(struct rig_wish){.status = "off", .channel = CURRENT});
    settle(r, "s1");
    assert_events(r, "s1", "");
}

static void must_go_on(struct rig *r, damage *what)
{
    rig_encounter(r, "a", "1");
    rig_encounter(r, "b", "1");
    damage_first_record(r, what);
    begin(r, "s1", CURRENT);
    settle(r, "s1");
    assert_events(r, "s1", "b/1");
    rig_encounter(r, "c", "1");
    assert_events(r, "s1", "b/1 c/1");
}

static void a_damaged_record_does_not_stop_the_writer(void **state)
{
    must_go_on(*state, damage_cut);
}

static void a_text_that_is_no_json_does_not_stop_the_writer(void **state)
{
    must_go_on(*state, damage_text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_open, rig_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(resources_as_they_stand_come_first),
        TEST(changes_since_an_instant_come_first),
        TEST(nothing_is_missed_or_told_twice_while_it_runs),
        TEST(an_update_begins_no_second_one),
        TEST(what_is_off_begins_none),
        TEST(a_damaged_record_does_not_stop_the_writer),
        TEST(a_text_that_is_no_json_does_not_stop_the_writer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
