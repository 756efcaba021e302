/* effects_control: what a control record of the log does to its subscription
 * and to the dead letters; as effects.h, when it is written and at replay.
 * Owns:   nothing.
 * Thread: writer only.
 * Errors: ERR_NOMEM: the batch must be aborted. */
#ifndef BELFRY_SERVER_ENGINE_EFFECTS_CONTROL_H
#define BELFRY_SERVER_ENGINE_EFFECTS_CONTROL_H

#include "server/engine/batch.h"
#include "server/engine/control.h"

MUST_CHECK enum err_code effects_control(struct batch *b, uint64_t change,
                                         const struct control *c,
                                         struct err *e);

#endif
