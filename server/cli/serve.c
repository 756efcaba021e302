#include "server/cli/serve.h"

#include "server/base/clock.h"
#include "server/base/json_scope.h"
#include "server/base/log.h"
#include "server/base/rng.h"
#include "server/cli/config.h"
#include "server/cli/damage.h"
#include "server/cli/gate.h"
#include "server/cli/signals.h"
#include "server/cli/topics.h"
#include "server/delivery/delivery.h"
#include "server/delivery/limits.h"
#include "server/delivery/metrics.h"
#include "server/engine/engine.h"
#include "server/engine/metrics.h"
#include "server/http/listen.h"
#include "server/http/server.h"
#include "server/rest/rest.h"
#include "server/security/egress.h"
#include "server/security/trust.h"
#include "storage/base/failpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A free port may be taken by another between finding and binding it. */
#define PORT_TRIES 5
#define PEM_BYTES_MAX ((size_t)1 << 20)
#define URL_BYTES 96
/* How often a drain looks whether it is done. */
#define DRAIN_STEP_MS 20
/* After the drain: what waits for a commit gets its answer within this. */
#define CLOSE_MS 10000
/* Descriptors beside those of connections: files, epolls, standard streams. */
#define SPARE_DESCRIPTORS 128

/* The parts, in the order in which they are made. */
struct serve {
    const struct config *config;
    char *cert_pem;
    char *key_pem;
    struct egress_rules *egress;
    struct http_address address;
    char root[URL_BYTES]; /* "http://127.0.0.1:8080" */
    char base_url_derived[URL_BYTES];
    const char *base_url;
    struct topic_set *topics;
    struct engine *engine;
    struct rest *rest;
    struct delivery *delivery;
    struct gate gate;
    /* the writer asks for it: set before the writer starts, until its end */
    struct http_server *http;
    pthread_mutex_t m;
    /* lock: m; delivery ends before the writer, which then wakes nobody */
    struct engine_listener wakes;
};

/* ---- before the parts ---- */

static enum err_code read_stream(FILE *file, const char *path, char **out,
                                 struct err *e)
{
    char *text = malloc(PEM_BYTES_MAX + 1);
    size_t n;

    if (!text)
        return err_nomem(e);
    n = fread(text, 1, PEM_BYTES_MAX + 1, file);
    if (ferror(file) || n > PEM_BYTES_MAX) {
        free(text);
        return err_set(e, ERR_IO, "%s cannot be read or is larger than %zu",
                       path, PEM_BYTES_MAX);
    }
    text[n] = '\0';
    *out = text;
    return ERR_OK;
}

static enum err_code read_pem(const char *path, char **out, struct err *e)
{
    enum err_code code;
    FILE *file;

    if (!path)
        return ERR_OK;
    file = fopen(path, "re");
    if (!file)
        return err_set_errno(e, ERR_IO, errno, "cannot read %s", path);
    code = read_stream(file, path, out, e);
    (void)fclose(file); /* was only read */
    return code;
}

static enum err_code read_egress(struct serve *s, struct err *e)
{
    enum err_code code = egress_new(&s->egress, e);

    if (code == ERR_OK && s->config->dev)
        egress_allow_dev(s->egress);
    if (code == ERR_OK && s->config->egress)
        code = egress_add_file(s->egress, s->config->egress, e);
    return code;
}

static void raise_descriptors(const struct config *c)
{
    uint64_t need = c->connections + c->delivery_concurrency +
                    DELIVERY_IDLE_CONNECTIONS + SPARE_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < need)
        log_event(LOG_WARN, "serve.descriptors",
                  "%" PRIu64 " file descriptors may be needed, and only %ju "
                  "are allowed",
                  need, (uintmax_t)limit.rlim_cur);
}

/* Resources carry URLs with the port, so it is settled before any part is
 * made: port 0 becomes one that is free now. */
static enum err_code settle_address(struct serve *s, struct err *e)
{
    enum err_code code = http_address_parse(s->config->listen, &s->address, e);
    const char *listen = s->config->listen;
    int fd = -1;

    if (code == ERR_OK && http_address_port(&s->address) == 0) {
        code = http_listen(&s->address, 1, &fd, e);
        if (code == ERR_OK)
            close(fd);
    }
    if (code != ERR_OK)
        return code;
    if (snprintf(s->root, sizeof s->root, "%s://%.*s:%u",
                 s->cert_pem ? "https" : "http",
                 (int)(strrchr(listen, ':') - listen), listen,
                 http_address_port(&s->address)) < 0 ||
        snprintf(s->base_url_derived, sizeof s->base_url_derived, "%s/fhir",
                 s->root) < 0)
        return err_set(e, ERR_BUG, "the address cannot be written");
    s->base_url =
        s->config->base_url ? s->config->base_url : s->base_url_derived;
    return egress_set_own(s->egress, s->root, s->base_url, e);
}

