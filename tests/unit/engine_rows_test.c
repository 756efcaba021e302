/* Subscriptions from rows: what a start reads, what it does with bad ones, and
 * what an aborted batch leaves behind. The writer does not run here: the tests
 * do its work, so that they decide when views are merged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fhir/search/values.h"
#include "server/engine/apply.h"
#include "server/engine/core.h"
#include "server/engine/read.h"
#include "server/engine/row.h"
#include "tests/base/stored_of.h"

#define BASE "http://127.0.0.1:8080/fhir"
#define TOPIC "https://belfry.example/fhir/SubscriptionTopic/test"
#define BX "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
#define UUID "0af1b2c3-89ab-4cde-8f01-23456789abcd"
#define SECRET(text)                                                    \
    "\"extension\":[{\"url\":\"https://belfry.example/fhir/"            \
    "StructureDefinition/subscription-secret\",\"valueString\":\"" text \
    "\"}],"
#define ONE_SECRET SECRET("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
#define OTHER_SECRET SECRET("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
#define LONG_ID "an-id-of-more-than-twenty-three-characters-that-is-no-uuid"

static const char topic_json[] =
    "{\"resourceType\":\"SubscriptionTopic\",\"url\":\"" TOPIC "\","
    "\"status\":\"active\",\"resourceTrigger\":[{\"resource\":\"Encounter\"},"
    "{\"resource\":\"Observation\"}],\"canFilterBy\":["
    "{\"filterParameter\":\"patient\"},{\"filterParameter\":\"status\"}]}";

struct fixture {
    char dir[64];
    struct topic_set *topics;
    struct engine *engine;
};

static void open_engine(struct fixture *f)
{
    struct engine_config config = {.data_dir = f->dir,
                                   .map_bytes = (size_t)256 << 20,
                                   .clock = clock_system(),
                                   .topics = f->topics,
                                   .base_url = BASE};
    struct err e = {0};

    if (engine_open(&config, &f->engine, &e) != ERR_OK)
        fail_msg("engine_open: %s", e.message);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct issues issues = {0};
    struct topic *topic = NULL;
    struct err e;

    assert_non_null(f);
    memcpy(f->dir, "/tmp/belfry-rows-XXXXXX", 24);
    assert_non_null(mkdtemp(f->dir));
    f->topics = topic_set_new();
    assert_non_null(f->topics);
    assert_int_equal(
        topic_compile(bytes_of(topic_json), bytes_of(BASE), &topic, &issues),
        ERR_OK);
    assert_int_equal(topic_set_add(f->topics, &topic, &e), ERR_OK);
    open_engine(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "belfry.lock"};
    struct fixture *f = *state;
    char path[128];

    engine_close(&f->engine);
    topic_set_unref(f->topics);
    for (size_t i = 0; i < 3; i++) {
        assert_true(snprintf(path, sizeof path, "%s/%s", f->dir, files[i]) > 0);
        (void)unlink(path);
    }
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

/* ---- the writer's work ---- */

static void done(struct command *c)
{
    command_free(c);
}

static struct command *make(struct fixture *f, enum command_kind kind,
                            const char *type, const char *id, const char *text)
{
    struct command *c = command_new((size_t)1 << 20);
    struct subscription_rules rules = {.topics = f->topics,
                                       .base_url = bytes_of(BASE)};
    struct issues issues = {0};
    struct err e = {0};
    cJSON *json;

    assert_non_null(c);
    c->kind = kind;
    c->type = arena_copy(&c->arena, bytes_of(type));
    c->id = arena_copy(&c->arena, bytes_of(id));
    c->done = done;
    c->time_ms = 1700000000000;
    if (kind == COMMAND_DELETE)
        return c;
    json = cJSON_Parse(text);
    assert_non_null(json);
    assert_int_equal(stored_of(text, c->id, &c->text, &e), ERR_OK);
    assert_int_equal(search_values_read(bytes_of(text), bytes_of(BASE),
                                        &c->arena, &c->values, &e),
                     ERR_OK);
    if (strcmp(type, "Subscription") == 0 &&
        subscription_read(json, &rules, &c->subscription, &issues) != ERR_OK)
        fail_msg("%s: %s", issues.items[0].expression, issues.items[0].message);
    cJSON_Delete(json);
    return c;
}

