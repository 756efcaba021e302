/* shape: the JSON shape of a Subscription: which members its objects have, of
 * which JSON type, and what holds at every level (no null, nothing empty, no
 * modifierExtension, extensions in their place).
 * Owns:   nothing.
 * Thread: any.
 * Bounds: SHAPE_EXTENSIONS_MAX extensions on one element; JSON_DEPTH_MAX.
 * Errors: every problem is an issue with ERR_UNPROCESSABLE, or
 *         ERR_UNPROCESSABLE_REQUIRED for a missing element. */
#ifndef BELFRY_FHIR_SUBSCRIPTION_SHAPE_H
#define BELFRY_FHIR_SUBSCRIPTION_SHAPE_H

#include <cjson/cJSON.h>

#include "fhir/outcome/issues.h"
#include "storage/base/bytes.h"

/* More than any profile asks for; keeps refusals of nonsense cheap. */
#define SHAPE_EXTENSIONS_MAX 64

/* Checks members and types of the resource, its channel and its contacts, and
 * walks the whole resource. needs_payload: a topic-based Subscription's
 * channel has one (IG), a classic one's may have (R4). */
void shape_check(const cJSON *subscription, bool needs_payload,
                 struct issues *issues);

/* The member when it has that type, else NULL. */
const char *shape_string(const cJSON *object, const char *name);
const cJSON *shape_array(const cJSON *object, const char *name);

/* The extension array of a primitive: _name.extension; NULL without one. */
const cJSON *shape_extensions(const cJSON *object, const char *name);

#endif
