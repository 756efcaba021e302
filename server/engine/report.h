/* report: the outcome of one delivery attempt, as the engine records it.
 * Owns:   nothing; copied by engine_report().
 * Thread: made by delivery, applied by the writer. */
#ifndef BELFRY_SERVER_ENGINE_REPORT_H
#define BELFRY_SERVER_ENGINE_REPORT_H

#include <stdint.h>

#define REPORT_ERROR_BYTES 192

enum report_kind {
    REPORT_DELIVERED = 1, /* events up to `event` are acknowledged */
    REPORT_RETRY,         /* an attempt failed; next at next_attempt_ms */
    REPORT_HANDSHAKE_OK,  /* requested -> active */
    REPORT_FAILED,        /* retries exhausted, or handshake refused: error */
    REPORT_OFF            /* 410, or `end` was reached: off */
};

struct report {
    uint64_t subscription; /* number */
    uint64_t definition;   /* the definition that was in force; a report for
                              an older one changes no status */
    enum report_kind kind;
    uint64_t event;
    uint32_t attempts;
    int64_t next_attempt_ms;
    char error[REPORT_ERROR_BYTES]; /* "" : none; no patient data */
};

#endif
