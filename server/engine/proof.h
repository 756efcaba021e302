/* proof: the gap proof's chain as events are numbered (server/gap-proof.md).
 * Owns:   nothing.
 * Thread: writer only.
 * Errors: ERR_BUG.
 * A subscription without a secret has no proof: its chain stays zero. */
#ifndef BELFRY_SERVER_ENGINE_PROOF_H
#define BELFRY_SERVER_ENGINE_PROOF_H

#include "server/security/chain.h"

/* Whose chain, and with what it is computed. */
struct proof {
    struct signer *signer;
    struct bytes key; /* behind the secret; empty without one */
    struct bytes subscription_id;
};

/* The value behind which no event is covered yet. */
MUST_CHECK enum err_code proof_start(const struct proof *p, uint64_t since,
                                     struct chain_value *out, struct err *e);

/* The value with the event, from the one before. */
MUST_CHECK enum err_code proof_extend(const struct proof *p,
                                      const struct chain_value *before,
                                      const struct chain_event *event,
                                      struct chain_value *out, struct err *e);

#endif
