/* lanes: the events of a subscription that are not sent in one line. Events
 * of one focus have their order and are in one lane; lanes do not wait for
 * each other. What was acknowledged past the cursor is kept.
 * Owns:   the lanes' batches.
 * Thread: the delivery thread.
 * Bounds: LANES_MOST lanes, LANE_EVENTS_MOST events each, ACKED_WINDOW events
 *         past the cursor. There from the first attempt to the last one of
 *         a subscription's backlog. */
#ifndef BELFRY_SERVER_DELIVERY_LANES_H
#define BELFRY_SERVER_DELIVERY_LANES_H

#include "server/delivery/entry.h"
#include "server/delivery/source.h"

#define LANES_MOST 16
#define LANE_EVENTS_MOST 1000

struct lane {
    uint64_t key;
    uint64_t *numbers; /* its batch; NULL while an attempt has it */
    uint32_t count;
    uint32_t failures;
    uint32_t refusals;
    int64_t attempt_ms;
    int64_t since_ms;
    bool used;
};

struct lanes {
    struct acked acked;
    struct lane items[LANES_MOST];
    bool dry;       /* no event can be taken before something changes */
    uint64_t known; /* keys are known up to this event */
    uint64_t *keys; /* by event modulo ACKED_WINDOW; NULL: none is known */
    /* From before a restart: the batch that failed last. */
    uint64_t resume_event;
    uint32_t resume_failures;
    int64_t resume_ms;
};

/* NULL without memory. */
struct lanes *lanes_new(void);
void lanes_free(struct lanes *l);

/* Forgets the batches, keeps what was acknowledged. */
void lanes_reset(struct lanes *l);

/* Nothing is in flight: forgets what can be found again. */
void lanes_rest(struct lanes *l);

/* Nothing is acknowledged past the cursor, and no lane is in use. */
bool lanes_are_idle(const struct lanes *l);

/* When a lane has something to send: 0 for at once, INT64_MAX for not before
 * something changes. */
int64_t lanes_due_ms(const struct lanes *l);

/* A lane with a batch that may be sent now: one that waited for its time, or
 * a new one. NULL: none. */
struct lane *lanes_next(struct lanes *l, const struct entry *e,
                        const struct delivery_source *source, int64_t now_ms);

struct lane *lanes_find(struct lanes *l, uint64_t key);

/* The lane's batch is done with. */
void lane_release(struct lanes *l, struct lane *lane);

/* Consecutive numbers of a batch, one run after the other. */
struct lane_run {
    uint64_t first;
    uint64_t last;
};
bool lane_run_next(const uint64_t *numbers, uint32_t n, uint32_t *at,
                   struct lane_run *run);

/* The run needs no sending any more: the entry's cursor moves when it can. */
void lanes_pass(struct lanes *l, struct entry *e, const struct lane_run *run);

#endif
