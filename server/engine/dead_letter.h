/* dead_letter: the batches that an endpoint kept refusing and that were set
 * aside by the subscriber's own choice. They are numbered 1, 2, ... a
 * subscription (subscription_state.parked is the newest), and stay.
 * Owns:   nothing.
 * Thread: any; each read is one short transaction.
 * Errors: ERR_NOT_FOUND, ERR_FORMAT for a damaged one, ERR_IO. */
#ifndef BELFRY_SERVER_ENGINE_DEAD_LETTER_H
#define BELFRY_SERVER_ENGINE_DEAD_LETTER_H

#include "server/engine/report.h"
#include "storage/base/bytes.h"
#include "storage/base/err.h"

struct engine;

enum dead_letter_state {
    DEAD_LETTER_WAITING = 1,
    DEAD_LETTER_REDELIVERED = 2,
    DEAD_LETTER_DISCARDED = 3
};

struct dead_letter {
    enum dead_letter_state state;
    enum failure_class failure;
    uint32_t attempts;
    int64_t time_ms; /* when it was parked */
    uint64_t first;  /* its events */
    uint64_t last;
    char error[REPORT_ERROR_BYTES];
};

#define DEAD_LETTER_BYTES_MAX (40 + REPORT_ERROR_BYTES)

struct bytes dead_letter_encode(const struct dead_letter *d,
                                char out[DEAD_LETTER_BYTES_MAX]);
MUST_CHECK enum err_code
dead_letter_decode(struct bytes value, struct dead_letter *out, struct err *e);

MUST_CHECK enum err_code
engine_dead_letter(struct engine *g, uint64_t subscription, uint64_t letter,
                   struct dead_letter *out, struct err *e);

#endif