static void apply_in(struct batch *b, struct command *c)
{
    struct err e = {0};

    if (apply_command(b, c, &e) != ERR_OK)
        fail_msg("apply: %s", e.message);
    assert_int_equal(c->result.code, ERR_OK);
    command_free(c);
}

static void begin(struct fixture *f, struct batch *b)
{
    struct err e;

    assert_int_equal(batch_begin(b, &f->engine->state, 1700000000000, &e),
                     ERR_OK);
}

static void commit(struct batch *b)
{
    struct batch_outcome outcome;
    struct err e = {0};

    if (batch_commit(b, &outcome, &e) != ERR_OK)
        fail_msg("commit: %s", e.message);
    free(outcome.numbers);
}

static void apply(struct fixture *f, struct command *c)
{
    struct batch b;

    begin(f, &b);
    apply_in(&b, c);
    commit(&b);
}

static void merge_views(struct fixture *f)
{
    struct views *v = &f->engine->views;
    struct store_txn *t = NULL;
    struct err e;

    views_freeze(v, true);
    assert_int_equal(store_begin_write(f->engine->state.store, &t, &e), ERR_OK);
    assert_int_equal(views_merge(v, t, 1000000, &e), ERR_OK);
    assert_int_equal(store_commit(&t, &e), ERR_OK);
    views_committed(v);
}

static void reopen(struct fixture *f)
{
    engine_close(&f->engine);
    open_engine(f);
}

/* ---- what is said to it ---- */

static struct command *subscription_with(struct fixture *f, const char *id,
                                         const char *filter,
                                         const char *channel)
{
    char text[8192];

    assert_true(
        snprintf(text, sizeof text,
                 "{\"resourceType\":\"Subscription\",\"id\":\"%s\","
                 "\"status\":\"requested\",\"reason\":\"test\","
                 "\"end\":\"2099-01-01T00:00:00Z\",\"criteria\":\"" TOPIC
                 "\",\"_criteria\":{\"extension\":[{\"url\":\"" BX
                 "backport-filter-criteria\",\"valueString\":\"%s\"}]},"
                 "\"channel\":{%s\"type\":\"rest-hook\",\"endpoint\":"
                 "\"http://127.0.0.1:9/%s\",\"payload\":"
                 "\"application/fhir+json\",\"_payload\":{\"extension\":[{"
                 "\"url\":\"" BX "backport-payload-content\",\"valueCode\":"
                 "\"id-only\"}]}}}",
                 id, filter, channel, id) > 0);
    return make(f, COMMAND_UPDATE, "Subscription", id, text);
}

static struct command *subscription(struct fixture *f, const char *id,
                                    const char *filter)
{
    return subscription_with(f, id, filter, "");
}

static struct command *encounter(struct fixture *f, const char *patient)
{
    char text[512];

    assert_true(snprintf(text, sizeof text,
                         "{\"resourceType\":\"Encounter\",\"id\":\"e\","
                         "\"status\":\"planned\",\"subject\":{\"reference\":"
                         "\"Patient/%s\"}}",
                         patient) > 0);
    return make(f, COMMAND_UPDATE, "Encounter", "e", text);
}

static void change(struct fixture *f, const char *patient)
{
    apply(f, encounter(f, patient));
}

static struct subscription_state state_of(struct fixture *f, const char *id)
{
    struct subscription_state s;
    struct err e;

    assert_int_equal(
        engine_subscription_by_id(f->engine, bytes_of(id), &s, NULL, &e),
        ERR_OK);
    return s;
}

static void check_events(struct fixture *f, const char *id, uint64_t n)
{
    assert_int_equal(state_of(f, id).last_event, n);
}

static void put_row(struct fixture *f, uint64_t number, struct bytes row)
{
    char raw[STATE_KEY_BYTES];
    struct store_txn *t = NULL;
    struct err e;

    assert_int_equal(store_begin_write(f->engine->state.store, &t, &e), ERR_OK);
    assert_int_equal(store_view_put(t, VIEW_SUBSCRIPTION,
                                    state_subscription_key(number, raw), row,
                                    &e),
                     ERR_OK);
    assert_int_equal(store_commit(&t, &e), ERR_OK);
}

/* ---- tests ---- */

