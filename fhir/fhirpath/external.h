/* external: %resource and the other variables.
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_FHIRPATH_EXTERNAL_H
#define BELFRY_FHIR_FHIRPATH_EXTERNAL_H

#include "fhir/fhirpath/eval.h"

/* True for those that every evaluation has (FHIRPath 2.0, section 9; R4
 * fhirpath.html, "Variables"). */
bool external_is_known(struct bytes name);

bool external_value(struct evaluation *ev, const struct node *n,
                    struct fhirpath_collection *out);

/* As defineVariable() does: fails when the name is taken. */
bool external_define(struct evaluation *ev, const struct node *n,
                     struct bytes name,
                     const struct fhirpath_collection *value);

#endif
