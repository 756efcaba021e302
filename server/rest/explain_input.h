/* explain_input: the change that $explain is asked about, from a Parameters
 * resource, from a resource that stands for its creation, or from the store.
 * Owns:   the parsed JSON, until explain_input_fini().
 * Thread: one at a time.
 * Errors: ERR_INVALID, ERR_NOT_FOUND, ERR_SYNTAX, ERR_NOT_SUPPORTED. */
#ifndef BELFRY_SERVER_REST_EXPLAIN_INPUT_H
#define BELFRY_SERVER_REST_EXPLAIN_INPUT_H

#include <cjson/cJSON.h>

#include "fhir/topic/topic.h"
#include "server/rest/exchange.h"

struct explain_input {
    struct change_view view; /* values in the scratch arena */
    /* of a stored change */
    bool stored;
    uint64_t change;
    uint64_t version;
    struct bytes id;

    struct change_trees trees; /* of current and previous */
    struct arena arena;        /* of an evaluation */

    cJSON *body;
    cJSON *current;  /* parsed here, or within the body */
    cJSON *previous; /* the same */
    bool owned;      /* current and previous are not within the body */
};

MUST_CHECK enum err_code explain_input_read(struct exchange *x,
                                            struct explain_input *out,
                                            struct err *e);
void explain_input_fini(struct explain_input *in);

#endif