static enum err_code load_topics(struct serve *s, struct err *e)
{
    const struct option_texts *given = &s->config->topics;
    const char *standard = topics_default_dir();

    return topics_load(given->count ? given->items : &standard,
                       given->count ? given->count : 1, s->base_url, &s->topics,
                       stderr, e);
}

/* ---- the parts ---- */

static void batch_done(void *ctx)
{
    const struct serve *s = ctx;

    http_server_kick(s->http);
}

static void wake(void *ctx, const uint64_t *numbers, size_t n)
{
    struct serve *s = ctx;

    (void)pthread_mutex_lock(&s->m);
    if (s->wakes.wake)
        s->wakes.wake(s->wakes.ctx, numbers, n);
    (void)pthread_mutex_unlock(&s->m);
}

static void set_wakes(struct serve *s, struct engine_listener wakes)
{
    (void)pthread_mutex_lock(&s->m);
    s->wakes = wakes;
    (void)pthread_mutex_unlock(&s->m);
}

/* The disk failed while the folder's first page was written. What was
 * acknowledged is on the disk (P1): a new start goes on from there. */
static void lost(void *ctx, const struct err *e)
{
    (void)ctx;
    log_event(LOG_ERROR, "serve.lost",
              "the data folder must be opened anew: %s; ending", e->message);
    _exit(1);
}

static enum err_code judge_endpoint(void *ctx, const char *url, struct err *e)
{
    return egress_check_url(ctx, url, e);
}

static struct retention_limits retention_of(const struct config *c)
{
    return (struct retention_limits){.age_ms = (int64_t)c->retention_days * 24 *
                                               60 * 60 * 1000,
                                     .events = c->retention_events};
}

static enum err_code open_engine(struct serve *s, struct err *e)
{
    const struct engine_config config = {.data_dir = s->config->data,
                                         .map_bytes =
                                             (size_t)s->config->map_bytes,
                                         .clock = clock_system(),
                                         .topics = s->topics,
                                         .base_url = s->base_url,
                                         .index = s->config->index,
                                         .retention = retention_of(s->config)};
    const struct engine_listener listener = {
        .wake = wake, .batch_done = batch_done, .lost = lost, .ctx = s};
    struct damage_before before;
    enum err_code code;

    json_scope_install();
    damage_watch(&before);
    code = engine_open(&config, &s->engine, e);
    damage_watch_disk_only(&before);
    if (code == ERR_OK)
        engine_listen(s->engine, &listener);
    return code;
}

/* Without numbers of the delivery before it is there. */
static void write_metrics(void *ctx, struct buf *out)
{
    const struct serve *s = ctx;

    engine_metrics(s->engine, out);
    if (s->delivery)
        delivery_metrics(s->delivery, out);
}

static enum err_code open_rest(struct serve *s, struct err *e)
{
    const struct rest_config config = {
        .engine = s->engine,
        .base_url = s->base_url,
        .clock = clock_system(),
        .rng = rng_system(),
        .body_bytes = (size_t)s->config->body_bytes,
        .lenient = s->config->validation == CONFIG_LENIENT,
        .endpoint = judge_endpoint,
        .endpoint_ctx = s->egress,
        .metrics = write_metrics,
        .metrics_ctx = s,
        .version = BELFRY_VERSION};
    enum err_code code = rest_new(&config, &s->rest, e);

    if (code == ERR_OK)
        gate_init(&s->gate, rest_handler(s->rest));
    return code;
}

/* Within the policy's window, unless more attempts than its own need more. */
static void set_handshake(struct handshake_policy *policy,
                          const struct config *c)
{
    uint32_t attempts = (uint32_t)c->handshake_attempts;

    policy->delay_ms = (int64_t)c->handshake_delay_ms;
    for (uint32_t i = policy->attempts; i < attempts; i++)
        policy->window_ms += policy->steps_ms[policy->step_count - 1] +
                             (int64_t)c->timeout_s * 1000;
    policy->attempts = attempts;
}

