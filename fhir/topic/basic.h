/* basic: a SubscriptionTopic as R4 carries it, in a Basic resource with the
 * cross-version extensions of R4B (".../4.3/...") or R5 (".../5.0/..."), and
 * the way from one form to the other (IG 1.2.0, "Topics in FHIR R4").
 * Owns:   results are the caller's (cJSON_Delete()).
 * Thread: any.
 * Errors: what a form cannot say is an issue with the element's path. */
#ifndef BELFRY_FHIR_TOPIC_BASIC_H
#define BELFRY_FHIR_TOPIC_BASIC_H

#include <cjson/cJSON.h>

#include "fhir/outcome/issues.h"

#define BASIC_TOPIC_SYSTEM "http://hl7.org/fhir/fhir-types"
#define BASIC_TOPIC_CODE "SubscriptionTopic"

/* True for a Basic whose code says that it is a SubscriptionTopic. */
bool basic_is_topic(const cJSON *resource);

/* The JSON form of such a Basic. A Basic without a status is active: R4 has
 * no status there, and published ones leave the extension out. NULL with at
 * least one issue. */
cJSON *basic_to_topic(const cJSON *basic, struct issues *issues);

/* The Basic of a topic in its JSON form, with R5's urls; NULL without
 * memory. Narrative and contained resources stay behind. */
cJSON *basic_from_topic(const cJSON *topic);

#endif
