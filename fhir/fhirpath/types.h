/* types: is, as, ofType(), type().
 * Owns:   nothing.
 * Thread: one at a time. */
#ifndef BELFRY_FHIR_FHIRPATH_TYPES_H
#define BELFRY_FHIR_FHIRPATH_TYPES_H

#include "fhir/fhirpath/eval.h"

/* Nobody knows the type's name. */
bool types_is_unknown(const struct node_type *type);

/* left is T: false for more than one item. */
bool types_is(struct evaluation *ev, const struct node *n,
              const struct fhirpath_collection *c,
              struct fhirpath_collection *out);

/* The items of the type; as() of a primitive means that very type. */
bool types_filter(struct evaluation *ev, const struct node *n,
                  const struct fhirpath_collection *c,
                  struct fhirpath_collection *out);

/* As types_filter, for one item. */
bool types_as(struct evaluation *ev, const struct node *n,
              const struct fhirpath_collection *c,
              struct fhirpath_collection *out);

#endif
