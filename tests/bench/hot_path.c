/* hot_path: the way of a change without sockets and threads, for counting
 * instructions: each stage is a function of its own whose inclusive count
 * callgrind tells (tests/bench/instructions). The same work in the same order
 * every time: a regression shows on a noisy machine too.
 * usage: hot_path RESOURCE CHANGES
 * RESOURCE is a MedicationRequest for Patient/p0, of which each change is a new
 * one, wanted by one of SUBJECTS subscriptions (id-only, signed). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fhir/json/gate.h"
#include "server/base/json_scope.h"
#include "server/delivery/engine_link.h"
#include "server/engine/apply.h"
#include "server/engine/core.h"
#include "server/engine/index.h"
#include "server/engine/writer.h"
#include "server/rest/exchange.h"

#define BASE "http://127.0.0.1:8080/fhir"
#define TOPIC "https://belfry.example/fhir/SubscriptionTopic/bench"
#define BX "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
#define SUBJECTS 64
#define BATCH 16
#define BODY_BYTES ((size_t)4 << 20)
#define TIME_MS 1700000000000
#define STAGE __attribute__((noinline))

static const char topic_json[] =
    "{\"resourceType\":\"SubscriptionTopic\",\"url\":\"" TOPIC "\","
    "\"status\":\"active\",\"resourceTrigger\":[{\"resource\":"
    "\"MedicationRequest\",\"supportedInteraction\":[\"create\",\"update\"],"
    "\"queryCriteria\":{\"current\":\"status=active\",\"resultForCreate\":"
    "\"test-passes\",\"requireBoth\":false}}],\"canFilterBy\":[{\"resource\":"
    "\"MedicationRequest\",\"filterParameter\":\"patient\"}]}";

struct bench {
    char dir[64];
    struct topic_set *topics;
    struct engine *engine;
    struct rest rest;
    struct signer *signer;
    char *resource;
    size_t resource_bytes;
    struct delivery_counters counters;
    struct engine_link link;
    struct attempt attempts[SUBJECTS]; /* the next of each subscription */
    size_t sent;
};

static void fail(const char *what, const struct err *e)
{
    fprintf(stderr, "hot_path: %s: %s\n", what, e ? e->message : "");
    exit(1);
}

static void must(enum err_code code, const char *what, const struct err *e)
{
    if (code != ERR_OK)
        fail(what, e);
}

/* ---- the stages ---- */

STAGE void stage_gate(struct bytes body, struct json_tokens *tokens);
STAGE void stage_prepare(struct write *w);
STAGE void stage_apply(struct batch *b, struct command *c);
STAGE void stage_commit(struct bench *x, struct batch *b);
STAGE void stage_build(struct bench *x, size_t subject, struct message *m);
STAGE void stage_sign(struct bench *x, struct bytes body);
STAGE void stage_report(struct bench *x, struct report *r);

void stage_gate(struct bytes body, struct json_tokens *tokens)
{
    struct err e;

    must(json_gate_read(body, tokens, &e), "gate", &e);
}

void stage_prepare(struct write *w)
{
    struct err e = {0};

    must(prepare_write(w, &e), "prepare", &e);
    must(index_prepare(w->rest->config.engine, w->command, &e), "index", &e);
}

void stage_apply(struct batch *b, struct command *c)
{
    struct err e = {0};

    must(apply_command(b, c, &e), "apply", &e);
    must(c->result.code, "a command", &c->result.err);
}

/* As the writer ends a round. */
void stage_commit(struct bench *x, struct batch *b)
{
    struct batch_outcome outcome;
    struct err e = {0};

    must(views_merge(&x->engine->views, b->txn,
                     b->records * WRITER_MERGE_PER_CHANGE, &e),
         "merge", &e);
    must(batch_commit(b, &outcome, &e), "commit", &e);
    views_committed(&x->engine->views);
    views_freeze(&x->engine->views, false);
    free(outcome.numbers);
}

void stage_build(struct bench *x, size_t subject, struct message *m)
{
    struct message_maker maker = engine_link_maker(&x->link);

    if (!maker.make(maker.ctx, &x->attempts[subject], m))
        fail("a notification", NULL);
    maker.release(maker.ctx, m);
}

