/* definition: a Subscription as read, shared by the engine, the matcher and
 * delivery while any of them uses it.
 * Owns:   the subscription.
 * Thread: immutable; the count is atomic. */
#ifndef BELFRY_SERVER_ENGINE_DEFINITION_H
#define BELFRY_SERVER_ENGINE_DEFINITION_H

#include "fhir/subscription/subscription.h"

struct definition;

/* One reference; takes *s. NULL without memory (*s is freed then). */
struct definition *definition_new(struct subscription **s);

const struct subscription *definition_get(const struct definition *d);
struct definition *definition_ref(struct definition *d); /* d may be NULL */
void definition_unref(struct definition **d);            /* *d may be NULL */

#endif
