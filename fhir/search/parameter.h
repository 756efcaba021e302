/* parameter: the search parameters that belfry can evaluate, from the table
 * in profiles/r4 (R4 4.0.1) and belfry's own in profiles/search-parameters.
 * Owns:   nothing; the table is constant.
 * Thread: any. */
#ifndef BELFRY_FHIR_SEARCH_PARAMETER_H
#define BELFRY_FHIR_SEARCH_PARAMETER_H

#include "storage/base/bytes.h"

enum search_type {
    SEARCH_TOKEN,
    SEARCH_REFERENCE,
    SEARCH_DATE,
    SEARCH_STRING,
    SEARCH_NUMBER,
    SEARCH_QUANTITY,
    SEARCH_URI,
    SEARCH_COMPOSITE
};

struct search_parameter;

/* The parameter named code of a resource type; NULL when belfry does not know
 * it or cannot evaluate it. */
const struct search_parameter *search_parameter_find(struct bytes resource_type,
                                                     struct bytes code);

enum search_type search_parameter_type(const struct search_parameter *p);
const char *search_parameter_code(const struct search_parameter *p);

/* "token", "reference", ... */
const char *search_type_name(enum search_type type);

/* True when values of the type may have a prefix such as "ge". */
bool search_type_compares(enum search_type type);

#endif
