/* unescape: JSON strings compared and read as the text that they mean.
 * Owns:   nothing.
 * Thread: any.
 * raw is what stands between the quotes of a string that passed the gate (or
 * that the gate has just accepted): its escapes are complete. */
#ifndef BELFRY_FHIR_JSON_UNESCAPE_H
#define BELFRY_FHIR_JSON_UNESCAPE_H

#include "storage/base/bytes.h"

/* Writes the text, never more than raw.n bytes, and returns its length. */
size_t json_unescape(struct bytes raw, char *out);

/* A total order: below, equal to or above 0, as memcmp. */
int json_unescaped_compare(struct bytes raw_a, struct bytes raw_b);

bool json_unescaped_is(struct bytes raw, struct bytes want);

#endif
