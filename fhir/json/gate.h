/* gate: what a JSON text must be before anything else looks at it.
 * Owns:   nothing.
 * Thread: any.
 * Bounds: JSON_DEPTH_MAX levels of nesting, JSON_MEMBERS_MAX members in one
 *         object, JSON_KEY_BYTES_MAX bytes in a key, JSON_NUMBER_BYTES_MAX in
 *         a number; the size is the caller's.
 * Errors: ERR_SYNTAX with the place (line, column and, inside the resource,
 *         the path as expression), ERR_NOMEM.
 * Stricter than RFC 8259 where the RFC leaves room: valid UTF-8 only, no byte
 * order mark, no duplicate keys (compared after unescaping), no NUL in any
 * form, no lone surrogates, one value and nothing but white space behind it. */
#ifndef BELFRY_FHIR_JSON_GATE_H
#define BELFRY_FHIR_JSON_GATE_H

#include "fhir/json/tokens.h"
#include "storage/base/err.h"

#define JSON_DEPTH_MAX 64
#define JSON_MEMBERS_MAX 10000
#define JSON_KEY_BYTES_MAX 1024

/* True (ERR_OK) when text is one JSON object that passes every rule. */
MUST_CHECK enum err_code json_gate(struct bytes text, struct err *e);

/* As json_gate(), and what stands where goes into out, which must be zeroed or
 * used before; it is empty after an error. ERR_TOO_LARGE as well. */
MUST_CHECK enum err_code json_gate_read(struct bytes text,
                                        struct json_tokens *out, struct err *e);

#endif
