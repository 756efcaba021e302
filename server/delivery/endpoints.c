#include "server/delivery/endpoints.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/delivery/limits.h"

#define FIRST_BUCKETS 64

enum { LANE_GOOD, LANE_SUSPECT };

void endpoint_limits_default(struct endpoint_limits *l)
{
    *l = (struct endpoint_limits){.in_flight = DELIVERY_IN_FLIGHT,
                                  .per_endpoint = DELIVERY_PER_ENDPOINT,
                                  .per_unproven = DELIVERY_PER_UNPROVEN,
                                  .per_suspect = DELIVERY_PER_SUSPECT,
                                  .suspects = DELIVERY_IN_FLIGHT /
                                              DELIVERY_SUSPECT_SHARE};
}

void endpoint_set_init(struct endpoint_set *s,
                       const struct endpoint_limits *limits)
{
    *s = (struct endpoint_set){.limits = *limits};
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
    *s = (struct endpoint_set){.limits = s->limits};
}

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

static struct endpoint *endpoint_new(const char *key, uint64_t hash)
{
    struct endpoint *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->hash = hash;
    p->key = strdup(key);
    if (!p->key) {
        free(p);
        return NULL;
    }
    return p;
}

struct endpoint *endpoint_get(struct endpoint_set *s, const char *key)
{
    uint64_t hash = key_hash(key);
    struct endpoint *p = NULL;

    if (s->bucket_count > 0)
        p = s->buckets[hash & (s->bucket_count - 1)];
    while (p && (p->hash != hash || strcmp(p->key, key) != 0))
        p = p->chain;
    if (p)
        return endpoint_ref(p);
    if (s->n >= s->bucket_count && !grow(s) && s->bucket_count == 0)
        return NULL;
    p = endpoint_new(key, hash);
    if (!p)
        return NULL;
    p->chain = s->buckets[hash & (s->bucket_count - 1)];
    s->buckets[hash & (s->bucket_count - 1)] = p;
    s->n++;
    return endpoint_ref(p);
}

struct endpoint *endpoint_ref(struct endpoint *p)
{
    p->users++;
    return p;
}

static uint32_t cap_of(const struct endpoint_set *s, const struct endpoint *p)
{
    switch (p->health) {
    case HEALTH_UNPROVEN:
        return s->limits.per_unproven;
    case HEALTH_GOOD:
        return s->limits.per_endpoint;
    case HEALTH_SUSPECT:
        return s->limits.per_suspect;
    }
    return s->limits.per_suspect;
}

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

/* In the ring of its lane exactly when it has somebody ready and a place. */
static void ring_update(struct endpoint_set *s, struct endpoint *p)
{
    uint8_t lane = p->health == HEALTH_SUSPECT ? LANE_SUSPECT : LANE_GOOD;
    bool wanted = p->ready_first && p->in_flight < cap_of(s, p);

    if (p->in_ring && (!wanted || p->lane != lane))
        ring_remove(s, p);
    if (wanted && !p->in_ring) {
        p->lane = lane;
        ring_append(s, p);
    }
}

void endpoint_unref(struct endpoint_set *s, struct endpoint **p)
{
    struct endpoint *gone = *p;
    struct endpoint **at;

    *p = NULL;
    if (!gone || --gone->users > 0)
        return;
    assert(!gone->ready_first && gone->in_flight == 0);
    ring_remove(s, gone);
    at = &s->buckets[gone->hash & (s->bucket_count - 1)];
    while (*at != gone)
        at = &(*at)->chain;
    *at = gone->chain;
    s->n--;
    endpoint_free(gone);
}

void endpoint_ready(struct endpoint_set *s, struct entry *e)
{
    struct endpoint *p = e->endpoint;

    if (e->ready)
        return;
    e->ready = true;
    e->next = NULL;
    e->prev = p->ready_last;
    if (p->ready_last)
        p->ready_last->next = e;
    else
        p->ready_first = e;
    p->ready_last = e;
    ring_update(s, p);
}

void endpoint_not_ready(struct endpoint_set *s, struct entry *e)
{
    struct endpoint *p = e->endpoint;

    if (!e->ready)
        return;
    if (e->prev)
        e->prev->next = e->next;
    else
        p->ready_first = e->next;
    if (e->next)
        e->next->prev = e->prev;
    else
        p->ready_last = e->prev;
    e->next = NULL;
    e->prev = NULL;
    e->ready = false;
    ring_update(s, p);
}

/* The lanes take turns, so neither starves; the suspect one has its cap. */
static struct endpoint *choose(struct endpoint_set *s)
{
    struct endpoint *good = s->lanes[LANE_GOOD].first;
    struct endpoint *suspect = s->lanes[LANE_SUSPECT].first;

    if (s->in_flight >= s->limits.in_flight)
        return NULL;
    if (s->suspects_in_flight >= s->limits.suspects)
        suspect = NULL;
    if (!good || !suspect)
        return good ? good : suspect;
    s->turn ^= 1;
    return s->turn ? good : suspect;
}

struct entry *endpoint_take(struct endpoint_set *s)
{
    struct endpoint *p = choose(s);
    struct entry *e;

    if (!p)
        return NULL;
    e = p->ready_first;
    ring_remove(s, p); /* to the end of the ring when it comes back */
    endpoint_not_ready(s, e);
    return e;
}

void endpoint_begun(struct endpoint_set *s, struct endpoint *p)
{
    p->in_flight++;
    s->in_flight++;
    if (p->health == HEALTH_SUSPECT)
        s->suspects_in_flight++;
    ring_update(s, p);
}

void endpoint_ended(struct endpoint_set *s, struct endpoint *p,
                    enum endpoint_health health)
{
    assert(p->in_flight > 0);
    if (p->health == HEALTH_SUSPECT)
        s->suspects_in_flight -= p->in_flight;
    p->in_flight--;
    s->in_flight--;
    if (health != HEALTH_UNPROVEN)
        p->health = health;
    if (p->health == HEALTH_SUSPECT)
        s->suspects_in_flight += p->in_flight;
    ring_update(s, p);
}
