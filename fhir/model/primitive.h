/* primitive: is a text a value of one of R4's primitive types
 * (R4 datatypes.html)?
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_MODEL_PRIMITIVE_H
#define BELFRY_FHIR_MODEL_PRIMITIVE_H

#include "fhir/model/type_id.h"
#include "storage/base/bytes.h"

/* How JSON writes the values of a type. */
enum primitive_json { PRIMITIVE_STRING, PRIMITIVE_NUMBER, PRIMITIVE_BOOLEAN };

enum primitive_json primitive_json_of(enum model_type_id type);

/* What is wrong with the text of a value (of a string: unescaped, without its
 * quotes; of a number: as written), in words that follow the element's name:
 * "must be a date: ...". NULL when nothing is. */
const char *primitive_problem(enum model_type_id type, struct bytes text);

/* The order of two dates, dateTimes or instants that are right in themselves:
 * below, equal to or above 0. False when there is none: only one has a time,
 * or they are equal up to the less precise one. */
bool primitive_time_order(struct bytes a, struct bytes b, int *out);

#endif
