/* A transaction is one command: all of its parts or none (P2). */
#include "server/engine/condition.h"
#include "tests/base/stored_of.h"
#include "tests/unit/engine_damage.h"

static struct command *part(struct rig *r, const char *id, const char *patient)
{
    struct command *c = rig_command(r, COMMAND_UPDATE, "Encounter", id);
    char text[256];

    assert_true(snprintf(text, sizeof text,
                         "{\"resourceType\":\"Encounter\",\"id\":\"%s\","
                         "\"status\":\"planned\",\"subject\":{\"reference\":"
                         "\"Patient/%s\"}}",
                         id, patient) > 0);
    rig_text(c, text);
    return c;
}

static struct command *group(struct rig *r, struct command *a,
                             struct command *b)
{
    struct command *g = rig_command(r, COMMAND_GROUP, "Bundle", "none");

    a->next = b;
    b->next = NULL;
    g->parts = a;
    return g;
}

static enum err_code look(struct rig *r, const char *id,
                          struct resource_version *v)
{
    struct arena arena;
    struct err e;
    enum err_code code;

    arena_init(&arena, (size_t)1 << 20);
    code = engine_read(
        r->engine,
        &(struct resource_query){bytes_of("Encounter"), bytes_of(id), 0},
        &arena, v, &e);
    arena_fini(&arena);
    return code;
}

static void all_parts_are_applied_in_their_order(void **state)
{
    struct rig *r = *state;
    struct resource_version a, b;

    rig_subscribe(r, "s", &(struct rig_wish){0});
    assert_int_equal(
        rig_run(r, group(r, part(r, "a", "1"), part(r, "b", "1"))).code,
        ERR_OK);
    assert_int_equal(look(r, "a", &a), ERR_OK);
    assert_int_equal(look(r, "b", &b), ERR_OK);
    assert_true(a.change + 1 == b.change);
    assert_int_equal(rig_state(r, "s").last_event, 2);
    rig_restart(r);
    assert_int_equal(rig_state(r, "s").last_event, 2);
    assert_int_equal(look(r, "b", &b), ERR_OK);
}

static void one_refused_part_refuses_all(void **state)
{
    struct rig *r = *state;
    struct resource_version v;
    struct command *first = part(r, "a", "1"), *second = part(r, "b", "1");
    struct command_result result;

    rig_subscribe(r, "s", &(struct rig_wish){0});
    second->if_match = 7;
    result = rig_run(r, group(r, first, second));
    assert_int_equal(result.code, ERR_PRECONDITION);
    assert_ptr_equal(result.culprit, second);
    assert_int_equal(look(r, "a", &v), ERR_NOT_FOUND);
    assert_int_equal(look(r, "b", &v), ERR_NOT_FOUND);
    assert_int_equal(rig_state(r, "s").last_event, 0);
    rig_restart(r);
    assert_int_equal(look(r, "a", &v), ERR_NOT_FOUND);
    assert_int_equal(rig_state(r, "s").last_event, 0);
}

static void a_delete_and_an_update_go_together(void **state)
{
    struct rig *r = *state;
    struct resource_version v;

    rig_encounter(r, "a", "1");
    assert_int_equal(
        rig_run(r, group(r, rig_command(r, COMMAND_DELETE, "Encounter", "a"),
                         part(r, "b", "1")))
            .code,
        ERR_OK);
    assert_int_equal(look(r, "a", &v), ERR_OK);
    assert_true(v.deleted);
    assert_int_equal(look(r, "b", &v), ERR_OK);
    assert_false(v.deleted);
}

/* Encounter/a, whose record is damaged; its delete needs the version before.
 */
static void begin_with_damage(struct rig *r, damage *what)
{
    rig_encounter(r, "a", "1");
    rig_subscribe(r, "s", &(struct rig_wish){0});
    damage_first_record(r, what);
}

static void must_fail_alone(struct rig *r)
{
    struct resource_version v;
    struct command *bad, *good, *g;

    bad = rig_command(r, COMMAND_DELETE, "Encounter", "a");
    good = part(r, "b", "1");
    g = group(r, bad, good);
    g->each_alone = true;
    rig_keep(r, g);
    assert_int_equal(g->result.code, ERR_OK);
    assert_int_equal(bad->result.code, ERR_FORMAT);
    assert_int_equal(good->result.code, ERR_OK);
    command_free(g);
    assert_int_equal(look(r, "b", &v), ERR_OK);
    assert_int_equal(rig_state(r, "s").last_event, 1);
    assert_null(engine_not_ready(r->engine));
}

static void must_refuse_the_transaction(struct rig *r)
{
    struct resource_version v;
    struct command *bad;
    struct command_result result;

    bad = rig_command(r, COMMAND_DELETE, "Encounter", "a");
    result = rig_run(r, group(r, part(r, "b", "1"), bad));
    assert_int_equal(result.code, ERR_FORMAT);
    assert_ptr_equal(result.culprit, bad);
    assert_int_equal(look(r, "b", &v), ERR_NOT_FOUND);
    assert_int_equal(rig_state(r, "s").last_event, 0);
    assert_null(engine_not_ready(r->engine));
}

