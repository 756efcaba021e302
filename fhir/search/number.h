/* number: the numbers of a search and the ranges that they stand for (R4
 * search.html, number): a number is as precise as it is written, "100" is
 * [99.5, 100.5) and "1e2" is [95, 105).
 * Owns:   nothing.
 * Thread: any.
 * Bounds: NUMBER_DIGITS_MAX digits, NUMBER_EXPONENT_MAX either way.
 * A decimal becomes the double nearest to it, whether it is read, computed or
 * found in a resource: equal decimals stay equal. */
#ifndef BELFRY_FHIR_SEARCH_NUMBER_H
#define BELFRY_FHIR_SEARCH_NUMBER_H

#include "storage/base/bytes.h"

#define NUMBER_DIGITS_MAX 16
#define NUMBER_EXPONENT_MAX 300

struct number {
    double value;
    double low;  /* what "equal" means: low <= x */
    double high; /* and x < high */
};

/* "5.40", "-3", "1.2e-3". False for anything else and past the bounds. */
bool number_parse(struct bytes text, struct number *out);

/* Approximately: within a tenth of the value. */
void number_approximate(double value, double *low, double *high);

#endif
