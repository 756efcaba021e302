#include "tests/scenario/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fhir/search/values.h"
#include "server/engine/read.h"
#include "tests/base/stored_of.h"

#define BASE "http://127.0.0.1:8080/fhir"
#define START INT64_C(1700000000000)
#define TURNS_MOST 100000

static const char topic_json[] =
    "{\"resourceType\":\"SubscriptionTopic\",\"url\":"
    "\"https://belfry.example/fhir/SubscriptionTopic/stay\","
    "\"status\":\"active\",\"resourceTrigger\":[{\"resource\":\"Encounter\","
    "\"supportedInteraction\":[\"create\",\"update\",\"delete\"]}],"
    "\"canFilterBy\":[{\"resource\":\"Encounter\",\"filterParameter\":"
    "\"patient\"}]}";

void world_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(1);
}

#define MUST(call)                                  \
    do {                                            \
        struct err e = {0};                         \
        if ((call) != ERR_OK)                       \
            world_fail("%s: %s", #call, e.message); \
    } while (0)

/* ---- clock, randomness, transport ---- */

static int64_t wall(void *ctx)
{
    struct world *w = ctx;

    return w->wall_ms;
}

static void fill_zero(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
}

static const struct rng no_jitter = {fill_zero, NULL};

static void add_run(char *text, size_t size, uint64_t first, uint64_t last)
{
    size_t n = strlen(text);
    int rc = snprintf(text + n, size - n,
                      first == last ? "%s%llu" : "%s%llu-%llu", n ? "," : "",
                      (unsigned long long)first, (unsigned long long)last);

    if (rc < 0)
        text[n] = '\0';
}

static void describe_events(const struct attempt *a, char *out, size_t size)
{
    uint64_t first = a->first, last = a->first;

    out[0] = '\0';
    if (!a->numbers) {
        add_run(out, size, a->first, a->last);
        return;
    }
    for (uint32_t i = 1; i < a->number_count; i++) {
        if (a->numbers[i] != last + 1) {
            add_run(out, size, first, last);
            first = a->numbers[i];
        }
        last = a->numbers[i];
    }
    add_run(out, size, first, last);
}

static void add_flying(struct world *w, struct attempt *a, const char *url)
{
    struct flying *f = &w->flying[w->flying_count++];

    *f = (struct flying){.attempt = a, .shot = w->shot_count++};
    if (snprintf(f->url, sizeof f->url, "%s", url) < 0)
        f->url[0] = '\0';
}

static bool begin(void *ctx, struct attempt *a)
{
    static const uint64_t seed[2] = {1, 2};
    struct world *w = ctx;
    struct message m = {.reference = NULL};
    struct subscription_state state;
    struct shot *shot = &w->shots[w->shot_count];

    buf_init(&m.body, (size_t)64 << 20);
    if (!w->maker.make(w->maker.ctx, a, &m)) {
        buf_fini(&m.body);
        return false;
    }
    if (w->shot_count == WORLD_ATTEMPTS || w->flying_count == WORLD_FLYING)
        world_fail("too many attempts");
    MUST(engine_subscription(w->engine, a->subscription, &state, NULL, &e));
    *shot = (struct shot){.type = a->type,
                          .time_ms = w->wall_ms,
                          .body_hash = bytes_hash(buf_bytes(&m.body), seed)};
    memcpy(shot->id, state.id, sizeof shot->id);
    memcpy(shot->message, m.id, sizeof shot->message);
    if (a->type == NOTIFY_EVENT)
        describe_events(a, shot->events, sizeof shot->events);
    add_flying(w, a, m.definition->endpoint);
    w->maker.release(w->maker.ctx, &m);
    buf_fini(&m.body);
    return true;
}

/* ---- the engine ---- */

static void wake(void *ctx, const uint64_t *numbers, size_t n)
{
    struct world *w = ctx;

    (void)pthread_mutex_lock(&w->m);
    for (size_t i = 0; i < n && w->woken_count < WORLD_ATTEMPTS; i++)
        w->woken[w->woken_count++] = numbers[i];
    (void)pthread_mutex_unlock(&w->m);
}

static void note(struct world *w, bool *what)
{
    (void)pthread_mutex_lock(&w->m);
    *what = true;
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->m);
}

