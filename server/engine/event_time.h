/* event_time: events found by when they happened.
 * Owns:   nothing.
 * Thread: any; a few short transactions.
 * Errors: as read.h. */
#ifndef BELFRY_SERVER_ENGINE_EVENT_TIME_H
#define BELFRY_SERVER_ENGINE_EVENT_TIME_H

#include "server/engine/read.h"

/* The number of the first event at or after the time, last_event + 1 when
 * there is none. */
MUST_CHECK enum err_code engine_event_since(struct engine *g,
                                            const struct subscription_state *s,
                                            int64_t time_ms, uint64_t *number,
                                            struct err *e);

#endif
