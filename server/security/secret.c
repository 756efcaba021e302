#include "server/security/secret.h"

#include "server/security/signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <string.h>

void secret_generate(const struct rng *r, char out[SECRET_TEXT_BYTES])
{
    const size_t prefix_n = strlen(SIGNATURE_SECRET_PREFIX);
    unsigned char raw[SECRET_RANDOM_BYTES];

    rng_fill(r, raw, sizeof raw);
    memcpy(out, SIGNATURE_SECRET_PREFIX, prefix_n);
    (void)EVP_EncodeBlock((unsigned char *)out + prefix_n, raw, sizeof raw);
    OPENSSL_cleanse(raw, sizeof raw);
}
