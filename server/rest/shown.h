/* shown: a stored resource as a client sees it. All but a Subscription are
 * copied as they are; a Subscription shows its live status and error, and
 * neither header values nor the secret (spec: decisions, channel.header).
 * Owns:   nothing; the text is appended to a buf.
 * Thread: any. */
#ifndef BELFRY_SERVER_REST_SHOWN_H
#define BELFRY_SERVER_REST_SHOWN_H

#include "server/engine/read.h"
#include "storage/base/buf.h"

/* A text is never longer than what was taken; showing may add a little. */
#define SHOWN_EXTRA_BYTES ((size_t)64 << 10)

/* A Subscription as it is now, its state being known. */
MUST_CHECK enum err_code shown_subscription(struct bytes text,
                                            const struct subscription_state *s,
                                            struct arena *scratch,
                                            struct buf *out, struct err *e);

/* A Subscription as an older version had it. */
MUST_CHECK enum err_code shown_old_subscription(struct bytes text,
                                                struct arena *scratch,
                                                struct buf *out, struct err *e);

/* The status that the text itself holds. */
enum subscription_status shown_stored_status(struct bytes text);

#endif
