/* prepared: what every request of one definition has in common: the target,
 * the header lines, the signing key. Kept for the definitions used last, so
 * that an attempt formats but the three webhook-* lines.
 * Owns:   counted; the cache holds one user of each.
 * Thread: the delivery thread.
 * Bounds: DELIVERY_PREPARED kept.
 * Errors: ERR_NOMEM; ERR_UNPROCESSABLE for an endpoint that is no URL. */
#ifndef BELFRY_SERVER_DELIVERY_PREPARED_H
#define BELFRY_SERVER_DELIVERY_PREPARED_H

#include <curl/curl.h>

#include "fhir/subscription/subscription.h"
#include "server/delivery/limits.h"
#include "server/security/egress.h"
#include "server/security/signature.h"

struct prepared {
    uint64_t subscription;
    uint64_t definition;
    uint32_t users;
    bool is_signed;
    char *url;
    struct curl_slist *headers;
    struct egress_target target;
    struct signature_key key;
};

struct prepared_cache {
    struct prepared *slots[DELIVERY_PREPARED];
};

void prepared_cache_fini(struct prepared_cache *c);

struct prepared_key {
    uint64_t subscription;
    uint64_t definition;
};

/* One more user of the prepared form of the definition. */
MUST_CHECK enum err_code prepared_get(struct prepared_cache *c,
                                      struct prepared_key key,
                                      const struct subscription *definition,
                                      struct prepared **out, struct err *e);
void prepared_unref(struct prepared **p);

#endif