/* Who asks for retries every second does not mean to wait for minutes. */
static void cap_cooldown(struct breaker_policy *p,
                         const struct option_numbers *steps_s)
{
    int64_t longest_ms = 0;

    for (size_t i = 0; i < steps_s->count; i++)
        if ((int64_t)steps_s->items[i] * 1000 > longest_ms)
            longest_ms = (int64_t)steps_s->items[i] * 1000;
    if (p->cooldown_most_ms > longest_ms)
        p->cooldown_most_ms = longest_ms;
    if (p->cooldown_ms > longest_ms)
        p->cooldown_ms = longest_ms;
}

static enum err_code delivery_settings(const struct serve *s,
                                       struct delivery_config *out,
                                       struct err *e)
{
    const struct config *c = s->config;

    delivery_config_default(out);
    delivery_config_cap(out, (uint32_t)c->delivery_concurrency,
                        (uint32_t)c->endpoint_concurrency);
    out->engine = s->engine;
    out->clock = clock_system();
    out->rng = rng_system();
    out->egress = s->egress;
    out->base_url = s->base_url;
    out->ca_file = c->ca_file;
    out->dns_servers = c->dns_servers;
    out->timeout_ms = (uint32_t)(c->timeout_s * 1000);
    out->max_count = (uint32_t)c->max_count;
    out->limits.rate = (uint32_t)c->endpoint_rate;
    out->limits.breaker.failures = (uint32_t)c->breaker_failures;
    out->limits.breaker.cooldown_ms = (int64_t)c->breaker_cooldown_s * 1000;
    out->park_after = (uint32_t)c->park_after;
    cap_cooldown(&out->limits.breaker, &c->retry_s);
    set_handshake(&out->handshake, c);
    out->retry.window_ms = (int64_t)c->retry_for_s * 1000;
    return retry_policy_steps(&out->retry, c->retry_s.items, c->retry_s.count,
                              e);
}

static enum err_code open_delivery(struct serve *s, struct err *e)
{
    struct delivery_config config;
    enum err_code code = delivery_settings(s, &config, e);

    if (code == ERR_OK)
        code = delivery_new(&config, &s->delivery, e);
    if (code == ERR_OK)
        set_wakes(s, delivery_listener(s->delivery));
    return code;
}

static unsigned loops(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (c->http_threads)
        return (unsigned)c->http_threads;
    if (cores < 4)
        return 1;
    return cores / 2 < HTTP_LOOPS_MAX ? (unsigned)(cores / 2) : HTTP_LOOPS_MAX;
}

static enum err_code open_http(struct serve *s, struct err *e)
{
    const struct config *c = s->config;
    const struct http_config config = {
        .address = strstr(s->root, "//") + 2,
        .loops = loops(c),
        .limits = {.header_bytes = (size_t)c->header_bytes,
                   .body_bytes = (size_t)c->body_bytes,
                   .connections = (unsigned)c->connections,
                   .idle_s = (unsigned)c->idle_s,
                   .request_s = (unsigned)c->request_s},
        .tls_cert_pem = s->cert_pem,
        .tls_key_pem = s->key_pem,
        .clock = clock_system(),
        .handler = gate_handler(&s->gate)};

    return http_server_start(&config, &s->http, e);
}

/* HTTP is there before the writer, which kicks it; the gate holds requests off
 * until all is ready. */
static enum err_code open_parts(struct serve *s, struct err *e)
{
    enum err_code code = settle_address(s, e);

    if (code == ERR_OK)
        code = load_topics(s, e);
    if (code == ERR_OK)
        code = open_engine(s, e);
    if (code == ERR_OK)
        code = open_rest(s, e);
    if (code == ERR_OK)
        code = open_delivery(s, e);
    if (code == ERR_OK)
        code = open_http(s, e);
    if (code == ERR_OK)
        code = engine_start(s->engine, e);
    if (code == ERR_OK)
        code = delivery_start(s->delivery, e);
    if (code == ERR_OK)
        gate_open(&s->gate);
    return code;
}

/* The gate is shut, so the engine knows of no request any more: HTTP can
 * outlive it, and must, for the writer kicks it. */
static void close_parts(struct serve *s)
{
    set_wakes(s, (struct engine_listener){0});
    delivery_stop(&s->delivery);
    engine_close(&s->engine);
    http_server_stop(&s->http);
    rest_free(s->rest);
    s->rest = NULL;
    topic_set_unref(s->topics);
    s->topics = NULL;
}

static enum err_code open_at_free_port(struct serve *s, struct err *e)
{
    bool any_port = bytes_is(bytes_of(strrchr(s->config->listen, ':')), ":0");
    enum err_code code = ERR_OK;

