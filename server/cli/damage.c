#include "server/cli/damage.h"

#include <stddef.h>
#include <unistd.h>

static const char message[] =
    "belfry: the data file cannot be read: it is damaged, or its disk fails. "
    "`belfry verify --data DIR` says more; a backup is restored by starting "
    "on it.\n";

static void end(int signal_number)
{
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);

    (void)signal_number;
    (void)written; /* there is nobody left to tell */
    _exit(1);
}

void damage_watch(struct damage_before *before)
{
    struct sigaction action = {.sa_handler = end};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, NULL);
    (void)sigaction(SIGSEGV, &action, &before->segv);
    (void)sigaction(SIGABRT, &action, &before->abrt);
}

void damage_watch_disk_only(const struct damage_before *before)
{
    (void)sigaction(SIGSEGV, &before->segv, NULL);
    (void)sigaction(SIGABRT, &before->abrt, NULL);
}
