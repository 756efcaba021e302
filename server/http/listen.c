#include "server/http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "storage/base/bytes.h"

#define HOST_BYTES 64 /* more than the longest IPv6 address with a scope */

/* Splits at the last colon and removes the brackets of an IPv6 address. */
static bool split_address(const char *text, char host[HOST_BYTES],
                          const char **port)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;

    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    } else if (n > 0 && memchr(text, ':', n)) {
        return false; /* an IPv6 address needs its brackets */
    }
    if (n == 0 || n >= HOST_BYTES)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    *port = colon + 1;
    return true;
}

enum err_code http_address_parse(const char *text, struct http_address *out,
                                 struct err *e)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[HOST_BYTES];
    const char *port = NULL;
    uint64_t number = 0;

    if (!split_address(text, host, &port) ||
        !bytes_to_u64(bytes_of(port), &number) || number > UINT16_MAX ||
        getaddrinfo(host, port, &hints, &found) != 0)
        return err_set(e, ERR_INVALID,
                       "\"%s\" is not a numeric address with a port, such as "
                       "127.0.0.1:8080 or [::1]:8080",
                       text);
    *out = (struct http_address){.bytes = found->ai_addrlen};
    memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return ERR_OK;
}

static in_port_t *port_of(struct sockaddr_storage *storage)
{
    void *address = storage;

    if (storage->ss_family == AF_INET6)
        return &((struct sockaddr_in6 *)address)->sin6_port;
    return &((struct sockaddr_in *)address)->sin_port;
}

unsigned http_address_port(const struct http_address *address)
{
    struct sockaddr_storage copy = address->storage;

    return ntohs(*port_of(&copy));
}

static bool set_option(int fd, int level, int name)
{
    int on = 1;

    return setsockopt(fd, level, name, &on, sizeof on) == 0;
}

static enum err_code bind_socket(const struct http_address *address,
                                 bool shared, int *out, struct err *e)
{
    const void *name = &address->storage;
    int family = address->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_set_errno(e, ERR_IO, errno, "cannot open a socket");
    if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR) ||
        (shared && !set_option(fd, SOL_SOCKET, SO_REUSEPORT)) ||
        (family == AF_INET6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY)) ||
        bind(fd, name, address->bytes) != 0) {
        int system = errno;

        close(fd);
        return err_set_errno(
            e, ERR_IO, system, "cannot bind to port %u%s",
            http_address_port(address),
            system == EADDRINUSE ? " (port 0 would take a free one)" : "");
    }
    *out = fd;
    return ERR_OK;
}

/* Sockets that share a port would also share it with another process of the
 * same user, so that one of them serves the other's clients: a socket that
 * does not share finds out first. */
static enum err_code check_free(const struct http_address *address,
                                struct err *e)
{
    enum err_code code;
    int fd = -1;

    code = bind_socket(address, false, &fd, e);
    if (code == ERR_OK)
        close(fd);
    return code;
}

static enum err_code listen_one(struct http_address *address, bool shared,
                                int *out, struct err *e)
{
    struct sockaddr_storage real = {0};
    socklen_t n = sizeof real;
    void *name = &real;
    enum err_code code;

    *out = -1;
    code = bind_socket(address, shared, out, e);
    if (code != ERR_OK)
        return code;
    if (listen(*out, SOMAXCONN) != 0 || getsockname(*out, name, &n) != 0) {
        int system = errno;

        close(*out);
        return err_set_errno(e, ERR_IO, system, "cannot listen on port %u",
                             http_address_port(address));
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): getsockname()
     * filled it, which the analyzer cannot see */
    memcpy(&address->storage, &real, sizeof real); /* has the port */
    return ERR_OK;
}

enum err_code http_listen(struct http_address *address, unsigned count,
                          int *fds, struct err *e)
{
    bool shared = count > 1;
    enum err_code code = ERR_OK;

    if (shared && http_address_port(address) != 0)
        code = check_free(address, e);
    for (unsigned i = 0; i < count && code == ERR_OK; i++) {
        code = listen_one(address, shared, &fds[i], e);
        while (code != ERR_OK && i > 0)
            close(fds[--i]);
    }
    return code;
}
