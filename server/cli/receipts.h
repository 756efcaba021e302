/* receipts: what a receiver keeps of the gap proofs that it is told, and what
 * they say (server/gap-proof.md).
 * Owns:   a few bytes a subscription and the digests of events that came
 *         before earlier ones.
 * Thread: one at a time.
 * Bounds: RECEIPTS_MAX subscriptions, RECEIPTS_EARLY_MAX early events each.
 * Errors: ERR_BUG, ERR_NOMEM. */
#ifndef BELFRY_SERVER_CLI_RECEIPTS_H
#define BELFRY_SERVER_CLI_RECEIPTS_H

#include "server/security/chain.h"
#include "storage/base/buf.h"

#define RECEIPTS_MAX 64
#define RECEIPTS_EARLY_MAX 256

struct receipts;

/* key is borrowed. */
MUST_CHECK enum err_code receipts_new(const struct signature_key *key,
                                      struct receipts **out, struct err *e);
void receipts_free(struct receipts *r);

/* Takes a notification bundle, which is well-formed JSON, and appends one line
 * of what its proof says: nothing when it carries none. */
MUST_CHECK enum err_code receipts_take(struct receipts *r, struct bytes body,
                                       struct buf *out, struct err *e);

#endif
