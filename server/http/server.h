/* server: HTTP/1.1 in, on libmicrohttpd driven by epoll loops of our own.
 * Owns:   the listening sockets, one daemon and one thread per loop, every
 *         connection and its request.
 * Thread: start and stop by main; kick by any.
 * Bounds: struct http_limits; past each the client gets 408, 413, 431 or 503.
 *         A request's arena holds 1 MiB + header_bytes + 16 * body_bytes.
 * Errors: ERR_INVALID (address, certificate), ERR_IO (bind, socket).
 *
 * Refusals go through handler.refuse and close the connection, with these
 * exceptions, where libmicrohttpd answers with a line of HTML of its own or
 * just closes: request lines that are not HTTP/1.x (400, 505), header lines
 * without a colon (400), a Content-Length that is no number (400) or needs
 * more than 64 bits (413; 0.9.75 sends the head of these two twice), broken
 * chunks (400), headers of far more than header_bytes or far too many of them
 * (431, 414). A slow client over TLS gets no 408 but is closed. */
#ifndef BELFRY_SERVER_HTTP_SERVER_H
#define BELFRY_SERVER_HTTP_SERVER_H

#include "server/base/clock.h"
#include "server/http/message.h"
#include "storage/base/err.h"

#define HTTP_LOOPS_MAX 64

struct http_limits {
    size_t header_bytes;  /* request line and headers: 431 */
    size_t body_bytes;    /* 413 */
    unsigned connections; /* all loops together: 503 for an eighth and 16 more
                             in each loop, others wait to be accepted */
    unsigned idle_s;      /* keep-alive without a request */
    unsigned request_s;   /* request line to last byte: 408; the request line
                             itself must be there after idle_s + request_s */
};

struct http_config {
    const char *address; /* "127.0.0.1:8080", "[::1]:0" */
    unsigned loops;
    struct http_limits limits;
    const char *tls_cert_pem; /* NULL: plain HTTP */
    const char *tls_key_pem;
    const struct clock *clock;
    struct http_handler handler;
};

struct http_server;

MUST_CHECK enum err_code http_server_start(const struct http_config *config,
                                           struct http_server **out,
                                           struct err *e);

/* The port that is really bound. */
unsigned http_server_port(const struct http_server *s);

/* Wakes every loop that has resumed requests. Any thread, after http_resume().
 */
void http_server_kick(struct http_server *s);

/* No new connections and requests from now on (503 with Connection: close);
 * those being received or answered go on. */
void http_server_drain(struct http_server *s);

/* Requests that are being received or answered. */
unsigned http_server_busy(const struct http_server *s);

/* Ends the loops and closes all connections; every done() that is due has run
 * when it returns, the last ones on the caller's thread. Requests in HTTP_WAIT
 * must have been resumed, and no thread may be in http_resume() or
 * http_server_kick(). *s becomes NULL. */
void http_server_stop(struct http_server **s);

#endif
