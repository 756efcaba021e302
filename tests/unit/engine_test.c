#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fhir/search/values.h"
#include "server/engine/breaker_state.h"
#include "server/engine/dead_letter.h"
#include "server/engine/read.h"
#include "tests/base/stored_of.h"

#define BASE "http://127.0.0.1:8080/fhir"
#define TOPIC "https://belfry.example/fhir/SubscriptionTopic/test"
#define BX "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"

static const char topic_json[] =
    "{\"resourceType\":\"SubscriptionTopic\",\"url\":\"" TOPIC "\","
    "\"status\":\"active\",\"resourceTrigger\":[{\"resource\":\"Encounter\","
    "\"supportedInteraction\":[\"create\",\"update\",\"delete\"]}],"
    "\"canFilterBy\":[{\"resource\":\"Encounter\",\"filterParameter\":"
    "\"patient\"}]}";

/* One engine on a folder of its own. */
struct fixture {
    char dir[64];
    struct topic_set *topics;
    struct engine *engine;
    pthread_mutex_t m;
    pthread_cond_t answered;
    unsigned open;
};

static struct topic_set *make_topics(bool empty)
{
    struct topic_set *set = topic_set_new();
    struct issues issues = {0};
    struct topic *topic = NULL;
    struct err e;

    assert_non_null(set);
    if (empty)
        return set;
    assert_int_equal(
        topic_compile(bytes_of(topic_json), bytes_of(BASE), &topic, &issues),
        ERR_OK);
    assert_int_equal(topic_set_add(set, &topic, &e), ERR_OK);
    return set;
}

static void open_engine(struct fixture *f, size_t map_bytes)
{
    struct engine_config config = {.data_dir = f->dir,
                                   .map_bytes = map_bytes,
                                   .clock = clock_system(),
                                   .topics = f->topics,
                                   .base_url = BASE};
    struct err e = {0};

    if (engine_open(&config, &f->engine, &e) != ERR_OK)
        fail_msg("engine_open: %s", e.message);
    if (engine_start(f->engine, &e) != ERR_OK)
        fail_msg("engine_start: %s", e.message);
}

static void reopen(struct fixture *f)
{
    engine_close(&f->engine);
    open_engine(f, (size_t)256 << 20);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    memcpy(f->dir, "/tmp/belfry-engine-XXXXXX", 26);
    assert_non_null(mkdtemp(f->dir));
    f->topics = make_topics(false);
    assert_int_equal(pthread_mutex_init(&f->m, NULL), 0);
    assert_int_equal(pthread_cond_init(&f->answered, NULL), 0);
    open_engine(f, (size_t)256 << 20);
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
    (void)pthread_cond_destroy(&f->answered);
    (void)pthread_mutex_destroy(&f->m);
    free(f);
    return 0;
}

static void done(struct command *c)
{
    struct fixture *f = c->ctx;

    (void)pthread_mutex_lock(&f->m);
    f->open--;
    (void)pthread_cond_signal(&f->answered);
    (void)pthread_mutex_unlock(&f->m);
}

static void done_and_free(struct command *c)
{
    struct fixture *f = c->ctx;

    assert_int_equal(c->result.code, ERR_OK);
    command_free(c);
    (void)pthread_mutex_lock(&f->m);
    f->open--;
    (void)pthread_cond_signal(&f->answered);
    (void)pthread_mutex_unlock(&f->m);
}

static struct command *make(struct fixture *f, enum command_kind kind,
                            const char *type, const char *id)
{
    struct command *c = command_new((size_t)1 << 20);

    assert_non_null(c);
    c->kind = kind;
    c->type = arena_copy(&c->arena, bytes_of(type));
    c->id = arena_copy(&c->arena, bytes_of(id));
    c->done = done;
    c->ctx = f;
    return c;
}

static void put_text(struct command *c, const char *text)
{
    struct err e = {0};

    if (stored_of(text, c->id, &c->text, &e) != ERR_OK)
        fail_msg("%s", e.message);
    assert_int_equal(search_values_read(bytes_of(text), bytes_of(BASE),
                                        &c->arena, &c->values, &e),
                     ERR_OK);
}

static void submit(struct fixture *f, struct command *c)
{
    struct err e;

    (void)pthread_mutex_lock(&f->m);
    f->open++;
    (void)pthread_mutex_unlock(&f->m);
    assert_int_equal(engine_submit(f->engine, c, &e), ERR_OK);
}

