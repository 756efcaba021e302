#include "tests/unit/engine_rig.h"
#include "tests/base/stored_of.h"

/* Follows the chain as a receiver does. */
static void assert_chain(struct rig *r, const char *id, const char *secret)
{
    struct subscription_state s = rig_state(r, id);
    struct signature_key key;
    struct chain_maker m = {NULL, &key, bytes_of(id)};
    struct chain_value value, digest;
    struct event *events;
    struct arena arena;
    struct err e;
    size_t n;

    arena_init(&arena, (size_t)8 << 20);
    assert_int_equal(signature_key_parse(bytes_of(secret), &key, &e), ERR_OK);
    assert_int_equal(signer_new(&m.signer, &e), ERR_OK);
    assert_int_equal(chain_start(&m, s.chain_since, &value, &e), ERR_OK);
    n = rig_events(r, id, s.chain_since + 1, &arena, &events);
    assert_int_equal(n, s.last_event - s.chain_since);
    for (size_t i = 0; i < n; i++) {
        const struct chain_event event = {events[i].number, events[i].type,
                                          events[i].id, events[i].version};

        assert_int_equal(chain_digest(&m, &event, &digest, &e), ERR_OK);
        assert_int_equal(chain_link(m.signer, &value, &digest, &value, &e),
                         ERR_OK);
        assert_memory_equal(&value, &events[i].chain, sizeof value);
    }
    assert_memory_equal(&value, &s.chain, sizeof value);
    signer_free(m.signer);
    arena_fini(&arena);
}

static void change(struct rig *r, int n)
{
    char id[16];

    for (int i = 0; i < n; i++) {
        assert_true(snprintf(id, sizeof id, "e%d", i) > 0);
        rig_encounter(r, id, "1");
    }
}

static void chain_covers_every_event_over_restarts(void **state)
{
    struct rig *r = *state;

    rig_subscribe(r, "s1", &(struct rig_wish){0});
    assert_chain(r, "s1", RIG_SECRET);
    change(r, 3);
    assert_chain(r, "s1", RIG_SECRET);
    rig_restart(r);
    change(r, 2);
    (void)usleep(400000); /* the views are merged meanwhile */
    rig_restart(r);
    change(r, 2);
    assert_int_equal(rig_state(r, "s1").last_event, 7);
    assert_int_equal(rig_state(r, "s1").chain_since, 0);
    assert_chain(r, "s1", RIG_SECRET);
}

static void an_update_goes_on_with_the_chain(void **state)
{
    struct rig *r = *state;

    rig_subscribe(r, "s1", &(struct rig_wish){0});
    change(r, 2);
    rig_subscribe(r, "s1", &(struct rig_wish){0});
    change(r, 2);
    assert_int_equal(rig_state(r, "s1").chain_since, 0);
    assert_chain(r, "s1", RIG_SECRET);
}

static void a_new_secret_begins_a_chain_behind_the_last_event(void **state)
{
    static const char other[] = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    struct rig *r = *state;

    rig_subscribe(r, "s1", &(struct rig_wish){0});
    change(r, 2);
    rig_subscribe(r, "s1", &(struct rig_wish){.secret = other});
    assert_int_equal(rig_state(r, "s1").chain_since, 2);
    assert_chain(r, "s1", other);
    change(r, 3);
    assert_chain(r, "s1", other);
    for (int round = 0; round < 2; round++) {
        rig_restart(r);
        assert_int_equal(rig_state(r, "s1").chain_since, 2);
        assert_chain(r, "s1", other);
        (void)usleep(400000);
    }
}

/* The topic as a resource. */
static void put_topic(struct rig *r)
{
    struct command *c =
        rig_command(r, COMMAND_UPDATE, "SubscriptionTopic", "t");
    struct issues issues = {0};
    struct err e = {0};
    char text[1024];

    assert_true(snprintf(text, sizeof text, "{\"id\":\"t\",%s",
                         rig_topic_json + 1) > 0);
    assert_int_equal(stored_of(text, c->id, &c->text, &e), ERR_OK);
    assert_int_equal(
        topic_compile(bytes_of(text), bytes_of(RIG_BASE), &c->topic, &issues),
        ERR_OK);
    assert_true(topic_set_owner(c->topic, "SubscriptionTopic/t"));
    assert_int_equal(rig_run(r, c).code, ERR_OK);
}

static void a_topic_that_comes_back_brings_chain_and_end(void **state)
{
    struct rig *r = *state;

    rig_subscribe(r, "s1", &(struct rig_wish){.end = "2023-11-14T22:14:20Z"});
    engine_close(&r->engine);
    topic_set_unref(r->topics);
    r->topics = topic_set_new();
    assert_non_null(r->topics);
    rig_start(r); /* the replay finds no topic */
    put_topic(r);
    change(r, 2);
    assert_int_equal(rig_state(r, "s1").last_event, 2);
    assert_chain(r, "s1", RIG_SECRET);
    atomic_fetch_add(&r->now_ms, 61000);
    change(r, 1);
    assert_int_equal(rig_state(r, "s1").last_event, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_open, rig_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chain_covers_every_event_over_restarts),
        TEST(an_update_goes_on_with_the_chain),
        TEST(a_new_secret_begins_a_chain_behind_the_last_event),
        TEST(a_topic_that_comes_back_brings_chain_and_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
