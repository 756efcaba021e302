/* path: walks the steps of a search parameter's path through JSON. Steps are
 * member names with dots between them; each goes into every element of an
 * array. "telecom[system=email]" takes only elements with that member,
 * "entry[0]" only the first. No steps: the element itself.
 * Owns:   nothing.
 * Thread: any.
 * Bounds: SEARCH_PATH_DEPTH_MAX steps. */
#ifndef BELFRY_FHIR_SEARCH_PATH_H
#define BELFRY_FHIR_SEARCH_PATH_H

#include "fhir/json/tokens.h"

/* Calls each() for every element at the end of the path that begins at the
 * value from, in order. */
void path_walk(const struct json_tokens *tokens, uint32_t from,
               struct bytes steps, void (*each)(void *ctx, uint32_t element),
               void *ctx);

#endif