static void wait_all(struct fixture *f)
{
    (void)pthread_mutex_lock(&f->m);
    while (f->open > 0)
        (void)pthread_cond_wait(&f->answered, &f->m);
    (void)pthread_mutex_unlock(&f->m);
}

/* Submits without waiting; the command frees itself. */
static void submit_free(struct fixture *f, struct command *c)
{
    c->done = done_and_free;
    submit(f, c);
}

/* Runs one command to its end and returns its result. */
static struct command_result run(struct fixture *f, struct command *c)
{
    struct command_result result;

    submit(f, c);
    wait_all(f);
    result = c->result;
    command_free(c);
    return result;
}

static struct command *encounter(struct fixture *f, enum command_kind kind,
                                 const char *id, const char *patient)
{
    struct command *c = make(f, kind, "Encounter", id);
    char text[256];

    assert_true(snprintf(text, sizeof text,
                         "{\"resourceType\":\"Encounter\",\"id\":\"%s\","
                         "\"status\":\"planned\",\"subject\":{\"reference\":"
                         "\"Patient/%s\"}}",
                         id, patient) > 0);
    put_text(c, text);
    return c;
}

static struct command_result subscribe(struct fixture *f, const char *id,
                                       const char *status, const char *filter)
{
    struct command *c = make(f, COMMAND_UPDATE, "Subscription", id);
    struct subscription_rules rules = {.topics = f->topics,
                                       .base_url = bytes_of(BASE)};
    struct issues issues = {0};
    char text[2048];
    cJSON *json;

    assert_true(
        snprintf(text, sizeof text,
                 "{\"resourceType\":\"Subscription\",\"id\":\"%s\","
                 "\"status\":\"%s\",\"reason\":\"test\",\"criteria\":\"" TOPIC
                 "\",\"_criteria\":{\"extension\":[{\"url\":\"" BX
                 "backport-filter-criteria\",\"valueString\":\"%s\"}]},"
                 "\"channel\":{\"type\":\"rest-hook\",\"endpoint\":"
                 "\"http://127.0.0.1:9/hook\",\"payload\":"
                 "\"application/fhir+json\",\"_payload\":{\"extension\":[{"
                 "\"url\":\"" BX "backport-payload-content\",\"valueCode\":"
                 "\"id-only\"}]}}}",
                 id, status, filter) > 0);
    put_text(c, text);
    json = cJSON_Parse(text);
    if (subscription_read(json, &rules, &c->subscription, &issues) != ERR_OK)
        fail_msg("%s: %s", issues.items[0].expression, issues.items[0].message);
    cJSON_Delete(json);
    return run(f, c);
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

static void report(struct fixture *f, struct report r)
{
    struct err e;

    assert_int_equal(engine_report(f->engine, &r, 1, &e), ERR_OK);
}

/* Reports are applied with the next batch: a harmless one makes it come. */
static void flush_reports(struct fixture *f)
{
    (void)run(f, make(f, COMMAND_DELETE, "Basic", "nothing"));
}

static size_t count_events(struct fixture *f, const char *id, uint64_t first)
{
    struct arena arena;
    struct event *events;
    struct event_query q = {.subscription = state_of(f, id).number,
                            .first = first,
                            .max_count = 1000,
                            .max_bytes = (size_t)1 << 20,
                            .with_text = true};
    struct err e;
    size_t n;

    arena_init(&arena, (size_t)8 << 20);
    assert_int_equal(engine_events(f->engine, &q, &arena, &events, &n, &e),
                     ERR_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(events[i].number, first + i);
        assert_true(i == 0 || events[i].change > events[i - 1].change);
    }
    arena_fini(&arena);
    return n;
}

static void create_update_delete_make_versions(void **state)
{
    struct fixture *f = *state;
    struct command_result r = run(f, encounter(f, COMMAND_CREATE, "a", "1"));
    struct resource_version v;
    struct arena arena;
    struct err e;

    arena_init(&arena, (size_t)1 << 20);
    assert_true(r.created);
    assert_int_equal(r.version, 1);
    r = run(f, encounter(f, COMMAND_UPDATE, "a", "2"));
    assert_false(r.created);
    assert_int_equal(r.version, 2);
    r = run(f, make(f, COMMAND_DELETE, "Encounter", "a"));
    assert_true(r.existed);
    assert_int_equal(engine_read(f->engine,
                                 &(struct resource_query){bytes_of("Encounter"),
                                                          bytes_of("a"), 0},
                                 &arena, &v, &e),
                     ERR_OK);
    assert_true(v.deleted);
    assert_int_equal(v.version, 3);
    assert_int_equal(engine_read(f->engine,
                                 &(struct resource_query){bytes_of("Encounter"),
                                                          bytes_of("a"), 1},
                                 &arena, &v, &e),
                     ERR_OK);
    assert_non_null(strstr(v.text.p, "Patient/1"));
    assert_non_null(strstr(v.text.p, "\"versionId\":\"1\""));
    r = run(f, encounter(f, COMMAND_UPDATE, "a", "4"));
    assert_true(r.created);
    assert_int_equal(r.version, 4);
    arena_fini(&arena);
}

static void delete_of_nothing_is_no_change(void **state)
{
    struct command_result r =
        run(*state, make(*state, COMMAND_DELETE, "Encounter", "none"));

    assert_int_equal(r.code, ERR_OK);
    assert_false(r.existed);
}

static void stale_preconditions_change_nothing(void **state)
{
    struct fixture *f = *state;
    struct command *c = encounter(f, COMMAND_UPDATE, "a", "1");

    c->if_match = 1;
    assert_int_equal(run(f, c).code, ERR_PRECONDITION);
    assert_int_equal(run(f, encounter(f, COMMAND_UPDATE, "a", "1")).version, 1);
    c = encounter(f, COMMAND_UPDATE, "a", "2");
    c->prepared_upon = 0;
    assert_int_equal(run(f, c).code, ERR_STALE);
    c = encounter(f, COMMAND_UPDATE, "a", "2");
    c->if_match = 1;
    c->prepared_upon = 1;
    assert_int_equal(run(f, c).version, 2);
}

static void events_are_numbered_without_gap_for_those_who_match(void **state)
{
    struct fixture *f = *state;
    char id[16];

    (void)subscribe(f, "s1", "requested", "patient=Patient/1");
    (void)subscribe(f, "s2", "requested", "Encounter?patient=2");
    for (int i = 0; i < 60; i++) {
        assert_true(snprintf(id, sizeof id, "e%d", i) > 0);
        submit_free(f, encounter(f, COMMAND_UPDATE, id, i % 3 ? "1" : "2"));
    }
    wait_all(f);
    assert_int_equal(state_of(f, "s1").last_event, 40);
    assert_int_equal(state_of(f, "s2").last_event, 20);
    assert_int_equal(count_events(f, "s1", 1), 40);
    assert_int_equal(count_events(f, "s2", 5), 16);
}

static void assert_same_state(const struct subscription_state *a,
                              const struct subscription_state *b)
{
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->definition, b->definition);
    assert_string_equal(a->id, b->id);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->last_event, b->last_event);
    assert_int_equal(a->delivered, b->delivered);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->next_attempt_ms, b->next_attempt_ms);
    assert_int_equal(a->requested_ms, b->requested_ms);
    assert_int_equal(a->chain_since, b->chain_since);
    assert_memory_equal(&a->chain, &b->chain, sizeof a->chain);
    assert_int_equal(a->parked, b->parked);
    assert_int_equal(a->failure, b->failure);
    assert_string_equal(a->error, b->error);
}

