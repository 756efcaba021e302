/* retention: removes events that are past their age or number, a slice at a
 * time, and records in the log what it removes. An event that was not
 * delivered is not removed before its subscription is in error or off.
 * Owns:   where the sweep over the subscriptions stands.
 * Thread: writer only.
 * Bounds: RETENTION_SUBS subscriptions looked at and RETENTION_EVENTS events
 *         removed in a slice, a slice each RETENTION_SLICE_MS, a sweep each
 *         RETENTION_SWEEP_MS at most.
 * Errors: as apply.h: the batch must be aborted; the slice is done again. */
#ifndef BELFRY_SERVER_ENGINE_RETENTION_H
#define BELFRY_SERVER_ENGINE_RETENTION_H

#include "server/engine/batch.h"
#include "server/engine/retention_limits.h"

#define RETENTION_SUBS 256
#define RETENTION_EVENTS 2048
#define RETENTION_SLICE_MS 100
#define RETENTION_SWEEP_MS 60000

struct retention {
    struct retention_limits limits;
    int64_t next_ms;     /* monotonic: when the next slice is due */
    uint64_t after;      /* the subscription that was looked at last */
    uint64_t cutoff;     /* events of changes before it are too old */
    uint64_t next_after; /* after this slice, once it is committed */
};

void retention_init(struct retention *r, const struct retention_limits *l);

bool retention_is_due(const struct retention *r, int64_t now_ms);

/* Stages one slice. */
MUST_CHECK enum err_code retention_slice(struct retention *r, struct batch *b,
                                         struct err *e);

/* The slice was committed, or nothing was to be done. */
void retention_done(struct retention *r, int64_t now_ms);

/* It failed: another try is due later. */
void retention_put_off(struct retention *r, int64_t now_ms);

#endif