static void a_start_from_rows_matches_as_before(void **state)
{
    static const char *const ids[] = {"a", UUID, LONG_ID};
    struct fixture *f = *state;

    apply(f, subscription(f, ids[0], "Encounter?patient=Patient/1"));
    apply(f, subscription(f, ids[1], "Encounter?patient=Patient/2,Patient/1"));
    apply(f, subscription(f, ids[2], "patient=Patient/2&status=planned"));
    merge_views(f);
    reopen(f);
    for (size_t i = 0; i < 3; i++)
        assert_null(definition_cache_get(&f->engine->state.definitions,
                                         state_of(f, ids[i]).definition));
    change(f, "1");
    change(f, "2");
    change(f, "2");
    change(f, "3");
    check_events(f, ids[0], 1);
    check_events(f, ids[1], 3);
    check_events(f, ids[2], 2);
    merge_views(f);
    reopen(f);
    check_events(f, ids[0], 1);
    check_events(f, ids[1], 3);
    change(f, "1");
    check_events(f, ids[1], 4);
}

static void the_definition_comes_from_the_log_when_asked_for(void **state)
{
    struct fixture *f = *state;
    struct subscription_state s;
    struct definition *d = NULL, *again = NULL;
    struct err e;

    apply(f, subscription(f, "a", "Encounter?patient=Patient/1"));
    merge_views(f);
    reopen(f);
    assert_int_equal(
        engine_subscription_by_id(f->engine, bytes_of("a"), &s, &d, &e),
        ERR_OK);
    assert_non_null(d);
    assert_string_equal(definition_get(d)->endpoint, "http://127.0.0.1:9/a");
    assert_int_equal(engine_subscription(f->engine, s.number, &s, &again, &e),
                     ERR_OK);
    assert_ptr_equal(again, d);
    definition_unref(&d);
    definition_unref(&again);
}

static void subscriptions_of_one_form_share_its_shape(void **state)
{
    struct fixture *f = *state;
    struct subs *subs = &f->engine->state.subs;
    const struct sub *a, *b, *c;

    apply(f, subscription(f, "a", "Encounter?patient=Patient/1"));
    apply(f, subscription(f, "b", "Encounter?patient=Patient/2"));
    apply(f, subscription(f, "c", "Encounter?status=planned"));
    a = subs_find_id(subs, bytes_of("a"));
    b = subs_find_id(subs, bytes_of("b"));
    c = subs_find_id(subs, bytes_of("c"));
    assert_ptr_equal(a->form->shape, b->form->shape);
    assert_ptr_not_equal(a->form->shape, c->form->shape);
    assert_int_equal(a->form->shape->users, 2);
    apply(f, make(f, COMMAND_DELETE, "Subscription", "b", NULL));
    assert_int_equal(a->form->shape->users, 1);
}

/* "patient" is of both of the topic's types, with one value for both. */
static void a_value_of_many_types_is_kept_once(void **state)
{
    struct fixture *f = *state;
    const struct sub *s;

    apply(f, subscription(f, "a", "patient=Patient/12345"));
    s = subs_find_id(&f->engine->state.subs, bytes_of("a"));
    assert_int_equal(s->form->shape->filter_count, 2);
    assert_int_equal(s->form->values_bytes, 2 + strlen("Patient/12345"));
}

static void a_damaged_row_does_not_stop_the_start(void **state)
{
    struct fixture *f = *state;
    uint64_t number;

    apply(f, subscription(f, "a", "Encounter?patient=Patient/1"));
    apply(f, subscription(f, "b", "Encounter?patient=Patient/1"));
    change(f, "1");
    change(f, "1");
    merge_views(f);
    number = state_of(f, "a").number;
    put_row(f, number, bytes_of("rubbish"));
    put_row(f, 3, bytes_of("no Subscription at all"));
    reopen(f);
    assert_int_equal(state_of(f, "a").status, STATUS_ERROR);
    assert_int_equal(state_of(f, "a").number, number);
    assert_non_null(strstr(state_of(f, "a").error, "damaged"));
    check_events(f, "a", 2);
    assert_int_equal(state_of(f, "b").status, STATUS_REQUESTED);
    /* its events go on being numbered, and it can be requested again */
    change(f, "1");
    check_events(f, "a", 3);
    apply(f, subscription(f, "a", "Encounter?patient=Patient/1"));
    assert_int_equal(state_of(f, "a").status, STATUS_REQUESTED);
    assert_string_equal(state_of(f, "a").error, "");
}

