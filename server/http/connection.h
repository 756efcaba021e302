/* connection: one client's connection and the request that is on it.
 * Owns:   the request with its body and arena, until it is answered.
 * Thread: the loop's, except http_connection_resume() (any).
 * Bounds: struct http_limits.
 * HTTP/1.1 has one request at a time on a connection, so the request is part
 * of it; libmicrohttpd keeps those that follow in its buffer. */
#ifndef BELFRY_SERVER_HTTP_CONNECTION_H
#define BELFRY_SERVER_HTTP_CONNECTION_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "server/http/loop.h"

/* Targets up to this size need no memory of their own. */
#define HTTP_TARGET_INLINE_BYTES 256

enum http_phase {
    HTTP_PHASE_IDLE,      /* until the request line is complete */
    HTTP_PHASE_RECEIVING, /* until the body is complete */
    HTTP_PHASE_HANDLING,
    HTTP_PHASE_SENDING
};

/* Who wakes a request that waits; see http_connection_resume(). */
enum http_wake {
    HTTP_WAKE_RUNNING,   /* handle() runs or may run */
    HTTP_WAKE_EARLY,     /* resumed before the connection was suspended */
    HTTP_WAKE_SUSPENDED, /* the connection sleeps */
    HTTP_WAKE_RESUMED    /* the connection is about to run again */
};

struct http_connection {
    struct http_request request; /* first: a request is its connection */
    struct http_loop *loop;
    struct MHD_Connection *mhd;
    struct http_connection *previous;
    struct http_connection *next;
    int fd;
    bool over;   /* past the limit of connections: 503 */
    bool linger; /* refused while the client may still be sending */
    bool cut;    /* shut down by the sweep, not yet noticed by the daemon */
    /* the request */
    enum http_phase phase;
    int64_t since_ms;     /* when the phase began */
    bool checked;         /* the headers were looked at */
    bool handled;         /* handle() was called, so done() will be */
    int refused_status;   /* the rest of the body is dropped; 0: not so */
    struct bytes target;  /* as sent */
    size_t body_expected; /* by Content-Length; 0 when unknown */
    size_t body_capacity;
    size_t body_bytes;
    char *body;
    struct arena arena;
    _Atomic enum http_wake wake;
    char target_inline[HTTP_TARGET_INLINE_BYTES];
};

/* Makes the request run again when it waits, at the latest when its loop is
 * woken. */
void http_connection_resume(struct http_connection *c);

/* The callbacks of libmicrohttpd; cls is the loop. */
void http_connection_notify(void *cls, struct MHD_Connection *mhd, void **slot,
                            enum MHD_ConnectionNotificationCode code);
void *http_connection_on_target(void *cls, const char *target,
                                struct MHD_Connection *mhd);
enum MHD_Result
http_connection_on_request(void *cls, struct MHD_Connection *mhd,
                           const char *url, const char *method,
                           const char *version, const char *upload,
                           size_t *upload_bytes, void **request);
void http_connection_completed(void *cls, struct MHD_Connection *mhd,
                               void **request,
                               enum MHD_RequestTerminationCode code);

#endif
