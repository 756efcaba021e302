/* negotiate: which form a response takes and which form a body may have
 * (R4 http.html, "Content Types and encodings"; RFC 9110, 12.5.1).
 * Owns:   nothing.
 * Thread: any.
 * Errors: ERR_NOT_ACCEPTABLE, ERR_MEDIA_TYPE. */
#ifndef BELFRY_SERVER_REST_NEGOTIATE_H
#define BELFRY_SERVER_REST_NEGOTIATE_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"

enum media { MEDIA_FHIR_JSON, MEDIA_JSON, MEDIA_METRICS };

/* "application/fhir+json;charset=utf-8". */
const char *media_content_type(enum media m);

/* From the Accept header; none ({NULL, 0}) accepts all. */
MUST_CHECK enum err_code negotiate_accept(struct bytes accept, enum media *out,
                                          struct err *e);

/* From the _format parameter, which beats Accept. */
MUST_CHECK enum err_code negotiate_format(struct bytes format, enum media *out,
                                          struct err *e);

/* Judges the Content-Type of a FHIR body, and of a form. */
MUST_CHECK enum err_code negotiate_body(struct bytes content_type,
                                        struct err *e);
MUST_CHECK enum err_code negotiate_form(struct bytes content_type,
                                        struct err *e);

enum prefer_return {
    PREFER_REPRESENTATION,
    PREFER_MINIMAL,
    PREFER_OPERATION_OUTCOME
};

/* From the Prefer header (RFC 7240): what is unknown is ignored, the first
 * "return" counts. */
enum prefer_return negotiate_prefer(struct bytes prefer);

#endif
