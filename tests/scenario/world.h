/* world: the real store, engine and scheduler on a clock and a transport that
 * a scenario moves by hand. Nothing sleeps: time passes when it is told to.
 * Owns:   all of it, and a data folder of its own.
 * Thread: the runner's; the engine has its writer. */
#ifndef BELFRY_TESTS_SCENARIO_WORLD_H
#define BELFRY_TESTS_SCENARIO_WORLD_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/delivery/engine_link.h"
#include "server/delivery/scheduler.h"

#define WORLD_FLYING 256
#define WORLD_ATTEMPTS 4096
#define WORLD_ANSWERS 64
#define WORLD_ID_BYTES 65

/* One attempt that was made: what it said, and when. */
struct shot {
    char id[WORLD_ID_BYTES]; /* of the subscription */
    enum notification_type type;
    int64_t time_ms;
    char message[SIGNATURE_ID_BYTES];
    uint64_t body_hash;
    char events[512]; /* "1-3,5" */
};

struct flying {
    struct attempt *attempt;
    size_t shot;
    char url[128];
};

/* How an endpoint answers by itself. */
struct standing {
    char prefix[128]; /* of the URL */
    struct outcome outcome;
};

struct world {
    char dir[64];
    struct topic_set *topics;
    struct engine *engine;
    struct scheduler *scheduler;
    struct engine_link link;
    struct message_maker maker;
    struct delivery_counters counters;
    struct clock clock;
    _Atomic int64_t wall_ms;

    struct flying flying[WORLD_FLYING];
    size_t flying_count;
    struct shot shots[WORLD_ATTEMPTS];
    size_t shot_count;
    struct standing standing[WORLD_ANSWERS];
    size_t standing_count;

    pthread_mutex_t m;
    pthread_cond_t changed;
    /* lock: m */
    bool answered_one; /* the command that was submitted */
    bool told;         /* and everybody who listens */
    uint64_t woken[WORLD_ATTEMPTS];
    size_t woken_count;
};

void world_init(struct world *w);
void world_fini(struct world *w);

/* Ends everything and starts it again on the same folder; attempts in flight
 * are cut off. */
void world_restart(struct world *w);

/* Puts a resource; NULL text deletes it. */
void world_put(struct world *w, const char *type, const char *id,
               const char *text);

/* Lets all happen that happens at this instant. */
void world_settle(struct world *w);

/* Time passes, and what is due in it happens at its time. */
void world_wait(struct world *w, int64_t ms);

/* The wall clock is set. */
void world_set_clock(struct world *w, int64_t delta_ms);

/* Ends an attempt in flight. */
void world_answer(struct world *w, size_t flying, const struct outcome *o);

struct subscription_state world_state(struct world *w, const char *id);

/* Says what is wrong and ends the program. */
__attribute__((noreturn, format(printf, 1, 2))) void
world_fail(const char *format, ...);

#endif
