/* signature: Standard Webhooks 1.0.0, scheme v1 (HMAC-SHA256), both sides.
 * Owns:   a signer owns OpenSSL's MAC and hash, fetched once, and the contexts
 * of the keys that it used last (64 at most), so that it need not set them up.
 * Thread: a signer by one thread at a time; keys and the rest by any.
 * Bounds: keys of SIGNATURE_KEY_MIN..SIGNATURE_KEY_MAX bytes; the first
 *         SIGNATURES_MAX signatures of a header are looked at.
 * Errors: ERR_INVALID (a malformed secret or header), ERR_FORBIDDEN (no
 *         signature matches, or the time is out of tolerance), ERR_NOMEM,
 *         ERR_BUG (the library failed). */
#ifndef BELFRY_SERVER_SECURITY_SIGNATURE_H
#define BELFRY_SERVER_SECURITY_SIGNATURE_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"

#define SIGNATURE_SECRET_PREFIX "whsec_"
#define SIGNATURE_KEY_MIN 24
#define SIGNATURE_KEY_MAX 64
#define SIGNATURE_TOLERANCE_S 300
#define SIGNATURES_MAX 32
#define SIGNATURE_MAC_BYTES 32
/* "v1," and 44 characters of base64, with the NUL. */
#define SIGNATURE_TEXT_BYTES 48

/* The bytes behind a secret. Wiped by signature_key_fini(). */
struct signature_key {
    unsigned char p[SIGNATURE_KEY_MAX];
    size_t n;
};

/* Reads "whsec_" and base64 (standard alphabet, padded, canonical); the prefix
 * may be missing, as the scheme asks of verifiers. */
MUST_CHECK enum err_code signature_key_parse(struct bytes secret,
                                             struct signature_key *out,
                                             struct err *e);
void signature_key_fini(struct signature_key *key);

struct signer;

MUST_CHECK enum err_code signer_new(struct signer **out, struct err *e);
void signer_free(struct signer *s);

/* The HMAC-SHA256 over the parts, one behind the other. */
MUST_CHECK enum err_code signer_mac(struct signer *s,
                                    const struct signature_key *key,
                                    const struct bytes *parts, size_t n,
                                    unsigned char out[SIGNATURE_MAC_BYTES],
                                    struct err *e);

/* The SHA-256 of the bytes, without a key. */
MUST_CHECK enum err_code signer_hash(struct signer *s, struct bytes data,
                                     unsigned char out[SIGNATURE_MAC_BYTES],
                                     struct err *e);

/* What is signed: webhook-id, webhook-timestamp and the body as sent. */
struct signature_message {
    struct bytes id;
    int64_t timestamp_s; /* of this attempt, since 1970 */
    struct bytes body;
};

/* Writes one item of webhook-signature, "v1,...", with its NUL. */
MUST_CHECK enum err_code signer_sign(struct signer *s,
                                     const struct signature_key *key,
                                     const struct signature_message *m,
                                     char out[SIGNATURE_TEXT_BYTES],
                                     struct err *e);

/* The values of the three headers as received; n is 0 for a missing one. */
struct signature_headers {
    struct bytes id;
    struct bytes timestamp;
    struct bytes signature; /* "v1,AAA= v1,BBB=" */
};

/* ERR_OK when one of the v1 signatures matches in constant time and the
 * timestamp is at most SIGNATURE_TOLERANCE_S away from now_s. */
MUST_CHECK enum err_code signer_verify(struct signer *s,
                                       const struct signature_key *key,
                                       const struct signature_headers *h,
                                       struct bytes body, int64_t now_s,
                                       struct err *e);

/* "msg_", a FHIR id of 64 bytes each as "_xx", two numbers, with the NUL. */
#define SIGNATURE_ID_BYTES (4 + 3 * 64 + 1 + 20 + 1 + 20 + 1)

/* The webhook-id of a batch: msg_<subscription>_<first>_<last>. Bytes of the
 * subscription's id (at most 64) outside [A-Za-z0-9-] become "_" and two hex
 * digits, so no two batches share an id and none holds a ".". */
void signature_message_id(struct bytes subscription_id, uint64_t first,
                          uint64_t last, char out[SIGNATURE_ID_BYTES]);

#endif