/* What version 2 wrote: no end, no form. */
static void a_row_of_an_earlier_version_is_read(void **state)
{
    struct fixture *f = *state;
    const struct sub *s;
    char row[ROW_BYTES_MAX], old[ROW_BYTES_MAX];
    const size_t now_bytes = 168, old_bytes = 80;
    struct bytes now;

    apply(f, subscription(f, "abc", "Encounter?patient=Patient/1"));
    change(f, "1");
    merge_views(f);
    s = subs_find_id(&f->engine->state.subs, bytes_of("abc"));
    now = row_encode(s, s->form, f->engine->state.published_change, row);
    assert_true(now.n > now_bytes + 3);
    memcpy(old, row, old_bytes);
    old[0] = 2;
    memcpy(old + old_bytes, row + now_bytes, 3);
    put_row(f, s->number, bytes_make(old, old_bytes + 3));
    reopen(f);
    check_events(f, "abc", 1);
    change(f, "1");
    change(f, "2");
    check_events(f, "abc", 2);
    s = subs_find_id(&f->engine->state.subs, bytes_of("abc"));
    assert_int_equal(sub_rare_of(s).end_ms, 4070908800000);
}

static void a_form_too_long_for_a_row_is_made_from_the_text(void **state)
{
    struct fixture *f = *state;
    char filter[4096] = "Encounter?patient=Patient/1";
    const struct sub *s;
    char row[ROW_BYTES_MAX];
    struct row read;
    struct err e;

    for (size_t i = 0, n = strlen(filter); i < 40; i++, n = strlen(filter))
        assert_true(snprintf(filter + n, sizeof filter - n,
                             ",Patient/a-long-id-of-some-patient-number-%zu",
                             i) > 0);
    apply(f, subscription(f, "a", filter));
    s = subs_find_id(&f->engine->state.subs, bytes_of("a"));
    assert_int_equal(row_decode(row_encode(s, s->form, 1, row), &read, &e),
                     ERR_OK);
    assert_false(read.has_form);
    merge_views(f);
    reopen(f);
    change(f, "1");
    change(f, "a-long-id-of-some-patient-number-39");
    change(f, "2");
    check_events(f, "a", 2);
}

static void no_cut_of_a_row_is_taken_for_one(void **state)
{
    struct fixture *f = *state;
    char row[ROW_BYTES_MAX];
    const struct sub *s;
    struct row read;
    struct bytes whole;
    struct err e;

    apply(f, subscription(f, UUID, "Encounter?patient=Patient/1"));
    s = subs_find_id(&f->engine->state.subs, bytes_of(UUID));
    whole = row_encode(s, s->form, 7, row);
    assert_int_equal(row_decode(whole, &read, &e), ERR_OK);
    assert_int_equal(read.as_of, 7);
    assert_true(bytes_is(read.id, UUID));
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(row_decode(bytes_make(row, n), &read, &e), ERR_FORMAT);
}

static struct bytes secret_in_row(struct fixture *f, uint64_t number,
                                  char out[64])
{
    char raw[STATE_KEY_BYTES];
    struct store_txn *t = NULL;
    struct bytes value, secret;
    struct row row = {0};
    struct err e;

    assert_int_equal(store_begin_read(f->engine->state.store, &t, &e), ERR_OK);
    assert_int_equal(store_view_get(t, VIEW_SUBSCRIPTION,
                                    state_subscription_key(number, raw), &value,
                                    &e),
                     ERR_OK);
    assert_int_equal(row_decode(value, &row, &e), ERR_OK);
    assert_true(row.has_form);
    secret = row.form.secret;
    assert_true(secret.n <= 64);
    if (secret.n)
        memcpy(out, secret.p, secret.n);
    store_abort(&t);
    return bytes_make(out, secret.n);
}

/* Rows are written in the transaction of a batch that is not published yet:
 * the old state with the new secret would be read as if the chain of the gap
 * proof had begun anew already. */