static void batch_done(void *ctx)
{
    struct world *w = ctx;

    note(w, &w->told);
}

static void open_engine(struct world *w)
{
    struct engine_config config = {.data_dir = w->dir,
                                   .map_bytes = (size_t)256 << 20,
                                   .clock = &w->clock,
                                   .topics = w->topics,
                                   .base_url = BASE};
    struct engine_listener listener = {
        .wake = wake, .batch_done = batch_done, .ctx = w};

    MUST(engine_open(&config, &w->engine, &e));
    engine_listen(w->engine, &listener);
    MUST(engine_start(w->engine, &e));
}

static void open_scheduler(struct world *w)
{
    struct scheduler_config c = {.channel = {begin, w},
                                 .rng = &no_jitter,
                                 .counters = &w->counters,
                                 .park_after = 3,
                                 .resting = 1};

    w->link = (struct engine_link){.engine = w->engine,
                                   .clock = &w->clock,
                                   .counters = &w->counters,
                                   .base_url = bytes_of(BASE),
                                   .max_count = 100};
    w->maker = engine_link_maker(&w->link);
    c.source = engine_link_source(&w->link);
    endpoint_limits_default(&c.limits);
    retry_policy_default(&c.retry);
    handshake_policy_default(&c.handshake);
    MUST(scheduler_new(&c, &w->scheduler, &e));
    scheduler_load(w->scheduler, w->wall_ms);
}

static void done(struct command *c)
{
    struct world *w = c->ctx;

    note(w, &w->answered_one);
}

static void run(struct world *w, struct command *c)
{
    c->done = done;
    c->ctx = w;
    (void)pthread_mutex_lock(&w->m);
    w->answered_one = false;
    w->told = false;
    (void)pthread_mutex_unlock(&w->m);
    MUST(engine_submit(w->engine, c, &e));
    (void)pthread_mutex_lock(&w->m);
    while (!w->answered_one || !w->told)
        (void)pthread_cond_wait(&w->changed, &w->m);
    (void)pthread_mutex_unlock(&w->m);
    if (c->result.code != ERR_OK)
        world_fail("refused: %s", c->result.err.message);
    command_free(c);
}

static void read_subscription(const struct world *w, struct command *c,
                              const cJSON *json)
{
    struct subscription_rules rules = {.topics = w->topics,
                                       .base_url = bytes_of(BASE)};
    struct issues issues = {0};

    if (subscription_read(json, &rules, &c->subscription, &issues) != ERR_OK)
        world_fail("%s: %s", issues.items[0].expression,
                   issues.items[0].message);
}

void world_put(struct world *w, const char *type, const char *id,
               const char *text)
{
    struct command *c = command_new((size_t)1 << 20);
    cJSON *json = text ? cJSON_Parse(text) : NULL;

    if (!c || (text && !json))
        world_fail("not JSON: %s", text ? text : "");
    c->kind = text ? COMMAND_UPDATE : COMMAND_DELETE;
    c->type = arena_copy(&c->arena, bytes_of(type));
    c->id = arena_copy(&c->arena, bytes_of(id));
    c->prepared_upon = UINT64_MAX;
    if (text) {
        MUST(stored_of(text, c->id, &c->text, &e));
        MUST(search_values_read(bytes_of(text), bytes_of(BASE), &c->arena,
                                &c->values, &e));
    }
    if (text && strcmp(type, "Subscription") == 0)
        read_subscription(w, c, json);
    cJSON_Delete(json);
    run(w, c);
}

/* ---- the turns ---- */

static bool take_wakes(struct world *w)
{
    static uint64_t numbers[WORLD_ATTEMPTS];
    size_t n;

    (void)pthread_mutex_lock(&w->m);
    n = w->woken_count;
    memcpy(numbers, w->woken, n * sizeof *numbers);
    w->woken_count = 0;
    (void)pthread_mutex_unlock(&w->m);
    for (size_t i = 0; i < n; i++)
        scheduler_wake(w->scheduler, numbers[i], w->wall_ms);
    return n > 0;
}

/* Reports are applied with the next batch: a harmless one makes it come. */
static bool flush(struct world *w)
{
    if (w->link.report_count == 0)
        return false;
    if (!engine_link_flush(&w->link))
        world_fail("the engine takes no reports");
    world_put(w, "Basic", "nothing", NULL);
    return true;
}

