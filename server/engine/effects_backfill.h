/* effects_backfill: what a slice of a backfill does to its subscription, when
 * it is written and at replay (see effects.h).
 * Owns:   nothing.
 * Thread: writer only.
 * Errors: ERR_NOMEM: the batch must be aborted. */
#ifndef BELFRY_SERVER_ENGINE_EFFECTS_BACKFILL_H
#define BELFRY_SERVER_ENGINE_EFFECTS_BACKFILL_H

#include "server/engine/backfill_record.h"
#include "server/engine/batch.h"

/* A subscription that is new with the change and asks for a backfill: its
 * events are numbered by slices until they have caught up. */
MUST_CHECK bool effects_backfill_begin(struct batch *b, struct sub_change *c,
                                       uint64_t change,
                                       const struct subscription *d);

MUST_CHECK enum err_code effects_backfill(struct batch *b, uint64_t change,
                                          const struct backfill_record *r,
                                          struct err *e);

#endif
