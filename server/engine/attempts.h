/* attempts: the engine's log of recent delivery attempts: delivery notes them,
 * $status and $explain show them. Those that failed are found again at a start,
 * by the reports in the newest ATTEMPTS_LOOK_BACK records of the log.
 * Owns:   nothing.
 * Thread: any.
 * Errors: ERR_NOMEM and those of the store. */
#ifndef BELFRY_SERVER_ENGINE_ATTEMPTS_H
#define BELFRY_SERVER_ENGINE_ATTEMPTS_H

#include "server/engine/attempt_log.h"
#include "storage/base/arena.h"
#include "storage/base/err.h"

#define ATTEMPTS_LOOK_BACK 8192

struct engine;

void engine_note_attempt(struct engine *g, const struct attempt_note *n);

/* As attempt_log_find(). */
size_t engine_attempts(struct engine *g, const struct attempt_query *q,
                       struct attempt_note out[ATTEMPT_LOG_SHOWN]);

/* "host:port" of the endpoint of a definition, a change of the log; NULL when
 * it has none that can be read. In the arena. */
const char *engine_endpoint_of(struct engine *g, uint64_t definition,
                               struct arena *arena);

/* Before the engine runs. */
MUST_CHECK enum err_code attempts_load(struct engine *g, struct err *e);

#endif
