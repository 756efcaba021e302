/* compare: equality, equivalence and order of items (FHIRPath 2.0, 6.1, 6.2).
 * Owns:   nothing.
 * Thread: one at a time.
 * Bounds: counts its steps in the evaluation; the depth is the JSON's. */
#ifndef BELFRY_FHIR_FHIRPATH_COMPARE_H
#define BELFRY_FHIR_FHIRPATH_COMPARE_H

#include "fhir/fhirpath/eval.h"

/* a = b of collections, neither of them empty: in their order; TRUTH_EMPTY
 * where precision or units leave it open. */
bool compare_all_equal(struct evaluation *ev,
                       const struct fhirpath_collection *a,
                       const struct fhirpath_collection *b, enum truth *out);

/* a ~ b of collections, in any order. */
bool compare_all_equivalent(struct evaluation *ev,
                            const struct fhirpath_collection *a,
                            const struct fhirpath_collection *b, bool *out);

/* *known is false where precision or units leave it open. Values that have no
 * order together fail. */
bool compare_order(struct evaluation *ev, const struct node *n,
                   const struct fhirpath_item *a, const struct fhirpath_item *b,
                   int *order, bool *known);

/* Is an item equal to this one in the collection? */
bool compare_contains(struct evaluation *ev,
                      const struct fhirpath_collection *c,
                      const struct fhirpath_item *item, bool *out);

/* A number as a decimal: integers and decimals. */
bool compare_decimal_of(const struct fhirpath_item *item, struct decimal *out);

/* A number or a quantity as a quantity. */
bool compare_quantity_of(const struct fhirpath_item *item,
                         struct fhirpath_quantity *out);

#endif
