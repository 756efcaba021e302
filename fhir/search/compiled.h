/* compiled: what a query consists of, for the sources that evaluate it.
 * Owns:   see query.h.
 * Thread: immutable once compiled. */
#ifndef BELFRY_FHIR_SEARCH_COMPILED_H
#define BELFRY_FHIR_SEARCH_COMPILED_H

#include "fhir/search/predicate.h"

/* Where a predicate's value stands in the source. */
struct place {
    uint16_t at;
    uint16_t n;
};

struct query {
    const struct search_base *base;
    char *text; /* the predicates point into it */
    struct predicate *predicates;
    size_t count;
    size_t anchor; /* the predicate that is it, or NO_ANCHOR */
    /* the text before it was decoded; NULL for a search */
    char *source;
    size_t source_bytes;
    struct place *places;
    char *base_url;
    size_t base_url_bytes;
    struct query_term *terms;
    size_t term_count;
};

#endif
