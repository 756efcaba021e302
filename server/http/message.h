/* message: an HTTP request and its answer, free of any HTTP library.
 * Owns:   a request belongs to server/http; a response's body is heap memory
 *         that server/http frees after sending.
 * Thread: a request is touched by the loop that owns its connection, except
 *         http_resume(), which any thread may call once per HTTP_WAIT. */
#ifndef BELFRY_SERVER_HTTP_MESSAGE_H
#define BELFRY_SERVER_HTTP_MESSAGE_H

#include "storage/base/arena.h"
#include "storage/base/bytes.h"

#define HTTP_RESPONSE_HEADERS_MAX 12

struct http_request {
    struct bytes method; /* as sent: "GET" */
    struct bytes path;   /* as sent, percent-encoded, without the query */
    struct bytes query;  /* as sent, behind the "?"; empty without one */
    struct bytes body;
    struct arena *arena; /* lives until the response was sent */
    void *app;           /* the handler's own, starts as NULL */
};

/* The value of the header (name in any case); {NULL, 0} when it is absent.
 * Of a repeated header the values are joined with ", " in the arena; when that
 * fails the answer is {NULL, 0}, too, and arena_failed(r->arena) holds. */
struct bytes http_request_header(const struct http_request *r,
                                 const char *name);

struct http_header {
    const char *name;
    const char *value; /* request's arena or static */
};

struct http_response {
    int status;
    struct http_header headers[HTTP_RESPONSE_HEADERS_MAX];
    size_t header_count;
    char *body; /* heap or NULL */
    size_t body_bytes;
    bool close; /* close the connection after this answer */
};

/* A programmers' error past HTTP_RESPONSE_HEADERS_MAX. */
void http_response_header(struct http_response *r, const char *name,
                          const char *value);

enum http_next {
    HTTP_REPLY, /* *response is complete */
    HTTP_WAIT   /* the connection sleeps until http_resume() */
};

/* What server/http calls. All run on the loop of the connection. */
struct http_handler {
    void *ctx;
    /* The whole request is here; called again after each http_resume(). */
    enum http_next (*handle)(void *ctx, struct http_request *request,
                             struct http_response *response);
    /* An answer that server/http gives by itself (400, 408, 413, 431, 503):
     * fills the body and headers for the status. */
    void (*refuse)(void *ctx, int status, const char *reason,
                   struct http_response *response);
    /* The answer was sent or the connection ended; request->app is the
     * handler's to free. Once for each request that handle() saw. */
    void (*done)(void *ctx, struct http_request *request);
};

/* Wakes a request that returned HTTP_WAIT. Takes effect with the next
 * http_server_kick(), so that one system call wakes a whole batch. */
void http_resume(struct http_request *r);

#endif
