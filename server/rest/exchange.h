/* exchange: one request while the REST layer answers it.
 * Owns:   the command it prepares and the memory of its work.
 * Thread: the loop of the connection; while a command is submitted, nobody
 *         but the engine (through the command) until the request is resumed.
 * It hangs on request->app and lives in the request's arena. */
#ifndef BELFRY_SERVER_REST_EXCHANGE_H
#define BELFRY_SERVER_REST_EXCHANGE_H

#include "server/rest/negotiate.h"
#include "server/rest/params.h"
#include "server/rest/prepare.h"
#include "server/rest/rest.h"
#include "server/rest/router.h"
#include "storage/base/instant.h"

/* Above the largest body: spliced members, search values, the few lists. */
#define EXCHANGE_SCRATCH_EXTRA ((size_t)1 << 20)
#define EXCHANGE_ETAG_BYTES 32

/* The CapabilityStatement but for the topics, which come and go. */
struct metadata {
    char *text; /* heap */
    size_t bytes;
    size_t topics_at; /* where their extensions go */
};

struct rest {
    struct rest_config config; /* immutable */
    struct bytes base_url;     /* immutable */
    struct metadata metadata;  /* immutable */
};

struct bundle_run;

struct exchange {
    const struct rest *rest;
    struct http_request *request;
    struct http_response *response; /* of the call that runs */
    /* What handle() calls after http_resume(). */
    enum http_next (*resume)(struct exchange *x);

    struct route route;
    struct params params;
    enum media media;

    struct json_tokens tokens; /* of a body that passed body_check() */
    struct write write;        /* prepared anew when the state has moved on */
    struct conditional conditional;
    enum prefer_return prefer;
    unsigned tries;
    struct bundle_run *bundle; /* a batch or transaction, else NULL */

    struct arena scratch;
    char etag[EXCHANGE_ETAG_BYTES];
    char last_modified[INSTANT_HTTP_BYTES];
};

/* NULL without memory. */
struct exchange *exchange_new(const struct rest *r,
                              struct http_request *request);
void exchange_free(struct exchange *x);

static inline struct bytes exchange_header(const struct exchange *x,
                                           const char *name)
{
    return http_request_header(x->request, name);
}

#endif
