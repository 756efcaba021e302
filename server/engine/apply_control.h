/* apply_control: a control command against the state, staged into a batch.
 * Owns:   nothing.
 * Thread: writer only.
 * Errors: as apply.h: a refusal (ERR_NOT_FOUND, ERR_CONFLICT) is the command's
 *         result, a returned error means that the batch must be aborted. */
#ifndef BELFRY_SERVER_ENGINE_APPLY_CONTROL_H
#define BELFRY_SERVER_ENGINE_APPLY_CONTROL_H

#include "server/engine/batch.h"
#include "server/engine/command.h"

/* c->control is filled in with what was done; RESEND with first greater than
 * last: nothing, for nothing of that was delivered yet. */
MUST_CHECK enum err_code apply_control(struct batch *b, struct command *c,
                                       struct err *e);

/* Appends the control to the log, with its effects. */
MUST_CHECK enum err_code
apply_control_record(struct batch *b, const struct control *c, struct err *e);

#endif
