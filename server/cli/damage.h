/* damage: what ends the program when the data file cannot be read. The file is
 * mapped into memory, so a disk that fails or a file that is cut short shows
 * as a signal, and a spoiled page as a wild pointer in the library.
 * Owns:   the handlers of SIGBUS, SIGSEGV and SIGABRT.
 * Thread: main, before threads start; the handlers run on any. */
#ifndef BELFRY_SERVER_CLI_DAMAGE_H
#define BELFRY_SERVER_CLI_DAMAGE_H

#include <signal.h>

/* What SIGSEGV and SIGABRT did before. */
struct damage_before {
    struct sigaction segv;
    struct sigaction abrt;
};

/* From here on each of the three ends the program with status 1 and a line on
 * standard error that says that the data file is damaged. */
void damage_watch(struct damage_before *before);

/* The file was opened and read: what follows of SIGSEGV and SIGABRT would be a
 * fault of the program and does what it did before. */
void damage_watch_disk_only(const struct damage_before *before);

#endif
