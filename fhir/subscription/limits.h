/* limits: the bounds of a Subscription, each with its reason. */
#ifndef BELFRY_FHIR_SUBSCRIPTION_LIMITS_H
#define BELFRY_FHIR_SUBSCRIPTION_LIMITS_H

/* Long enough for every URL that proxies accept; longer ones are mistakes. */
#define SUBSCRIPTION_ENDPOINT_BYTES_MAX 2048
/* Common servers refuse header lines of 8 KiB; half of that is plenty. */
#define SUBSCRIPTION_HEADER_BYTES_MAX 4096
/* An attempt may hold a slot for so long at the most. */
#define SUBSCRIPTION_TIMEOUT_S_MAX 300
/* Events in one bundle: bounds the memory of a bundle of full resources. */
#define SUBSCRIPTION_MAX_COUNT_MAX 1000
/* A heartbeat more often than this is load, not a sign of life. */
#define SUBSCRIPTION_HEARTBEAT_S_MIN 1
#define SUBSCRIPTION_HEARTBEAT_S_MAX 31536000

/* A wait to fill a batch; past it a heartbeat's worth of delay. */
#define SUBSCRIPTION_LINGER_MS_MAX 60000

#endif