static void everything_is_there_after_reopening(void **state)
{
    struct fixture *f = *state;
    struct subscription_state before, after;
    struct report delivered = {.kind = REPORT_DELIVERED, .event = 2};

    (void)subscribe(f, "s1", "requested", "patient=Patient/1");
    for (int i = 0; i < 3; i++)
        (void)run(f, encounter(f, COMMAND_UPDATE, "e", "1"));
    before = state_of(f, "s1");
    report(f, (struct report){.subscription = before.number,
                              .definition = before.definition,
                              .kind = REPORT_HANDSHAKE_OK});
    delivered.subscription = before.number;
    delivered.definition = before.definition;
    report(f, delivered);
    flush_reports(f);
    before = state_of(f, "s1");
    assert_int_equal(before.status, STATUS_ACTIVE);
    assert_int_equal(before.delivered, 2);
    for (int round = 0; round < 3; round++) {
        reopen(f);
        after = state_of(f, "s1");
        assert_same_state(&before, &after);
        assert_int_equal(count_events(f, "s1", 1), 3);
        /* the second round starts on merged views, the first on the log */
        (void)usleep(400000);
    }
    (void)run(f, encounter(f, COMMAND_UPDATE, "e", "1"));
    assert_int_equal(state_of(f, "s1").last_event, 4);
}

