/* report: the outcome of one delivery attempt, as the engine records it.
 * Owns:   nothing; copied by engine_report().
 * Thread: made by delivery, applied by the writer. */
#ifndef BELFRY_SERVER_ENGINE_REPORT_H
#define BELFRY_SERVER_ENGINE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/engine/failure.h"

#define REPORT_ERROR_BYTES 192

enum report_kind {
    REPORT_DELIVERED = 1, /* events up to `event` are acknowledged */
    REPORT_RETRY,         /* an attempt failed; next at next_attempt_ms */
    REPORT_HANDSHAKE_OK,  /* requested -> active */
    REPORT_FAILED,        /* retries exhausted, or handshake refused: error */
    REPORT_OFF,           /* 410, or `end` was reached: off */
    REPORT_ACKED,         /* events first to event are acknowledged, whatever
                             became of those before them */
    REPORT_PARKED,        /* events first to event are in the dead-letter list
                             and count as passed */
    REPORT_ENDPOINT,      /* of no subscription: an endpoint's breaker */
    REPORT_RESENT,        /* events first to event were sent again and are
                             acknowledged: the cursor stays */
    REPORT_REPARKED       /* they were sent again and refused again: they are
                             in the dead-letter list once more */
};

/* The attempt that it is about, told with what failed. */
struct report_attempt {
    bool made; /* false: there was none, or a success */
    int64_t ended_ms;
    uint64_t first;  /* event; 0: a handshake */
    uint64_t chosen; /* these and the span: as attempt_note has them */
    uint32_t span;
    uint32_t duration_ms;
    uint16_t said;
};

struct report {
    uint64_t subscription; /* number */
    uint64_t definition;   /* the definition that was in force; a report for
                              an older one changes no status */
    enum report_kind kind;
    enum failure_class failure; /* RETRY, FAILED, OFF, PARKED: why */
    uint64_t event;             /* RETRY: the first event of the batch where
                                they are not sent in one line; ENDPOINT: the
                                   endpoint's hash */
    uint64_t first;    /* ACKED, PARKED, RESENT, REPARKED; ENDPOINT: failing
                          since (ms), 0: not */
    uint64_t letter;   /* PARKED, REPARKED: number of the dead letter, given by
                          the engine; 0: its events were passed before */
    uint32_t attempts; /* ENDPOINT: times that it was found failing in a row */
    int64_t next_attempt_ms;
    struct report_attempt attempt;
    char error[REPORT_ERROR_BYTES]; /* "" : none; no patient data */
};

#endif
