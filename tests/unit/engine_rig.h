/* engine_rig: an engine on a folder of its own, whose time the test sets, and
 * the few commands that its tests need.
 * Owns:   the folder, the engine, the topics, until rig_close(). */
#ifndef BELFRY_TESTS_UNIT_ENGINE_RIG_H
#define BELFRY_TESTS_UNIT_ENGINE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fhir/search/values.h"
#include "server/engine/read.h"
#include "tests/base/stored_of.h"

#define RIG_BASE "http://127.0.0.1:8080/fhir"
#define RIG_TOPIC "https://belfry.example/fhir/SubscriptionTopic/test"
#define RIG_BX \
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
#define RIG_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define RIG_START_MS 1700000000000

static const char rig_topic_json[] =
    "{\"resourceType\":\"SubscriptionTopic\",\"url\":\"" RIG_TOPIC "\","
    "\"status\":\"active\",\"resourceTrigger\":[{\"resource\":\"Encounter\","
    "\"supportedInteraction\":[\"create\",\"update\",\"delete\"]}],"
    "\"canFilterBy\":[{\"resource\":\"Encounter\",\"filterParameter\":"
    "\"patient\"}]}";

struct rig {
    char dir[64];
    struct topic_set *topics;
    struct engine *engine;
    struct clock clock;
    struct retention_limits retention;
    const char *index; /* NULL: all types */
    _Atomic int64_t now_ms;
    pthread_mutex_t m;
    pthread_cond_t answered;
    unsigned open;
};

static inline int64_t rig_now(void *ctx)
{
    return atomic_load(&((struct rig *)ctx)->now_ms);
}

static inline void rig_add_topic(struct topic_set *set, const char *json)
{
    struct issues issues = {0};
    struct topic *topic = NULL;
    struct err e;

    if (topic_compile(bytes_of(json), bytes_of(RIG_BASE), &topic, &issues) !=
        ERR_OK)
        fail_msg("%s", issues.items[0].message);
    assert_int_equal(topic_set_add(set, &topic, &e), ERR_OK);
}

static inline void rig_start(struct rig *r)
{
    struct engine_config config = {.data_dir = r->dir,
                                   .map_bytes = (size_t)256 << 20,
                                   .clock = &r->clock,
                                   .topics = r->topics,
                                   .base_url = RIG_BASE,
                                   .index = r->index,
                                   .retention = r->retention};
    struct err e = {0};

    if (engine_open(&config, &r->engine, &e) != ERR_OK)
        fail_msg("engine_open: %s", e.message);
    if (engine_start(r->engine, &e) != ERR_OK)
        fail_msg("engine_start: %s", e.message);
}

static inline void rig_restart(struct rig *r)
{
    engine_close(&r->engine);
    rig_start(r);
}

static inline int rig_open_with(void **state, const char *topic)
{
    struct rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    memcpy(r->dir, "/tmp/belfry-rig-XXXXXX", 23);
    assert_non_null(mkdtemp(r->dir));
    r->clock = (struct clock){rig_now, rig_now, r};
    atomic_init(&r->now_ms, RIG_START_MS);
    r->topics = topic_set_new();
    assert_non_null(r->topics);
    rig_add_topic(r->topics, topic);
    assert_int_equal(pthread_mutex_init(&r->m, NULL), 0);
    assert_int_equal(pthread_cond_init(&r->answered, NULL), 0);
    rig_start(r);
    *state = r;
    return 0;
}

static inline int rig_open(void **state)
{
    return rig_open_with(state, rig_topic_json);
}

static inline int rig_close(void **state)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "belfry.lock"};
    struct rig *r = *state;
    char path[128];

    engine_close(&r->engine);
    topic_set_unref(r->topics);
    for (size_t i = 0; i < 3; i++) {
        assert_true(snprintf(path, sizeof path, "%s/%s", r->dir, files[i]) > 0);
        (void)unlink(path);
    }
    (void)rmdir(r->dir);
    (void)pthread_cond_destroy(&r->answered);
    (void)pthread_mutex_destroy(&r->m);
    free(r);
    return 0;
}

static inline void rig_done(struct command *c)
{
    struct rig *r = c->ctx;

    (void)pthread_mutex_lock(&r->m);
    r->open--;
    (void)pthread_cond_signal(&r->answered);
    (void)pthread_mutex_unlock(&r->m);
}

static inline struct command *rig_command(struct rig *r, enum command_kind kind,
                                          const char *type, const char *id)
{
    struct command *c = command_new((size_t)1 << 20);

    assert_non_null(c);
    c->kind = kind;
    c->type = arena_copy(&c->arena, bytes_of(type));
    c->id = arena_copy(&c->arena, bytes_of(id));
    c->done = rig_done;
    c->ctx = r;
    return c;
}

/* The command stays the caller's. */
static inline void rig_keep(struct rig *r, struct command *c)
{
    struct err e;

    (void)pthread_mutex_lock(&r->m);
    r->open++;
    (void)pthread_mutex_unlock(&r->m);
    assert_int_equal(engine_submit(r->engine, c, &e), ERR_OK);
    (void)pthread_mutex_lock(&r->m);
    while (r->open > 0)
        (void)pthread_cond_wait(&r->answered, &r->m);
    (void)pthread_mutex_unlock(&r->m);
}

