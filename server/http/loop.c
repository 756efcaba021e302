#include "server/http/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/http/connection.h"
#include "server/http/sweep.h"
#include "server/http/tls.h"

#define EVENTS_MAX 16
#define SWEEP_MS 1000
/* Runs at the end, so that what was resumed last is answered. */
#define LAST_RUNS 8

/* epoll data; HTTP_LINGER_TAG and more are lingering sockets. */
#define TAG_DAEMON 0U
#define TAG_WAKE 1U

/* Half of a connection's memory is its read buffer. A client that sends more
 * than header_bytes should get that far, so that the refusal is ours; what
 * does not fit (very many headers or query parameters) gets 431 or 414 from
 * the daemon. All of it is zeroed between requests, so not more than this. */
#define CONNECTION_BASE_BYTES 8192

static size_t connection_bytes(const struct http_limits *limits)
{
    return CONNECTION_BASE_BYTES + 2 * limits->header_bytes;
}

/* Connections past the limit are let in and told 503, up to this many. */
static unsigned daemon_connections(const struct http_limits *limits)
{
    return limits->connections + limits->connections / 8 + 16;
}

/* For answers that nobody reads; all else is the sweep's, which must come
 * first to say 408. */
static unsigned silence_s(const struct http_limits *limits)
{
    return limits->idle_s + limits->request_s + 2 * SWEEP_MS / 1000;
}

/* Remembers what the daemon says while it starts; later it only says which
 * clients misbehave, and they are told. */
__attribute__((format(printf, 2, 0))) static void
keep_complaint(void *cls, const char *format, va_list arguments)
{
    struct http_loop *l = cls;

    if (!l->started && !l->complaint[0])
        (void)vsnprintf(l->complaint, sizeof l->complaint, format, arguments);
}

/* Nobody reads the daemon's decoded path. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct http_loop *l,
                                       const struct http_config *config,
                                       int listen_fd)
{
    const struct http_limits *limits = &l->shared->limits;
    /* MHD_OptionItem has no const; the daemon copies nothing and only reads. */
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)config->tls_cert_pem},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)config->tls_key_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         (void *)(uintptr_t)HTTP_TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

    if (l->shared->tls)
        flags |= MHD_USE_TLS;
    else
        tls[0].option = MHD_OPTION_END;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, http_connection_on_request, l,
        MHD_OPTION_EXTERNAL_LOGGER, keep_complaint, l, MHD_OPTION_LISTEN_SOCKET,
        listen_fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_bytes(limits),
        MHD_OPTION_CONNECTION_LIMIT, daemon_connections(limits),
        MHD_OPTION_CONNECTION_TIMEOUT, silence_s(limits),
        MHD_OPTION_URI_LOG_CALLBACK, http_connection_on_target, l,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, http_connection_completed, l,
        MHD_OPTION_NOTIFY_CONNECTION, http_connection_notify, l,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static bool watch(const struct http_loop *l, int fd, uint32_t events,
                  uint64_t tag)
{
    struct epoll_event event = {.events = events, .data.u64 = tag};

    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static enum err_code open_events(struct http_loop *l, struct err *e)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    http_linger_init(&l->linger, l->epoll_fd);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* Each write to an eventfd is an edge, so it is never read. */
    if (l->epoll_fd < 0 || l->wake_fd < 0 || !info ||
        !watch(l, info->epoll_fd, EPOLLIN, TAG_DAEMON) ||
        !watch(l, l->wake_fd, EPOLLIN | EPOLLET, TAG_WAKE))
        return err_set_errno(e, ERR_IO, errno, "cannot watch the sockets");
    return ERR_OK;
}

