/* metadata: the CapabilityStatement of this server (R4 capabilitystatement;
 * backport-subscription-server-r4), built once at start but for the topics
 * that are served at the moment.
 * Owns:   nothing.
 * Thread: built by main; read by any. */
#ifndef BELFRY_SERVER_REST_METADATA_H
#define BELFRY_SERVER_REST_METADATA_H

#include "server/rest/exchange.h"

#define METADATA_BYTES_MAX ((size_t)4 << 20)

/* out->text (heap) is the caller's. */
MUST_CHECK enum err_code metadata_build(const struct rest_config *config,
                                        struct metadata *out, struct err *e);

/* GET /fhir/metadata */
enum http_next metadata_get(struct exchange *x);

#endif