static inline struct command_result rig_run(struct rig *r, struct command *c)
{
    struct command_result result;

    rig_keep(r, c);
    result = c->result;
    command_free(c);
    return result;
}

static inline void rig_text(struct command *c, const char *text)
{
    struct err e = {0};

    if (stored_of(text, c->id, &c->text, &e) != ERR_OK)
        fail_msg("%s", e.message);
    assert_int_equal(search_values_read(bytes_of(text), bytes_of(RIG_BASE),
                                        &c->arena, &c->values, &e),
                     ERR_OK);
}

/* PUT Encounter/id with the patient as subject. */
static inline void rig_encounter(struct rig *r, const char *id,
                                 const char *patient)
{
    struct command *c = rig_command(r, COMMAND_UPDATE, "Encounter", id);
    char text[256];

    assert_true(snprintf(text, sizeof text,
                         "{\"resourceType\":\"Encounter\",\"id\":\"%s\","
                         "\"status\":\"planned\",\"subject\":{\"reference\":"
                         "\"Patient/%s\"}}",
                         id, patient) > 0);
    rig_text(c, text);
    assert_int_equal(rig_run(r, c).code, ERR_OK);
}

/* What a test wants of a Subscription; the rest is the same in all. */
struct rig_wish {
    const char *status;  /* NULL: requested */
    const char *secret;  /* NULL: RIG_SECRET */
    const char *channel; /* more extensions of it, each with a comma */
    const char *end;     /* NULL: none */
};

static inline void rig_subscribe_text(const struct rig_wish *w, const char *id,
                                      char *text, size_t size)
{
    int n = snprintf(
        text, size,
        "{\"resourceType\":\"Subscription\",\"id\":\"%s\",%s%s%s"
        "\"status\":\"%s\",\"reason\":\"test\",\"criteria\":\"" RIG_TOPIC
        "\",\"_criteria\":{\"extension\":[{\"url\":\"" RIG_BX
        "backport-filter-criteria\",\"valueString\":\"Encounter?patient=1\"}]},"
        "\"channel\":{\"extension\":[%s{\"url\":\"https://belfry.example/fhir/"
        "StructureDefinition/subscription-secret\",\"valueString\":\"%s\"}],"
        "\"type\":\"rest-hook\",\"endpoint\":\"http://127.0.0.1:9/hook\","
        "\"payload\":\"application/fhir+json\",\"_payload\":{\"extension\":[{"
        "\"url\":\"" RIG_BX "backport-payload-content\",\"valueCode\":"
        "\"id-only\"}]}}}",
        id, w->end ? "\"end\":\"" : "", w->end ? w->end : "",
        w->end ? "\"," : "", w->status ? w->status : "requested",
        w->channel ? w->channel : "", w->secret ? w->secret : RIG_SECRET);

    assert_true(n > 0 && (size_t)n < size);
}

static inline void rig_subscribe(struct rig *r, const char *id,
                                 const struct rig_wish *w)
{
    struct command *c = rig_command(r, COMMAND_UPDATE, "Subscription", id);
    struct subscription_rules rules = {.topics = r->topics,
                                       .base_url = bytes_of(RIG_BASE)};
    struct issues issues = {0};
    char text[3072];
    cJSON *json;

    rig_subscribe_text(w, id, text, sizeof text);
    rig_text(c, text);
    json = cJSON_Parse(text);
    if (subscription_read(json, &rules, &c->subscription, &issues) != ERR_OK)
        fail_msg("%s: %s", issues.items[0].expression, issues.items[0].message);
    cJSON_Delete(json);
    assert_int_equal(rig_run(r, c).code, ERR_OK);
}

static inline struct subscription_state rig_state(struct rig *r, const char *id)
{
    struct subscription_state s;
    struct err e;

    assert_int_equal(
        engine_subscription_by_id(r->engine, bytes_of(id), &s, NULL, &e),
        ERR_OK);
    return s;
}

/* The report, of the subscription and its definition, and a batch for it to
 * be applied with. */
static inline void rig_report(struct rig *r, const char *id, struct report what)
{
    struct subscription_state s = rig_state(r, id);
    struct err e;

    what.subscription = s.number;
    what.definition = s.definition;
    assert_int_equal(engine_report(r->engine, &what, 1, &e), ERR_OK);
    (void)rig_run(r, rig_command(r, COMMAND_DELETE, "Basic", "nothing"));
}

/* Events from first on, at most max; what they hold is in the arena. */
static inline size_t rig_events(struct rig *r, const char *id, uint64_t first,
                                struct arena *arena, struct event **events)
{
    struct event_query q = {.subscription = rig_state(r, id).number,
                            .first = first,
                            .max_count = 1000,
                            .max_bytes = (size_t)1 << 20,
                            .with_text = true};
    struct err e;
    size_t n;

    assert_int_equal(engine_events(r->engine, &q, arena, events, &n, &e),
                     ERR_OK);
    return n;
}

#endif
