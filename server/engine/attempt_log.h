/* attempt_log: the latest delivery attempts of all subscriptions, for whoever
 * asks how it goes: two rings, of what failed and of what did not, so that no
 * flood of successes hides a failure.
 * Owns:   the rings.
 * Thread: any; a lock of its own, held for a few steps.
 * Bounds: ATTEMPT_LOG_SLOTS attempts of each kind for all subscriptions
 *         together, 4 MB, whatever the number of subscriptions. Older ones are
 *         forgotten.
 * Errors: without memory attempt_log_new() is NULL. */
#ifndef BELFRY_SERVER_ENGINE_ATTEMPT_LOG_H
#define BELFRY_SERVER_ENGINE_ATTEMPT_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "fhir/subscription/notification.h"
#include "server/engine/failure.h"

#define ATTEMPT_LOG_SLOTS 32768
/* How many are shown of one subscription. */
#define ATTEMPT_LOG_SHOWN 10

struct attempt_note {
    uint64_t subscription;
    uint64_t definition;
    int64_t ended_ms;
    int64_t next_ms; /* of a failed one: the next attempt; 0: none */
    uint64_t first;  /* event; 0: a handshake or heartbeat */
    uint64_t chosen; /* bit i: first + i is in it; 0: all up to last */
    uint32_t span;   /* last event - first */
    uint32_t duration_ms;
    uint16_t said;   /* HTTP's status; 0: no answer came */
    uint8_t type;    /* enum notification_type */
    uint8_t failure; /* enum failure_class; FAILURE_NONE: a success */
};

/* True when the event was in the attempt's message. */
bool attempt_note_has(const struct attempt_note *n, uint64_t event);

struct attempt_log;

struct attempt_log *attempt_log_new(void);
void attempt_log_free(struct attempt_log *l); /* l may be NULL */

void attempt_log_add(struct attempt_log *l, const struct attempt_note *n);

/* The latest of the subscription, newest first, those of one event alone where
 * it is not 0. Returns how many. */
struct attempt_query {
    uint64_t subscription;
    uint64_t event;
};
size_t attempt_log_find(struct attempt_log *l, const struct attempt_query *q,
                        struct attempt_note out[ATTEMPT_LOG_SHOWN]);

#endif
