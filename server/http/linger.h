/* linger: closing a connection without losing the answer to a client that is
 * still sending. Closing with unread input makes the kernel send a reset,
 * which may overtake the answer (RFC 9112, 9.6); so a copy of the socket stays
 * open for a while, is read, and what it says is dropped.
 * Owns:   copies of sockets, until the client closes or the time is over.
 * Thread: one loop.
 * Bounds: HTTP_LINGER_MAX sockets; one more is closed the hard way. */
#ifndef BELFRY_SERVER_HTTP_LINGER_H
#define BELFRY_SERVER_HTTP_LINGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_LINGER_MAX 64
#define HTTP_LINGER_MS 2000
#define HTTP_LINGER_BYTES ((size_t)64 << 20)

/* epoll data of a lingering socket: this plus its place. */
#define HTTP_LINGER_TAG 16U

struct http_linger_slot {
    int fd; /* -1: free */
    int64_t until_ms;
    size_t left_bytes;
};

struct http_linger {
    int epoll_fd;
    unsigned used;
    struct http_linger_slot slots[HTTP_LINGER_MAX];
};

void http_linger_init(struct http_linger *l, int epoll_fd);
void http_linger_fini(struct http_linger *l);

/* Keeps the connection behind fd, of which the caller closes its own copy. */
void http_linger_add(struct http_linger *l, int fd, int64_t now_ms);

/* The socket with this epoll data has something to say. */
void http_linger_read(struct http_linger *l, uint64_t tag);

/* Closes those whose time is over. */
void http_linger_expire(struct http_linger *l, int64_t now_ms);

#endif
