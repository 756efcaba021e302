/* secret: fresh signing secrets for subscriptions that bring none.
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_SERVER_SECURITY_SECRET_H
#define BELFRY_SERVER_SECURITY_SECRET_H

#include "server/base/rng.h"

#define SECRET_RANDOM_BYTES 32
/* "whsec_" and 44 characters of padded base64, with the NUL. */
#define SECRET_TEXT_BYTES 51

void secret_generate(const struct rng *r, char out[SECRET_TEXT_BYTES]);

#endif
