/* wire: the least HTTP/1.1 that the load generator and its sink need, on
 * loopback sockets. Not a client for anything else.
 * Owns:   nothing; sockets are the caller's.
 * Thread: any.
 * Errors: -1, and the program that measures gives up. */
#ifndef BELFRY_TESTS_BENCH_WIRE_H
#define BELFRY_TESTS_BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t wire_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static inline struct sockaddr_in wire_loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline int wire_connect(unsigned port)
{
    struct sockaddr_in to = wire_loopback(port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Bytes of the first whole message in text (headers and body), 0 when it is
 * not complete; *body is the offset of the body. */
static inline size_t wire_message(const char *text, size_t n, size_t *body)
{
    const char *end = memmem(text, n, "\r\n\r\n", 4);
    const char *length;
    size_t head, content = 0;

    if (!end)
        return 0;
    head = (size_t)(end - text) + 4;
    for (const char *line = text; line < end; line = length + 2) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            content = strtoul(line + 15, NULL, 10);
        length = memmem(line, head - (size_t)(line - text), "\r\n", 2);
        if (!length)
            break;
    }
    *body = head;
    return n >= head + content ? head + content : 0;
}

#endif
