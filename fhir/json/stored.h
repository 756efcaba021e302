/* stored: a resource text as the log keeps it, with two holes that only the
 * writer can fill: the version and the time (R4 resource.html, Meta).
 * Owns:   its text (heap).
 * Thread: one at a time; made on an HTTP thread, filled by the writer.
 * Errors: ERR_INVALID (meta or id of the wrong shape), ERR_TOO_LARGE,
 *         ERR_NOMEM. */
#ifndef BELFRY_FHIR_JSON_STORED_H
#define BELFRY_FHIR_JSON_STORED_H

#include "fhir/json/tokens.h"
#include "storage/base/buf.h"

struct stored_text {
    char *p;
    size_t n;          /* without the version's digits */
    size_t version_at; /* the digits go here, between quotes that are there */
    size_t time_at;    /* INSTANT_TEXT_BYTES bytes to overwrite */
};

/* Splices id, meta.versionId and meta.lastUpdated into a text that passed the
 * gate. Whatever the client had in these three is replaced, all else stays
 * byte for byte: an existing member keeps its place, a missing id goes behind
 * resourceType, a missing meta behind id. */
MUST_CHECK enum err_code stored_text_make(const struct json_tokens *tokens,
                                          struct bytes id,
                                          struct stored_text *out,
                                          struct err *e);

void stored_text_fini(struct stored_text *t);

/* Bytes of the text once version is filled in. */
size_t stored_text_size(const struct stored_text *t, uint64_t version);

/* Writes stored_text_size() bytes. */
void stored_text_fill(const struct stored_text *t, uint64_t version,
                      int64_t time_ms, char *out);

#endif
