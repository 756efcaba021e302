/* http_app: a small application behind the server, for tests.
 * Owns:   the requests that wait, until its thread resumes them.
 * Thread: the server's loops, plus one that resumes waiting requests.
 * The application answers any path with "METHOD path?query\nbody", /header
 * with the value of X-Test, lets requests to /wait wait once, and holds up its
 * loop on /block. */
#ifndef BELFRY_TESTS_UNIT_HTTP_APP_H
#define BELFRY_TESTS_UNIT_HTTP_APP_H

#include "server/http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WAITING_MAX 1024
#define BLOCK_US 300000

struct app {
    struct http_config config;
    struct http_server *server;
    pthread_t resumer;
    int delay_us; /* between the wait and the resume; -1: in handle() */
    atomic_uint handled;
    atomic_uint done;
    pthread_mutex_t m;
    pthread_cond_t changed;
    /* lock: m */
    struct http_request *waiting[WAITING_MAX];
    size_t waiting_count;
    bool stop;
};

static inline void app_fill(struct http_response *r, int status,
                            const char *text, size_t n)
{
    r->status = status;
    r->body = malloc(n + 1);
    if (!r->body)
        abort(); /* cmocka's assertions are for the test's thread */
    memcpy(r->body, text, n);
    r->body_bytes = n;
    http_response_header(r, "Content-Type", "text/plain");
}

static inline void app_echo(const struct http_request *q,
                            struct http_response *r)
{
    size_t n = q->method.n + q->path.n + q->query.n + q->body.n + 4;
    char *text = malloc(n);
    struct bytes value = http_request_header(q, "x-test");
    int at;

    if (!text)
        abort();
    if (bytes_is(q->path, "/header")) {
        app_fill(r, value.p ? 200 : 404, value.p ? value.p : "", value.n);
        free(text);
        return;
    }
    at = snprintf(text, n, "%.*s %.*s?%.*s\n", BYTES_ARG(q->method),
                  BYTES_ARG(q->path), BYTES_ARG(q->query));
    if (q->body.n)
        memcpy(text + at, q->body.p, q->body.n);
    app_fill(r, 200, text, (size_t)at + q->body.n);
    free(text);
}

static inline void app_enqueue(struct app *a, struct http_request *q)
{
    pthread_mutex_lock(&a->m);
    if (a->waiting_count == WAITING_MAX)
        abort();
    a->waiting[a->waiting_count++] = q;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->m);
}

static inline enum http_next app_handle(void *ctx, struct http_request *q,
                                        struct http_response *r)
{
    struct app *a = ctx;

    if (!q->app) {
        q->app = malloc(1); /* a leak unless done() runs */
        atomic_fetch_add(&a->handled, 1);
        if (bytes_is(q->path, "/block"))
            usleep(BLOCK_US);
        if (bytes_is(q->path, "/wait")) {
            if (a->delay_us < 0)
                http_resume(q);
            else
                app_enqueue(a, q);
            return HTTP_WAIT;
        }
    }
    app_echo(q, r);
    r->close = bytes_is(q->path, "/close");
    return HTTP_REPLY;
}

static inline void app_refuse(void *ctx, int status, const char *reason,
                              struct http_response *r)
{
    (void)ctx;
    app_fill(r, status, reason, strlen(reason));
    if (status == 503)
        http_response_header(r, "Retry-After", "1");
}

static inline void app_done(void *ctx, struct http_request *q)
{
    struct app *a = ctx;

    free(q->app);
    atomic_fetch_add(&a->done, 1);
}

/* Resumes all that wait as one batch, again and again. */
static inline void *app_resume(void *ctx)
{
    struct app *a = ctx;
    struct http_request *batch[WAITING_MAX];
    size_t n = 0;

    for (;;) {
        pthread_mutex_lock(&a->m);
        while (!a->waiting_count && !a->stop)
            pthread_cond_wait(&a->changed, &a->m);
        n = a->waiting_count;
        memcpy(batch, a->waiting, n * sizeof batch[0]);
        a->waiting_count = 0;
        pthread_mutex_unlock(&a->m);
        if (n == 0)
            return NULL;
        if (a->delay_us > 0)
            usleep((useconds_t)a->delay_us);
        for (size_t i = 0; i < n; i++)
            http_resume(batch[i]);
        http_server_kick(a->server);
    }
}

#endif
