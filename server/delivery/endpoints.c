#include "server/delivery/endpoints.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/delivery/limits.h"

#define FIRST_BUCKETS 64
/* Slower than this on the average, an endpoint has no claim on more than the
 * suspects' share. */
#define SLOW_MS 1000

void endpoint_limits_default(struct endpoint_limits *l)
{
    *l = (struct endpoint_limits){
        .in_flight = DELIVERY_IN_FLIGHT,
        .per_endpoint = DELIVERY_PER_ENDPOINT,
        .per_unproven = DELIVERY_PER_UNPROVEN,
        .per_suspect = DELIVERY_PER_SUSPECT,
        .unproven = DELIVERY_IN_FLIGHT / DELIVERY_UNPROVEN_SHARE,
        .suspects = DELIVERY_IN_FLIGHT / DELIVERY_SUSPECT_SHARE};
    breaker_policy_default(&l->breaker);
}

void endpoint_set_init(struct endpoint_set *s,
                       const struct endpoint_limits *limits)
{
    *s = (struct endpoint_set){.limits = *limits};
    due_heap_init(&s->blocked);
}

static void endpoint_free(struct endpoint *p)
{
    free(p->key);
    free(p);
}

void endpoint_set_fini(struct endpoint_set *s)
{
    for (size_t i = 0; i < s->bucket_count; i++) {
        while (s->buckets[i]) {
            struct endpoint *p = s->buckets[i];

            s->buckets[i] = p->chain;
            endpoint_free(p);
        }
    }
    free(s->buckets);
    due_heap_fini(&s->blocked);
    *s = (struct endpoint_set){.limits = s->limits};
}

/* ---- the table ---- */

/* FNV-1a. Keys are endpoints that authorised clients chose: a collision costs
 * them a longer chain, no more. */
static uint64_t key_hash(const char *key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (const char *c = key; *c; c++)
        h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return h;
}

static bool grow(struct endpoint_set *s)
{
    size_t count = s->bucket_count ? s->bucket_count * 2 : FIRST_BUCKETS;
    struct endpoint **buckets = calloc(count, sizeof(*buckets));

    if (!buckets)
        return false;
    for (size_t i = 0; i < s->bucket_count; i++) {
        while (s->buckets[i]) {
            struct endpoint *p = s->buckets[i];
            size_t to = p->hash & (count - 1);

            s->buckets[i] = p->chain;
            p->chain = buckets[to];
            buckets[to] = p;
        }
    }
    free(s->buckets);
    s->buckets = buckets;
    s->bucket_count = count;
    return true;
}

static struct endpoint *endpoint_new(const struct endpoint_set *s,
                                     const char *key, uint64_t hash)
{
    struct endpoint *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->hash = hash;
    p->due.index = DUE_NOT_IN_HEAP;
    p->window = s->limits.per_unproven;
    p->lane = LANE_UNPROVEN;
    p->key = strdup(key);
    if (!p->key) {
        free(p);
        return NULL;
    }
    return p;
}

struct endpoint *endpoint_get(struct endpoint_set *s, const char *key,
                              bool *fresh)
{
    uint64_t hash = key_hash(key);
    struct endpoint *p = NULL;

    *fresh = false;
    if (s->bucket_count > 0)
        p = s->buckets[hash & (s->bucket_count - 1)];
    while (p && (p->hash != hash || strcmp(p->key, key) != 0))
        p = p->chain;
    if (p)
        return endpoint_ref(p);
    if ((s->n >= s->bucket_count && !grow(s) && s->bucket_count == 0) ||
        !due_heap_reserve(&s->blocked, s->n + 1))
        return NULL;
    p = endpoint_new(s, key, hash);
    if (!p)
        return NULL;
    p->chain = s->buckets[hash & (s->bucket_count - 1)];
    s->buckets[hash & (s->bucket_count - 1)] = p;
    s->n++;
    *fresh = true;
    return endpoint_ref(p);
}

struct endpoint *endpoint_ref(struct endpoint *p)
{
    p->users++;
    return p;
}

/* ---- lanes ---- */

static void ring_remove(struct endpoint_set *s, struct endpoint *p)
{
    struct endpoint_lane *lane = &s->lanes[p->lane];

    if (!p->in_ring)
        return;
    if (p->ring_prev)
        p->ring_prev->ring_next = p->ring_next;
    else
        lane->first = p->ring_next;
    if (p->ring_next)
        p->ring_next->ring_prev = p->ring_prev;
    else
        lane->last = p->ring_prev;
    p->ring_next = NULL;
    p->ring_prev = NULL;
    p->in_ring = false;
}

static void ring_append(struct endpoint_set *s, struct endpoint *p)
{
    struct endpoint_lane *lane = &s->lanes[p->lane];

    p->ring_prev = lane->last;
    if (lane->last)
        lane->last->ring_next = p;
    else
        lane->first = p;
    lane->last = p;
    p->in_ring = true;
}

static uint8_t lane_of(const struct endpoint *p)
{
    if (p->health == HEALTH_SUSPECT || p->latency_ms > SLOW_MS ||
        p->breaker.phase != BREAKER_CLOSED)
        return LANE_SUSPECT;
    return p->health == HEALTH_GOOD ? LANE_GOOD : LANE_UNPROVEN;
}

