/* show: what a predicate looks for and what a resource holds for it, as text
 * for people: the trace of an evaluation.
 * Owns:   nothing; appends to a buf.
 * Thread: any.
 * Bounds: SHOW_VALUES_MAX values; the buf's maximum.
 * Strings stand as they are compared, that is folded; dates and numbers as the
 * range that they cover. */
#ifndef BELFRY_FHIR_SEARCH_SHOW_H
#define BELFRY_FHIR_SEARCH_SHOW_H

#include "fhir/search/predicate.h"
#include "storage/base/buf.h"

#define SHOW_VALUES_MAX 32

/* "status:not=finished", "date=ge[2020-01-01T00:00:00.000Z, ...)". */
void show_predicate(struct buf *out, const struct predicate *p);

/* "planned, finished"; nothing when the resource says nothing. */
void show_found(struct buf *out, const struct predicate *p,
                const struct search_values *v);

#endif
