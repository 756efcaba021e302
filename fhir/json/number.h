/* number: a number of JSON as a double, as strtod() reads it.
 * Owns:   nothing.
 * Thread: any.
 * Bounds: JSON_NUMBER_BYTES_MAX bytes. */
#ifndef BELFRY_FHIR_JSON_NUMBER_H
#define BELFRY_FHIR_JSON_NUMBER_H

#include "storage/base/bytes.h"

/* What cJSON takes. */
#define JSON_NUMBER_BYTES_MAX 63

/* text is a number that passed the gate. False when it is longer. */
bool json_number_read(struct bytes text, double *out);

#endif
