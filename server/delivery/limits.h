/* limits: the bounds of delivery, each with its reason. */
#ifndef BELFRY_SERVER_DELIVERY_LIMITS_H
#define BELFRY_SERVER_DELIVERY_LIMITS_H

#include <stddef.h>

/* Attempts in flight together: more hide slow receivers and speed up none. */
#define DELIVERY_IN_FLIGHT 256
/* Attempts in flight to one endpoint (scheme, host, port). */
#define DELIVERY_PER_ENDPOINT 8
/* The window that an endpoint starts with: it may be one that hangs. */
#define DELIVERY_PER_UNPROVEN 2
/* To an endpoint whose last attempt failed: a probe. */
#define DELIVERY_PER_SUSPECT 1
/* One in so many slots is the most that all unproven endpoints hold. */
#define DELIVERY_UNPROVEN_SHARE 2
/* One in so many slots is the most that all suspect endpoints hold. */
#define DELIVERY_SUSPECT_SHARE 4
/* Events of one bundle where the subscription names no max-count. */
#define DELIVERY_BATCH_EVENTS 100
/* Refusals of a batch before it is set aside, where that is asked for. */
#define DELIVERY_PARK_AFTER 3
/* Resource texts of one bundle; one event is sent whatever its size. */
#define DELIVERY_BATCH_BYTES ((size_t)4 << 20)
/* A bundle and what it is built from: far past any legal resource. */
#define DELIVERY_BODY_BYTES ((size_t)64 << 20)
/* Standard Webhooks asks for 15 to 30 s; covers all, connecting included. */
#define DELIVERY_TIMEOUT_MS 20000
#define DELIVERY_CONNECT_MS 5000
/* What is read of an answer's body, and dropped, to keep the connection. */
#define DELIVERY_ANSWER_BYTES 16384
/* All header lines of an answer, interim answers included. */
#define DELIVERY_ANSWER_HEADER_BYTES 65536
/* Idle connections kept on top of those in use. */
#define DELIVERY_IDLE_CONNECTIONS 256
/* Host names remembered, found or not. */
#define DELIVERY_NAMES 1024
/* Addresses taken of one name. */
#define DELIVERY_ADDRESSES 8
/* Definitions whose request headers are kept ready. */
#define DELIVERY_PREPARED 1024
/* Subscription numbers between two turns of the loop; past it all are
 * looked at. */
#define DELIVERY_INBOX 65536
/* Subscriptions kept at hand while nothing is due for them; what the others
 * wait for, the engine tells. */
#define DELIVERY_RESTING 4096
/* Reports that wait for the engine before no more attempts are begun. */
#define DELIVERY_REPORTS 4096

#endif
