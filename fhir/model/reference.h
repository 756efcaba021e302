/* reference: the forms that Reference.reference may have (R4
 * references.html#literal).
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_MODEL_REFERENCE_H
#define BELFRY_FHIR_MODEL_REFERENCE_H

#include "storage/base/bytes.h"

enum reference_form {
    REFERENCE_BAD,
    REFERENCE_LOCAL,    /* "#id", or "#" for the container */
    REFERENCE_RESTFUL,  /* [base/]Type/id[/_history/version] */
    REFERENCE_QUERY,    /* Type?...: conditional, in a transaction */
    REFERENCE_ABSOLUTE, /* any other URI with a scheme */
};

/* *name is the id of a local one and the resource type of a RESTful one or a
 * query; otherwise empty. */
enum reference_form reference_form_of(struct bytes text, struct bytes *name);

#endif
