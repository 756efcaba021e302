#include "server/delivery/resolver.h"

#include <ares.h>

#include <stdlib.h>
#include <string.h>

#define BUCKETS 512
#define QUERY_TIMEOUT_MS 1500
#define QUERY_TRIES 2
/* A time to live is honoured between these; names flip for attackers, too. */
#define LEAST_TTL_S 5
#define MOST_TTL_S 60
#define UNKNOWN_TTL_S 30 /* no such name */
#define FAILED_TTL_S 5   /* no answer */

struct name {
    struct name *chain;
    struct resolver *owner;
    struct resolver_query *waiting;
    int64_t expires_ms; /* monotonic */
    bool pending;
    struct resolver_answer answer;
    char text[];
};

struct resolver {
    struct resolver_config config;
    ares_channel channel;
    bool library;
    bool open;
    size_t n;
    struct name *buckets[BUCKETS];
};

static int64_t now_ms(const struct resolver *r)
{
    return clock_monotonic_ms(r->config.clock);
}

static void socket_state(void *ctx, ares_socket_t fd, int readable,
                         int writable)
{
    struct resolver *r = ctx;

    r->config.watch(r->config.ctx, fd, readable != 0, writable != 0);
}

static enum err_code translate(int status, struct err *e)
{
    if (status == ARES_ENOMEM)
        return err_nomem(e);
    return err_set(e, ERR_IO, "the name resolver cannot start: %s",
                   ares_strerror(status));
}

static enum err_code open_channel(struct resolver *r, struct err *e)
{
    char lookups[] = "fb"; /* the hosts file, then DNS */
    struct ares_options options = {.flags = ARES_FLAG_NOSEARCH,
                                   .timeout = QUERY_TIMEOUT_MS,
                                   .tries = QUERY_TRIES,
                                   .lookups = lookups,
                                   .sock_state_cb = socket_state,
                                   .sock_state_cb_data = r};
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
               ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    int status = ares_library_init(ARES_LIB_INIT_ALL);

    if (status != ARES_SUCCESS)
        return translate(status, e);
    r->library = true;
    status = ares_init_options(&r->channel, &options, mask);
    if (status != ARES_SUCCESS)
        return translate(status, e);
    r->open = true;
    if (r->config.servers && ares_set_servers_ports_csv(
                                 r->channel, r->config.servers) != ARES_SUCCESS)
        return err_set(e, ERR_INVALID, "not a list of name servers: %s",
                       r->config.servers);
    return ERR_OK;
}

enum err_code resolver_new(const struct resolver_config *config,
                           struct resolver **out, struct err *e)
{
    struct resolver *r = calloc(1, sizeof *r);
    enum err_code code;

    *out = NULL;
    if (!r)
        return err_nomem(e);
    r->config = *config;
    code = open_channel(r, e);
    if (code != ERR_OK) {
        resolver_free(r);
        return code;
    }
    *out = r;
    return ERR_OK;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    if (r->open)
        ares_destroy(r->channel); /* calls back what is pending */
    for (size_t i = 0; i < BUCKETS; i++) {
        while (r->buckets[i]) {
            struct name *name = r->buckets[i];

            r->buckets[i] = name->chain;
            free(name);
        }
    }
    if (r->library)
        ares_library_cleanup();
    free(r);
}

/* FNV-1a; the number of names is bounded, so chains are, too. */
static size_t bucket_of(const char *text)
{
    uint32_t h = 0x811c9dc5U;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x01000193U;
    return h % BUCKETS;
}

static void take_addresses(const struct ares_addrinfo *info,
                           struct resolver_answer *out, int *ttl)
{
    const struct ares_addrinfo_node *node = info->nodes;

    for (; node && out->n < DELIVERY_ADDRESSES; node = node->ai_next) {
        size_t size = node->ai_family == AF_INET ? sizeof(struct sockaddr_in)
                                                 : sizeof(struct sockaddr_in6);

        if (node->ai_family != AF_INET && node->ai_family != AF_INET6)
            continue;
        if (node->ai_ttl < *ttl)
            *ttl = node->ai_ttl;
        memcpy(&out->addresses[out->n++], node->ai_addr, size);
    }
}