static void a_row_written_amid_a_batch_has_the_form_of_its_state(void **state)
{
    struct fixture *f = *state;
    struct views *v = &f->engine->views;
    struct chain_value chain;
    char before[64], after[64];
    struct bytes secret;
    uint64_t number;
    struct batch b;
    struct err e;

    apply(f,
          subscription_with(f, "a", "Encounter?patient=Patient/1", ONE_SECRET));
    change(f, "1");
    number = state_of(f, "a").number;
    merge_views(f);
    secret = secret_in_row(f, number, before);
    change(f, "1");
    views_freeze(v, true);
    begin(f, &b);
    apply_in(&b, subscription_with(f, "a", "Encounter?patient=Patient/1",
                                   OTHER_SECRET));
    assert_int_equal(views_merge(v, b.txn, 1000000, &e), ERR_OK);
    commit(&b);
    views_committed(v);
    assert_true(bytes_equal(secret_in_row(f, number, after), secret));
    assert_int_equal(state_of(f, "a").chain_since, 2);
    chain = state_of(f, "a").chain;
    reopen(f);
    assert_int_equal(state_of(f, "a").chain_since, 2);
    assert_memory_equal(state_of(f, "a").chain.p, chain.p, CHAIN_BYTES);
}

static void an_aborted_batch_leaves_the_matcher_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct batch b;

    apply(f, subscription(f, "a", "Encounter?patient=Patient/1"));
    apply(f, subscription(f, "b", "Encounter?patient=Patient/1"));
    begin(f, &b);
    apply_in(&b, subscription(f, "a", "Encounter?patient=Patient/2"));
    apply_in(&b, subscription(f, "a", "Encounter?patient=Patient/3"));
    apply_in(&b, make(f, COMMAND_DELETE, "Subscription", "b", NULL));
    apply_in(&b, subscription(f, "c", "Encounter?patient=Patient/1"));
    apply_in(&b, encounter(f, "1"));
    batch_abort(&b);
    change(f, "1");
    change(f, "2");
    change(f, "3");
    check_events(f, "a", 1);
    check_events(f, "b", 1);
    assert_null(subs_find_id(&f->engine->state.subs, bytes_of("c")));
}

static void one_batch_may_make_delete_and_make_again(void **state)
{
    struct fixture *f = *state;
    struct batch b;

    begin(f, &b);
    apply_in(&b, subscription(f, "a", "Encounter?patient=Patient/1"));
    apply_in(&b, encounter(f, "1"));
    apply_in(&b, make(f, COMMAND_DELETE, "Subscription", "a", NULL));
    apply_in(&b, encounter(f, "1"));
    apply_in(&b, subscription(f, "a", "Encounter?patient=Patient/2"));
    apply_in(&b, encounter(f, "1"));
    apply_in(&b, encounter(f, "2"));
    commit(&b);
    check_events(f, "a", 1);
    merge_views(f);
    reopen(f);
    change(f, "2");
    check_events(f, "a", 2);
}

/* Everyone gets what is about their own patient, whoever comes and goes. */
static void many_patients_are_kept_apart(void **state)
{
    enum { PATIENTS = 300 };
    struct fixture *f = *state;
    char id[32], text[64];

    for (int i = 0; i < PATIENTS; i++) {
        (void)snprintf(id, sizeof id, "s%d", i);
        (void)snprintf(text, sizeof text, "Encounter?patient=Patient/%d", i);
        apply(f, subscription(f, id, text));
    }
    for (int i = 0; i < PATIENTS; i += 3) {
        (void)snprintf(id, sizeof id, "s%d", i);
        apply(f, make(f, COMMAND_DELETE, "Subscription", id, NULL));
    }
    for (int i = 0; i < PATIENTS; i++) {
        (void)snprintf(id, sizeof id, "%d", i);
        change(f, id);
    }
    for (int i = 0; i < PATIENTS; i++) {
        (void)snprintf(id, sizeof id, "s%d", i);
        if (i % 3 == 0)
            assert_null(subs_find_id(&f->engine->state.subs, bytes_of(id)));
        else
            check_events(f, id, 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_from_rows_matches_as_before),
        TEST(the_definition_comes_from_the_log_when_asked_for),
        TEST(subscriptions_of_one_form_share_its_shape),
        TEST(a_value_of_many_types_is_kept_once),
        TEST(a_damaged_row_does_not_stop_the_start),
        TEST(a_row_of_an_earlier_version_is_read),
        TEST(a_form_too_long_for_a_row_is_made_from_the_text),
        TEST(no_cut_of_a_row_is_taken_for_one),
        TEST(a_row_written_amid_a_batch_has_the_form_of_its_state),
        TEST(an_aborted_batch_leaves_the_matcher_as_it_was),
        TEST(one_batch_may_make_delete_and_make_again),
        TEST(many_patients_are_kept_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
