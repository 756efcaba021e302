/* The resolver against a name server of the test's own, on loopback. */
#include "server/delivery/resolver.h"

#include "server/delivery/poller.h"

#include <arpa/inet.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct asker {
    struct resolver_query query;
    bool done;
    struct resolver_answer answer;
};

struct world {
    struct resolver *r;
    struct poller *p;
    unsigned dns;
    unsigned server;
    int server_fd;
    unsigned queries; /* for A that the server saw */
    bool mute;
    uint32_t ttl_s;
    int64_t now;
};

static int64_t now_ms(void *ctx)
{
    const struct world *w = ctx;

    return w->now;
}

static void watch(void *ctx, int fd, bool readable, bool writable)
{
    struct world *w = ctx;

    (void)poller_watch(w->p, w->dns, fd, readable, writable);
}

static void dns_ready(void *ctx, int fd, struct poller_events events)
{
    struct world *w = ctx;

    resolver_process(w->r, fd, events.readable || events.failed,
                     events.writable);
}

/* The end of the question behind the 12 bytes of the header. */
static size_t question_end(const unsigned char *p, size_t n)
{
    size_t at = 12;

    while (at < n && p[at] != 0)
        at += (size_t)p[at] + 1;
    return at + 5;
}

/* Answers "none..." with NXDOMAIN and any other name with 8.8.4.4, for A
 * only. */
static size_t reply_to(struct world *w, unsigned char *p, size_t n)
{
    size_t end = question_end(p, n);
    bool is_a = p[end - 3] == 1;
    bool exists = memcmp(p + 13, "none", 4) != 0;
    unsigned char record[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0,
                                0,    0,  0, 4, 8, 8, 4, 4};

    w->queries += is_a;
    p[2] = 0x81;
    p[3] = exists ? 0x80 : 0x83;
    memset(p + 6, 0, 6);
    if (!exists || !is_a)
        return end;
    p[7] = 1;
    record[8] = (unsigned char)(w->ttl_s >> 8);
    record[9] = (unsigned char)w->ttl_s;
    memcpy(p + end, record, sizeof record);
    return end + sizeof record;
}

static void server_ready(void *ctx, int fd, struct poller_events events)
{
    struct world *w = ctx;
    unsigned char packet[600];
    struct sockaddr_in from;
    socklen_t from_n = sizeof from;
    ssize_t n = recvfrom(fd, packet, 512, 0, (struct sockaddr *)&from, &from_n);

    (void)events;
    assert_true(n > 16);
    if (w->mute)
        return;
    n = (ssize_t)reply_to(w, packet, (size_t)n);
    assert_int_equal(
        sendto(fd, packet, (size_t)n, 0, (struct sockaddr *)&from, from_n), n);
}

static const struct clock *world_clock(struct world *w)
{
    static struct clock clock; /* the test runs one world at a time */

    clock = (struct clock){now_ms, now_ms, w};
    return &clock;
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    char servers[64];
    struct resolver_config c = {.servers = servers, .watch = watch};
    struct err e;

    assert_non_null(w);
    w->ttl_s = 300;
    w->now = 1000;
    assert_int_equal(poller_new(&w->p, &e), ERR_OK);
    w->dns = poller_add_handler(w->p, (struct poller_handler){dns_ready, w});
    w->server =
        poller_add_handler(w->p, (struct poller_handler){server_ready, w});
    w->server_fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(w->server_fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(w->server_fd, (struct sockaddr *)&a, &n), 0);
    assert_true(poller_watch(w->p, w->server, w->server_fd, true, false));
    assert_true(snprintf(servers, sizeof servers, "127.0.0.1:%u",
                         ntohs(a.sin_port)) > 0);
    c.clock = world_clock(w);
    c.ctx = w;
    assert_int_equal(resolver_new(&c, &w->r, &e), ERR_OK);
    return w;
}

static void world_free(struct world *w)
{
    resolver_free(w->r);
    poller_free(w->p);
    assert_int_equal(close(w->server_fd), 0);
    free(w);
}

static void note(struct resolver_query *q, const struct resolver_answer *a)
{
    struct asker *asker = (struct asker *)q;

    assert_false(asker->done);
    asker->done = true;
    asker->answer = *a;
}

static void ask(struct world *w, struct asker *a, const char *name)
{
    *a = (struct asker){.query.done = note};
    resolver_ask(w->r, name, &a->query);
}

static void run_until(struct world *w, const struct asker *a)
{
    for (int i = 0; i < 1000 && !a->done; i++) {
        poller_wait(w->p, 20);
        if (resolver_wait_ms(w->r) == 0)
            resolver_timeouts(w->r);
    }
    assert_true(a->done);
}

