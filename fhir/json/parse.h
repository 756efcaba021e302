/* parse: a JSON text as the tree that cJSON_ParseWithLength() would give.
 * Owns:   nothing; the tree is the caller's (cJSON_Delete).
 * Thread: any.
 * Bounds: JSON_DEPTH_MAX, as the gate allows.
 * The text has passed json_gate(), so that nothing is checked twice; memory
 * comes through cJSON's hooks. */
#ifndef BELFRY_FHIR_JSON_PARSE_H
#define BELFRY_FHIR_JSON_PARSE_H

#include <cjson/cJSON.h>

#include "storage/base/bytes.h"

/* NULL without memory. A number of more than JSON_NUMBER_BYTES_MAX bytes is
 * refused like that too, as cJSON does. */
cJSON *json_parse(struct bytes text);

#endif
