/* hook_server: an HTTP server of the tests' own that can misbehave; one
 * connection at a time.
 * Owns:   its socket and thread, until server_stop(). */
#ifndef BELFRY_TESTS_UNIT_HOOK_SERVER_H
#define BELFRY_TESTS_UNIT_HOOK_SERVER_H

#include <arpa/inet.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define REQUEST_BYTES ((size_t)4 << 20)

/* What the server does with the n-th request of a connection. */
enum manner {
    ANSWER,      /* sends `answer`, keeps the connection */
    HANG,        /* reads, answers nothing until the client goes */
    CLOSE,       /* reads all, closes without an answer */
    CLOSE_AFTER, /* answers a connection's first request, then CLOSE */
    CLOSE_ONCE,  /* as CLOSE_AFTER on the first connection, then ANSWER */
    FLOOD_BODY,  /* a 200 whose body never ends */
    FLOOD_HEADER
};

struct server {
    int fd;
    uint16_t port;
    enum manner manner;
    const char *answer;
    pthread_t thread;
    pthread_mutex_t lock;
    /* lock: lock */
    unsigned connections;
    unsigned requests;
    char *last; /* the last request, with a NUL */
    size_t last_n;
};

static void send_all(int fd, const char *text)
{
    size_t n = strlen(text);

    while (n > 0) {
        ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        text += sent;
        n -= (size_t)sent;
    }
}

/* Reads one request; 0 at the end of the connection. */
static size_t read_request(int fd, char *p)
{
    size_t n = 0;
    size_t want = 0;

    while (want == 0 || n < want) {
        ssize_t got = recv(fd, p + n, REQUEST_BYTES - 1 - n, 0);
        char *end;
        const char *length;

        if (got <= 0)
            return 0;
        n += (size_t)got;
        p[n] = '\0';
        end = strstr(p, "\r\n\r\n");
        if (want > 0 || !end)
            continue;
        length = strstr(p, "Content-Length: ");
        want = (size_t)(end - p) + 4;
        if (length && length < end)
            want += strtoul(length + 16, NULL, 10);
    }
    return n;
}

static void flood(int fd, const char *start, const char *piece)
{
    send_all(fd, start);
    for (int i = 0; i < 100000; i++) {
        if (send(fd, piece, strlen(piece), MSG_NOSIGNAL) <= 0)
            return;
    }
}

/* False: the connection is over. */
static bool serve(struct server *s, int fd, unsigned connection,
                  unsigned request)
{
    char byte;

    switch (s->manner) {
    case ANSWER:
        break;
    case HANG:
        return recv(fd, &byte, 1, 0) > 0;
    case CLOSE:
        return false;
    case CLOSE_AFTER:
        if (connection > 1 || request > 1)
            return false;
        break;
    case CLOSE_ONCE:
        if (connection == 1 && request > 1)
            return false;
        break;
    case FLOOD_BODY:
        flood(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
              "8\r\nabcdefgh\r\n");
        return false;
    case FLOOD_HEADER:
        flood(fd, "HTTP/1.1 200 OK\r\n", "X-Filler: abcdefghijklmnop\r\n");
        return false;
    }
    send_all(fd, s->answer);
    return true;
}

static void serve_connection(struct server *s, int fd, unsigned connection)
{
    char *p = malloc(REQUEST_BYTES);
    unsigned request = 0;
    size_t n;

    while (p && (n = read_request(fd, p)) > 0) {
        (void)pthread_mutex_lock(&s->lock);
        s->requests++;
        free(s->last);
        s->last = malloc(n + 1);
        if (s->last)
            memcpy(s->last, p, n + 1);
        s->last_n = n;
        (void)pthread_mutex_unlock(&s->lock);
        if (!serve(s, fd, connection, ++request))
            break;
    }
    free(p);
}

static void *server_run(void *ctx)
{
    struct server *s = ctx;
    struct timeval patience = {.tv_sec = 3};
    unsigned connection;
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
                         sizeof patience);
        (void)pthread_mutex_lock(&s->lock);
        connection = ++s->connections;
        (void)pthread_mutex_unlock(&s->lock);
        serve_connection(s, fd, connection);
        (void)close(fd);
    }
    return NULL;
}

static inline void server_start(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;

    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_mutex_init(&s->lock, NULL), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

static inline void server_stop(struct server *s)
{
    (void)shutdown(s->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    (void)close(s->fd);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->last);
}

static inline unsigned requests_of(struct server *s)
{
    unsigned n;

    (void)pthread_mutex_lock(&s->lock);
    n = s->requests;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

static inline unsigned connections_of(struct server *s)
{
    unsigned n;

    (void)pthread_mutex_lock(&s->lock);
    n = s->connections;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

#endif