void stage_sign(struct bench *x, struct bytes body)
{
    static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const struct signature_message m = {bytes_of("msg_x"), TIME_MS / 1000,
                                        body};
    struct signature_key key;
    char out[SIGNATURE_TEXT_BYTES];
    struct err e = {0};

    must(signature_key_parse(bytes_of(secret), &key, &e), "key", &e);
    must(signer_sign(x->signer, &key, &m, out, &e), "sign", &e);
    signature_key_fini(&key);
}

void stage_report(struct bench *x, struct report *r)
{
    struct batch_outcome outcome;
    struct batch b;
    struct err e = {0};

    must(batch_begin(&b, &x->engine->state, TIME_MS, &e), "begin", &e);
    must(apply_reports(&b, r, 1, &e), "report", &e);
    must(batch_commit(&b, &outcome, &e), "commit", &e);
    free(outcome.numbers);
}

/* ---- the drive ---- */

static struct command *take_command(struct write *w)
{
    struct command *c = w->command;

    w->command = NULL;
    c->time_ms = TIME_MS;
    return c;
}

static void run_batch(struct bench *x, struct command **commands, size_t n)
{
    struct batch b;
    struct err e = {0};

    must(batch_begin(&b, &x->engine->state, TIME_MS, &e), "begin", &e);
    for (size_t i = 0; i < n; i++)
        stage_apply(&b, commands[i]);
    stage_commit(x, &b);
    for (size_t i = 0; i < n; i++)
        command_free(commands[i]);
}

static void prepare(struct bench *x, struct write *w, struct arena *scratch)
{
    struct json_tokens tokens = {.count = 0};

    arena_init(scratch, 4 * BODY_BYTES);
    w->rest = &x->rest;
    w->scratch = scratch;
    w->tokens = &tokens;
    stage_gate(w->body, &tokens);
    stage_prepare(w);
    json_tokens_fini(&tokens);
}

static void deliver(struct bench *x, size_t subject)
{
    struct attempt *a = &x->attempts[subject];
    struct report r = {.subscription = a->subscription,
                       .definition = a->definition,
                       .kind = REPORT_DELIVERED};
    struct message m = {.reference = NULL};

    buf_init(&m.body, BODY_BYTES);
    stage_build(x, subject, &m);
    stage_sign(x, buf_bytes(&m.body));
    buf_fini(&m.body);
    r.event = a->last;
    a->first = a->last + 1;
    stage_report(x, &r);
    x->sent++;
}

/* The resource, for the patient of the subject. */
static struct bytes body_for(const struct bench *x, size_t subject, char *out)
{
    const char *at = memmem(x->resource, x->resource_bytes, "Patient/p0\"", 11);
    size_t before;
    int n;

    if (!at)
        fail("the resource is not for Patient/p0", NULL);
    before = (size_t)(at - x->resource);
    memcpy(out, x->resource, before);
    n = snprintf(out + before, 32, "Patient/p%zu", subject);
    if (n < 0)
        fail("a name", NULL);
    memcpy(out + before + (size_t)n, at + 10, x->resource_bytes - before - 10);
    return bytes_make(out, x->resource_bytes - 10 + (size_t)n);
}

static void change_batch(struct bench *x, size_t first)
{
    struct command *commands[BATCH];
    char *text = malloc(x->resource_bytes + 32);

    if (!text)
        fail("memory", NULL);
    for (size_t i = 0; i < BATCH; i++) {
        struct write w = {.kind = COMMAND_CREATE,
                          .type = bytes_of("MedicationRequest")};
        struct arena scratch;

        w.body = body_for(x, (first + i) % SUBJECTS, text);
        prepare(x, &w, &scratch);
        commands[i] = take_command(&w);
        arena_fini(&scratch);
    }
    run_batch(x, commands, BATCH);
    for (size_t i = 0; i < BATCH; i++)
        deliver(x, (first + i) % SUBJECTS);
    free(text);
}

/* ---- before the drive ---- */

static enum err_code any_endpoint(void *ctx, const char *url, struct err *e)
{
    (void)ctx;
    (void)url;
    (void)e;
    return ERR_OK;
}

