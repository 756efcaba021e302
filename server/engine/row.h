/* row: a subscription's state as the view "subscription" keeps it.
 * Owns:   nothing.
 * Thread: writer only.
 * Errors: ERR_FORMAT for a damaged row. */
#ifndef BELFRY_SERVER_ENGINE_ROW_H
#define BELFRY_SERVER_ENGINE_ROW_H

#include "server/engine/subs.h"

#define ROW_BYTES_MAX 640

/* as_of: all changes up to it are in the state. */
struct bytes row_encode(const struct sub *s, uint64_t as_of,
                        char out[ROW_BYTES_MAX]);

/* A new sub without a definition. */
MUST_CHECK enum err_code row_decode(uint64_t number, struct bytes row,
                                    struct sub **out, struct err *e);

#endif
