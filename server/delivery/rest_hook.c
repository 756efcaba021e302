#include "server/delivery/rest_hook.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "server/delivery/transfer.h"
#include "storage/base/failpoint.h"

/* Turns in which curl may find more to do at once before others get theirs. */
#define ROUNDS 4
#define IDLE_TRANSFERS 512

struct rest_hook {
    struct rest_hook_config config;
    struct transfer_common common;
    CURLM *multi;
    struct resolver *resolver;
    unsigned curl_handler;
    unsigned dns_handler;
    int64_t timer_ms; /* monotonic; INT64_MAX: none */
    struct transfer *idle;
    size_t idle_count;
    struct transfer *ended; /* outcome set, before curl had them */
    struct transfer *busy;  /* with curl or the resolver */
    bool closing;
    bool more; /* the last turn ended before all was served */
    struct prepared_cache prepared;
};

/* ---- transfers ---- */

static void busy_add(struct rest_hook *h, struct transfer *t)
{
    t->prev = NULL;
    t->next = h->busy;
    if (h->busy)
        h->busy->prev = t;
    h->busy = t;
}

static void busy_remove(struct rest_hook *h, struct transfer *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        h->busy = t->next;
    if (t->next)
        t->next->prev = t->prev;
    t->next = NULL;
    t->prev = NULL;
}

static struct transfer *transfer_get(struct rest_hook *h)
{
    struct transfer *t = h->idle;

    if (t) {
        h->idle = t->next;
        h->idle_count--;
    } else {
        t = transfer_new(&h->common);
    }
    if (t) {
        t->owner = h;
        busy_add(h, t);
    }
    return t;
}

static void transfer_put(struct rest_hook *h, struct transfer *t)
{
    if (t->message.reference)
        h->config.maker.release(h->config.maker.ctx, &t->message);
    prepared_unref(&t->prepared);
    transfer_reset(t);
    busy_remove(h, t);
    if (h->idle_count >= IDLE_TRANSFERS) {
        transfer_free(t);
        return;
    }
    t->next = h->idle;
    h->idle = t;
    h->idle_count++;
}

/* The transfer is free for the next attempt before the last one is told of. */
static void finish(struct rest_hook *h, struct transfer *t, struct outcome o)
{
    struct attempt *a = t->attempt;

    transfer_put(h, t);
    h->config.complete(h->config.ctx, a, &o);
}

/* Told of in the next turn: begin() may still be running. */
static void end_soon(struct rest_hook *h, struct transfer *t,
                     enum failure_class failure)
{
    t->outcome = (struct outcome){.failure = failure};
    busy_remove(h, t);
    t->next = h->ended;
    h->ended = t;
}

static int64_t monotonic_ms(const struct rest_hook *h)
{
    return clock_monotonic_ms(h->config.clock);
}

static void launch(struct rest_hook *h, struct transfer *t, bool fresh)
{
    int64_t left = t->deadline_ms - monotonic_ms(h);

    if (left <= 0) {
        end_soon(h, t, FAILURE_TIMEOUT);
        return;
    }
    if (!transfer_set_up(t, clock_wall_ms(h->config.clock) / 1000, left,
                         fresh) ||
        curl_multi_add_handle(h->multi, t->easy) != CURLM_OK) {
        end_soon(h, t, FAILURE_LOCAL);
        return;
    }
    t->running = true;
    FAILPOINT("amid-send");
    counter_add(&h->config.counters->attempts);
}

/* One forbidden address forbids the name: which one a client would have been
 * given is not for its owner to choose. */
static bool are_allowed(const struct rest_hook *h,
                        const struct resolver_answer *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!egress_check_address(h->config.egress, &a->addresses[i].any))
            return false;
    }
    return true;
}

static void on_resolved(struct resolver_query *q,
                        const struct resolver_answer *a)
{
    struct transfer *t = (struct transfer *)q; /* its first member */
    struct rest_hook *h = t->owner;

    if (h->closing)
        end_soon(h, t, FAILURE_LOCAL);
    else if (a->n == 0)
        end_soon(h, t, FAILURE_NAME);
    else if (!are_allowed(h, a))
        end_soon(h, t, FAILURE_FORBIDDEN);
    else if (!transfer_pin(t, a))
        end_soon(h, t, FAILURE_LOCAL);
    else
        launch(h, t, false);
}