static void subscribe(struct bench *x, size_t subject)
{
    char text[2048], id[16];
    struct subscription_state state;
    struct command *command;
    struct arena scratch;
    struct write w = {.kind = COMMAND_UPDATE, .type = bytes_of("Subscription")};
    struct err e = {0};

    (void)snprintf(id, sizeof id, "s%zu", subject);
    (void)snprintf(
        text, sizeof text,
        "{\"resourceType\":\"Subscription\",\"id\":\"%s\",\"status\":"
        "\"requested\",\"reason\":\"bench\",\"criteria\":\"" TOPIC
        "\",\"_criteria\":{\"extension\":[{\"url\":\"" BX
        "backport-filter-criteria\",\"valueString\":"
        "\"MedicationRequest?patient=Patient/p%zu\"}]},\"channel\":{\"type\":"
        "\"rest-hook\",\"endpoint\":\"http://127.0.0.1:9/hook\",\"payload\":"
        "\"application/fhir+json\",\"_payload\":{\"extension\":[{\"url\":"
        "\"" BX "backport-payload-content\",\"valueCode\":\"id-only\"}]}}}",
        id, subject);
    w.id = bytes_of(id);
    w.body = bytes_of(text);
    prepare(x, &w, &scratch);
    command = take_command(&w);
    run_batch(x, &command, 1);
    arena_fini(&scratch);
    must(engine_subscription_by_id(x->engine, bytes_of(id), &state, NULL, &e),
         "subscription", &e);
    x->attempts[subject] = (struct attempt){.subscription = state.number,
                                            .definition = state.definition,
                                            .type = NOTIFY_EVENT,
                                            .first = 1};
    stage_report(x, &(struct report){.subscription = state.number,
                                     .definition = state.definition,
                                     .kind = REPORT_HANDSHAKE_OK});
}

static void open_all(struct bench *x)
{
    struct engine_config config = {.data_dir = x->dir,
                                   .map_bytes = (size_t)4 << 30,
                                   .clock = clock_system(),
                                   .base_url = BASE};
    struct issues issues = {0};
    struct topic *topic = NULL;
    struct err e = {0};

    x->topics = topic_set_new();
    if (!x->topics)
        fail("memory", NULL);
    must(topic_compile(bytes_of(topic_json), bytes_of(BASE), &topic, &issues),
         "the topic", NULL);
    must(topic_set_add(x->topics, &topic, &e), "the topic", &e);
    config.topics = x->topics;
    must(engine_open(&config, &x->engine, &e), "the engine", &e);
    must(signer_new(&x->signer, &e), "a signer", &e);
    x->link = (struct engine_link){.engine = x->engine,
                                   .clock = clock_system(),
                                   .counters = &x->counters,
                                   .base_url = bytes_of(BASE),
                                   .max_count = 1};
    x->rest = (struct rest){.config = {.engine = x->engine,
                                       .base_url = BASE,
                                       .clock = clock_system(),
                                       .rng = rng_system(),
                                       .body_bytes = BODY_BYTES,
                                       .endpoint = any_endpoint},
                            .base_url = bytes_of(BASE)};
}

static void close_all(struct bench *x)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "belfry.lock"};
    char path[128];

    engine_link_fini(&x->link);
    engine_close(&x->engine);
    signer_free(x->signer);
    topic_set_unref(x->topics);
    free(x->resource);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", x->dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(x->dir);
}

static void read_resource(struct bench *x, const char *path)
{
    FILE *f = fopen(path, "r");

    x->resource = malloc(BODY_BYTES);
    if (!f || !x->resource)
        fail(path, NULL);
    x->resource_bytes = fread(x->resource, 1, BODY_BYTES, f);
    (void)fclose(f);
}

int main(int argc, char **argv)
{
    struct bench x = {.sent = 0};
    size_t changes = argc == 3 ? (size_t)strtoull(argv[2], NULL, 10) : 0;

    if (changes == 0 || changes % BATCH != 0) {
        fprintf(stderr, "usage: hot_path RESOURCE CHANGES (a multiple of %d)\n",
                BATCH);
        return 2;
    }
    json_scope_install();
    memcpy(x.dir, "/tmp/belfry-hot-XXXXXX", 23);
    if (!mkdtemp(x.dir))
        fail("a folder", NULL);
    read_resource(&x, argv[1]);
    open_all(&x);
    for (size_t i = 0; i < SUBJECTS; i++)
        subscribe(&x, i);
    for (size_t i = 0; i < changes; i += BATCH)
        change_batch(&x, i);
    printf("changes=%zu notified=%zu\n", changes, x.sent);
    close_all(&x);
    return 0;
}
