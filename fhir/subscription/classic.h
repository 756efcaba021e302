/* classic: R4's own kind of Subscription, whose criteria is a search such as
 * "Observation?code=http://loinc.org|1975-2" and not the canonical of a topic.
 * It fires on every create and update whose new version the search finds.
 * Owns:   the filter goes to the subscription.
 * Thread: any.
 * Errors: ERR_NOMEM; what cannot be evaluated is an issue that names it. */
#ifndef BELFRY_FHIR_SUBSCRIPTION_CLASSIC_H
#define BELFRY_FHIR_SUBSCRIPTION_CLASSIC_H

#include "fhir/subscription/subscription.h"

/* True when the criteria (one leading '/' is forgiven) begins with the name of
 * a resource type and a '?' or its end: the values behind may hold anything,
 * also "http://". */
bool classic_is(struct bytes criteria);

/* True when the resource says that it is topic-based: it claims the backport
 * profile or asks for a content level. */
bool classic_is_denied(const cJSON *resource);

/* Reads such criteria into s. Result parameters (_format, _count, ...) select
 * nothing and are passed over. */
MUST_CHECK enum err_code classic_read(struct bytes criteria,
                                      struct bytes base_url,
                                      struct subscription *s,
                                      struct issues *issues);

#endif
