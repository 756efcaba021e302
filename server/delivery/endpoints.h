/* endpoints: who may send next. Attempts are admitted endpoint by endpoint in
 * turn, and within an endpoint subscription by subscription, under caps that
 * follow what the endpoint shows of itself: a window that grows with success
 * and halves under overload, a breaker, a rate. Endpoints that fail or are
 * slow hold together at most a share of the places, so a dead one delays
 * itself alone (P5).
 * Owns:   the endpoints, counted by their users.
 * Thread: the delivery thread.
 * Bounds: struct endpoint_limits. */
#ifndef BELFRY_SERVER_DELIVERY_ENDPOINTS_H
#define BELFRY_SERVER_DELIVERY_ENDPOINTS_H

#include "server/delivery/breaker.h"
#include "server/delivery/due_heap.h"
#include "server/delivery/entry.h"
#include "server/delivery/outcome.h"

struct endpoint_limits {
    uint32_t in_flight;    /* in all */
    uint32_t per_endpoint; /* healthy */
    uint32_t per_unproven; /* the window that it starts with */
    uint32_t per_suspect;  /* the last attempt failed */
    uint32_t unproven;     /* all that never answered together */
    uint32_t suspects;     /* all suspect endpoints together */
    uint32_t rate;         /* attempts a second to one; 0: no limit */
    struct breaker_policy breaker;
};

/* The defaults of limits.h. */
void endpoint_limits_default(struct endpoint_limits *l);

enum endpoint_health { HEALTH_UNPROVEN, HEALTH_GOOD, HEALTH_SUSPECT };

enum { LANE_GOOD, LANE_UNPROVEN, LANE_SUSPECT, LANES };

struct ready_list {
    struct entry *first;
    struct entry *last;
};

struct endpoint {
    struct due due; /* first: found again from it; when it may send again */
    char *key;      /* "https://host:port" */
    uint64_t hash;
    struct endpoint *chain;
    size_t users; /* entries and attempts */
    uint32_t in_flight;
    uint32_t window;     /* attempts in flight at most, as it bears them */
    uint32_t successes;  /* since the window last grew */
    uint32_t latency_ms; /* moving average */
    enum endpoint_health health;
    int64_t pause_ms; /* Retry-After: no attempt before */
    int64_t tat_us;   /* rate: when the next attempt would be on time */
    struct breaker breaker;
    struct ready_list urgent; /* handshakes, which heed no breaker */
    struct ready_list ready;
    struct entry *members; /* every entry that points here */
    struct endpoint *ring_next;
    struct endpoint *ring_prev;
    uint8_t lane;
    bool in_ring;
};

struct endpoint_lane {
    struct endpoint *first;
    struct endpoint *last;
    uint32_t in_flight;
};

struct endpoint_set {
    struct endpoint_limits limits;
    int64_t now_ms;
    struct endpoint **buckets;
    size_t bucket_count;
    size_t n;
    uint32_t in_flight;
    struct due_heap blocked; /* those with work whose time will come */
    struct endpoint_lane lanes[LANES];
    unsigned turn; /* the lane that was served last */
};

void endpoint_set_init(struct endpoint_set *s,
                       const struct endpoint_limits *limits);
/* Frees every endpoint, whoever uses it. */
void endpoint_set_fini(struct endpoint_set *s);

/* The endpoint of that key, with one more user; *fresh when it was made. NULL
 * without memory. */
struct endpoint *endpoint_get(struct endpoint_set *s, const char *key,
                              bool *fresh);
struct endpoint *endpoint_ref(struct endpoint *p);
/* One user less; the last one takes it out. */
void endpoint_unref(struct endpoint_set *s, struct endpoint **p);

/* It failed before the restart: one that was never tried yet is a suspect. */
void endpoint_doubt(struct endpoint_set *s, struct endpoint *p);

/* The entry points to its endpoint from now on, or no more. */
void endpoint_join(struct entry *e);
void endpoint_leave(struct entry *e);

/* The entry has something to send now; urgent: whatever the breaker says. */
void endpoint_ready(struct endpoint_set *s, struct entry *e, bool urgent);
/* It has not, any more. No harm when it was not in the list. */
void endpoint_not_ready(struct endpoint_set *s, struct entry *e);

/* The time passed: endpoints whose time has come may send again. */
void endpoint_set_now(struct endpoint_set *s, int64_t now_ms);
/* When that happens next; INT64_MAX: never. */
int64_t endpoint_set_due(const struct endpoint_set *s);
/* The wall clock was set: what was to happen in five minutes still is. */
void endpoint_set_shift(struct endpoint_set *s, int64_t delta_ms);

/* Takes the next entry that may begin an attempt from its ready list; NULL
 * when there is none or no place. */
struct entry *endpoint_take(struct endpoint_set *s);

/* An attempt began; true when it is the breaker's probe. */
bool endpoint_begun(struct endpoint_set *s, struct endpoint *p, bool urgent);

/* It ended. */
struct endpoint_end {
    enum endpoint_sign sign;
    bool probe;
    bool timeout;
    int64_t took_ms;
    int64_t retry_after_ms;
};
enum endpoint_news {
    NEWS_NONE,
    NEWS_OPENED, /* the breaker opened (again) */
    NEWS_CLOSED  /* it closed: the endpoint works again */
};
enum endpoint_news endpoint_ended(struct endpoint_set *s, struct endpoint *p,
                                  const struct endpoint_end *end,
                                  const struct rng *rng);

#endif
