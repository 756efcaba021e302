#include "server/http/connection.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "server/http/head.h"
#include "server/http/reply.h"
#include "server/http/target.h"

/* Memory for a body grows as the body comes: a header that announces much
 * costs the sender something, too. */
#define BODY_FIRST_BYTES 4096
#define BODY_TRUSTED_BYTES 65536

/* What a handler may take from a request's arena: the tree of a parsed body
 * is several times its text. */
#define ARENA_PER_BODY_BYTE 16
#define ARENA_BASE_BYTES ((size_t)1 << 20)

static void set_phase(struct http_connection *c, enum http_phase phase)
{
    c->phase = phase;
    c->since_ms = c->loop->now_ms;
}

static size_t arena_limit(const struct http_limits *limits)
{
    return ARENA_BASE_BYTES + limits->header_bytes +
           ARENA_PER_BODY_BYTE * limits->body_bytes;
}

static struct http_connection *
open_connection(struct http_loop *l, struct MHD_Connection *mhd, int fd)
{
    struct http_connection *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->loop = l;
    c->mhd = mhd;
    c->fd = fd;
    c->over = atomic_fetch_add(&l->shared->connections, 1) >=
              l->shared->limits.connections;
    c->next = l->connections;
    if (c->next)
        c->next->previous = c;
    l->connections = c;
    arena_init(&c->arena, arena_limit(&l->shared->limits));
    set_phase(c, HTTP_PHASE_IDLE);
    return c;
}

static void close_connection(struct http_connection *c)
{
    struct http_loop *l = c->loop;

    if (c->linger)
        http_linger_add(&l->linger, c->fd, l->now_ms);
    if (c->previous)
        c->previous->next = c->next;
    else
        l->connections = c->next;
    if (c->next)
        c->next->previous = c->previous;
    atomic_fetch_sub(&l->shared->connections, 1);
    free(c);
}

void http_connection_notify(void *cls, struct MHD_Connection *mhd, void **slot,
                            enum MHD_ConnectionNotificationCode code)
{
    const union MHD_ConnectionInfo *info;
    int fd;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*slot)
            close_connection(*slot);
        *slot = NULL;
        return;
    }
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    fd = info->connect_fd;
    *slot = open_connection(cls, mhd, fd);
    if (!*slot)
        shutdown(fd, SHUT_RDWR); /* no memory: nothing could be answered */
}

static void keep_target(struct http_connection *c, struct bytes raw)
{
    if (raw.n >= sizeof c->target_inline) {
        c->target = arena_copy(&c->arena, raw);
        return;
    }
    if (raw.n)
        memcpy(c->target_inline, raw.p, raw.n);
    c->target = bytes_make(c->target_inline, raw.n);
}

void *http_connection_on_target(void *cls, const char *target,
                                struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_connection *c = info->socket_context;

    (void)cls;
    if (!c)
        return NULL;
    keep_target(c, bytes_of(target));
    c->request.arena = &c->arena;
    atomic_fetch_add(&c->loop->busy, 1);
    set_phase(c, HTTP_PHASE_RECEIVING);
    return c;
}

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind,
                                   const char *name, size_t name_bytes,
                                   const char *value, size_t value_bytes)
{
    (void)kind;
    http_head_add(cls, bytes_make(name, name_bytes),
                  bytes_make(value ? value : "", value_bytes));
    return MHD_YES;
}

static size_t head_bytes(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return info ? info->header_size : 0;
}

static bool take_target(struct http_connection *c)
{
    struct http_target target;

    if (!http_target_parse(c->target, &target))
        return false;
    c->request.path = target.path;
    c->request.query = target.query;
    return true;
}

/* 0, or the status and reason with which the request is refused before its
 * body is read. */
static int check_head(struct http_connection *c, const char *version,
                      const char **reason)
{
    const struct http_shared *shared = c->loop->shared;
    struct http_head head = {0};

    *reason = "the server is shutting down";
    if (atomic_load(&shared->draining))
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    *reason = "the server has too many connections";
    if (c->over)
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    *reason = "the request line and headers are too large";
    if (head_bytes(c->mhd) > shared->limits.header_bytes)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    *reason = "the server is out of memory";
    if (!c->target.p)
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, note_header, &head);
    *reason = http_head_fault(&head, bytes_of(version));
    if (*reason)
        return MHD_HTTP_BAD_REQUEST;
    *reason = "the request target is malformed";
    if (!take_target(c))
        return MHD_HTTP_BAD_REQUEST;
    *reason = "the body is too large";
    if (head.length > shared->limits.body_bytes)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    c->body_expected = (size_t)head.length;
    return 0;
}

static enum MHD_Result refuse(struct http_connection *c, int status,
                              const char *reason)
{
    set_phase(c, HTTP_PHASE_SENDING);
    return http_reply_refusal(c->loop->shared, c->mhd, status, reason);
}

static enum MHD_Result on_head(struct http_connection *c, const char *method,
                               const char *version)
{
    const char *reason;
    int status;

    c->checked = true;
    c->request.method = bytes_of(method);
    status = check_head(c, version, &reason);
    if (status == 0)
        return MHD_YES;
    c->linger = true;
    return refuse(c, status, reason);
}

