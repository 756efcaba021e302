/* types: the names of R4's resource types.
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_MODEL_TYPES_H
#define BELFRY_FHIR_MODEL_TYPES_H

#include "storage/base/bytes.h"

/* True for the 146 concrete R4 4.0.1 resource types (so not for "Resource"
 * and "DomainResource"). Case matters. */
bool model_is_resource_type(struct bytes name);

/* All of them in alphabetical order. */
size_t model_resource_type_count(void);
const char *model_resource_type(size_t index);

/* R4 datatypes: [A-Za-z0-9\-\.]{1,64}. */
bool model_is_id(struct bytes text);

#endif
