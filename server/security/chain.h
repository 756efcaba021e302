/* chain: the gap proof, a keyed rolling hash over a subscription's events
 * (server/gap-proof.md is its definition, for receivers too).
 * Owns:   nothing.
 * Thread: any, with the signer's rule.
 * Errors: ERR_BUG (the library failed). */
#ifndef BELFRY_SERVER_SECURITY_CHAIN_H
#define BELFRY_SERVER_SECURITY_CHAIN_H

#include "server/security/signature.h"

#define CHAIN_BYTES 16
/* Lower-case hexadecimal, with the NUL. */
#define CHAIN_TEXT_BYTES (2 * CHAIN_BYTES + 1)

/* A digest, or a value of the chain. */
struct chain_value {
    unsigned char p[CHAIN_BYTES];
};

/* Who computes: a signer and the key of the subscription with the id. */
struct chain_maker {
    struct signer *signer;
    const struct signature_key *key;
    struct bytes subscription_id;
};

/* One event as the chain sees it. */
struct chain_event {
    uint64_t number;
    struct bytes type;
    struct bytes id;
    uint64_t version;
};

/* The value before the first event behind `since`. */
MUST_CHECK enum err_code chain_start(const struct chain_maker *m,
                                     uint64_t since, struct chain_value *out,
                                     struct err *e);

/* What one event adds: without the key it tells nothing of its focus. */
MUST_CHECK enum err_code chain_digest(const struct chain_maker *m,
                                      const struct chain_event *event,
                                      struct chain_value *out, struct err *e);

/* The value with the event of the digest. */
MUST_CHECK enum err_code chain_link(struct signer *s,
                                    const struct chain_value *before,
                                    const struct chain_value *digest,
                                    struct chain_value *out, struct err *e);

void chain_format(const struct chain_value *v, char out[CHAIN_TEXT_BYTES]);

/* False for anything but CHAIN_TEXT_BYTES - 1 lower-case digits. */
MUST_CHECK bool chain_parse(struct bytes text, struct chain_value *out);

#endif
