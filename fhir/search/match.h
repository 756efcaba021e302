/* match: does one predicate hold for the values of a resource?
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_SEARCH_MATCH_H
#define BELFRY_FHIR_SEARCH_MATCH_H

#include "fhir/search/predicate.h"

/* v is of the predicate's resource type. */
bool match_predicate(const struct predicate *p, const struct search_values *v);

#endif
