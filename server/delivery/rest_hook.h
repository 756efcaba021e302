/* rest_hook: the channel that POSTs bundles over HTTP (IG channels.md,
 * rest-hook), by libcurl's multi interface on the delivery thread's poller.
 * A transfer is given to curl only when it can start now; connections are
 * reused; no redirect is followed and nothing of an answer's body is kept.
 * Owns:   curl's handles, the resolver, prepared definitions, the bodies in
 *         flight.
 * Thread: the delivery thread; curl_global_init() was called before.
 * Bounds: as many transfers as the scheduler begins; limits.h for answers.
 * Errors: ERR_NOMEM, ERR_IO, ERR_INVALID when it is made; later outcomes. */
#ifndef BELFRY_SERVER_DELIVERY_REST_HOOK_H
#define BELFRY_SERVER_DELIVERY_REST_HOOK_H

#include "server/base/clock.h"
#include "server/delivery/counters.h"
#include "server/delivery/message.h"
#include "server/delivery/outcome.h"
#include "server/delivery/poller.h"
#include "server/security/egress.h"

struct rest_hook_config {
    const struct clock *clock;
    const struct egress_rules *egress;
    struct poller *poller;
    struct message_maker maker;
    struct delivery_counters *counters;
    const char *ca_file;     /* NULL: the system's bundle */
    const char *dns_servers; /* NULL: the system's */
    uint32_t timeout_ms;     /* where the definition names none */
    uint32_t in_flight;      /* transfers at most, for the idle connections */
    /* Never called from within begin(). */
    void (*complete)(void *ctx, struct attempt *a, const struct outcome *o);
    void *ctx;
};

struct rest_hook;

MUST_CHECK enum err_code rest_hook_new(const struct rest_hook_config *config,
                                       struct rest_hook **out, struct err *e);
/* Attempts in flight are given back as FAILURE_LOCAL first. */
void rest_hook_free(struct rest_hook *h);

struct channel rest_hook_channel(struct rest_hook *h);

/* Serves timers and hands back what has ended. To be called after every
 * poller_wait(), and when rest_hook_wait_ms() has passed. */
void rest_hook_turn(struct rest_hook *h);

/* -1: nothing to wait for but sockets. */
int rest_hook_wait_ms(struct rest_hook *h);

#endif
