/* source: what the scheduler knows of the engine: a subscription's state, the
 * few facts of its definition that decide when and where, and reports.
 * Owns:   nothing.
 * Thread: the delivery thread. */
#ifndef BELFRY_SERVER_DELIVERY_SOURCE_H
#define BELFRY_SERVER_DELIVERY_SOURCE_H

#include "server/engine/read.h"

/* "https://host:port": scheme, a host of at most 253 bytes, port. */
#define SOURCE_ENDPOINT_BYTES 280

struct source_target {
    char endpoint[SOURCE_ENDPOINT_BYTES]; /* who shares it shares the caps */
    uint32_t heartbeat_s;
    int64_t end_ms;
};

struct delivery_source {
    /* False: there is no such subscription (any more). */
    bool (*look)(void *ctx, uint64_t number, struct subscription_state *out);
    /* The next one with a number greater than after. */
    bool (*next)(void *ctx, uint64_t after, struct subscription_state *out);
    /* Of the definition in force. False: it cannot be honoured. */
    bool (*target)(void *ctx, uint64_t number, struct source_target *out);
    void (*report)(void *ctx, const struct report *r);
    void *ctx;
};

#endif
