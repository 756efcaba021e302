/* utf8: is this run of bytes well-formed UTF-8 (RFC 3629)?
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_JSON_UTF8_H
#define BELFRY_FHIR_JSON_UTF8_H

#include <stddef.h>

/* Bytes of the one well-formed sequence at p, of which n bytes may be read:
 * 1 to 4, or 0 when what stands there is overlong, a surrogate, beyond
 * U+10FFFF, cut off, or not a first byte. */
size_t utf8_sequence(const char *p, size_t n);

#endif