static bool compose(struct rest_hook *h, struct transfer *t, bool *refused)
{
    struct message *m = &t->message;
    struct prepared_key key;
    enum err_code code;

    *refused = false;
    if (!h->config.maker.make(h->config.maker.ctx, t->attempt, m))
        return false;
    key = (struct prepared_key){t->attempt->subscription, m->definition_number};
    code = prepared_get(&h->prepared, key, m->definition, &t->prepared, NULL);
    if (code == ERR_OK)
        code =
            egress_check_target(h->config.egress, &t->prepared->target, NULL);
    *refused = code == ERR_UNPROCESSABLE || code == ERR_INVALID;
    return code == ERR_OK || *refused;
}

static bool begin(void *ctx, struct attempt *a)
{
    struct rest_hook *h = ctx;
    struct transfer *t = h->closing ? NULL : transfer_get(h);
    uint32_t timeout_ms = h->config.timeout_ms;
    bool refused;

    if (!t)
        return false;
    t->attempt = a;
    if (!compose(h, t, &refused)) {
        transfer_put(h, t);
        return false;
    }
    if (refused) {
        end_soon(h, t, FAILURE_FORBIDDEN);
        return true;
    }
    if (t->message.definition->timeout_s > 0)
        timeout_ms = t->message.definition->timeout_s * 1000;
    t->deadline_ms = monotonic_ms(h) + timeout_ms;
    t->query.done = on_resolved;
    if (t->prepared->target.literal)
        launch(h, t, false);
    else
        resolver_ask(h->resolver, t->prepared->target.host, &t->query);
    return true;
}

struct channel rest_hook_channel(struct rest_hook *h)
{
    return (struct channel){begin, h};
}

/* ---- turns ---- */

/* A resend is an attempt of our own, with the same id and a new signature, on
 * a connection that cannot have been closed behind our back. */
static void collect_one(struct rest_hook *h, struct transfer *t, CURLcode code)
{
    long connections = 0;

    if (curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connections) ==
            CURLE_OK &&
        connections > 0)
        counter_add(&h->config.counters->connections);
    curl_multi_remove_handle(h->multi, t->easy);
    t->running = false;
    if (transfer_was_repeat(t, code)) {
        counter_add(&h->config.counters->hidden_reposts);
        if (!t->resent) {
            t->resent = true;
            launch(h, t, true);
            return;
        }
    }
    finish(h, t, transfer_outcome(t, code));
}

static bool collect(struct rest_hook *h)
{
    bool any = false;
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
        struct transfer *t = NULL;
        CURLcode code = m->data.result;

        if (m->msg != CURLMSG_DONE ||
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) != CURLE_OK)
            continue;
        collect_one(h, t, code);
        any = true;
    }
    return any;
}

static bool finish_ended(struct rest_hook *h)
{
    struct transfer *list = h->ended;
    bool any = list != NULL;

    h->ended = NULL;
    while (list) {
        struct transfer *t = list;

        list = t->next;
        busy_add(h, t);
        finish(h, t, t->outcome);
    }
    return any;
}

static bool serve_timer(struct rest_hook *h)
{
    int running;

    if (h->timer_ms > monotonic_ms(h))
        return false;
    h->timer_ms = INT64_MAX;
    return curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0,
                                    &running) == CURLM_OK;
}

void rest_hook_turn(struct rest_hook *h)
{
    if (resolver_wait_ms(h->resolver) == 0)
        resolver_timeouts(h->resolver);
    h->more = true;
    for (int i = 0; i < ROUNDS && h->more; i++) {
        h->more = collect(h);
        h->more |= finish_ended(h);
        h->more |= serve_timer(h);
    }
}

int rest_hook_wait_ms(struct rest_hook *h)
{
    int wait = resolver_wait_ms(h->resolver);
    int64_t left;

    if (h->ended || h->more)
        return 0;
    if (h->timer_ms == INT64_MAX)
        return wait;
    left = h->timer_ms - monotonic_ms(h);
    if (left <= 0)
        return 0;
    if (left > INT_MAX)
        left = INT_MAX;
    return wait >= 0 && wait < left ? wait : (int)left;
}

