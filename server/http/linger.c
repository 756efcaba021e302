#include "server/http/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 16384
/* Reads per event, so that a fast sender does not hold up the loop. */
#define READS_MAX 8

void http_linger_init(struct http_linger *l, int epoll_fd)
{
    *l = (struct http_linger){.epoll_fd = epoll_fd};
    for (unsigned i = 0; i < HTTP_LINGER_MAX; i++)
        l->slots[i].fd = -1;
}

static void release(struct http_linger *l, struct http_linger_slot *slot)
{
    if (slot->fd < 0)
        return;
    close(slot->fd); /* the only descriptor left, so epoll forgets it, too */
    slot->fd = -1;
    l->used--;
}

void http_linger_fini(struct http_linger *l)
{
    for (unsigned i = 0; i < HTTP_LINGER_MAX; i++)
        release(l, &l->slots[i]);
}

static unsigned free_slot(const struct http_linger *l)
{
    unsigned i = 0;

    while (i < HTTP_LINGER_MAX && l->slots[i].fd >= 0)
        i++;
    return i;
}

void http_linger_add(struct http_linger *l, int fd, int64_t now_ms)
{
    unsigned i = free_slot(l);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
                                .data.u64 = HTTP_LINGER_TAG + i};
    int copy;

    if (i == HTTP_LINGER_MAX)
        return;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    shutdown(copy, SHUT_WR);
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, copy, &event) != 0) {
        close(copy);
        return;
    }
    l->slots[i] = (struct http_linger_slot){copy, now_ms + HTTP_LINGER_MS,
                                            HTTP_LINGER_BYTES};
    l->used++;
}

/* True while the client may have more to say. */
static bool drop_input(struct http_linger_slot *slot)
{
    char dropped[READ_BYTES];

    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = recv(slot->fd, dropped, sizeof dropped, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n <= 0 || (size_t)n >= slot->left_bytes)
            return false;
        slot->left_bytes -= (size_t)n;
    }
    return true;
}

void http_linger_read(struct http_linger *l, uint64_t tag)
{
    struct http_linger_slot *slot = &l->slots[tag - HTTP_LINGER_TAG];

    if (slot->fd >= 0 && !drop_input(slot))
        release(l, slot);
}

void http_linger_expire(struct http_linger *l, int64_t now_ms)
{
    for (unsigned i = 0; i < HTTP_LINGER_MAX && l->used > 0; i++)
        if (l->slots[i].fd >= 0 && l->slots[i].until_ms <= now_ms)
            release(l, &l->slots[i]);
}
