/* binding: criteria that no resource can meet, because R4's required bindings
 * rule their codes out. A search may ask for such a code and find nothing; a
 * topic or a subscription that waits for one is a mistake.
 * Owns:   nothing.
 * Thread: any.
 * Errors: ERR_UNPROCESSABLE, which names the parameter and the value. */
#ifndef BELFRY_FHIR_SEARCH_BINDING_H
#define BELFRY_FHIR_SEARCH_BINDING_H

#include "fhir/search/query.h"

/* Refuses a parameter none of whose values can ever match: every element that
 * it looks at is a boolean or a code with a required binding, and none of them
 * takes the value. ":not" and the other modifiers are not judged. */
MUST_CHECK enum err_code binding_check(const struct query *q, struct err *e);

#endif
