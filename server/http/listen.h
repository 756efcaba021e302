/* listen: the listening sockets.
 * Owns:   nothing; the caller closes what it opens.
 * Thread: main, at start.
 * Errors: ERR_INVALID (address), ERR_IO (socket, bind, listen). */
#ifndef BELFRY_SERVER_HTTP_LISTEN_H
#define BELFRY_SERVER_HTTP_LISTEN_H

#include <sys/socket.h>

#include "storage/base/err.h"

struct http_address {
    struct sockaddr_storage storage;
    socklen_t bytes;
};

/* "127.0.0.1:8080" or "[::1]:0": numbers only, no names. */
MUST_CHECK enum err_code
http_address_parse(const char *text, struct http_address *out, struct err *e);

/* Opens `count` sockets that listen on one port. A port of 0 becomes the one
 * that the first socket got. On failure none stays open. */
MUST_CHECK enum err_code http_listen(struct http_address *address,
                                     unsigned count, int *fds, struct err *e);

unsigned http_address_port(const struct http_address *address);

#endif
