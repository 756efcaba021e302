/* http_client: starting the server under test, and a client that shows bytes
 * as they are.
 * Owns:   nothing; tests close the sockets that they open.
 * Thread: any.
 * Bounds: an answer's head 2 KB, its body 64 KB; CLIENT_TIMEOUT_S a read. */
#ifndef BELFRY_TESTS_UNIT_HTTP_CLIENT_H
#define BELFRY_TESTS_UNIT_HTTP_CLIENT_H

#include "tests/unit/http_app.h"

#include <arpa/inet.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#define CLIENT_TIMEOUT_S 10

struct answer {
    int status;
    char head[2048];
    char body[65536];
    size_t body_bytes;
};

static inline void app_init(struct app *a)
{
    memset(a, 0, sizeof *a);
    a->config = (struct http_config){
        .address = "127.0.0.1:0",
        .loops = 1,
        .limits = {8192, 65536, 2048, 30, 30},
        .clock = clock_system(),
        .handler = {a, app_handle, app_refuse, app_done},
    };
    pthread_mutex_init(&a->m, NULL);
    pthread_cond_init(&a->changed, NULL);
}

static inline void app_start(struct app *a)
{
    struct err e = {0};

    if (http_server_start(&a->config, &a->server, &e) != ERR_OK)
        fail_msg("%s", e.message);
    assert_int_equal(pthread_create(&a->resumer, NULL, app_resume, a), 0);
}

/* Every request that was handled must be done by the end. */
static inline void app_stop(struct app *a)
{
    pthread_mutex_lock(&a->m);
    a->stop = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->m);
    pthread_join(a->resumer, NULL);
    http_server_stop(&a->server);
    assert_null(a->server);
    assert_int_equal(atomic_load(&a->done), atomic_load(&a->handled));
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->m);
}

static inline int client_connect(const struct app *a)
{
    const struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_S};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const void *name = &to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_port = htons((uint16_t)http_server_port(a->server));
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, name, sizeof to), 0);
    return fd;
}

/* False when the server closed the connection. */
static inline bool client_send(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        text += sent;
        n -= (size_t)sent;
    }
    return true;
}

static inline void client_say(int fd, const char *text)
{
    assert_true(client_send(fd, text, strlen(text)));
}

/* Reads one answer byte for byte, so that what follows stays unread. */
static inline bool client_read_head(int fd, struct answer *out)
{
    size_t n = 0;

    memset(out, 0, sizeof *out);
    while (n < 4 || memcmp(out->head + n - 4, "\r\n\r\n", 4) != 0) {
        if (n + 1 == sizeof out->head || recv(fd, out->head + n, 1, 0) != 1)
            return false;
        n++;
    }
    out->status = (int)strtol(out->head + strlen("HTTP/1.1 "), NULL, 10);
    return true;
}

static inline bool client_read(int fd, struct answer *out)
{
    const char *length;

    if (!client_read_head(fd, out))
        return false;
    length = strcasestr(out->head, "\r\nContent-Length: ");
    if (!length)
        return true;
    out->body_bytes = (size_t)strtoul(length + 18, NULL, 10);
    assert_true(out->body_bytes < sizeof out->body);
    return out->body_bytes == 0 ||
           recv(fd, out->body, out->body_bytes, MSG_WAITALL) ==
               (ssize_t)out->body_bytes;
}

/* Sends one request on a new connection and reads its answer. */
static inline void client_ask(const struct app *a, const char *text,
                              struct answer *out)
{
    int fd = client_connect(a);

    client_say(fd, text);
    assert_true(client_read(fd, out));
    close(fd);
}

/* The server ended the connection in an orderly way or by a reset. */
static inline bool client_sees_end(int fd)
{
    char byte;

    return recv(fd, &byte, 1, 0) <= 0;
}

#endif
