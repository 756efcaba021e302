/* fold: text without case, accents and extra blanks, for string parameters
 * (R4 search.html, string): Unicode's case folding and compatibility
 * decomposition with the marks dropped; runs of blanks count as one, blanks at
 * the ends as none.
 * Owns:   nothing.
 * Thread: any.
 * Nothing is allocated: a text is folded as it is read. */
#ifndef BELFRY_FHIR_SEARCH_FOLD_H
#define BELFRY_FHIR_SEARCH_FOLD_H

#include "storage/base/bytes.h"

/* Writes the folded text, at most max bytes of it; returns how many. */
size_t fold_write(struct bytes text, char *out, size_t max);

/* How many bytes the whole folded text has. */
size_t fold_size(struct bytes text);

/* Does the text, once folded, start with or contain what is folded? */
bool fold_starts(struct bytes text, struct bytes folded);
bool fold_contains(struct bytes text, struct bytes folded);

#endif
