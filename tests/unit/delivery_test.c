/* The delivery thread as a whole, with real HTTP and a fake engine: the
 * functions of engine.h that delivery uses are defined here. */
#include "server/delivery/delivery.h"

#include "server/engine/attempts.h"
#include "server/engine/breaker_state.h"
#include "server/engine/read.h"
#include "server/engine/surround.h"

#include "tests/unit/hook_server.h"

#include <cjson/cJSON.h>

#include <signal.h>
#include <stdio.h>
#include <time.h>

#define TEXT "{\"resourceType\":\"Patient\",\"id\":\"p1\"}"

struct engine {
    pthread_mutex_t lock;
    /* lock: lock */
    struct subscription_state state;
    struct definition *definition;
    struct report reports[64];
    size_t report_count;
    bool broken; /* takes no reports */
    struct engine_listener listener;
};

enum err_code engine_subscription(struct engine *g, uint64_t number,
                                  struct subscription_state *out,
                                  struct definition **definition, struct err *e)
{
    enum err_code code = ERR_OK;

    (void)pthread_mutex_lock(&g->lock);
    *out = g->state;
    if (definition)
        *definition = definition_ref(g->definition);
    if (number != g->state.number)
        code = err_set(e, ERR_NOT_FOUND, "no such subscription");
    if (code != ERR_OK && definition)
        definition_unref(definition);
    (void)pthread_mutex_unlock(&g->lock);
    return code;
}

bool engine_subscription_next(struct engine *g, uint64_t after,
                              struct subscription_state *out,
                              struct definition **definition)
{
    return after < g->state.number &&
           engine_subscription(g, g->state.number, out, definition, NULL) ==
               ERR_OK;
}

enum err_code engine_events(struct engine *g, const struct event_query *query,
                            struct arena *arena, struct event **events,
                            size_t *n, struct err *e)
{
    uint64_t last;

    (void)pthread_mutex_lock(&g->lock);
    last = g->state.last_event;
    (void)pthread_mutex_unlock(&g->lock);
    *n = last >= query->first ? (size_t)(last - query->first + 1) : 0;
    if (*n > query->max_count)
        *n = query->max_count;
    *events = arena_calloc(arena, *n + 1, sizeof(**events));
    if (!*events)
        return err_nomem(e);
    for (size_t i = 0; i < *n; i++)
        (*events)[i] = (struct event){.number = query->first + i,
                                      .time_ms = 1700000000000,
                                      .interaction = INTERACTION_UPDATE,
                                      .type = bytes_of("Patient"),
                                      .id = bytes_of("p1"),
                                      .text = query->with_text ? bytes_of(TEXT)
                                                               : bytes_of("")};
    return ERR_OK;
}

void engine_note_attempt(struct engine *g, const struct attempt_note *n)
{
    (void)g;
    (void)n;
}

bool surround_is_wanted(const struct subscription *s,
                        enum content_level content)
{
    (void)s;
    (void)content;
    return false;
}

enum err_code engine_surround(struct engine *g,
                              const struct surround_query *query,
                              struct event *events, size_t n,
                              struct arena *arena, struct err *e)
{
    (void)g;
    (void)query;
    (void)events;
    (void)n;
    (void)arena;
    return err_set(e, ERR_BUG, "nothing asked for it");
}

enum err_code engine_acked(struct engine *g, uint64_t number,
                           struct acked_events *out, struct err *e)
{
    (void)g;
    (void)number;
    (void)e;
    *out = (struct acked_events){0};
    return ERR_OK;
}

enum err_code engine_event_keys(struct engine *g,
                                const struct event_query *query, uint64_t *keys,
                                size_t *n, struct err *e)
{
    (void)g;
    (void)query;
    (void)keys;
    (void)e;
    *n = 0;
    return ERR_OK;
}

enum err_code engine_breaker_state(struct engine *g, uint64_t hash,
                                   struct breaker_state *out, struct err *e)
{
    (void)g;
    (void)hash;
    (void)out;
    return err_set(e, ERR_NOT_FOUND, "none");
}