/* What is in flight counts for the lane that the endpoint is in now. */
static void change_lane(struct endpoint_set *s, struct endpoint *p)
{
    uint8_t lane = lane_of(p);

    if (lane == p->lane)
        return;
    ring_remove(s, p);
    s->lanes[p->lane].in_flight -= p->in_flight;
    s->lanes[lane].in_flight += p->in_flight;
    p->lane = lane;
}

static uint32_t cap_of(const struct endpoint_set *s, const struct endpoint *p)
{
    uint32_t most = p->health == HEALTH_SUSPECT ? s->limits.per_suspect
                                                : s->limits.per_endpoint;

    return p->window < most ? p->window : most;
}

/* ---- rate ---- */

#define SECOND_US INT64_C(1000000)

/* A second's worth may go at once, then one at a time. */
static int64_t rate_open_ms(const struct endpoint_set *s,
                            const struct endpoint *p)
{
    int64_t burst_us;

    if (s->limits.rate == 0)
        return 0;
    burst_us = SECOND_US - SECOND_US / s->limits.rate;
    return (p->tat_us - burst_us + 999) / 1000;
}

static void rate_take(const struct endpoint_set *s, struct endpoint *p)
{
    int64_t now_us = s->now_ms * 1000;

    if (s->limits.rate == 0)
        return;
    if (p->tat_us < now_us)
        p->tat_us = now_us;
    p->tat_us += SECOND_US / s->limits.rate;
}

/* ---- who may ---- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When it may send what it has; INT64_MAX: something else comes first. */
static int64_t open_ms(const struct endpoint_set *s, const struct endpoint *p)
{
    int64_t ms = later(p->pause_ms, rate_open_ms(s, p));

    if ((!p->ready.first && !p->urgent.first) || p->in_flight >= cap_of(s, p))
        return INT64_MAX;
    if (!p->urgent.first)
        ms = later(ms, breaker_blocked_until(&p->breaker));
    return ms;
}

/* In the ring of its lane when it may send now, in the heap when it may
 * later, in neither when something else comes first. */
static void settle(struct endpoint_set *s, struct endpoint *p)
{
    int64_t ms = open_ms(s, p);

    change_lane(s, p);
    if (ms <= s->now_ms) {
        due_heap_remove(&s->blocked, &p->due);
        if (!p->in_ring)
            ring_append(s, p);
        return;
    }
    ring_remove(s, p);
    if (ms == INT64_MAX)
        due_heap_remove(&s->blocked, &p->due);
    else
        due_heap_set(&s->blocked, &p->due, ms);
}

void endpoint_unref(struct endpoint_set *s, struct endpoint **p)
{
    struct endpoint *gone = *p;
    struct endpoint **at;

    *p = NULL;
    if (!gone || --gone->users > 0)
        return;
    assert(!gone->ready.first && !gone->urgent.first && !gone->members &&
           gone->in_flight == 0);
    ring_remove(s, gone);
    due_heap_remove(&s->blocked, &gone->due);
    at = &s->buckets[gone->hash & (s->bucket_count - 1)];
    while (*at != gone)
        at = &(*at)->chain;
    *at = gone->chain;
    s->n--;
    endpoint_free(gone);
}

void endpoint_doubt(struct endpoint_set *s, struct endpoint *p)
{
    if (p->health != HEALTH_UNPROVEN)
        return;
    p->health = HEALTH_SUSPECT;
    settle(s, p);
}

/* ---- members and the ready ---- */

void endpoint_join(struct entry *e)
{
    struct endpoint *p = e->endpoint;

    e->member_prev = NULL;
    e->member_next = p->members;
    if (p->members)
        p->members->member_prev = e;
    p->members = e;
}

void endpoint_leave(struct entry *e)
{
    if (e->member_prev)
        e->member_prev->member_next = e->member_next;
    else
        e->endpoint->members = e->member_next;
    if (e->member_next)
        e->member_next->member_prev = e->member_prev;
    e->member_next = NULL;
    e->member_prev = NULL;
}

void endpoint_ready(struct endpoint_set *s, struct entry *e, bool urgent)
{
    struct ready_list *list =
        urgent ? &e->endpoint->urgent : &e->endpoint->ready;

    if (e->ready && e->urgent == urgent)
        return;
    endpoint_not_ready(s, e);
    e->ready = true;
    e->urgent = urgent;
    e->next = NULL;
    e->prev = list->last;
    if (list->last)
        list->last->next = e;
    else
        list->first = e;
    list->last = e;
    settle(s, e->endpoint);
}

void endpoint_not_ready(struct endpoint_set *s, struct entry *e)
{
    struct ready_list *list;

    if (!e->ready)
        return;
    list = e->urgent ? &e->endpoint->urgent : &e->endpoint->ready;
    if (e->prev)
        e->prev->next = e->next;
    else
        list->first = e->next;
    if (e->next)
        e->next->prev = e->prev;
    else
        list->last = e->prev;
    e->next = NULL;
    e->prev = NULL;
    e->ready = false;
    settle(s, e->endpoint);
}

