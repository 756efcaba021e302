/* leaf: from the JSON at the end of a search parameter's path to the values
 * that it stands for (R4 search.html: the table of token's datatypes and the
 * sections on the other types).
 * Owns:   nothing; values and texts go to the arena of the sink.
 * Thread: one at a time.
 * Bounds: SEARCH_VALUES_MAX values in one sink.
 * Errors: sticky in the sink: ERR_TOO_LARGE, ERR_NOMEM. */
#ifndef BELFRY_FHIR_SEARCH_LEAF_H
#define BELFRY_FHIR_SEARCH_LEAF_H

#include "fhir/search/leaf_sink.h"

/* Adds what the element says; an element of an unexpected shape adds nothing.
 * True when it counts as present for ":missing". */
bool leaf_read(struct leaf_sink *sink, const struct search_parameter *p,
               const struct search_path *path, uint32_t element);

#endif
