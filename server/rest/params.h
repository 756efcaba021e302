/* params: the parameters of a query or of a form, decoded.
 * Owns:   nothing; all is in the arena or borrowed from the request.
 * Thread: one at a time.
 * Bounds: PARAMS_MAX parameters.
 * Errors: ERR_INVALID (too many, bad escape), ERR_NOT_SUPPORTED, ERR_NOMEM. */
#ifndef BELFRY_SERVER_REST_PARAMS_H
#define BELFRY_SERVER_REST_PARAMS_H

#include "storage/base/arena.h"
#include "storage/base/err.h"

#define PARAMS_MAX 128

struct param {
    struct bytes name;
    struct bytes value;
};

struct params {
    struct param *items; /* arena; NULL while there is none */
    size_t n;
};

/* Adds what "a=1&b=2" holds. Parts without a name are refused. */
MUST_CHECK enum err_code params_add(struct params *list, struct bytes query,
                                    struct arena *arena, struct err *e);

/* The value of the last parameter with the name; {NULL, 0} without one. */
struct bytes params_get(const struct params *list, const char *name);

/* ERR_NOT_SUPPORTED, naming it, for the first parameter that is neither
 * _format nor in allowed (which ends with NULL). */
MUST_CHECK enum err_code params_only(const struct params *list,
                                     const char *const *allowed, struct err *e);

#endif
