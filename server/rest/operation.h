/* operation: the input of an operation, from its URL and from a Parameters
 * resource in its body.
 * Owns:   nothing; all is in the arena of the request.
 * Thread: one at a time.
 * Errors: ERR_NOT_SUPPORTED for a parameter that the operation does not take;
 *         ERR_INVALID (a value of another type, a number that is none, a
 *         parameter given twice), ERR_SYNTAX, ERR_MEDIA_TYPE, ERR_NOMEM. */
#ifndef BELFRY_SERVER_REST_OPERATION_H
#define BELFRY_SERVER_REST_OPERATION_H

#include "server/rest/exchange.h"

#define OPERATION_MEMBERS_MAX 4

/* A parameter that an operation takes, and the value[x] that it may be. */
struct operation_parameter {
    const char *name; /* NULL ends a list */
    const char *members[OPERATION_MEMBERS_MAX];
};

struct operation {
    const char *name; /* "$events" */
    const struct operation_parameter *parameters;
};

/* Adds the body's parameters to x->params, behind the URL's, and judges all of
 * them. */
MUST_CHECK enum err_code
operation_read(struct exchange *x, const struct operation *o, struct err *e);

/* The value of a parameter that may be given once; {NULL, 0} without. */
MUST_CHECK enum err_code operation_value(const struct exchange *x,
                                         const char *name, struct bytes *out,
                                         struct err *e);

/* The same as a plain decimal number of 64 bits; otherwise without one. */
MUST_CHECK enum err_code operation_number(const struct exchange *x,
                                          const char *name, uint64_t otherwise,
                                          uint64_t *out, struct err *e);

#endif
