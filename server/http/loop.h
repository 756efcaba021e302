/* loop: one thread that serves the connections of one listening socket.
 * Owns:   its daemon with the listening socket, its connections.
 * Thread: start, drain and stop by main; kick by any.
 * Bounds: the server's connections (503 past them), HTTP_LINGER_MAX.
 * Errors: ERR_INVALID (certificate), ERR_IO, ERR_NOMEM.
 *
 * libmicrohttpd's own epoll loop waits in vain when a multiple of 128
 * connections are ready at once, so this loop waits itself and only calls
 * MHD_run(), which never blocks. */
#ifndef BELFRY_SERVER_HTTP_LOOP_H
#define BELFRY_SERVER_HTTP_LOOP_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/http/linger.h"
#include "server/http/server.h"

struct MHD_Daemon;
struct http_connection;

/* What all loops of a server share. */
struct http_shared {
    /* immutable after start */
    struct http_limits limits;
    struct http_handler handler;
    const struct clock *clock;
    bool tls;
    /* any thread */
    atomic_bool draining;
    atomic_uint connections;
};

struct http_loop {
    /* immutable after start */
    struct http_shared *shared;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    int wake_fd;
    pthread_t thread;
    /* owner: the loop's thread */
    struct http_connection *connections; /* a list */
    struct http_linger linger;
    int64_t now_ms;
    int64_t next_sweep_ms;
    bool quiesced;
    char complaint[ERR_MESSAGE_BYTES]; /* the daemon's, while it starts */
    bool started;
    /* any thread */
    atomic_bool dirty; /* has resumed requests since the last kick */
    atomic_bool stop;
    atomic_uint busy; /* requests being received or answered */
};

/* Takes the listening socket, also on failure. shared and config outlive the
 * loop; of config only the certificate is used. */
MUST_CHECK enum err_code http_loop_start(struct http_shared *shared,
                                         const struct http_config *config,
                                         int *listen_fd, struct http_loop **out,
                                         struct err *e);

/* Wakes the thread. */
void http_loop_wake(struct http_loop *l);

/* Wakes the thread when requests were resumed since the last kick. */
void http_loop_kick(struct http_loop *l);

/* Joins the thread and closes all connections. */
void http_loop_stop(struct http_loop **l);

#endif
