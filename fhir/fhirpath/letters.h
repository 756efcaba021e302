/* letters: case of letters in UTF-8 texts, and texts compared without it.
 * Owns:   nothing.
 * Thread: any; knows no locale. */
#ifndef BELFRY_FHIR_FHIRPATH_LETTERS_H
#define BELFRY_FHIR_FHIRPATH_LETTERS_H

#include "storage/base/arena.h"
#include "storage/base/bytes.h"

/* An empty text without memory (arena_failed()). */
struct bytes letters_upper(struct arena *arena, struct bytes text);
struct bytes letters_lower(struct arena *arena, struct bytes text);

/* Equal but for case and for how much white space there is between words. */
bool letters_equivalent(struct bytes a, struct bytes b);

/* Characters, not bytes. */
size_t letters_count(struct bytes text);

/* Bytes of the first n characters; text.n when there are fewer. */
size_t letters_skip(struct bytes text, size_t n);

/* A code point at *at, which moves behind it. */
uint32_t letters_next(struct bytes text, size_t *at);

/* As UTF-8; returns how many bytes it took, up to 4. */
size_t letters_put(uint32_t c, char *out);

bool letters_is_space(uint32_t c);

#endif