static void a_name_becomes_its_address(void **state)
{
    struct world *w = world_new();
    struct asker a;

    (void)state;
    ask(w, &a, "lab.example");
    assert_false(a.done);
    run_until(w, &a);
    assert_int_equal(a.answer.n, 1);
    assert_int_equal(a.answer.addresses[0].any.sa_family, AF_INET);
    assert_int_equal(a.answer.addresses[0].in4.sin_addr.s_addr,
                     htonl(0x08080404));
    world_free(w);
}

static void many_who_ask_share_one_query(void **state)
{
    struct world *w = world_new();
    struct asker a[50];

    (void)state;
    for (int i = 0; i < 50; i++)
        ask(w, &a[i], "lab.example");
    for (int i = 0; i < 50; i++) {
        run_until(w, &a[i]);
        assert_int_equal(a[i].answer.n, 1);
    }
    assert_int_equal(w->queries, 1);
    world_free(w);
}

static void a_name_is_remembered_for_a_minute_at_most(void **state)
{
    struct world *w = world_new();
    struct asker a;

    (void)state;
    ask(w, &a, "lab.example");
    run_until(w, &a);
    w->now += 59999;
    ask(w, &a, "lab.example");
    assert_true(a.done);
    assert_int_equal(a.answer.n, 1);
    w->now += 1;
    ask(w, &a, "lab.example");
    assert_false(a.done);
    run_until(w, &a);
    assert_int_equal(w->queries, 2);
    world_free(w);
}

static void a_short_life_is_honoured(void **state)
{
    struct world *w = world_new();
    struct asker a;

    (void)state;
    w->ttl_s = 10;
    ask(w, &a, "lab.example");
    run_until(w, &a);
    w->now += 9999;
    ask(w, &a, "lab.example");
    assert_true(a.done);
    w->now += 1;
    ask(w, &a, "lab.example");
    assert_false(a.done);
    run_until(w, &a);
    world_free(w);
}

static void an_unknown_name_is_remembered_half_a_minute(void **state)
{
    struct world *w = world_new();
    struct asker a;

    (void)state;
    ask(w, &a, "none.example");
    run_until(w, &a);
    assert_int_equal(a.answer.n, 0);
    w->now += 29999;
    ask(w, &a, "none.example");
    assert_true(a.done);
    assert_int_equal(a.answer.n, 0);
    assert_int_equal(w->queries, 1);
    w->now += 1;
    ask(w, &a, "none.example");
    assert_false(a.done);
    run_until(w, &a);
    world_free(w);
}

static void localhost_needs_no_server(void **state)
{
    struct world *w = world_new();
    struct asker a;

    (void)state;
    w->mute = true;
    ask(w, &a, "localhost");
    run_until(w, &a);
    assert_true(a.answer.n >= 1);
    assert_int_equal(w->queries, 0);
    world_free(w);
}

static void a_silent_server_ends_in_an_empty_answer(void **state)
{
    struct world *w = world_new();
    struct asker a;

    (void)state;
    w->mute = true;
    ask(w, &a, "lab.example");
    run_until(w, &a);
    assert_int_equal(a.answer.n, 0);
    world_free(w);
}

static void names_are_bounded(void **state)
{
    struct world *w = world_new();
    struct asker a;
    char name[64];

    (void)state;
    for (int i = 0; i < DELIVERY_NAMES + 300; i++) {
        assert_true(snprintf(name, sizeof name, "n%d.example", i) > 0);
        ask(w, &a, name);
        run_until(w, &a);
        assert_int_equal(a.answer.n, 1);
    }
    world_free(w);
}

static void who_still_waits_is_told_at_the_end(void **state)
{
    struct world *w = world_new();
    struct asker a;
    struct asker b;

    (void)state;
    w->mute = true;
    ask(w, &a, "lab.example");
    ask(w, &b, "lab.example");
    world_free(w);
    assert_true(a.done && b.done);
    assert_int_equal(a.answer.n, 0);
}

static void bad_server_lists_are_refused(void **state)
{
    struct world w = {0};
    struct resolver_config c = {
        .servers = "not a server", .clock = world_clock(&w), .watch = watch};
    struct resolver *r;
    struct err e;

    (void)state;
    assert_int_equal(resolver_new(&c, &r, &e), ERR_INVALID);
    assert_null(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_becomes_its_address),
        cmocka_unit_test(many_who_ask_share_one_query),
        cmocka_unit_test(a_name_is_remembered_for_a_minute_at_most),
        cmocka_unit_test(a_short_life_is_honoured),
        cmocka_unit_test(an_unknown_name_is_remembered_half_a_minute),
        cmocka_unit_test(localhost_needs_no_server),
        cmocka_unit_test(a_silent_server_ends_in_an_empty_answer),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(who_still_waits_is_told_at_the_end),
        cmocka_unit_test(bad_server_lists_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
