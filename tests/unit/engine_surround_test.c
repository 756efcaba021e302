/* What refers to a focus comes with its events as it was then. */
#include "tests/unit/engine_damage.h"

#include "server/engine/surround.h"

static const char topic_json[] =
    "{\"resourceType\":\"SubscriptionTopic\",\"url\":\"" RIG_TOPIC "\","
    "\"status\":\"active\",\"resourceTrigger\":[{\"resource\":\"Encounter\","
    "\"supportedInteraction\":[\"create\",\"update\",\"delete\"]}],"
    "\"canFilterBy\":[{\"resource\":\"Encounter\",\"filterParameter\":"
    "\"patient\"}],\"notificationShape\":[{\"resource\":\"Encounter\","
    "\"include\":[\"Encounter:patient\"],\"revInclude\":["
    "\"Observation:encounter\",\"_revinclude:iterate=Provenance:target\"]}]}";

static int open_shaped(void **state)
{
    return rig_open_with(state, topic_json);
}

static struct command *observation(struct rig *r, const char *id,
                                   const char *encounter)
{
    struct command *c = rig_command(r, COMMAND_UPDATE, "Observation", id);
    char text[256];

    assert_true(snprintf(text, sizeof text,
                         "{\"resourceType\":\"Observation\",\"id\":\"%s\","
                         "\"status\":\"final\",\"code\":{\"text\":\"x\"},"
                         "\"encounter\":{\"reference\":\"Encounter/%s\"}}",
                         id, encounter) > 0);
    rig_text(c, text);
    return c;
}

static struct command *encounter(struct rig *r, const char *id)
{
    struct command *c = rig_command(r, COMMAND_UPDATE, "Encounter", id);
    char text[256];

    assert_true(snprintf(text, sizeof text,
                         "{\"resourceType\":\"Encounter\",\"id\":\"%s\","
                         "\"status\":\"planned\",\"subject\":{\"reference\":"
                         "\"Patient/1\"}}",
                         id) > 0);
    rig_text(c, text);
    return c;
}

static void put(struct rig *r, struct command *c)
{
    assert_int_equal(rig_run(r, c).code, ERR_OK);
}

static void put_text(struct rig *r, const char *type, const char *id,
                     const char *text)
{
    struct command *c = rig_command(r, COMMAND_UPDATE, type, id);

    rig_text(c, text);
    put(r, c);
}

static struct command *pair(struct rig *r, struct command *first,
                            struct command *second, bool each_alone)
{
    struct command *g = rig_command(r, COMMAND_GROUP, "Bundle", "none");

    first->next = second;
    g->parts = first;
    g->each_alone = each_alone;
    return g;
}

/* "Type/id v1, ..." of what comes with the event, and how many bytes. */
static size_t told(struct rig *r, uint64_t number, char *out, size_t size)
{
    struct event *events;
    struct arena arena;
    struct err e = {0};
    size_t bytes = 0, at = 0;
    const struct surround_query q = {
        topic_set_find(r->topics, bytes_of(RIG_TOPIC)), bytes_of(RIG_BASE),
        true, (size_t)1 << 20};

    arena_init(&arena, (size_t)8 << 20);
    assert_true(rig_events(r, "s", number, &arena, &events) > 0);
    assert_int_equal(engine_surround(r->engine, &q, events, 1, &arena, &e),
                     ERR_OK);
    out[0] = '\0';
    for (size_t i = 0; i < events->context_count; i++) {
        const struct event_context *c = &events->contexts[i];

        at += (size_t)snprintf(out + at, size - at, "%.*s/%.*s v%u ",
                               BYTES_ARG(c->type), BYTES_ARG(c->id),
                               (unsigned)c->version);
        bytes += c->text.n;
    }
    arena_fini(&arena);
    return bytes;
}

static void expect_told(struct rig *r, uint64_t number, const char *expected)
{
    char text[4096];

    (void)told(r, number, text, sizeof text);
    assert_string_equal(text, expected);
}

static void what_refers_to_the_focus_is_told_as_of_the_event(void **state)
{
    struct rig *r = *state;
    char before[4096], later[4096];
    size_t bytes;

    rig_subscribe(r, "s", &(struct rig_wish){0});
    put(r, observation(r, "b", "e"));
    put(r, observation(r, "a", "e"));
    put(r, observation(r, "other", "elsewhere"));
    put(r, encounter(r, "e"));
    bytes = told(r, 1, before, sizeof before);
    assert_string_equal(before, "Observation/a v1 Observation/b v1 ");
    assert_true(bytes > 0);
    put(r, observation(r, "a", "elsewhere"));
    put(r, observation(r, "c", "e"));
    put(r, rig_command(r, COMMAND_DELETE, "Observation", "b"));
    assert_int_equal(told(r, 1, later, sizeof later), bytes);
    assert_string_equal(later, before);
    put(r, encounter(r, "e"));
    expect_told(r, 2, "Observation/c v1 ");
    rig_restart(r);
    assert_int_equal(told(r, 1, later, sizeof later), bytes);
    assert_string_equal(later, before);
    expect_told(r, 2, "Observation/c v1 ");
    put(r, encounter(r, "e"));
    expect_told(r, 3, "Observation/c v1 ");
}