/* ---- what curl and the poller call ---- */

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct rest_hook *h = ctx;

    (void)multi;
    h->timer_ms =
        timeout_ms < 0 ? INT64_MAX : monotonic_ms(h) + (int64_t)timeout_ms;
    return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx,
                          void *socket_ctx)
{
    struct rest_hook *h = ctx;
    bool in = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    bool out = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;

    (void)easy;
    (void)socket_ctx;
    if (!poller_watch(h->config.poller, h->curl_handler, fd, in, out) &&
        what != CURL_POLL_REMOVE)
        return -1;
    return 0;
}

static void on_curl_ready(void *ctx, int fd, struct poller_events events)
{
    struct rest_hook *h = ctx;
    int mask = (events.readable ? CURL_CSELECT_IN : 0) |
               (events.writable ? CURL_CSELECT_OUT : 0) |
               (events.failed ? CURL_CSELECT_ERR : 0);
    int running;
    CURLMcode code = curl_multi_socket_action(h->multi, fd, mask, &running);

    assert(code == CURLM_OK || code == CURLM_BAD_SOCKET ||
           code == CURLM_OUT_OF_MEMORY || code == CURLM_ABORTED_BY_CALLBACK);
    (void)code;
}

static void on_dns_watch(void *ctx, int fd, bool readable, bool writable)
{
    struct rest_hook *h = ctx;

    /* a socket that cannot be watched ends in the query's timeout */
    (void)poller_watch(h->config.poller, h->dns_handler, fd, readable,
                       writable);
}

static void on_dns_ready(void *ctx, int fd, struct poller_events events)
{
    struct rest_hook *h = ctx;

    resolver_process(h->resolver, fd, events.readable || events.failed,
                     events.writable || events.failed);
}

/* ---- made and freed ---- */

static enum err_code make_multi(struct rest_hook *h, struct err *e)
{
    long connections = (long)h->config.in_flight + DELIVERY_IDLE_CONNECTIONS;

    h->multi = curl_multi_init();
    h->common.share = curl_share_init();
    if (!h->multi || !h->common.share)
        return err_nomem(e);
    if (curl_share_setopt(h->common.share, CURLSHOPT_SHARE,
                          CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) !=
            CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) != CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer) !=
            CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) != CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) !=
            CURLM_OK ||
        curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, connections) !=
            CURLM_OK)
        return err_set(e, ERR_BUG, "libcurl lacks what belfry needs");
    return ERR_OK;
}

static enum err_code make_resolver(struct rest_hook *h, struct err *e)
{
    struct resolver_config config = {.servers = h->config.dns_servers,
                                     .clock = h->config.clock,
                                     .watch = on_dns_watch,
                                     .ctx = h};

    return resolver_new(&config, &h->resolver, e);
}

enum err_code rest_hook_new(const struct rest_hook_config *config,
                            struct rest_hook **out, struct err *e)
{
    struct rest_hook *h = calloc(1, sizeof *h);
    enum err_code code;

    *out = NULL;
    if (!h)
        return err_nomem(e);
    h->config = *config;
    h->timer_ms = INT64_MAX;
    h->common.egress = config->egress;
    h->common.ca_file = config->ca_file;
    h->curl_handler = poller_add_handler(
        config->poller, (struct poller_handler){on_curl_ready, h});
    h->dns_handler = poller_add_handler(
        config->poller, (struct poller_handler){on_dns_ready, h});
    code = signer_new(&h->common.signer, e);
    if (code == ERR_OK)
        code = make_multi(h, e);
    if (code == ERR_OK)
        code = make_resolver(h, e);
    if (code != ERR_OK) {
        rest_hook_free(h);
        return code;
    }
    *out = h;
    return ERR_OK;
}

/* The resolver gives back who waits for a name, which lands in `ended`. */
static void abort_all(struct rest_hook *h)
{
    h->closing = true;
    resolver_free(h->resolver);
    h->resolver = NULL;
    finish_ended(h);
    while (h->busy) {
        struct transfer *t = h->busy;

        if (t->running)
            curl_multi_remove_handle(h->multi, t->easy);
        finish(h, t, (struct outcome){.failure = FAILURE_LOCAL});
    }
}

void rest_hook_free(struct rest_hook *h)
{
    if (!h)
        return;
    abort_all(h);
    while (h->idle) {
        struct transfer *t = h->idle;

        h->idle = t->next;
        transfer_free(t);
    }
    prepared_cache_fini(&h->prepared);
    curl_multi_cleanup(h->multi);
    (void)curl_share_cleanup(h->common.share);
    signer_free(h->common.signer);
    free(h);
}
