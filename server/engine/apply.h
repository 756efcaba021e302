/* apply: one command against the state, staged into a batch (P8: the outcome
 * depends on the state and the command alone).
 * Owns:   nothing between calls but scratch memory.
 * Thread: writer only.
 * Errors: a refusal (precondition, stale) is the command's result and leaves
 *         the batch as it was; a returned error means the batch must be
 *         aborted. */
#ifndef BELFRY_SERVER_ENGINE_APPLY_H
#define BELFRY_SERVER_ENGINE_APPLY_H

#include "server/engine/batch.h"
#include "server/engine/command.h"

/* Fills c->result. c->time_ms is set by the caller. */
MUST_CHECK enum err_code apply_command(struct batch *b, struct command *c,
                                       struct err *e);

/* Appends the reports to the log as one record, with their effects; numbers
 * the dead letters among them. */
MUST_CHECK enum err_code apply_reports(struct batch *b, struct report *reports,
                                       size_t n, struct err *e);

#endif
