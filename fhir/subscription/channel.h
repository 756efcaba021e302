/* channel: Subscription.channel, read into a subscription.
 * Owns:   what it reads goes to the subscription (subscription_free()).
 * Thread: any.
 * Errors: ERR_NOMEM; every problem of the input is an issue instead. */
#ifndef BELFRY_FHIR_SUBSCRIPTION_CHANNEL_H
#define BELFRY_FHIR_SUBSCRIPTION_CHANNEL_H

#include "fhir/subscription/subscription.h"

/* The shape has been checked (shape.h): what has a wrong type there is
 * passed over here. */
MUST_CHECK enum err_code channel_read(const cJSON *channel,
                                      const struct subscription_rules *r,
                                      struct subscription *s,
                                      struct issues *issues);

#endif
