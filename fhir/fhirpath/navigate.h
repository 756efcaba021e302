/* navigate: from a node to the nodes below it.
 * Owns:   nothing.
 * Thread: one at a time. */
#ifndef BELFRY_FHIR_FHIRPATH_NAVIGATE_H
#define BELFRY_FHIR_FHIRPATH_NAVIGATE_H

#include "fhir/fhirpath/eval.h"

/* Adds the children of the name; n holds what the checker guessed. */
bool navigate_member(struct evaluation *ev, const struct node *n,
                     const struct fhirpath_item *item,
                     struct fhirpath_collection *out);

/* Adds all children, as the JSON has them. */
bool navigate_children(struct evaluation *ev, const struct fhirpath_item *item,
                       struct fhirpath_collection *out);

/* Adds the children of a fixed name: "extension". */
bool navigate_named(struct evaluation *ev, const struct fhirpath_item *item,
                    const char *name, struct fhirpath_collection *out);

/* The type that "resourceType" names; NULL when R4 has none such. */
const struct model_type *navigate_resource_type(const cJSON *json);

#endif
