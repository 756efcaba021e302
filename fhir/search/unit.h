/* unit: UCUM's units in searches. Values whose units have one dimension
 * compare in its base units: 7600 mg is more than 7.5 g.
 * Owns:   nothing.
 * Thread: any.
 * Units of other systems, codes that UCUM does not have and those with an
 * annotation ("{beats}", which UCUM takes for the number 1) are equal to
 * themselves only.
 * A value in base units is rounded to UNIT_DIGITS, so that equal amounts are
 * equal numbers whatever units they were written in. */
#ifndef BELFRY_FHIR_SEARCH_UNIT_H
#define BELFRY_FHIR_SEARCH_UNIT_H

#include "storage/base/bytes.h"

#define UNIT_DIGITS 15

struct unit {
    uint64_t dimension; /* a hash; 0: compares with its own code only */
    long double up;     /* value * up / down is in base units */
    long double down;
};

struct unit unit_find(struct bytes system, struct bytes code);

/* Infinite values stay what they are. */
double unit_to_base(const struct unit *unit, double value);

#endif
