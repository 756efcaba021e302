#include "storage/base/failpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void failpoint_reach(const char *name)
{
    static atomic_ulong reached;
    /* nothing writes the environment, and only tests come here */
    const char *chosen =
        getenv("FAILPOINT"); /* NOLINT(concurrency-mt-unsafe) */
    size_t n = strlen(name);
    unsigned long wanted;

    if (!chosen || strncmp(chosen, name, n) != 0 ||
        (chosen[n] != '\0' && chosen[n] != ':'))
        return;
    wanted = chosen[n] == ':' ? strtoul(chosen + n + 1, NULL, 10) : 1;
    if (atomic_fetch_add(&reached, 1) + 1 == wanted)
        (void)kill(getpid(), SIGKILL);
}
