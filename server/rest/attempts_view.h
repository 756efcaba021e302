/* attempts_view: recent delivery attempts as parameters of belfry's own, for
 * $status and $explain.
 * Owns:   nothing; results are in the arena.
 * Thread: any.
 * Bounds: ATTEMPT_LOG_SHOWN attempts.
 * P6: of where an attempt went no more than host and port are told. */
#ifndef BELFRY_SERVER_REST_ATTEMPTS_VIEW_H
#define BELFRY_SERVER_REST_ATTEMPTS_VIEW_H

#include "server/engine/attempts.h"

/* One group for each, newest first; *n may be 0. NULL without memory. */
struct notification_fact *attempts_view(struct engine *g,
                                        const struct attempt_query *q,
                                        struct arena *arena, size_t *n);

#endif
