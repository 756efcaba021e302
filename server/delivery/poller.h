/* poller: sockets and a wake-up that one thread waits for (epoll, eventfd).
 * Owns:   the epoll and event descriptors, not the sockets watched.
 * Thread: one, except poller_wake() (any).
 * Bounds: POLLER_HANDLERS kinds of sockets.
 * Errors: ERR_IO, ERR_NOMEM when it is made. */
#ifndef BELFRY_SERVER_DELIVERY_POLLER_H
#define BELFRY_SERVER_DELIVERY_POLLER_H

#include "storage/base/err.h"

#define POLLER_HANDLERS 4

struct poller_events {
    bool readable;
    bool writable;
    bool failed; /* error or hang-up */
};

struct poller_handler {
    void (*ready)(void *ctx, int fd, struct poller_events events);
    void *ctx;
};

struct poller;

MUST_CHECK enum err_code poller_new(struct poller **out, struct err *e);
void poller_free(struct poller *p);

/* A kind of sockets and who serves it; its number is for poller_watch(). */
unsigned poller_add_handler(struct poller *p, struct poller_handler handler);

/* Watches the socket for these events, or, with neither, no more. False when
 * the system refuses. */
bool poller_watch(struct poller *p, unsigned handler, int fd, bool readable,
                  bool writable);

/* Waits for wait_ms at the most (-1: without end), serves what is ready. */
void poller_wait(struct poller *p, int wait_ms);

/* Ends the wait that goes on, or the next. */
void poller_wake(struct poller *p);

#endif
