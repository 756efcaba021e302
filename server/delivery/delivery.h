/* delivery: notifications on their way: the scheduler, the rest-hook channel
 * and the engine's events put together on one thread.
 * Owns:   the delivery thread and all that runs on it.
 * Thread: new, start, drain, stop by main; the listener by the writer;
 *         counters and in_flight by any.
 * Bounds: limits.h, struct endpoint_limits.
 * Errors: ERR_NOMEM, ERR_IO, ERR_INVALID when it is made or started. */
#ifndef BELFRY_SERVER_DELIVERY_DELIVERY_H
#define BELFRY_SERVER_DELIVERY_DELIVERY_H

#include "server/delivery/counters.h"
#include "server/delivery/scheduler.h"
#include "server/engine/engine.h"
#include "server/security/egress.h"

struct delivery_config {
    struct engine *engine;             /* outlives the delivery */
    const struct clock *clock;         /* the same */
    const struct rng *rng;             /* the same */
    const struct egress_rules *egress; /* the same */
    const char *base_url;              /* the same; "https://host/fhir" */
    const char *ca_file;               /* NULL: the system's bundle */
    const char *dns_servers;           /* NULL: the system's */
    uint32_t timeout_ms;               /* where the Subscription names none */
    uint32_t max_count;                /* the same */
    struct endpoint_limits limits;
    struct retry_policy retry;
    struct handshake_policy handshake;
    uint32_t park_after; /* refusals, where parking is asked for */
};

/* All that has a default. */
void delivery_config_default(struct delivery_config *c);

/* Caps of so many attempts in all and to one endpoint, the others in
 * proportion. */
void delivery_config_cap(struct delivery_config *c, uint32_t in_flight,
                         uint32_t per_endpoint);

struct delivery;

MUST_CHECK enum err_code delivery_new(const struct delivery_config *config,
                                      struct delivery **out, struct err *e);

/* For engine_listen(), before the engine starts. */
struct engine_listener delivery_listener(struct delivery *d);

/* Begins to send. The engine has been started. */
MUST_CHECK enum err_code delivery_start(struct delivery *d, struct err *e);

/* Begins no more attempts; those in flight go on. */
void delivery_drain(struct delivery *d);

/* Attempts in flight and outcomes not yet with the engine; 0 after
 * delivery_drain() means that it is done. */
size_t delivery_in_flight(const struct delivery *d);

/* Ends the thread and frees all. What is in flight is cut off and sent again
 * after the next start; reports reach the engine, which must still be open. */
void delivery_stop(struct delivery **d);

const struct delivery_counters *delivery_counters(const struct delivery *d);

#endif