static void off_counts_nothing_and_error_goes_on_counting(void **state)
{
    struct fixture *f = *state;
    struct subscription_state s;

    (void)subscribe(f, "s1", "off", "patient=1");
    (void)run(f, encounter(f, COMMAND_UPDATE, "e", "1"));
    assert_int_equal(state_of(f, "s1").last_event, 0);
    (void)subscribe(f, "s1", "requested", "patient=1");
    s = state_of(f, "s1");
    report(f, (struct report){.subscription = s.number,
                              .definition = s.definition,
                              .kind = REPORT_FAILED,
                              .error = "no answer"});
    flush_reports(f);
    (void)run(f, encounter(f, COMMAND_UPDATE, "e", "1"));
    s = state_of(f, "s1");
    assert_int_equal(s.status, STATUS_ERROR);
    assert_string_equal(s.error, "no answer");
    assert_int_equal(s.last_event, 1);
}

static void report_for_an_older_definition_changes_no_status(void **state)
{
    struct fixture *f = *state;
    struct subscription_state s;

    (void)subscribe(f, "s1", "requested", "patient=1");
    s = state_of(f, "s1");
    (void)subscribe(f, "s1", "requested", "patient=2");
    report(f, (struct report){.subscription = s.number,
                              .definition = s.definition,
                              .kind = REPORT_HANDSHAKE_OK});
    flush_reports(f);
    assert_int_equal(state_of(f, "s1").status, STATUS_REQUESTED);
    assert_int_equal(state_of(f, "s1").number, s.number);
}

/* An active subscription with so many events. */
static struct subscription_state active_with(struct fixture *f, int events)
{
    struct subscription_state s;

    (void)subscribe(f, "s1", "requested", "patient=1");
    s = state_of(f, "s1");
    for (int i = 0; i < events; i++)
        (void)run(f, encounter(f, COMMAND_UPDATE, "e", "1"));
    report(f, (struct report){.subscription = s.number,
                              .definition = s.definition,
                              .kind = REPORT_HANDSHAKE_OK});
    flush_reports(f);
    return state_of(f, "s1");
}

static void report_range(struct fixture *f, const struct subscription_state *s,
                         enum report_kind kind, const uint64_t range[2])
{
    struct report r = {.subscription = s->number,
                       .definition = s->definition,
                       .kind = kind,
                       .first = range[0],
                       .event = range[1],
                       .error = "refused"};

    if (kind == REPORT_PARKED) {
        r.failure = FAILURE_REFUSED;
        r.attempts = 3;
    }
    report(f, r);
    flush_reports(f);
}

#define RANGE(first, last) \
    (const uint64_t[2])    \
    {                      \
        (first), (last)    \
    }

static void events_acknowledged_out_of_order_outlive_a_restart(void **state)
{
    struct fixture *f = *state;
    struct subscription_state s = active_with(f, 8);
    struct acked_events a;
    struct err e;

    report_range(f, &s, REPORT_ACKED, RANGE(2, 3));
    report_range(f, &s, REPORT_ACKED, RANGE(6, 6));
    report_range(f, &s, REPORT_ACKED, RANGE(9, 12)); /* no such events */
    for (int round = 0; round < 3; round++) {
        assert_int_equal(state_of(f, "s1").delivered, 0);
        assert_int_equal(engine_acked(f->engine, s.number, &a, &e), ERR_OK);
        for (uint64_t n = 1; n <= 12; n++)
            assert_int_equal(acked_has(&a.set, a.cursor, n),
                             n == 2 || n == 3 || n == 6);
        reopen(f);
        (void)usleep(400000); /* from the second round on from merged views */
    }
    report_range(f, &s, REPORT_ACKED, RANGE(1, 1));
    assert_int_equal(state_of(f, "s1").delivered, 3);
    report_range(f, &s, REPORT_ACKED, RANGE(4, 5));
    assert_int_equal(state_of(f, "s1").delivered, 6);
    assert_int_equal(engine_acked(f->engine, s.number, &a, &e), ERR_OK);
    assert_true(acked_is_empty(&a.set));
}

