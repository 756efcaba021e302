/* ledger: the queue that puts all commands and reports in one order.
 * Owns:   what waits in it.
 * Thread: put by any, take by the writer.
 * Bounds: ENGINE_QUEUE_COMMANDS and ENGINE_QUEUE_BYTES of commands (ERR_BUSY);
 *         LEDGER_REPORTS and one put more of reports (ERR_BUSY), those that
 *         the writer has taken among them; an intake takes at most
 *         LEDGER_TAKE_COMMANDS, LEDGER_TAKE_BYTES and LEDGER_TAKE_REPORTS, so
 *         that no commit grows without end. */
#ifndef BELFRY_SERVER_ENGINE_LEDGER_H
#define BELFRY_SERVER_ENGINE_LEDGER_H

#include <pthread.h>

#include "server/engine/command.h"
#include "server/engine/report.h"

#define LEDGER_TAKE_COMMANDS 512
#define LEDGER_TAKE_BYTES ((size_t)16 << 20)

/* Seconds of reports at full speed: nobody meets it but while the disk takes
 * nothing, when each attempt would add one for hours. Some 20 MB. */
#define LEDGER_REPORTS ((size_t)65536)

/* They become one record of the log, of 2 MB at most. */
#define LEDGER_TAKE_REPORTS ((size_t)8192)

struct ledger {
    pthread_mutex_t m;
    pthread_cond_t filled;
    /* lock: m */
    struct command *first;
    struct command **last;
    size_t commands;
    size_t bytes;
    struct report *reports;
    size_t report_count;
    size_t report_capacity;
    size_t reports_taken; /* at the last intake: they may come back */
    bool urgent;          /* a report changes a status, or there are many */
    bool closed;
    bool waiting; /* the writer sleeps */
};

/* What the writer works on next. */
struct intake {
    struct command *commands; /* in order */
    struct report *reports;   /* heap */
    size_t report_count;
    bool closed; /* nothing more will come */
};

MUST_CHECK enum err_code ledger_init(struct ledger *l, struct err *e);
void ledger_fini(struct ledger *l);

MUST_CHECK enum err_code ledger_put(struct ledger *l, struct command *c,
                                    struct err *e);
MUST_CHECK enum err_code ledger_put_reports(struct ledger *l,
                                            const struct report *reports,
                                            size_t n, struct err *e);

/* Puts reports of the last intake back where they were, before all that came
 * since. False without memory, or when the ledger is closed. */
MUST_CHECK bool ledger_return_reports(struct ledger *l,
                                      const struct report *reports, size_t n);

/* Waits until there are commands or urgent reports, but no longer than
 * report_wait_ms when other reports wait and idle_wait_ms when nothing does. */
void ledger_take(struct ledger *l, int report_wait_ms, int idle_wait_ms,
                 struct intake *out);

/* No more puts; wakes the writer. */
void ledger_close(struct ledger *l);

/* How full the queue is. */
size_t ledger_waiting(struct ledger *l);

#endif
