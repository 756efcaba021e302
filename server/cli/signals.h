/* signals: asking the program to end, heard by the main thread alone.
 * Owns:   the process's signal mask and disposition of SIGPIPE.
 * Thread: main; block before any thread starts, so that all inherit it. */
#ifndef BELFRY_SERVER_CLI_SIGNALS_H
#define BELFRY_SERVER_CLI_SIGNALS_H

#include "storage/base/err.h"

/* Blocks SIGTERM, SIGINT and SIGHUP everywhere and ignores SIGPIPE. */
MUST_CHECK enum err_code signals_block(struct err *e);

/* Waits for one of the three; its number, or 0 when timeout_ms (below 0: for
 * ever) passed without. */
int signals_wait(int timeout_ms);

#endif
