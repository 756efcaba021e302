/* resolver: host names to addresses, by c-ares on the caller's loop: nothing
 * here blocks but a look into the hosts file.
 * Owns:   c-ares' channel and the names remembered.
 * Thread: one at a time.
 * Bounds: DELIVERY_NAMES names, DELIVERY_ADDRESSES addresses each; one query
 *         per name at a time, however many ask.
 * Errors: ERR_NOMEM, ERR_INVALID (servers), ERR_IO when it is made; later a
 *         name that cannot be resolved is an empty answer.
 * Names are taken as absolute: no search domains. */
#ifndef BELFRY_SERVER_DELIVERY_RESOLVER_H
#define BELFRY_SERVER_DELIVERY_RESOLVER_H

#include <netinet/in.h>

#include "server/base/clock.h"
#include "server/delivery/limits.h"
#include "storage/base/err.h"

union resolver_address {
    struct sockaddr any;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
};

struct resolver_answer {
    size_t n; /* 0: no such name, or no answer */
    union resolver_address addresses[DELIVERY_ADDRESSES]; /* port 0 */
};

/* Somebody who asks; lent to the resolver until done() is called. */
struct resolver_query {
    void (*done)(struct resolver_query *q, const struct resolver_answer *a);
    struct resolver_query *next;
};

struct resolver_config {
    const char *servers; /* "10.0.0.2,10.0.0.3:5353"; NULL: the system's */
    const struct clock *clock;
    /* The loop watches the socket for these, or (none) no more. */
    void (*watch)(void *ctx, int fd, bool readable, bool writable);
    void *ctx;
};

struct resolver;

MUST_CHECK enum err_code resolver_new(const struct resolver_config *config,
                                      struct resolver **out, struct err *e);
/* Who still waits gets an empty answer. */
void resolver_free(struct resolver *r);

/* done() is called exactly once, possibly before this returns. */
void resolver_ask(struct resolver *r, const char *name,
                  struct resolver_query *q);

/* A watched socket is ready. */
void resolver_process(struct resolver *r, int fd, bool readable, bool writable);

/* To be called when resolver_wait_ms() has passed. */
void resolver_timeouts(struct resolver *r);

/* -1: nothing to wait for. */
int resolver_wait_ms(struct resolver *r);

#endif