static const struct standing *standing_for(const struct world *w,
                                           const struct flying *f)
{
    const struct standing *found = NULL;

    for (size_t i = 0; i < w->standing_count; i++)
        if (bytes_starts(bytes_of(f->url), w->standing[i].prefix))
            found = &w->standing[i];
    return found;
}

void world_answer(struct world *w, size_t flying, const struct outcome *o)
{
    struct attempt *a = w->flying[flying].attempt;

    w->flying_count--;
    memmove(&w->flying[flying], &w->flying[flying + 1],
            (w->flying_count - flying) * sizeof w->flying[0]);
    scheduler_complete(w->scheduler, a, o, w->wall_ms);
}

static bool answer_standing(struct world *w)
{
    for (size_t i = 0; i < w->flying_count; i++) {
        const struct standing *s = standing_for(w, &w->flying[i]);

        if (s && s->outcome.failure < FAILURE_CLASSES) {
            world_answer(w, i, &s->outcome);
            return true;
        }
    }
    return false;
}

void world_settle(struct world *w)
{
    bool more = true;

    for (int i = 0; more; i++) {
        if (i == TURNS_MOST)
            world_fail("it does not come to rest");
        more = take_wakes(w);
        scheduler_tick(w->scheduler, w->wall_ms);
        more |= answer_standing(w);
        more |= flush(w);
    }
}

void world_wait(struct world *w, int64_t ms)
{
    int64_t end = w->wall_ms + ms;
    int64_t due;

    world_settle(w);
    while ((due = scheduler_next_due(w->scheduler)) <= end) {
        if (due > w->wall_ms)
            w->wall_ms = due;
        world_settle(w);
        if (scheduler_next_due(w->scheduler) <= w->wall_ms)
            w->wall_ms++; /* no instant lasts for ever */
    }
    if (end > w->wall_ms)
        w->wall_ms = end;
    world_settle(w);
}

void world_set_clock(struct world *w, int64_t delta_ms)
{
    w->wall_ms += delta_ms;
    scheduler_step(w->scheduler, delta_ms, w->wall_ms);
    world_settle(w);
}

struct subscription_state world_state(struct world *w, const char *id)
{
    struct subscription_state s;

    MUST(engine_subscription_by_id(w->engine, bytes_of(id), &s, NULL, &e));
    return s;
}

/* ---- made and ended ---- */

static void make_topics(struct world *w)
{
    struct topic *topic = NULL;
    struct issues issues = {0};

    w->topics = topic_set_new();
    MUST(topic_compile(bytes_of(topic_json), bytes_of(BASE), &topic, &issues));
    MUST(topic_set_add(w->topics, &topic, &e));
}

void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    memcpy(w->dir, "/tmp/belfry-scenario-XXXXXX", 28);
    if (!mkdtemp(w->dir))
        world_fail("no temporary folder");
    w->wall_ms = START;
    w->clock = (struct clock){wall, wall, w};
    if (pthread_mutex_init(&w->m, NULL) != 0 ||
        pthread_cond_init(&w->changed, NULL) != 0)
        world_fail("no lock");
    make_topics(w);
    open_engine(w);
    open_scheduler(w);
}

static void close_parts(struct world *w)
{
    const struct outcome local = {.failure = FAILURE_LOCAL};

    scheduler_hold(w->scheduler, true);
    while (w->flying_count > 0)
        world_answer(w, 0, &local);
    scheduler_free(w->scheduler);
    engine_link_fini(&w->link);
    engine_close(&w->engine);
    w->woken_count = 0;
}

void world_restart(struct world *w)
{
    close_parts(w);
    open_engine(w);
    open_scheduler(w);
    world_settle(w);
}

void world_fini(struct world *w)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "belfry.lock"};
    char path[128];

    close_parts(w);
    topic_set_unref(w->topics);
    for (size_t i = 0; i < 3; i++)
        if (snprintf(path, sizeof path, "%s/%s", w->dir, files[i]) > 0)
            (void)unlink(path);
    (void)rmdir(w->dir);
    (void)pthread_cond_destroy(&w->changed);
    (void)pthread_mutex_destroy(&w->m);
}