static void apply(struct engine *g, const struct report *r)
{
    switch (r->kind) {
    case REPORT_DELIVERED:
        g->state.delivered = r->event;
        break;
    case REPORT_RETRY:
        g->state.attempts = r->attempts;
        break;
    case REPORT_HANDSHAKE_OK:
        g->state.status = STATUS_ACTIVE;
        break;
    case REPORT_FAILED:
        g->state.status = STATUS_ERROR;
        break;
    case REPORT_OFF:
        g->state.status = STATUS_OFF;
        break;
    case REPORT_ACKED:
    case REPORT_PARKED:
    case REPORT_ENDPOINT:
    case REPORT_RESENT:
    case REPORT_REPARKED:
        break;
    }
}

enum err_code engine_report(struct engine *g, const struct report *reports,
                            size_t n, struct err *e)
{
    bool broken;

    (void)pthread_mutex_lock(&g->lock);
    broken = g->broken;
    for (size_t i = 0; i < n && !broken && g->report_count < 64; i++) {
        apply(g, &reports[i]);
        g->reports[g->report_count++] = reports[i];
    }
    (void)pthread_mutex_unlock(&g->lock);
    if (broken)
        return err_set(e, ERR_BUSY, "not now");
    g->listener.wake(g->listener.ctx, &g->state.number, 1);
    return ERR_OK;
}

struct world {
    struct server server;
    struct engine engine;
    struct egress_rules *rules;
    struct delivery *delivery;
};

static struct definition *definition_to(unsigned port)
{
    struct subscription *s = calloc(1, sizeof *s);
    char url[64];

    assert_non_null(s);
    assert_true(snprintf(url, sizeof url, "http://127.0.0.1:%u/", port) > 0);
    s->endpoint = strdup(url);
    s->canonical = strdup("https://belfry.example/fhir/SubscriptionTopic/t");
    s->mime_type = strdup("application/fhir+json");
    s->secret = strdup("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    s->content = CONTENT_FULL_RESOURCE;
    s->max_count = 2;
    return definition_new(&s);
}

static struct world *world_new(enum manner manner, uint64_t events)
{
    struct world *w = calloc(1, sizeof *w);
    struct delivery_config c;
    struct err e;

    assert_non_null(w);
    w->server.manner = manner;
    w->server.answer = "HTTP/1.1 204 No Content\r\n\r\n";
    server_start(&w->server);
    assert_int_equal(pthread_mutex_init(&w->engine.lock, NULL), 0);
    w->engine.definition = definition_to(w->server.port);
    assert_non_null(w->engine.definition);
    w->engine.state = (struct subscription_state){
        .number = 7,
        .definition = 7,
        .id = "s1",
        .status = STATUS_REQUESTED,
        .last_event = events,
        .requested_ms = clock_wall_ms(clock_system())};
    assert_int_equal(egress_new(&w->rules, NULL), ERR_OK);
    egress_allow_dev(w->rules);
    delivery_config_default(&c);
    c.engine = &w->engine;
    c.egress = w->rules;
    c.base_url = "https://h.example/fhir";
    c.handshake.delay_ms = 20;
    c.handshake.steps_ms[0] = 20;
    c.handshake.steps_ms[1] = 20;
    assert_int_equal(delivery_new(&c, &w->delivery, &e), ERR_OK);
    w->engine.listener = delivery_listener(w->delivery);
    assert_int_equal(delivery_start(w->delivery, &e), ERR_OK);
    return w;
}

static void world_free(struct world *w)
{
    delivery_stop(&w->delivery);
    definition_unref(&w->engine.definition);
    egress_free(w->rules);
    server_stop(&w->server);
    (void)pthread_mutex_destroy(&w->engine.lock);
    free(w);
}

static struct subscription_state state_of(struct world *w)
{
    struct subscription_state state;

    assert_int_equal(engine_subscription(&w->engine, 7, &state, NULL, NULL),
                     ERR_OK);
    return state;
}

static void pause_ms(long ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000};

    (void)nanosleep(&t, NULL);
}

static void await_delivered(struct world *w, uint64_t event)
{
    for (int i = 0; i < 1000 && state_of(w).delivered < event; i++)
        pause_ms(5);
    assert_int_equal(state_of(w).delivered, event);
}