/* ---- time ---- */

void endpoint_set_now(struct endpoint_set *s, int64_t now_ms)
{
    struct due *d;

    s->now_ms = now_ms;
    while ((d = due_heap_first(&s->blocked)) != NULL && d->ms <= now_ms)
        settle(s, (struct endpoint *)d); /* its first member */
}

int64_t endpoint_set_due(const struct endpoint_set *s)
{
    const struct due *d = due_heap_first(&s->blocked);

    return d ? d->ms : INT64_MAX;
}

void endpoint_set_shift(struct endpoint_set *s, int64_t delta_ms)
{
    for (size_t i = 0; i < s->bucket_count; i++) {
        for (struct endpoint *p = s->buckets[i]; p; p = p->chain) {
            if (p->pause_ms > 0)
                p->pause_ms += delta_ms;
            p->tat_us += delta_ms * 1000;
            breaker_shift(&p->breaker, delta_ms);
            settle(s, p);
        }
    }
}

/* ---- attempts ---- */

static bool has_room(const struct endpoint_set *s, int lane)
{
    const struct endpoint_lane *l = &s->lanes[lane];

    if (!l->first)
        return false;
    if (lane == LANE_SUSPECT)
        return l->in_flight < s->limits.suspects;
    return lane == LANE_GOOD || l->in_flight < s->limits.unproven;
}

/* The lanes take turns, so none starves; all but the good one have caps. */
static struct endpoint *choose(struct endpoint_set *s)
{
    if (s->in_flight >= s->limits.in_flight)
        return NULL;
    for (unsigned i = 1; i <= LANES; i++) {
        unsigned lane = (s->turn + i) % LANES;

        if (has_room(s, (int)lane)) {
            s->turn = lane;
            return s->lanes[lane].first;
        }
    }
    return NULL;
}

struct entry *endpoint_take(struct endpoint_set *s)
{
    struct endpoint *p = choose(s);
    struct entry *e;

    if (!p)
        return NULL;
    e = p->urgent.first ? p->urgent.first : p->ready.first;
    ring_remove(s, p); /* to the end of the ring when it comes back */
    endpoint_not_ready(s, e);
    return e;
}

bool endpoint_begun(struct endpoint_set *s, struct endpoint *p, bool urgent)
{
    bool probe = !urgent && breaker_begin(&p->breaker);

    rate_take(s, p);
    p->in_flight++;
    s->in_flight++;
    s->lanes[p->lane].in_flight++;
    settle(s, p);
    return probe;
}

static void note_latency(struct endpoint *p, int64_t took_ms)
{
    int64_t ms = took_ms < 0 ? 0 : took_ms > 3600000 ? 3600000 : took_ms;

    p->latency_ms = p->health == HEALTH_UNPROVEN
                        ? (uint32_t)ms
                        : (uint32_t)((p->latency_ms * INT64_C(7) + ms) / 8);
}

static enum endpoint_news succeeded(struct endpoint_set *s, struct endpoint *p,
                                    const struct endpoint_end *end)
{
    bool closed = breaker_success(&p->breaker, &s->limits.breaker, s->now_ms);

    note_latency(p, end->took_ms);
    p->health = HEALTH_GOOD;
    if (closed) {
        p->window = 1; /* slow start */
        p->successes = 0;
        return NEWS_CLOSED;
    }
    if (++p->successes >= p->window && p->window < s->limits.per_endpoint) {
        p->window++;
        p->successes = 0;
    }
    return NEWS_NONE;
}

static enum endpoint_news failed(struct endpoint_set *s, struct endpoint *p,
                                 const struct endpoint_end *end,
                                 const struct rng *rng)
{
    const struct breaker_failure f = {end->probe, end->timeout, s->now_ms};

    p->health = HEALTH_SUSPECT;
    p->successes = 0;
    if (end->sign == SIGN_OVERLOADED && p->window > 1)
        p->window /= 2;
    return breaker_fail(&p->breaker, &s->limits.breaker, &f, rng) ? NEWS_OPENED
                                                                  : NEWS_NONE;
}

/* Retry-After speaks for the whole endpoint. */
static void pause_until(struct endpoint *p, int64_t ms)
{
    if (p->pause_ms < ms)
        p->pause_ms = ms;
}

enum endpoint_news endpoint_ended(struct endpoint_set *s, struct endpoint *p,
                                  const struct endpoint_end *end,
                                  const struct rng *rng)
{
    enum endpoint_news news = NEWS_NONE;

    assert(p->in_flight > 0);
    p->in_flight--;
    s->in_flight--;
    s->lanes[p->lane].in_flight--;
    switch (end->sign) {
    case SIGN_ALIVE:
        news = succeeded(s, p, end);
        break;
    case SIGN_FAILING:
    case SIGN_OVERLOADED:
        news = failed(s, p, end, rng);
        break;
    case SIGN_NONE:
        breaker_unproven(&p->breaker, end->probe);
        break;
    }
    if (end->retry_after_ms > 0)
        pause_until(p, s->now_ms + end->retry_after_ms);
    settle(s, p);
    return news;
}
