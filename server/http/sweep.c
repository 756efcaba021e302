#include "server/http/sweep.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "server/http/connection.h"
#include "server/http/reply.h"

enum verdict { KEEP, CLOSE, TIMEOUT };

/* Milliseconds since the peer's last byte, 0 when nobody knows. */
static int64_t silent_ms(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) != 0)
        return 0;
    return info.tcpi_last_data_recv;
}

static enum verdict judge_idle(const struct http_connection *c, int64_t age_ms)
{
    const struct http_limits *limits = &c->loop->shared->limits;
    int64_t idle_ms = (int64_t)limits->idle_s * 1000;

    if (age_ms < idle_ms)
        return KEEP;
    if (silent_ms(c->fd) >= idle_ms)
        return CLOSE;
    if (age_ms < idle_ms + (int64_t)limits->request_s * 1000)
        return KEEP;
    return TIMEOUT;
}

static enum verdict judge(const struct http_connection *c)
{
    int64_t age_ms = c->loop->now_ms - c->since_ms;

    if (c->cut)
        return KEEP;
    switch (c->phase) {
    case HTTP_PHASE_IDLE:
        return judge_idle(c, age_ms);
    case HTTP_PHASE_RECEIVING:
        if (age_ms < (int64_t)c->loop->shared->limits.request_s * 1000)
            return KEEP;
        return TIMEOUT;
    case HTTP_PHASE_HANDLING:
    case HTTP_PHASE_SENDING: /* the daemon's timeout sees to it */
        break;
    }
    return KEEP;
}

/* The daemon finds the socket shut and closes it in its next run. */
static void cut(struct http_connection *c, enum verdict verdict)
{
    const struct http_shared *shared = c->loop->shared;

    if (verdict == TIMEOUT && !shared->tls)
        http_reply_timeout(shared, c->fd,
                           "the request was not complete in time");
    shutdown(c->fd, SHUT_RDWR);
    c->cut = true;
}

void http_sweep(struct http_loop *l)
{
    for (struct http_connection *c = l->connections; c; c = c->next) {
        enum verdict verdict = judge(c);

        if (verdict != KEEP)
            cut(c, verdict);
    }
}