static int failure_ttl(int status)
{
    return status == ARES_ENOTFOUND || status == ARES_ENODATA ? UNKNOWN_TTL_S
                                                              : FAILED_TTL_S;
}

static void tell(struct resolver_query *q, const struct resolver_answer *a)
{
    while (q) {
        struct resolver_query *next = q->next; /* done() may reuse q */

        q->next = NULL;
        q->done(q, a);
        q = next;
    }
}

static void answered(void *ctx, int status, int timeouts,
                     struct ares_addrinfo *info)
{
    struct name *name = ctx;
    struct resolver_query *waiting = name->waiting;
    struct resolver_answer answer;
    int ttl = MOST_TTL_S;

    (void)timeouts;
    name->answer.n = 0;
    if (status == ARES_SUCCESS && info)
        take_addresses(info, &name->answer, &ttl);
    if (info)
        ares_freeaddrinfo(info);
    if (name->answer.n == 0)
        ttl = failure_ttl(status);
    if (ttl < LEAST_TTL_S)
        ttl = LEAST_TTL_S;
    name->expires_ms = now_ms(name->owner) + (int64_t)ttl * 1000;
    name->pending = false;
    name->waiting = NULL;
    answer = name->answer; /* asking again may drop the name */
    tell(waiting, &answer);
}

/* Drops what has expired, or one idle name where nothing has. */
static void make_room(struct resolver *r)
{
    int64_t now = now_ms(r);
    struct name **idle = NULL;
    struct name *gone;

    for (size_t i = 0; i < BUCKETS; i++) {
        struct name **at = &r->buckets[i];

        while (*at) {
            gone = *at;
            if (!gone->pending && gone->expires_ms <= now) {
                *at = gone->chain;
                free(gone);
                r->n--;
                continue;
            }
            at = &gone->chain;
        }
    }
    for (size_t i = 0; i < BUCKETS && !idle; i++) {
        struct name **at = &r->buckets[i];

        while (*at && (*at)->pending)
            at = &(*at)->chain;
        if (*at)
            idle = at;
    }
    if (r->n < DELIVERY_NAMES || !idle)
        return;
    gone = *idle;
    *idle = gone->chain;
    free(gone);
    r->n--;
}

static struct name *name_new(struct resolver *r, const char *text, size_t at)
{
    size_t n = strlen(text);
    struct name *name;

    if (r->n >= DELIVERY_NAMES)
        make_room(r);
    if (r->n >= DELIVERY_NAMES)
        return NULL;
    name = calloc(1, sizeof *name + n + 1);
    if (!name)
        return NULL;
    memcpy(name->text, text, n);
    name->owner = r;
    name->chain = r->buckets[at];
    r->buckets[at] = name;
    r->n++;
    return name;
}

static void query(struct resolver *r, struct name *name)
{
    struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT,
                                        .ai_family = AF_UNSPEC,
                                        .ai_socktype = SOCK_STREAM};

    name->pending = true;
    ares_getaddrinfo(r->channel, name->text, NULL, &hints, answered, name);
}

void resolver_ask(struct resolver *r, const char *text,
                  struct resolver_query *q)
{
    static const struct resolver_answer none = {0};
    size_t at = bucket_of(text);
    struct name *name = r->buckets[at];

    while (name && strcmp(name->text, text) != 0)
        name = name->chain;
    if (name && !name->pending && name->expires_ms > now_ms(r)) {
        struct resolver_answer answer = name->answer;

        q->done(q, &answer);
        return;
    }
    if (!name)
        name = name_new(r, text, at);
    if (!name) {
        q->done(q, &none);
        return;
    }
    q->next = name->waiting;
    name->waiting = q;
    if (!name->pending)
        query(r, name);
}

void resolver_process(struct resolver *r, int fd, bool readable, bool writable)
{
    ares_process_fd(r->channel, readable ? fd : ARES_SOCKET_BAD,
                    writable ? fd : ARES_SOCKET_BAD);
}

void resolver_timeouts(struct resolver *r)
{
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

int resolver_wait_ms(struct resolver *r)
{
    struct timeval tv;

    if (!ares_timeout(r->channel, NULL, &tv))
        return -1;
    return (int)(tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000);
}
