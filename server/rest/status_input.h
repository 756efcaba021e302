/* status_input: what a $status request asks for, from its URL and its body.
 * Owns:   nothing; all is in the arena.
 * Thread: one at a time.
 * Errors: ERR_NOT_SUPPORTED for another parameter; ERR_INVALID, ERR_SYNTAX,
 *         ERR_MEDIA_TYPE, ERR_NOMEM. */
#ifndef BELFRY_SERVER_REST_STATUS_INPUT_H
#define BELFRY_SERVER_REST_STATUS_INPUT_H

#include "fhir/subscription/subscription.h"
#include "server/rest/exchange.h"

#define STATUS_IDS_MAX 1000

struct status_input {
    struct bytes *ids; /* arena, each once */
    size_t id_count;
    bool by_id;
    bool by_status;
    bool wanted[STATUS_OFF + 1]; /* by enum subscription_status */
};

MUST_CHECK enum err_code
status_input_read(struct exchange *x, struct status_input *out, struct err *e);

#endif