static void check_letters(struct fixture *f, const struct subscription_state *s)
{
    struct dead_letter d;
    struct err e;

    assert_int_equal(engine_dead_letter(f->engine, s->number, 1, &d, &e),
                     ERR_OK);
    assert_int_equal(d.first, 1);
    assert_int_equal(d.last, 2);
    assert_int_equal(d.attempts, 3);
    assert_int_equal(d.failure, FAILURE_REFUSED);
    assert_int_equal(d.state, DEAD_LETTER_WAITING);
    assert_string_equal(d.error, "refused");
    assert_true(d.time_ms > 0);
    assert_int_equal(engine_dead_letter(f->engine, s->number, 2, &d, &e),
                     ERR_OK);
    assert_int_equal(d.first, 4);
    assert_int_equal(engine_dead_letter(f->engine, s->number, 3, &d, &e),
                     ERR_NOT_FOUND);
}

static void what_is_parked_is_listed_and_passed(void **state)
{
    struct fixture *f = *state;
    struct subscription_state s = active_with(f, 5);

    report_range(f, &s, REPORT_PARKED, RANGE(1, 2));
    report_range(f, &s, REPORT_PARKED, RANGE(4, 4));
    report_range(f, &s, REPORT_PARKED, RANGE(1, 2)); /* passed already */
    for (int round = 0; round < 3; round++) {
        s = state_of(f, "s1");
        assert_int_equal(s.delivered, 2);
        assert_int_equal(s.parked, 2);
        assert_int_equal(s.failure, FAILURE_REFUSED);
        assert_string_equal(s.error, "refused");
        check_letters(f, &s);
        reopen(f);
        (void)usleep(400000);
    }
    report_range(f, &s, REPORT_ACKED, RANGE(3, 3));
    s = state_of(f, "s1");
    assert_int_equal(s.delivered, 4);
    /* one that is late for its definition counts: delivery went on */
    (void)subscribe(f, "s1", "requested", "patient=1");
    report_range(f, &s, REPORT_PARKED, RANGE(5, 5));
    s = state_of(f, "s1");
    assert_int_equal(s.delivered, 5);
    assert_int_equal(s.parked, 3);
    assert_int_equal(s.status, STATUS_REQUESTED);
    assert_string_equal(s.error, "");
}

static void a_failing_endpoint_is_remembered(void **state)
{
    struct fixture *f = *state;
    struct breaker_state b;
    struct err e;

    report(f, (struct report){.kind = REPORT_ENDPOINT,
                              .event = 77,
                              .attempts = 3,
                              .first = 1000,
                              .next_attempt_ms = 5000});
    flush_reports(f);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(engine_breaker_state(f->engine, 77, &b, &e), ERR_OK);
        assert_int_equal(b.trips, 3);
        assert_int_equal(b.since_ms, 1000);
        assert_int_equal(b.until_ms, 5000);
        assert_int_equal(engine_breaker_state(f->engine, 78, &b, &e),
                         ERR_NOT_FOUND);
        reopen(f);
        (void)usleep(400000);
    }
}

static void deleted_subscription_matches_no_more_and_starts_anew(void **state)
{
    struct fixture *f = *state;
    struct subscription_state s;
    struct err e;

    (void)subscribe(f, "s1", "requested", "patient=1");
    (void)run(f, encounter(f, COMMAND_UPDATE, "e", "1"));
    (void)run(f, make(f, COMMAND_DELETE, "Subscription", "s1"));
    assert_int_equal(
        engine_subscription_by_id(f->engine, bytes_of("s1"), &s, NULL, &e),
        ERR_NOT_FOUND);
    (void)run(f, encounter(f, COMMAND_UPDATE, "e", "1"));
    (void)subscribe(f, "s1", "requested", "patient=1");
    assert_int_equal(state_of(f, "s1").last_event, 0);
    reopen(f);
    assert_int_equal(state_of(f, "s1").last_event, 0);
    (void)run(f, encounter(f, COMMAND_UPDATE, "e", "1"));
    assert_int_equal(state_of(f, "s1").last_event, 1);
}

static void delete_of_a_resource_is_an_event_of_its_last_version(void **state)
{
    struct fixture *f = *state;

    (void)subscribe(f, "s1", "requested", "patient=1");
    (void)run(f, encounter(f, COMMAND_UPDATE, "e", "1"));
    (void)run(f, make(f, COMMAND_DELETE, "Encounter", "e"));
    assert_int_equal(state_of(f, "s1").last_event, 2);
}

