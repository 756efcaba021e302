/* endpoints: who may send next. Attempts are admitted endpoint by endpoint in
 * turn, and within an endpoint subscription by subscription, under a cap each
 * and one in all. Endpoints whose last attempt failed hold together at most a
 * share of the places, so a dead one delays itself alone (P5).
 * Owns:   the endpoints, counted by their users.
 * Thread: the delivery thread.
 * Bounds: struct endpoint_limits. */
#ifndef BELFRY_SERVER_DELIVERY_ENDPOINTS_H
#define BELFRY_SERVER_DELIVERY_ENDPOINTS_H

#include <stddef.h>

#include "server/delivery/entry.h"

struct endpoint_limits {
    uint32_t in_flight;    /* in all */
    uint32_t per_endpoint; /* healthy */
    uint32_t per_unproven; /* never succeeded, never failed */
    uint32_t per_suspect;  /* the last attempt failed */
    uint32_t suspects;     /* all suspect endpoints together */
};

/* The defaults of limits.h. */
void endpoint_limits_default(struct endpoint_limits *l);

enum endpoint_health { HEALTH_UNPROVEN, HEALTH_GOOD, HEALTH_SUSPECT };

struct endpoint {
    char *key; /* "https://host:port" */
    uint64_t hash;
    struct endpoint *chain;
    size_t users; /* entries and attempts */
    uint32_t in_flight;
    enum endpoint_health health;
    int64_t pause_ms; /* Retry-After: no attempt before */
    struct entry *ready_first;
    struct entry *ready_last;
    struct endpoint *ring_next;
    struct endpoint *ring_prev;
    uint8_t lane;
    bool in_ring;
};

struct endpoint_lane {
    struct endpoint *first;
    struct endpoint *last;
};

struct endpoint_set {
    struct endpoint_limits limits;
    struct endpoint **buckets;
    size_t bucket_count;
    size_t n;
    uint32_t in_flight;
    uint32_t suspects_in_flight;
    struct endpoint_lane lanes[2]; /* healthy and unproven; suspect */
    unsigned turn;                 /* the lane that is served next */
};

void endpoint_set_init(struct endpoint_set *s,
                       const struct endpoint_limits *limits);
/* Frees every endpoint, whoever uses it. */
void endpoint_set_fini(struct endpoint_set *s);

/* The endpoint of that key, with one more user. NULL without memory. */
struct endpoint *endpoint_get(struct endpoint_set *s, const char *key);
struct endpoint *endpoint_ref(struct endpoint *p);
/* One user less; the last one takes it out. */
void endpoint_unref(struct endpoint_set *s, struct endpoint **p);

/* The entry has something to send now. */
void endpoint_ready(struct endpoint_set *s, struct entry *e);
/* It has not, any more. No harm when it was not in the list. */
void endpoint_not_ready(struct endpoint_set *s, struct entry *e);

/* Takes the next entry that may begin an attempt from its ready list; NULL
 * when there is none or no place. */
struct entry *endpoint_take(struct endpoint_set *s);

/* An attempt began. */
void endpoint_begun(struct endpoint_set *s, struct endpoint *p);
/* It ended; health is what it says of the endpoint, HEALTH_UNPROVEN when it
 * says nothing. */
void endpoint_ended(struct endpoint_set *s, struct endpoint *p,
                    enum endpoint_health health);

#endif
