/* condition: the text of a backport-filter-criteria, taken apart into single
 * conditions with the resource type that each names (IG components.md,
 * "Subscription Filters", and the form of its examples).
 * Owns:   nothing; conditions borrow the text.
 * Thread: any.
 * Bounds: QUERY_PREDICATES_MAX conditions, CONDITION_CODE_BYTES in a name.
 * Errors: ERR_UNPROCESSABLE. */
#ifndef BELFRY_FHIR_TOPIC_CONDITION_H
#define BELFRY_FHIR_TOPIC_CONDITION_H

#include "fhir/search/query.h"

#define CONDITION_CODE_BYTES 80

struct condition {
    const char *type;  /* constant; NULL when the condition names none */
    struct bytes text; /* without the type: "patient=Patient/1" */
    char code[CONDITION_CODE_BYTES]; /* "patient", percent-decoded */
};

/* Reads "Encounter?patient=1&status=finished", "Encounter.patient=1" and
 * "patient=1". What stands before the '.' is a type only when it starts with a
 * capital: "patient.name=" is a chain and is left as it is. */
MUST_CHECK enum err_code condition_split(struct bytes text,
                                         struct condition *out, size_t *count,
                                         struct err *e);

#endif