static void topic_that_is_gone_puts_its_subscriptions_to_error(void **state)
{
    struct fixture *f = *state;
    struct subscription_state s;

    (void)subscribe(f, "s1", "requested", "patient=1");
    engine_close(&f->engine);
    topic_set_unref(f->topics);
    f->topics = make_topics(true);
    open_engine(f, (size_t)256 << 20);
    flush_reports(f);
    s = state_of(f, "s1");
    assert_int_equal(s.status, STATUS_ERROR);
    assert_true(s.error[0] != '\0');
}

static void full_map_fails_the_change_and_keeps_the_rest(void **state)
{
    struct fixture *f = *state;
    enum err_code code = ERR_OK;
    uint64_t before = 0;
    char id[16];

    (void)subscribe(f, "s1", "requested", "patient=1");
    engine_close(&f->engine);
    open_engine(f, (size_t)1 << 20);
    for (int i = 0; code == ERR_OK && i < 5000; i++) {
        assert_true(snprintf(id, sizeof id, "e%d", i) > 0);
        before = state_of(f, "s1").last_event;
        code = run(f, encounter(f, COMMAND_UPDATE, id, "1")).code;
    }
    assert_int_equal(code, ERR_FULL);
    assert_non_null(engine_not_ready(f->engine));
    assert_int_equal(state_of(f, "s1").last_event, before);
    reopen(f);
    assert_int_equal(state_of(f, "s1").last_event, before);
    assert_int_equal(run(f, encounter(f, COMMAND_UPDATE, "x", "1")).code,
                     ERR_OK);
    assert_int_equal(state_of(f, "s1").last_event, before + 1);
}

/* Enough changes for several frozen overlays: what is read back must not
 * depend on whether an entry is in an overlay or merged. */
static void reads_agree_while_views_are_merged(void **state)
{
    struct fixture *f = *state;
    struct resource_version v;
    struct arena arena;
    struct err e;
    char id[16];

    (void)subscribe(f, "s1", "requested", "patient=1");
    for (int i = 0; i < 20000; i++) {
        assert_true(snprintf(id, sizeof id, "e%d", i % 7000) > 0);
        submit_free(f, encounter(f, COMMAND_UPDATE, id, "1"));
        if (i % 200 == 199)
            wait_all(f);
    }
    wait_all(f);
    arena_init(&arena, (size_t)64 << 20);
    for (int i = 0; i < 7000; i++) {
        assert_true(snprintf(id, sizeof id, "e%d", i) > 0);
        assert_int_equal(
            engine_read(f->engine,
                        &(struct resource_query){bytes_of("Encounter"),
                                                 bytes_of(id), 0},
                        &arena, &v, &e),
            ERR_OK);
        assert_int_equal(v.version, i < 6000 ? 3 : 2);
        assert_int_equal(
            engine_read(f->engine,
                        &(struct resource_query){bytes_of("Encounter"),
                                                 bytes_of(id), 1},
                        &arena, &v, &e),
            ERR_OK);
    }
    arena_fini(&arena);
    assert_int_equal(state_of(f, "s1").last_event, 20000);
    assert_int_equal(count_events(f, "s1", 1), 1000);
    assert_int_equal(count_events(f, "s1", 19001), 1000);
    reopen(f);
    assert_int_equal(state_of(f, "s1").last_event, 20000);
    assert_int_equal(count_events(f, "s1", 19001), 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(create_update_delete_make_versions),
        TEST(delete_of_nothing_is_no_change),
        TEST(stale_preconditions_change_nothing),
        TEST(events_are_numbered_without_gap_for_those_who_match),
        TEST(everything_is_there_after_reopening),
        TEST(off_counts_nothing_and_error_goes_on_counting),
        TEST(report_for_an_older_definition_changes_no_status),
        TEST(events_acknowledged_out_of_order_outlive_a_restart),
        TEST(what_is_parked_is_listed_and_passed),
        TEST(a_failing_endpoint_is_remembered),
        TEST(deleted_subscription_matches_no_more_and_starts_anew),
        TEST(delete_of_a_resource_is_an_event_of_its_last_version),
        TEST(topic_that_is_gone_puts_its_subscriptions_to_error),
        TEST(full_map_fails_the_change_and_keeps_the_rest),
        TEST(reads_agree_while_views_are_merged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
