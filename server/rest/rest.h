/* rest: FHIR R4 interactions and operations over HTTP, base path /fhir.
 * Owns:   the CapabilityStatement; the state of each request while it is
 *         answered.
 * Thread: new and free by main; the handler on the loop of each connection;
 *         a write's completion on the engine's writer thread, which only
 *         resumes the request.
 * Bounds: the request body is server/http's; a page of a search and a list of
 *         statuses are bounded (search.h, status.h).
 * Errors: every refusal is an OperationOutcome; what went wrong inside is
 *         logged and not told. */
#ifndef BELFRY_SERVER_REST_REST_H
#define BELFRY_SERVER_REST_REST_H

#include "server/base/clock.h"
#include "server/base/rng.h"
#include "server/engine/engine.h"
#include "server/http/message.h"
#include "storage/base/buf.h"

struct rest_config {
    struct engine *engine;
    const char *base_url; /* "https://host/fhir", no slash at the end */
    const struct clock *clock;
    const struct rng *rng;
    size_t body_bytes; /* the largest body that is taken */
    bool lenient;      /* what R4 forbids is stored, with a warning */
    /* Judges a subscription's endpoint, as in struct subscription_rules. */
    enum err_code (*endpoint)(void *ctx, const char *url, struct err *e);
    void *endpoint_ctx;
    /* Appends the metrics of all parts; NULL: there are none. */
    void (*metrics)(void *ctx, struct buf *out);
    void *metrics_ctx;
    const char *version; /* of the software */
};

struct rest;

/* What config points at is borrowed and must outlive the rest. */
MUST_CHECK enum err_code rest_new(const struct rest_config *config,
                                  struct rest **out, struct err *e);
void rest_free(struct rest *r);

struct http_handler rest_handler(struct rest *r);

#endif