static bool reserve_body(struct http_connection *c, size_t n)
{
    size_t needed = c->body_bytes + n;
    size_t capacity = c->body_capacity;
    char *body;

    if (needed <= capacity)
        return true;
    if (capacity == 0)
        capacity = c->body_expected ? c->body_expected : BODY_FIRST_BYTES;
    if (c->body_capacity == 0 && capacity > BODY_TRUSTED_BYTES)
        capacity = BODY_TRUSTED_BYTES;
    while (capacity < needed)
        capacity *= 2;
    body = realloc(c->body, capacity);
    if (!body)
        return false;
    c->body = body;
    c->body_capacity = capacity;
    return true;
}

static void drop_body(struct http_connection *c, int status)
{
    free(c->body);
    c->body = NULL;
    c->body_bytes = 0;
    c->body_capacity = 0;
    c->refused_status = status;
}

static void on_body(struct http_connection *c, const char *data, size_t n)
{
    size_t left = c->loop->shared->limits.body_bytes - c->body_bytes;

    if (c->refused_status != 0)
        return;
    if (n > left) {
        drop_body(c, MHD_HTTP_CONTENT_TOO_LARGE);
        return;
    }
    if (!reserve_body(c, n)) {
        drop_body(c, MHD_HTTP_SERVICE_UNAVAILABLE);
        return;
    }
    memcpy(c->body + c->body_bytes, data, n);
    c->body_bytes += n;
}

/* Puts the connection to sleep; false when the request was resumed already
 * and is to be handled again. A resume may come from another thread at any
 * time after handle() let the request go. */
static bool fall_asleep(struct http_connection *c)
{
    enum http_wake seen = HTTP_WAKE_RUNNING;

    if (atomic_load(&c->wake) == HTTP_WAKE_EARLY)
        return false;
    MHD_suspend_connection(c->mhd);
    if (!atomic_compare_exchange_strong(&c->wake, &seen, HTTP_WAKE_SUSPENDED)) {
        assert(seen == HTTP_WAKE_EARLY);
        /* Too late to stay awake: MHD finds it in the run that follows this
         * one at once, for the loop is not to wait. */
        MHD_resume_connection(c->mhd);
        http_loop_wake(c->loop);
    }
    return true;
}

void http_connection_resume(struct http_connection *c)
{
    struct http_loop *l = c->loop;
    enum http_wake seen = HTTP_WAKE_RUNNING;

    /* After either change the loop may answer the request and free it. */
    if (atomic_compare_exchange_strong(&c->wake, &seen, HTTP_WAKE_EARLY))
        return;
    assert(seen == HTTP_WAKE_SUSPENDED); /* else resumed twice */
    atomic_store(&c->wake, HTTP_WAKE_RESUMED);
    MHD_resume_connection(c->mhd);
    atomic_store(&l->dirty, true);
}

static enum MHD_Result answer(struct http_connection *c)
{
    const struct http_shared *shared = c->loop->shared;
    struct http_response response;

    c->handled = true;
    if (c->phase == HTTP_PHASE_RECEIVING)
        set_phase(c, HTTP_PHASE_HANDLING);
    for (;;) {
        response = (struct http_response){0};
        atomic_store(&c->wake, HTTP_WAKE_RUNNING);
        if (shared->handler.handle(shared->handler.ctx, &c->request,
                                   &response) == HTTP_REPLY)
            break;
        if (fall_asleep(c))
            return MHD_YES;
    }
    set_phase(c, HTTP_PHASE_SENDING);
    return http_reply(c->mhd, &response, atomic_load(&shared->draining));
}

static enum MHD_Result on_complete(struct http_connection *c)
{
    if (c->refused_status != 0)
        return refuse(c, c->refused_status,
                      c->refused_status == MHD_HTTP_CONTENT_TOO_LARGE
                          ? "the body is too large"
                          : "the server is out of memory");
    c->request.body = bytes_make(c->body, c->body_bytes);
    return answer(c);
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd asks for eight */
enum MHD_Result http_connection_on_request(void *cls,
                                           struct MHD_Connection *mhd,
                                           const char *url, const char *method,
                                           const char *version,
                                           const char *upload,
                                           size_t *upload_bytes, void **request)
{
    struct http_connection *c = *request;

    (void)cls;
    (void)mhd;
    (void)url;
    if (!c)
        return MHD_NO;
    if (!c->checked)
        return on_head(c, method, version);
    if (*upload_bytes == 0)
        return on_complete(c);
    on_body(c, upload, *upload_bytes);
    *upload_bytes = 0;
    return MHD_YES;
}

void http_connection_completed(void *cls, struct MHD_Connection *mhd,
                               void **request,
                               enum MHD_RequestTerminationCode code)
{
    struct http_connection *c = *request;
    const struct http_handler *handler;

    (void)cls;
    (void)mhd;
    (void)code;
    if (!c)
        return;
    *request = NULL;
    handler = &c->loop->shared->handler;
    if (c->handled)
        handler->done(handler->ctx, &c->request);
    arena_reset(&c->arena);
    drop_body(c, 0);
    c->request = (struct http_request){0};
    c->target = (struct bytes){NULL, 0};
    c->body_expected = 0;
    c->checked = false;
    c->handled = false;
    atomic_fetch_sub(&c->loop->busy, 1);
    set_phase(c, HTTP_PHASE_IDLE);
}
