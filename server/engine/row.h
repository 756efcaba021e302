/* row: a subscription's state as the view "subscription" keeps it, with the
 * form of its filters, so that a start reads no Subscription's text.
 * Owns:   nothing.
 * Thread: writer only (the start before it).
 * Bounds: ROW_FORM_MAX bytes of form; a longer one is left out and made again
 *         from the text in the log.
 * Errors: ERR_FORMAT for a damaged row.
 * Fixed header, first byte the version of the row: rows of earlier versions
 * lack what they did not know, the form too. */
#ifndef BELFRY_SERVER_ENGINE_ROW_H
#define BELFRY_SERVER_ENGINE_ROW_H

#include "server/engine/form.h"
#include "server/engine/subs.h"

#define ROW_FORM_MAX 1500
#define ROW_BYTES_MAX 2048

/* as_of: all changes up to it are in the state, and in the form (NULL: none)
 * that goes with it. */
struct bytes row_encode(const struct sub *s, const struct form *form,
                        uint64_t as_of, char out[ROW_BYTES_MAX]);

/* What a row says; the texts borrow it. */
struct row {
    uint64_t as_of;
    struct sub_state state;
    struct sub_rare rare; /* without what it would own */
    struct bytes id;
    struct bytes error;
    bool has_acked;
    struct acked acked;
    bool has_form;
    struct form_text form;
};
MUST_CHECK enum err_code row_decode(struct bytes row, struct row *out,
                                    struct err *e);

#endif