static void a_deleted_focus_has_nothing_around_it(void **state)
{
    struct rig *r = *state;

    rig_subscribe(r, "s", &(struct rig_wish){0});
    put(r, observation(r, "a", "e"));
    put(r, encounter(r, "e"));
    put(r, rig_command(r, COMMAND_DELETE, "Encounter", "e"));
    expect_told(r, 2, "");
}

static void an_iterated_one_refers_to_what_was_included(void **state)
{
    struct rig *r = *state;

    rig_subscribe(r, "s", &(struct rig_wish){0});
    put_text(r, "Patient", "1", "{\"resourceType\":\"Patient\"}");
    put(r, observation(r, "a", "e"));
    put_text(r, "Provenance", "of-a",
             "{\"resourceType\":\"Provenance\",\"target\":[{\"reference\":"
             "\"Observation/a\"}]}");
    put_text(r, "Provenance", "of-patient",
             "{\"resourceType\":\"Provenance\",\"target\":[{\"reference\":"
             "\"Patient/1\"}]}");
    put_text(r, "Provenance", "of-none",
             "{\"resourceType\":\"Provenance\",\"target\":[{\"reference\":"
             "\"Observation/none\"}]}");
    put(r, encounter(r, "e"));
    expect_told(r, 1,
                "Patient/1 v1 Observation/a v1 Provenance/of-patient v1 "
                "Provenance/of-a v1 ");
}

static void a_batch_sees_what_its_earlier_parts_did(void **state)
{
    struct rig *r = *state;

    rig_subscribe(r, "s", &(struct rig_wish){0});
    put(r, pair(r, observation(r, "a", "e"), encounter(r, "e"), true));
    expect_told(r, 1, "Observation/a v1 ");
}

static void a_transaction_is_told_whole(void **state)
{
    struct rig *r = *state;
    struct command *patient;

    rig_subscribe(r, "s", &(struct rig_wish){0});
    put(r, pair(r, encounter(r, "e"), observation(r, "a", "e"), false));
    expect_told(r, 1, "Observation/a v1 ");
    patient = rig_command(r, COMMAND_UPDATE, "Patient", "1");
    rig_text(patient, "{\"resourceType\":\"Patient\"}");
    put(r, pair(r, encounter(r, "f"), patient, false));
    expect_told(r, 2, "Patient/1 v1 ");
    put_text(r, "Patient", "1",
             "{\"resourceType\":\"Patient\",\"active\":true}");
    expect_told(r, 2, "Patient/1 v1 ");
    put(r, pair(r, encounter(r, "e"),
                rig_command(r, COMMAND_DELETE, "Observation", "a"), false));
    expect_told(r, 3, "Patient/1 v2 ");
    put(r, pair(r, encounter(r, "e"), observation(r, "b", "e"), true));
    expect_told(r, 4, "Patient/1 v2 ");
}

static void no_more_than_the_bound_are_told(void **state)
{
    struct rig *r = *state;
    char before[4096], later[4096];

    rig_subscribe(r, "s", &(struct rig_wish){0});
    for (int i = 0; i < SURROUND_MAX + 10; i++) {
        char id[16];

        assert_true(snprintf(id, sizeof id, "o%03d", i) > 0);
        put(r, observation(r, id, "e"));
    }
    put(r, encounter(r, "e"));
    (void)told(r, 1, before, sizeof before);
    assert_non_null(strstr(before, "Observation/o000 v1 "));
    assert_non_null(strstr(before, "Observation/o063 v1 "));
    assert_null(strstr(before, "Observation/o064"));
    put(r, observation(r, "a", "e"));
    (void)told(r, 1, later, sizeof later);
    assert_string_equal(later, before);
}

static void without_an_index_nothing_is_found(void **state)
{
    struct rig *r = *state;

    r->index = "Encounter";
    rig_restart(r);
    rig_subscribe(r, "s", &(struct rig_wish){0});
    put(r, observation(r, "a", "e"));
    put(r, encounter(r, "e"));
    expect_told(r, 1, "");
}

/* Whom the focus refers to cannot be read: nothing is found from there. */
static void a_text_that_is_no_json_leads_nowhere(void **state)
{
    struct rig *r = *state;

    put_text(r, "Patient", "1", "{\"resourceType\":\"Patient\",\"id\":\"1\"}");
    rig_subscribe(r, "s", &(struct rig_wish){0});
    damage_first_record(r, damage_text);
    put(r, encounter(r, "a"));
    assert_int_equal(rig_state(r, "s").last_event, 1);
    assert_null(engine_not_ready(r->engine));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_refers_to_the_focus_is_told_as_of_the_event, open_shaped,
            rig_close),
        cmocka_unit_test_setup_teardown(a_deleted_focus_has_nothing_around_it,
                                        open_shaped, rig_close),
        cmocka_unit_test_setup_teardown(
            an_iterated_one_refers_to_what_was_included, open_shaped,
            rig_close),
        cmocka_unit_test_setup_teardown(a_batch_sees_what_its_earlier_parts_did,
                                        open_shaped, rig_close),
        cmocka_unit_test_setup_teardown(a_transaction_is_told_whole,
                                        open_shaped, rig_close),
        cmocka_unit_test_setup_teardown(no_more_than_the_bound_are_told,
                                        open_shaped, rig_close),
        cmocka_unit_test_setup_teardown(without_an_index_nothing_is_found,
                                        open_shaped, rig_close),
        cmocka_unit_test_setup_teardown(a_text_that_is_no_json_leads_nowhere,
                                        open_shaped, rig_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