static int wait_ms(const struct http_loop *l)
{
    MHD_UNSIGNED_LONG_LONG due_ms = 0;
    int64_t left_ms = l->next_sweep_ms - l->now_ms;

    if (MHD_get_timeout(l->daemon, &due_ms) == MHD_YES &&
        due_ms < (MHD_UNSIGNED_LONG_LONG)SWEEP_MS && (int64_t)due_ms < left_ms)
        return (int)due_ms;
    if (left_ms < 0)
        return 0;
    return left_ms < SWEEP_MS ? (int)left_ms : SWEEP_MS;
}

static void wait_for_events(struct http_loop *l)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(l->epoll_fd, events, EVENTS_MAX, wait_ms(l));

    l->now_ms = clock_monotonic_ms(l->shared->clock);
    for (int i = 0; i < n; i++)
        if (events[i].data.u64 >= HTTP_LINGER_TAG)
            http_linger_read(&l->linger, events[i].data.u64);
}

static void stop_accepting(struct http_loop *l)
{
    int fd = MHD_quiesce_daemon(l->daemon);

    if (fd >= 0)
        close(fd);
    l->quiesced = true;
}

static void *run(void *ctx)
{
    struct http_loop *l = ctx;

    while (!atomic_load(&l->stop)) {
        wait_for_events(l);
        if (!l->quiesced && atomic_load(&l->shared->draining))
            stop_accepting(l);
        MHD_run(l->daemon);
        if (l->now_ms < l->next_sweep_ms)
            continue;
        http_sweep(l);
        http_linger_expire(&l->linger, l->now_ms);
        l->next_sweep_ms = l->now_ms + SWEEP_MS;
    }
    for (int i = 0; i < LAST_RUNS; i++)
        MHD_run(l->daemon);
    return NULL;
}

/* Signals are main's business. */
static enum err_code start_thread(struct http_loop *l, struct err *e)
{
    sigset_t all;
    sigset_t before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    failed = pthread_create(&l->thread, NULL, run, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return err_set_errno(e, ERR_IO, failed, "cannot start a thread");
    return ERR_OK;
}

static void release(struct http_loop *l)
{
    if (l->daemon)
        MHD_stop_daemon(l->daemon);
    if (l->epoll_fd >= 0) {
        http_linger_fini(&l->linger);
        close(l->epoll_fd);
    }
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    free(l);
}

static enum err_code complain(const struct http_loop *l, struct err *e)
{
    return err_set(e, l->shared->tls ? ERR_INVALID : ERR_IO,
                   "cannot start serving: %.*s",
                   (int)strcspn(l->complaint, "\n"), l->complaint);
}

enum err_code http_loop_start(struct http_shared *shared,
                              const struct http_config *config, int *listen_fd,
                              struct http_loop **out, struct err *e)
{
    struct http_loop *l = calloc(1, sizeof *l);
    int fd = *listen_fd;
    enum err_code code;

    *listen_fd = -1;
    if (!l) {
        close(fd);
        return err_nomem(e);
    }
    l->shared = shared;
    l->epoll_fd = -1;
    l->wake_fd = -1;
    l->now_ms = clock_monotonic_ms(shared->clock);
    l->next_sweep_ms = l->now_ms + SWEEP_MS;
    /* A daemon that does not start has closed the socket, or the process is
     * about to end for want of memory. */
    l->daemon = start_daemon(l, config, fd);
    code = l->daemon ? open_events(l, e) : complain(l, e);
    l->started = true;
    if (code == ERR_OK)
        code = start_thread(l, e);
    if (code != ERR_OK) {
        release(l);
        return code;
    }
    *out = l;
    return ERR_OK;
}

void http_loop_wake(struct http_loop *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof one);

    (void)n; /* fails only when the counter is full: then it is awake */
}

void http_loop_kick(struct http_loop *l)
{
    if (atomic_load(&l->dirty) && atomic_exchange(&l->dirty, false))
        http_loop_wake(l);
}

void http_loop_stop(struct http_loop **l)
{
    if (!*l)
        return;
    atomic_store(&(*l)->stop, true);
    http_loop_wake(*l);
    pthread_join((*l)->thread, NULL);
    release(*l);
    *l = NULL;
}
