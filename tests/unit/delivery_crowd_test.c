/* A hundred thousand subscriptions of dead endpoints beside a healthy one:
 * they cost a bounded piece of memory, and the healthy one nothing. */
#include "server/delivery/scheduler.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define DEAD 100000
#define ENDPOINTS 1000
#define GOOD (DEAD + 1)
#define START INT64_C(1700000000000)

struct crowd {
    uint64_t events;    /* of each */
    uint64_t delivered; /* of the good one */
    struct attempt *dead[512];
    size_t dead_count;
    struct attempt *good;
    size_t reports;
};

static bool look(void *ctx, uint64_t number, struct subscription_state *out)
{
    const struct crowd *c = ctx;

    if (number == 0 || number > GOOD)
        return false;
    *out = (struct subscription_state){.number = number,
                                       .definition = number,
                                       .status = STATUS_ACTIVE,
                                       .last_event = c->events,
                                       .delivered =
                                           number == GOOD ? c->delivered : 0};
    return true;
}

static bool next(void *ctx, uint64_t after, struct subscription_state *out)
{
    return look(ctx, after + 1, out);
}

static bool target(void *ctx, uint64_t number, struct source_target *out)
{
    (void)ctx;
    *out = (struct source_target){.max_count = 1};
    return snprintf(out->endpoint, sizeof out->endpoint, "https://e%d.example",
                    number == GOOD ? -1 : (int)(number % ENDPOINTS)) > 0;
}

static void report(void *ctx, const struct report *r)
{
    struct crowd *c = ctx;

    (void)r;
    c->reports++;
}

static bool no_breaker(void *ctx, uint64_t hash, struct breaker_state *out)
{
    (void)ctx;
    (void)hash;
    (void)out;
    return false;
}

static bool begin(void *ctx, struct attempt *a)
{
    struct crowd *c = ctx;

    a->last = a->first;
    if (a->subscription == GOOD)
        c->good = a;
    else
        c->dead[c->dead_count++] = a;
    return true;
}

static void fill_zero(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
}

static const struct rng no_jitter = {fill_zero, NULL};

static struct scheduler *build(struct crowd *c,
                               struct delivery_counters *counters)
{
    struct scheduler_config config = {.source = {.look = look,
                                                 .next = next,
                                                 .target = target,
                                                 .report = report,
                                                 .breaker = no_breaker,
                                                 .ctx = c},
                                      .channel = {begin, c},
                                      .rng = &no_jitter,
                                      .counters = counters,
                                      .park_after = 3};
    struct scheduler *s;

    endpoint_limits_default(&config.limits);
    retry_policy_default(&config.retry);
    handshake_policy_default(&config.handshake);
    assert_int_equal(scheduler_new(&config, &s, NULL), ERR_OK);
    return s;
}

/* The oldest attempt to a dead endpoint ends as they all do. */
static void fail_one(struct scheduler *s, struct crowd *c, int64_t now)
{
    const struct outcome o = {.failure = FAILURE_TIMEOUT};
    struct attempt *a = c->dead[0];

    if (c->dead_count == 0)
        return;
    c->dead_count--;
    memmove(&c->dead[0], &c->dead[1], c->dead_count * sizeof(c->dead[0]));
    scheduler_complete(s, a, &o, now);
}

/* Whatever is sent to the good one is taken at once. */
static void take_good(struct scheduler *s, struct crowd *c, int64_t now)
{
    const struct outcome well = {.failure = FAILURE_NONE};

    while (c->good) {
        struct attempt *a = c->good;

        c->good = NULL;
        c->delivered = a->last;
        scheduler_complete(s, a, &well, now);
    }
}

static size_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static void the_dead_cost_little_and_the_good_nothing(void **state)
{
    static struct crowd c;
    static struct delivery_counters counters;
    struct scheduler *s = build(&c, &counters);
    size_t before, loaded, after;
    int64_t now = START;

    (void)state;
    before = heap_bytes();
    scheduler_load(s, now);
    /* those that nothing is due for cost nothing */
    assert_true(heap_bytes() - before < (size_t)1 << 16);
    c.events = 1;
    scheduler_load(s, now);
    loaded = heap_bytes();
    /* entry, table, heap and the allocator's own, all in all */
    assert_true(loaded - before < (size_t)DEAD * 260);
    scheduler_tick(s, now);
    /* a minute: the first tries of the dead time out */
    for (int i = 0; i < 3000; i++) {
        take_good(s, &c, now);
        now += 20;
        fail_one(s, &c, now);
        scheduler_tick(s, now);
    }
    for (int i = 0; i < 1000; i++) {
        c.events++;
        scheduler_wake(s, GOOD, now);
        scheduler_tick(s, now);
        take_good(s, &c, now);
        assert_int_equal(c.delivered, c.events); /* within the instant */
        now += 20;
        fail_one(s, &c, now);
        scheduler_tick(s, now);
    }
    after = heap_bytes();
    assert_true(after < loaded + ((size_t)1 << 20));
    assert_true(c.dead_count <= 64 + 128);
    scheduler_hold(s, true);
    while (c.dead_count > 0)
        fail_one(s, &c, now);
    scheduler_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dead_cost_little_and_the_good_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