static void a_damaged_version_refuses_the_transaction(void **state)
{
    begin_with_damage(*state, damage_cut);
    must_refuse_the_transaction(*state);
}

static void a_damaged_version_fails_its_command_alone(void **state)
{
    begin_with_damage(*state, damage_cut);
    must_fail_alone(*state);
}

static void a_text_that_is_no_json_fails_its_command_alone(void **state)
{
    begin_with_damage(*state, damage_text);
    must_refuse_the_transaction(*state);
    must_fail_alone(*state);
}

static void a_text_of_no_type_fails_its_command_alone(void **state)
{
    begin_with_damage(*state, damage_type);
    must_refuse_the_transaction(*state);
    must_fail_alone(*state);
}

/* What its criteria could find since cannot be told. */
static void
a_text_that_is_no_json_fails_a_conditional_command_alone(void **state)
{
    struct rig *r = *state;
    struct command *c;
    struct query *q = NULL;
    struct err e;

    begin_with_damage(r, damage_text);
    assert_int_equal(query_compile(bytes_of("Encounter"), bytes_of("patient=1"),
                                   bytes_of(RIG_BASE), &q, &e),
                     ERR_OK);
    c = part(r, "b", "1");
    c->condition = condition_new(r->engine, &q);
    assert_non_null(c->condition);
    c->condition->seen = 0;
    assert_int_equal(rig_run(r, c).code, ERR_FORMAT);
    assert_null(engine_not_ready(r->engine));
}

/* The linker (--wrap) puts a function of the test before the real one. */
static atomic_int changes_until_nomem = -1;

enum err_code real_change(const struct topic_set *s, const char *owner,
                          struct topic *t, struct topic_set **out,
                          struct err *e) __asm__("__real_topic_set_change");
enum err_code frail_change(const struct topic_set *s, const char *owner,
                           struct topic *t, struct topic_set **out,
                           struct err *e) __asm__("__wrap_topic_set_change");

enum err_code frail_change(const struct topic_set *s, const char *owner,
                           struct topic *t, struct topic_set **out,
                           struct err *e)
{
    *out = NULL;
    if (atomic_load(&changes_until_nomem) >= 0 &&
        atomic_fetch_sub(&changes_until_nomem, 1) == 0)
        return err_nomem(e);
    return real_change(s, owner, t, out, e);
}

static struct command *topic_part(struct rig *r)
{
    static const char text[] =
        "{\"resourceType\":\"SubscriptionTopic\",\"id\":\"t\",\"url\":"
        "\"https://belfry.example/other\",\"status\":\"active\","
        "\"resourceTrigger\":[{\"resource\":\"Patient\","
        "\"supportedInteraction\":[\"create\"]}]}";
    struct command *c =
        rig_command(r, COMMAND_UPDATE, "SubscriptionTopic", "t");
    struct issues issues = {0};
    struct err e;

    assert_int_equal(stored_of(text, c->id, &c->text, &e), ERR_OK);
    assert_int_equal(
        topic_compile(bytes_of(text), bytes_of(RIG_BASE), &c->topic, &issues),
        ERR_OK);
    assert_true(topic_set_owner(c->topic, "SubscriptionTopic/t"));
    return c;
}

/* First while the parts are examined, then while they are applied. */
static void without_memory_for_a_topic_nothing_is_applied(void **state)
{
    struct rig *r = *state;
    struct resource_version v;
    struct command_result result;

    for (int spared = 0; spared < 2; spared++) {
        struct command *g = group(r, part(r, "a", "1"), topic_part(r));

        atomic_store(&changes_until_nomem, spared);
        rig_keep(r, g);
        result = g->result;
        assert_int_equal(result.code, ERR_NOMEM);
        assert_null(result.culprit);
        command_free(g);
        assert_int_equal(look(r, "a", &v), ERR_NOT_FOUND);
    }
    atomic_store(&changes_until_nomem, -1);
    assert_int_equal(
        rig_run(r, group(r, part(r, "a", "1"), topic_part(r))).code, ERR_OK);
    assert_int_equal(look(r, "a", &v), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_parts_are_applied_in_their_order,
                                        rig_open, rig_close),
        cmocka_unit_test_setup_teardown(one_refused_part_refuses_all, rig_open,
                                        rig_close),
        cmocka_unit_test_setup_teardown(a_delete_and_an_update_go_together,
                                        rig_open, rig_close),
        cmocka_unit_test_setup_teardown(
            a_damaged_version_fails_its_command_alone, rig_open, rig_close),
        cmocka_unit_test_setup_teardown(
            a_damaged_version_refuses_the_transaction, rig_open, rig_close),
        cmocka_unit_test_setup_teardown(
            a_text_that_is_no_json_fails_its_command_alone, rig_open,
            rig_close),
        cmocka_unit_test_setup_teardown(
            a_text_of_no_type_fails_its_command_alone, rig_open, rig_close),
        cmocka_unit_test_setup_teardown(
            a_text_that_is_no_json_fails_a_conditional_command_alone, rig_open,
            rig_close),
        cmocka_unit_test_setup_teardown(
            without_memory_for_a_topic_nothing_is_applied, rig_open, rig_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
