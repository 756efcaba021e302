/* wire: the texts of a channel that end up in HTTP requests, judged one by
 * one: endpoint, media type, header line, secret.
 * Owns:   nothing; results borrow the text.
 * Thread: any.
 * Bounds: fhir/subscription/limits.h.
 * Errors: ERR_UNPROCESSABLE; the message never repeats a header's value or a
 *         secret. */
#ifndef BELFRY_FHIR_SUBSCRIPTION_WIRE_H
#define BELFRY_FHIR_SUBSCRIPTION_WIRE_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"

/* An absolute http or https URL without userinfo and fragment. Where it may
 * point is the egress policy's question. */
MUST_CHECK enum err_code wire_check_endpoint(struct bytes url, struct err *e);

/* application/fhir+json or application/json, with fhirVersion=4.0 or 4.0.1
 * and charset=utf-8 as the only parameters. */
MUST_CHECK enum err_code wire_check_media_type(struct bytes text,
                                               struct err *e);

struct wire_header {
    struct bytes name;
    struct bytes value; /* without the white space around it */
};

/* Splits at the first colon (trap 26); false without one. */
bool wire_split_header(struct bytes line, struct wire_header *out);

/* A line that may be sent: token name that is not reserved, visible value. */
MUST_CHECK enum err_code
wire_check_header(struct bytes line, struct wire_header *out, struct err *e);

/* "whsec_" and the padded, canonical base64 of 24 to 64 bytes. */
MUST_CHECK enum err_code wire_check_secret(struct bytes text, struct err *e);

/* ASCII letters without case. */
bool wire_same_name(struct bytes a, struct bytes b);

#endif
