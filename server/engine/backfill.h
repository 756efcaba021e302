/* backfill: numbers events for what happened, or stood, before a subscription
 * was there, a slice of the log at a time, until it has caught up with what
 * happens. Until then the subscription's events come from here alone: a live
 * change is met when the slices come to it, so that nothing is told twice or
 * not at all, and the numbers are in the order of the changes.
 * Owns:   the list of the subscriptions at it.
 * Thread: writer only.
 * Bounds: BACKFILL_CHANGES changes and BACKFILL_BYTES of texts in a slice.
 * Errors: as apply.h: the batch must be aborted; the slice is done again. */
#ifndef BELFRY_SERVER_ENGINE_BACKFILL_H
#define BELFRY_SERVER_ENGINE_BACKFILL_H

#include "server/engine/batch.h"

#define BACKFILL_CHANGES 512
#define BACKFILL_BYTES ((size_t)4 << 20)

struct backfill {
    uint64_t *numbers; /* heap; subscriptions, those served last at the end */
    size_t count;
    size_t capacity;
};

void backfill_fini(struct backfill *f);

/* At the start: those that were not done. */
MUST_CHECK enum err_code backfill_load(struct backfill *f,
                                       const struct subs *subs, struct err *e);

/* Of the subscriptions of a committed batch: those that began one. False
 * without memory: they go on after the next start. */
MUST_CHECK bool backfill_take(struct backfill *f, const struct subs *subs,
                              const struct batch_outcome *changed);

/* Stages the next slice of one subscription, behind all that is in the batch
 * so far. */
MUST_CHECK enum err_code backfill_slice(struct backfill *f, struct batch *b,
                                        struct err *e);

#endif
