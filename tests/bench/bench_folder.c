/* bench_folder: makes a data folder through the engine, for measuring a start:
 * active subscriptions, each for a patient of its own, and events for them
 * that nobody has been sent yet.
 * usage: bench_folder DIR SUBSCRIPTIONS EVENTS */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fhir/search/values.h"
#include "fhir/subscription/redact.h"
#include "server/engine/engine.h"
#include "tests/base/stored_of.h"

#define BASE "http://127.0.0.1:8080/fhir"
#define TOPIC "https://belfry.example/fhir/SubscriptionTopic/encounter-changed"
#define TOPIC_FILE \
    BELFRY_SOURCE_DIR "/tests/faults/topics/encounter-changed.json"
#define TOPIC_BYTES 65536
#define BX "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
#define WAITING_MAX 4096
#define TEXT_BYTES 2048

struct maker {
    struct topic_set *topics;
    struct engine *engine;
    atomic_size_t waiting;
};

static void fail(const char *what, const struct err *e)
{
    fprintf(stderr, "bench_folder: %s: %s\n", what, e ? e->message : "");
    exit(1);
}

static void load_topic(struct maker *m)
{
    static char text[TOPIC_BYTES];
    struct issues issues = {0};
    struct topic *topic = NULL;
    struct err e = {0};
    FILE *file = fopen(TOPIC_FILE, "re");
    size_t n = file ? fread(text, 1, sizeof text, file) : 0;

    if (file)
        (void)fclose(file);
    m->topics = topic_set_new();
    if (!m->topics ||
        topic_compile(bytes_make(text, n), bytes_of(BASE), &topic, &issues) !=
            ERR_OK ||
        topic_set_add(m->topics, &topic, &e) != ERR_OK)
        fail(TOPIC_FILE, &e);
}

static void open_engine(struct maker *m, const char *dir)
{
    const struct engine_config config = {.data_dir = dir,
                                         .map_bytes = (size_t)64 << 30,
                                         .clock = clock_system(),
                                         .topics = m->topics,
                                         .index = "none",
                                         .base_url = BASE};
    struct err e = {0};

    if (engine_open(&config, &m->engine, &e) != ERR_OK ||
        engine_start(m->engine, &e) != ERR_OK)
        fail("the engine", &e);
}

static void done(struct command *c)
{
    struct maker *m = c->ctx;

    if (c->result.code != ERR_OK)
        fail("a command", &c->result.err);
    command_free(c);
    atomic_fetch_sub(&m->waiting, 1);
}

static void submit(struct maker *m, const char *type, const char *id,
                   const char *text)
{
    struct subscription_rules rules = {.topics = m->topics,
                                       .base_url = bytes_of(BASE)};
    struct command *c = command_new((size_t)1 << 20);
    cJSON *json = cJSON_Parse(text);
    struct issues issues = {0};
    struct err e = {0};

    if (!c || !json)
        fail("memory", NULL);
    c->kind = COMMAND_UPDATE;
    c->type = arena_copy(&c->arena, bytes_of(type));
    c->id = arena_copy(&c->arena, bytes_of(id));
    c->done = done;
    c->ctx = m;
    if (stored_of(text, c->id, &c->text, &e) != ERR_OK ||
        search_values_read(bytes_of(text), bytes_of(BASE), &c->arena,
                           &c->values, &e) != ERR_OK)
        fail("a resource", &e);
    if (strcmp(type, "Subscription") == 0 &&
        subscription_read(json, &rules, &c->subscription, &issues) != ERR_OK)
        fail(issues.items[0].message, NULL);
    cJSON_Delete(json);
    while (atomic_load(&m->waiting) >= WAITING_MAX)
        usleep(200);
    atomic_fetch_add(&m->waiting, 1);
    if (engine_submit(m->engine, c, &e) != ERR_OK)
        fail("submit", &e);
}

static void drain(struct maker *m)
{
    while (atomic_load(&m->waiting) > 0)
        usleep(1000);
}

static void subscribe(struct maker *m, size_t i)
{
    char text[TEXT_BYTES], id[64];

    (void)snprintf(id, sizeof id, "%08zx-89ab-4cde-8f01-23456789abcd", i);
    (void)snprintf(
        text, sizeof text,
        "{\"resourceType\":\"Subscription\",\"id\":\"%s\",\"status\":"
        "\"requested\",\"reason\":\"bench\",\"criteria\":\"" TOPIC
        "\",\"_criteria\":{\"extension\":[{\"url\":\"" BX
        "backport-filter-criteria\",\"valueString\":"
        "\"Encounter?patient=Patient/p%zu\"}]},\"channel\":{\"extension\":[{"
        "\"url\":\"" REDACT_SECRET_URL "\",\"valueString\":"
        "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}],\"type\":\"rest-hook\","
        "\"endpoint\":\"http://127.0.0.1:9/hook\",\"payload\":"
        "\"application/fhir+json\",\"_payload\":{\"extension\":[{\"url\":"
        "\"" BX "backport-payload-content\",\"valueCode\":\"id-only\"}]}}}",
        id, i);
    submit(m, "Subscription", id, text);
}

/* Subscriptions are numbered by the change that made each: here one by one. */
static void activate_all(struct maker *m, size_t count)
{
    struct report reports[256];
    size_t n = 0;
    enum err_code code;
    struct err e = {0};

    for (size_t i = 1; i <= count; i++) {
        reports[n++] = (struct report){
            .subscription = i, .definition = i, .kind = REPORT_HANDSHAKE_OK};
        if (n < 256 && i < count)
            continue;
        code = engine_report(m->engine, reports, n, &e);
        while (code == ERR_BUSY) {
            (void)usleep(1000); /* the writer takes what waits */
            code = engine_report(m->engine, reports, n, &e);
        }
        if (code != ERR_OK)
            fail("a report", &e);
        n = 0;
        usleep(500);
    }
}

static void encounter(struct maker *m, size_t i, size_t patients)
{
    char text[TEXT_BYTES], id[32];

    (void)snprintf(id, sizeof id, "e%zu", i);
    (void)snprintf(text, sizeof text,
                   "{\"resourceType\":\"Encounter\",\"id\":\"%s\",\"status\":"
                   "\"planned\",\"class\":{\"code\":\"AMB\"},\"subject\":{"
                   "\"reference\":\"Patient/p%zu\"}}",
                   id, i % patients);
    submit(m, "Encounter", id, text);
}

int main(int argc, char **argv)
{
    struct maker m = {.topics = NULL};
    size_t subscriptions = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
    size_t events = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;

    if (subscriptions == 0) {
        fprintf(stderr, "usage: bench_folder DIR SUBSCRIPTIONS EVENTS\n");
        return 2;
    }
    load_topic(&m);
    open_engine(&m, argv[1]);
    for (size_t i = 0; i < subscriptions; i++)
        subscribe(&m, i);
    drain(&m);
    activate_all(&m, subscriptions);
    for (size_t i = 0; i < events; i++)
        encounter(&m, i, subscriptions);
    drain(&m);
    engine_close(&m.engine);
    topic_set_unref(m.topics);
    return 0;
}