static void await_status(struct world *w, enum subscription_status status)
{
    for (int i = 0; i < 1000 && state_of(w).status != status; i++)
        pause_ms(5);
    assert_int_equal(state_of(w).status, status);
}

static void add_events(struct world *w, uint64_t n)
{
    (void)pthread_mutex_lock(&w->engine.lock);
    w->engine.state.last_event += n;
    (void)pthread_mutex_unlock(&w->engine.lock);
    w->engine.listener.wake(w->engine.listener.ctx, &(uint64_t){7}, 1);
}

static void handshake_then_events_in_batches(void **state)
{
    struct world *w = world_new(ANSWER, 5);
    cJSON *bundle;

    (void)state;
    await_delivered(w, 5);
    assert_int_equal(requests_of(&w->server), 4); /* handshake, 2, 2, 1 */
    assert_int_equal(connections_of(&w->server), 1);
    bundle = cJSON_Parse(strstr(w->server.last, "\r\n\r\n"));
    assert_string_equal(
        cJSON_GetStringValue(cJSON_GetObjectItem(bundle, "type")), "history");
    cJSON_Delete(bundle);
    assert_non_null(strstr(w->server.last, "webhook-id: msg_s1_5_5\r\n"));
    add_events(w, 1);
    await_delivered(w, 6);
    assert_non_null(strstr(w->server.last, "webhook-id: msg_s1_6_6\r\n"));
    assert_int_equal(counter_get(&delivery_counters(w->delivery)->attempts), 5);
    world_free(w);
}

static void a_refused_handshake_is_an_error(void **state)
{
    struct world *w = world_new(CLOSE, 1);

    (void)state;
    await_status(w, STATUS_ERROR);
    assert_int_equal(requests_of(&w->server), 3);
    assert_int_equal(state_of(w).delivered, 0);
    assert_int_equal(counter_get(&delivery_counters(w->delivery)->failed), 1);
    world_free(w);
}

static void reports_wait_for_an_engine_that_is_busy(void **state)
{
    struct world *w = world_new(ANSWER, 1);

    (void)state;
    await_delivered(w, 1);
    (void)pthread_mutex_lock(&w->engine.lock);
    w->engine.broken = true;
    (void)pthread_mutex_unlock(&w->engine.lock);
    add_events(w, 1);
    for (int i = 0; i < 400 && requests_of(&w->server) < 3; i++)
        pause_ms(5);
    pause_ms(150);
    assert_int_equal(state_of(w).delivered, 1);
    (void)pthread_mutex_lock(&w->engine.lock);
    w->engine.broken = false;
    (void)pthread_mutex_unlock(&w->engine.lock);
    await_delivered(w, 2);
    assert_int_equal(requests_of(&w->server), 3); /* not sent again */
    world_free(w);
}

static void a_drain_ends_when_nothing_is_in_flight(void **state)
{
    struct world *w = world_new(ANSWER, 1);

    (void)state;
    await_delivered(w, 1);
    delivery_drain(w->delivery);
    for (int i = 0; i < 1000 && delivery_in_flight(w->delivery) > 0; i++)
        pause_ms(5);
    assert_int_equal(delivery_in_flight(w->delivery), 0);
    add_events(w, 1);
    pause_ms(100);
    assert_int_equal(requests_of(&w->server), 2);
    world_free(w);
}

static void a_stop_cuts_off_what_hangs(void **state)
{
    struct world *w = world_new(HANG, 1);

    (void)state;
    for (int i = 0; i < 1000 && requests_of(&w->server) < 1; i++)
        pause_ms(5);
    assert_int_equal(requests_of(&w->server), 1);
    assert_true(delivery_in_flight(w->delivery) > 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_then_events_in_batches),
        cmocka_unit_test(a_refused_handshake_is_an_error),
        cmocka_unit_test(reports_wait_for_an_engine_that_is_busy),
        cmocka_unit_test(a_drain_ends_when_nothing_is_in_flight),
        cmocka_unit_test(a_stop_cuts_off_what_hangs),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
