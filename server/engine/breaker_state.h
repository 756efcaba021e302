/* breaker_state: what is remembered of an endpoint that fails, so that a
 * restart does not run into it again.
 * Owns:   nothing.
 * Thread: any; the read is one short transaction.
 * Errors: ERR_NOT_FOUND for an endpoint that never failed so, ERR_FORMAT,
 *         ERR_IO. */
#ifndef BELFRY_SERVER_ENGINE_BREAKER_STATE_H
#define BELFRY_SERVER_ENGINE_BREAKER_STATE_H

#include <stdint.h>

#include "storage/base/bytes.h"
#include "storage/base/err.h"

struct engine;

struct breaker_state {
    uint32_t trips;   /* in a row; 0: it works again */
    int64_t since_ms; /* the first failure since it last worked */
    int64_t until_ms; /* not tried before */
};

#define BREAKER_STATE_BYTES 24

struct bytes breaker_state_encode(const struct breaker_state *s,
                                  char out[BREAKER_STATE_BYTES]);

/* hash is the one that REPORT_ENDPOINT told. */
MUST_CHECK enum err_code engine_breaker_state(struct engine *g, uint64_t hash,
                                              struct breaker_state *out,
                                              struct err *e);

MUST_CHECK enum err_code breaker_state_decode(struct bytes value,
                                              struct breaker_state *out,
                                              struct err *e);

#endif
