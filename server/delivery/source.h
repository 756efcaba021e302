/* source: what the scheduler knows of the engine: a subscription's state, the
 * few facts of its definition that decide when and where, and reports.
 * Owns:   nothing.
 * Thread: the delivery thread. */
#ifndef BELFRY_SERVER_DELIVERY_SOURCE_H
#define BELFRY_SERVER_DELIVERY_SOURCE_H

#include "server/engine/attempt_log.h"
#include "server/engine/breaker_state.h"
#include "server/engine/read.h"

/* "https://host:port": scheme, a host of at most 253 bytes, port. */
#define SOURCE_ENDPOINT_BYTES 280

struct source_target {
    char endpoint[SOURCE_ENDPOINT_BYTES]; /* who shares it shares the caps */
    uint32_t heartbeat_s;
    uint32_t max_count; /* events of one message */
    uint16_t linger_ms;
    bool per_focus;
    bool park;
    int64_t end_ms;
};

struct source_keys {
    uint64_t number; /* of the subscription */
    uint64_t first;  /* event */
    size_t most;
};

struct delivery_source {
    /* False: there is no such subscription (any more). */
    bool (*look)(void *ctx, uint64_t number, struct subscription_state *out);
    /* The next one with a number greater than after. */
    bool (*next)(void *ctx, uint64_t after, struct subscription_state *out);
    /* Of the definition in force. False: it cannot be honoured. */
    bool (*target)(void *ctx, uint64_t number, struct source_target *out);
    void (*report)(void *ctx, const struct report *r);
    bool (*acked)(void *ctx, uint64_t number, struct acked_events *out);
    /* What stands for the focus of each of the events; how many are there. */
    size_t (*keys)(void *ctx, const struct source_keys *want, uint64_t *out);
    /* What is remembered of an endpoint. False: nothing. */
    bool (*breaker)(void *ctx, uint64_t hash, struct breaker_state *out);
    void *ctx;
    /* An attempt ended. NULL: nobody asks. */
    void (*attempted)(void *ctx, const struct attempt_note *n);
};

#endif