    for (int i = 0; i < PORT_TRIES; i++) {
        code = open_parts(s, e);
        if (code != ERR_IO || e->system != EADDRINUSE || !any_port)
            break;
        close_parts(s);
    }
    return code;
}

/* ---- running ---- */

/* The first signal began the drain; a second one ends it, and what is not
 * committed was not acknowledged (P1). */
static void heed_second_signal(int signal)
{
    if (signal != SIGTERM && signal != SIGINT)
        return;
    log_event(LOG_WARN, "serve.killed", "a second signal: ending at once");
    _exit(1);
}

/* Waits until nothing is in flight or the time is over. */
static void drain(struct serve *s)
{
    const struct clock *clock = clock_system();
    int64_t end =
        clock_monotonic_ms(clock) + (int64_t)s->config->drain_s * 1000;
    unsigned requests;
    size_t deliveries;

    log_event(LOG_INFO, "serve.drain", "draining for up to %" PRIu64 " s",
              s->config->drain_s);
    http_server_drain(s->http);
    delivery_drain(s->delivery);
    for (;;) {
        requests = http_server_busy(s->http);
        deliveries = delivery_in_flight(s->delivery);
        if (requests == 0 && deliveries == 0)
            return;
        if (clock_monotonic_ms(clock) >= end)
            break;
        heed_second_signal(signals_wait(DRAIN_STEP_MS));
    }
    log_event(LOG_WARN, "serve.drain_cut",
              "ended with %u requests and %zu deliveries in flight", requests,
              deliveries);
}

/* Lets what is with the engine come back before HTTP ends: the engine wakes
 * requests that it has. */
static void shut_gate(struct serve *s)
{
    const struct clock *clock = clock_system();
    int64_t end = clock_monotonic_ms(clock) + CLOSE_MS;

    FAILPOINT("amid-drain");
    gate_close(&s->gate);
    while (gate_inside(&s->gate) > 0) {
        if (clock_monotonic_ms(clock) >= end) {
            log_event(LOG_ERROR, "serve.stuck",
                      "the disk does not answer: ending without it");
            _exit(1);
        }
        heed_second_signal(signals_wait(DRAIN_STEP_MS));
    }
}

static void wait_for_end(void)
{
    while (signals_wait(-1) == SIGHUP)
        log_event(LOG_WARN, "serve.reload",
                  "SIGHUP is heard, but new topics, certificates and rules "
                  "take a restart");
}

static enum err_code run(struct serve *s, struct err *e)
{
    FAILPOINT("before-ready");
    if (printf("belfry: listening on %s/fhir\n", s->root) < 0 ||
        fflush(stdout) != 0)
        return err_set_errno(e, ERR_IO, errno,
                             "standard output cannot be written");
    log_event(LOG_INFO, "serve.ready", "version %s, %zu topics, data in %s",
              BELFRY_VERSION, topic_set_count(s->topics), s->config->data);
    wait_for_end();
    drain(s);
    shut_gate(s);
    return ERR_OK;
}

static enum err_code serve_config(const struct config *config, struct err *e)
{
    struct serve s = {.config = config, .m = PTHREAD_MUTEX_INITIALIZER};
    enum err_code code = signals_block(e);

    log_setup((enum log_format)config->log_format,
              (enum log_level)config->log_level);
    raise_descriptors(config);
    if (code == ERR_OK)
        code = read_pem(config->tls_cert, &s.cert_pem, e);
    if (code == ERR_OK)
        code = read_pem(config->tls_key, &s.key_pem, e);
    if (code == ERR_OK)
        code = read_egress(&s, e);
    if (code == ERR_OK && config->ca_file)
        code = trust_check_file(config->ca_file, e);
    if (code == ERR_OK)
        code = open_at_free_port(&s, e);
    if (code == ERR_OK)
        code = run(&s, e);
    close_parts(&s);
    egress_free(s.egress);
    free(s.cert_pem);
    if (s.key_pem)
        explicit_bzero(s.key_pem, strlen(s.key_pem));
    free(s.key_pem);
    if (code == ERR_OK)
        log_event(LOG_INFO, "serve.end", "everything is committed");
    return code;
}

int cli_serve(int argc, char **argv)
{
    const struct option_input in = {argc, (const char *const *)argv,
                                    (const char *const *)environ};
    struct config config;
    struct err e = {0};
    enum err_code code;
    bool help;

    code = config_read(&in, &config, &help, &e);
    if (code == ERR_OK && help)
        config_help(stdout);
    else if (code == ERR_OK)
        code = serve_config(&config, &e);
    config_fini(&config);
    return options_exit("serve", code, &e);
}
