/* include_option: the parameters _include and _revinclude of a search (R4
 * search.html#include), read.
 * Owns:   nothing; names are constant or borrowed from the request.
 * Thread: any.
 * Bounds: INCLUDE_OPTIONS_MAX of each direction.
 * Errors: ERR_NOT_SUPPORTED, ERR_INVALID name the parameter and what is wrong
 *         with its value. */
#ifndef BELFRY_SERVER_REST_INCLUDE_OPTION_H
#define BELFRY_SERVER_REST_INCLUDE_OPTION_H

#include "fhir/search/parameter.h"
#include "server/rest/params.h"

#define INCLUDE_OPTIONS_MAX 16

/* "Patient:organization" or "Observation:subject:Patient". */
struct include_option {
    const char *source; /* the type that refers */
    const struct search_parameter *parameter;
    struct bytes target; /* a type; empty: any */
    bool iterate;        /* goes on from what was included */
};

struct include_options {
    struct include_option to[INCLUDE_OPTIONS_MAX]; /* _include */
    size_t to_count;
    struct include_option from[INCLUDE_OPTIONS_MAX]; /* _revinclude */
    size_t from_count;
};

/* True when it is such a parameter; *code is what became of it. */
bool include_option_take(struct include_options *all, const struct param *p,
                         struct err *e, enum err_code *code);

#endif
