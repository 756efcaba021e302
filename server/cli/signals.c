#include "server/cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static void waited_for(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

enum err_code signals_block(struct err *e)
{
    struct sigaction ignore;
    sigset_t set;
    int failed;

    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        return err_set_errno(e, ERR_BUG, errno, "SIGPIPE cannot be ignored");
    waited_for(&set);
    failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (failed)
        return err_set_errno(e, ERR_BUG, failed, "signals cannot be blocked");
    return ERR_OK;
}

int signals_wait(int timeout_ms)
{
    struct timespec limit = {timeout_ms / 1000,
                             (long)(timeout_ms % 1000) * 1000000};
    sigset_t set;
    int number;

    waited_for(&set);
    do {
        number = timeout_ms < 0 ? sigwaitinfo(&set, NULL)
                                : sigtimedwait(&set, NULL, &limit);
    } while (number < 0 && errno == EINTR);
    return number < 0 ? 0 : number;
}
