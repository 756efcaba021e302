/* escape: the two layers of escaping in a search string: %XX of the URL, and
 * below it the backslashes of R4 search.html ("\,", "\|", "\$", "\\").
 * Owns:   nothing; both decode in place, the result is never longer.
 * Thread: one at a time. */
#ifndef BELFRY_FHIR_SEARCH_ESCAPE_H
#define BELFRY_FHIR_SEARCH_ESCAPE_H

#include "storage/base/bytes.h"

/* Replaces each %XX by its byte. A '+' stays: time zones have them, and a
 * filter is no HTML form. False for a '%' without two hexadecimal digits, and
 * when the result holds a NUL or is not UTF-8. */
bool escape_decode_percent(char *text, size_t *n);

/* Index of the first c that no backslash stands in front of, or text.n. */
size_t escape_find(struct bytes text, char c);

/* Removes the backslashes. False when one stands before anything but one of
 * the four characters. */
bool escape_remove(char *text, size_t *n);

#endif
