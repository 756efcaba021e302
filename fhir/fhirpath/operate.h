/* operate: FHIRPath's operators on collections (FHIRPath 2.0, section 6).
 * Owns:   nothing.
 * Thread: one at a time. */
#ifndef BELFRY_FHIR_FHIRPATH_OPERATE_H
#define BELFRY_FHIR_FHIRPATH_OPERATE_H

#include "fhir/fhirpath/eval.h"

/* Both sides and the result. */
struct operands {
    const struct node *node;
    const struct fhirpath_collection *left;
    const struct fhirpath_collection *right;
};

typedef bool operate_run(struct evaluation *ev, const struct operands *o,
                         struct fhirpath_collection *out);

/* left op right, but for the operators of logic, which may leave the right
 * side alone. */
bool operate_binary(struct evaluation *ev, const struct operands *o,
                    struct fhirpath_collection *out);

/* left implies, and, or, xor right. */
bool operate_logic(struct evaluation *ev, const struct node *n,
                   struct fhirpath_collection *out);

/* -right and +right. */
bool operate_polarity(struct evaluation *ev, const struct node *n,
                      const struct fhirpath_collection *c,
                      struct fhirpath_collection *out);

#endif
