#include "server/delivery/delivery.h"

#include <curl/curl.h>

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "server/base/log.h"
#include "server/delivery/engine_link.h"
#include "server/delivery/inbox.h"
#include "server/delivery/limits.h"
#include "server/delivery/poller.h"
#include "server/delivery/rest_hook.h"

/* While the engine takes no reports. */
#define STUCK_MS 100
/* The clock was set when it moved by more than what slewing does. */
#define STEP_MS 1000

struct delivery {
    /* immutable after init */
    struct delivery_config config;
    struct poller *poller;
    struct inbox *inbox;
    bool curl;
    bool started;
    pthread_t thread;

    /* owner: the delivery thread */
    struct engine_link link;
    struct rest_hook *rest_hook;
    struct scheduler *scheduler;
    int64_t offset_ms; /* of the wall clock to the monotonic one */

    struct delivery_counters counters;
    _Atomic bool draining;
    _Atomic bool stopping;
    _Atomic bool held; /* the thread knows of the drain */
    _Atomic size_t in_flight;
};

void delivery_config_default(struct delivery_config *c)
{
    *c = (struct delivery_config){.clock = clock_system(),
                                  .rng = rng_system(),
                                  .timeout_ms = DELIVERY_TIMEOUT_MS,
                                  .max_count = DELIVERY_BATCH_EVENTS,
                                  .park_after = DELIVERY_PARK_AFTER};
    endpoint_limits_default(&c->limits);
    retry_policy_default(&c->retry);
    handshake_policy_default(&c->handshake);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void delivery_config_cap(struct delivery_config *c, uint32_t in_flight,
                         uint32_t per_endpoint)
{
    uint32_t suspects = in_flight / DELIVERY_SUSPECT_SHARE;
    uint32_t unproven = in_flight / DELIVERY_UNPROVEN_SHARE;

    c->limits = (struct endpoint_limits){
        .in_flight = in_flight,
        .per_endpoint = least(per_endpoint, in_flight),
        .per_unproven = least(DELIVERY_PER_UNPROVEN, per_endpoint),
        .per_suspect = DELIVERY_PER_SUSPECT,
        .unproven = least(in_flight, unproven > 0 ? unproven : 1),
        .suspects = suspects > 0 ? suspects : 1,
        .rate = c->limits.rate,
        .breaker = c->limits.breaker};
}

/* ---- the thread ---- */

/* The wall clock, as it runs. That it was set, to either side, shows against
 * the monotonic one, and moves what is to come along. */
static int64_t wall_ms(struct delivery *d)
{
    int64_t wall = clock_wall_ms(d->config.clock);
    int64_t monotonic = clock_monotonic_ms(d->config.clock);
    int64_t step = wall - monotonic - d->offset_ms;

    if (step > STEP_MS || step < -STEP_MS) {
        log_event(LOG_WARN, "delivery.clock",
                  "the clock was set by %" PRId64 " ms", step);
        d->offset_ms += step;
        scheduler_step(d->scheduler, step, wall);
    } else {
        d->offset_ms += step; /* slewed */
    }
    return wall;
}

static void on_complete(void *ctx, struct attempt *a, const struct outcome *o)
{
    struct delivery *d = ctx;

    scheduler_complete(d->scheduler, a, o, wall_ms(d));
}

static int wait_ms(struct delivery *d)
{
    int wait = rest_hook_wait_ms(d->rest_hook);
    int64_t due = scheduler_next_due(d->scheduler);
    int64_t left = due == INT64_MAX ? INT64_MAX : due - wall_ms(d);

    if (d->link.report_count > 0 && left > STUCK_MS)
        left = STUCK_MS;
    if (left < 0)
        left = 0;
    if (left > INT_MAX)
        return wait;
    return wait >= 0 && wait < left ? wait : (int)left;
}

static void take_wakes(struct delivery *d)
{
    struct inbox_content c = inbox_take(d->inbox);
    int64_t now = wall_ms(d);

    if (c.all)
        scheduler_load(d->scheduler, now);
    for (size_t i = 0; !c.all && i < c.n; i++)
        scheduler_wake(d->scheduler, c.numbers[i], now);
}

static void turn(struct delivery *d)
{
    bool draining = d->draining;
    bool stuck;

    /* first, so that this very turn begins attempts again when they are taken
     */
    if (d->link.stuck)
        (void)engine_link_flush(&d->link);
    stuck = d->link.stuck && d->link.report_count > DELIVERY_REPORTS;
    scheduler_hold(d->scheduler, draining || stuck);
    take_wakes(d);
    scheduler_tick(d->scheduler, wall_ms(d));
    rest_hook_turn(d->rest_hook);
    if (!d->link.stuck) /* what it leaves, a later turn takes */
        (void)engine_link_flush(&d->link);
    d->in_flight = scheduler_in_flight(d->scheduler) + d->link.report_count;
    d->held = draining;
}

static void *run(void *ctx)
{
    struct delivery *d = ctx;

    d->offset_ms =
        clock_wall_ms(d->config.clock) - clock_monotonic_ms(d->config.clock);
    scheduler_load(d->scheduler, wall_ms(d));
    while (!d->stopping) {
        turn(d);
        poller_wait(d->poller, wait_ms(d));
    }
    return NULL;
}

/* ---- made, started, ended ---- */

static enum err_code make_channel(struct delivery *d, struct err *e)
{
    struct rest_hook_config config = {.clock = d->config.clock,
                                      .egress = d->config.egress,
                                      .poller = d->poller,
                                      .maker = engine_link_maker(&d->link),
                                      .counters = &d->counters,
                                      .ca_file = d->config.ca_file,
                                      .dns_servers = d->config.dns_servers,
                                      .timeout_ms = d->config.timeout_ms,
                                      .in_flight = d->config.limits.in_flight,
                                      .complete = on_complete,
                                      .ctx = d};

    return rest_hook_new(&config, &d->rest_hook, e);
}

static enum err_code make_scheduler(struct delivery *d, struct err *e)
{
    struct scheduler_config config = {.source = engine_link_source(&d->link),
                                      .channel =
                                          rest_hook_channel(d->rest_hook),
                                      .rng = d->config.rng,
                                      .counters = &d->counters,
                                      .park_after = d->config.park_after,
                                      .resting = DELIVERY_RESTING,
                                      .limits = d->config.limits,
                                      .retry = d->config.retry,
                                      .handshake = d->config.handshake};

    return scheduler_new(&config, &d->scheduler, e);
}

static enum err_code make_parts(struct delivery *d, struct err *e)
{
    enum err_code code = ERR_OK;

    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
        code = err_set(e, ERR_IO, "libcurl cannot start");
    d->curl = code == ERR_OK;
    if (code == ERR_OK)
        code = poller_new(&d->poller, e);
    if (code == ERR_OK)
        code = inbox_new(DELIVERY_INBOX, &d->inbox, e);
    if (code == ERR_OK)
        code = make_channel(d, e);
    if (code == ERR_OK)
        code = make_scheduler(d, e);
    return code;
}

enum err_code delivery_new(const struct delivery_config *config,
                           struct delivery **out, struct err *e)
{
    struct delivery *d = calloc(1, sizeof *d);
    enum err_code code;

    *out = NULL;
    if (!d)
        return err_nomem(e);
    d->config = *config;
    d->link = (struct engine_link){.engine = config->engine,
                                   .clock = config->clock,
                                   .counters = &d->counters,
                                   .base_url = bytes_of(config->base_url),
                                   .max_count = config->max_count};
    code = make_parts(d, e);
    if (code != ERR_OK) {
        delivery_stop(&d);
        return code;
    }
    *out = d;
    return ERR_OK;
}

static void on_wake(void *ctx, const uint64_t *numbers, size_t n)
{
    struct delivery *d = ctx;

    if (inbox_add(d->inbox, numbers, n))
        poller_wake(d->poller);
}

struct engine_listener delivery_listener(struct delivery *d)
{
    return (struct engine_listener){.wake = on_wake, .ctx = d};
}

enum err_code delivery_start(struct delivery *d, struct err *e)
{
    sigset_t all;
    sigset_t before;
    int rc;

    /* signals are main's; a write to a closed TLS connection raises one */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&d->thread, NULL, run, d);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set_errno(e, ERR_IO, rc, "the delivery thread");
    d->started = true;
    return ERR_OK;
}

void delivery_drain(struct delivery *d)
{
    d->draining = true;
    poller_wake(d->poller);
}

size_t delivery_in_flight(const struct delivery *d)
{
    size_t n = d->in_flight;

    /* until the thread heeds the drain, more may begin */
    return n == 0 && d->started && d->draining && !d->held ? 1 : n;
}

void delivery_stop(struct delivery **delivery)
{
    struct delivery *d = *delivery;

    *delivery = NULL;
    if (!d)
        return;
    d->stopping = true;
    if (d->started) {
        poller_wake(d->poller);
        (void)pthread_join(d->thread, NULL);
    }
    rest_hook_free(d->rest_hook); /* gives attempts back to the scheduler */
    if (!engine_link_flush(&d->link))
        log_event(LOG_WARN, "delivery.report", "lost at the end: %zu reports",
                  d->link.report_count);
    scheduler_free(d->scheduler);
    engine_link_fini(&d->link);
    inbox_free(d->inbox);
    poller_free(d->poller);
    if (d->curl)
        curl_global_cleanup();
    free(d);
}

const struct delivery_counters *delivery_counters(const struct delivery *d)
{
    return &d->counters;
}
