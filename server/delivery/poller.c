#include "server/delivery/poller.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS 128
#define WAKE_HANDLER UINT32_MAX

struct poller {
    int epoll_fd;
    int wake_fd;
    unsigned handler_count;
    struct poller_handler handlers[POLLER_HANDLERS];
};

static bool control(const struct poller *p, int fd, uint32_t handler,
                    uint32_t events)
{
    struct epoll_event event = {.events = events};

    event.data.u64 = (uint64_t)handler << 32 | (uint32_t)fd;
    if (epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return true;
    return errno == ENOENT &&
           epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

enum err_code poller_new(struct poller **out, struct err *e)
{
    struct poller *p = calloc(1, sizeof *p);

    *out = NULL;
    if (!p)
        return err_nomem(e);
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->epoll_fd < 0 || p->wake_fd < 0 ||
        !control(p, p->wake_fd, WAKE_HANDLER, EPOLLIN)) {
        int reason = errno;

        poller_free(p);
        return err_set_errno(e, ERR_IO, reason, "epoll");
    }
    *out = p;
    return ERR_OK;
}

void poller_free(struct poller *p)
{
    if (!p)
        return;
    if (p->epoll_fd >= 0)
        (void)close(p->epoll_fd);
    if (p->wake_fd >= 0)
        (void)close(p->wake_fd);
    free(p);
}

unsigned poller_add_handler(struct poller *p, struct poller_handler handler)
{
    assert(p->handler_count < POLLER_HANDLERS);
    p->handlers[p->handler_count] = handler;
    return p->handler_count++;
}

bool poller_watch(struct poller *p, unsigned handler, int fd, bool readable,
                  bool writable)
{
    uint32_t events = (readable ? (uint32_t)EPOLLIN : 0) |
                      (writable ? (uint32_t)EPOLLOUT : 0);

    if (events == 0) /* gone already when the socket is closed */
        return epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, NULL) == 0;
    return control(p, fd, handler, events);
}

static void serve(struct poller *p, const struct epoll_event *event)
{
    uint32_t handler = (uint32_t)(event->data.u64 >> 32);
    int fd = (int)(uint32_t)event->data.u64;
    struct poller_events events = {
        .readable = (event->events & (uint32_t)EPOLLIN) != 0,
        .writable = (event->events & (uint32_t)EPOLLOUT) != 0,
        .failed = (event->events & (uint32_t)(EPOLLERR | EPOLLHUP)) != 0};
    uint64_t count;

    if (handler == WAKE_HANDLER) {
        /* only resets the counter; EAGAIN when somebody did */
        ssize_t got = read(fd, &count, sizeof count);

        (void)got;
        return;
    }
    p->handlers[handler].ready(p->handlers[handler].ctx, fd, events);
}

void poller_wait(struct poller *p, int wait_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(p->epoll_fd, events, EVENTS, wait_ms);

    for (int i = 0; i < n; i++)
        serve(p, &events[i]);
}

void poller_wake(struct poller *p)
{
    uint64_t one = 1;
    ssize_t written = write(p->wake_fd, &one, sizeof one);

    (void)written; /* a full counter wakes as well */
}
