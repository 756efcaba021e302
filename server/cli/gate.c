#include "server/cli/gate.h"

void gate_init(struct gate *g, struct http_handler behind)
{
    g->behind = behind;
    atomic_init(&g->closed, true);
    atomic_init(&g->inside, 0);
}

/* The handler's own state tells a request that is handed on again, after it
 * slept, from a new one. Counting before looking leaves no moment in which a
 * request is neither counted nor refused. */
static enum http_next handle(void *ctx, struct http_request *request,
                             struct http_response *response)
{
    struct gate *g = ctx;
    bool new = !request->app;
    enum http_next next;

    if (new)
        atomic_fetch_add(&g->inside, 1);
    if (new &&atomic_load(&g->closed)) {
        g->behind.refuse(g->behind.ctx, 503,
                         "the server is starting or shutting down", response);
        response->close = true;
        next = HTTP_REPLY;
    } else {
        next = g->behind.handle(g->behind.ctx, request, response);
    }
    if (next == HTTP_REPLY)
        atomic_fetch_sub(&g->inside, 1);
    return next;
}

static void refuse(void *ctx, int status, const char *reason,
                   struct http_response *response)
{
    struct gate *g = ctx;

    g->behind.refuse(g->behind.ctx, status, reason, response);
}

static void done(void *ctx, struct http_request *request)
{
    struct gate *g = ctx;

    g->behind.done(g->behind.ctx, request);
}

struct http_handler gate_handler(struct gate *g)
{
    return (struct http_handler){g, handle, refuse, done};
}

void gate_open(struct gate *g)
{
    atomic_store(&g->closed, false);
}

void gate_close(struct gate *g)
{
    atomic_store(&g->closed, true);
}

unsigned gate_inside(const struct gate *g)
{
    return atomic_load(&g->inside);
}
