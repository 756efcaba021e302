/* ucum: units of measure as factors of base units (ucum.org, version 2.1),
 * for units that convert by a plain factor.
 * Owns:   nothing.
 * Thread: any.
 * Units with an offset or a logarithm (Cel, [degF], [pH], B) and arbitrary
 * ones ([iU]) are known and equal only to themselves. mol is a base unit here,
 * so that an amount is no mere number. */
#ifndef BELFRY_FHIR_FHIRPATH_UCUM_H
#define BELFRY_FHIR_FHIRPATH_UCUM_H

#include "fhir/fhirpath/decimal.h"

/* metre, second, gram, radian, kelvin, coulomb, candela, mole, bit */
#define UCUM_DIMENSIONS 9

/* The unit is numerator / denominator of its base units. */
struct ucum_unit {
    struct decimal numerator;
    struct decimal denominator;
    int exponents[UCUM_DIMENSIONS];
    uint64_t arbitrary; /* tells arbitrary units apart; 0: none in it */
};

/* A case-sensitive UCUM code: "mg/dL", "10*3/uL", "m.s-2". False when it is
 * none, or past the bounds of a decimal. */
bool ucum_parse(struct bytes code, struct ucum_unit *out);

/* Values in the two can be compared. */
bool ucum_is_same_dimension(const struct ucum_unit *a,
                            const struct ucum_unit *b);

/* value in from, in to; both have the same dimension. */
bool ucum_convert(const struct decimal *value, const struct ucum_unit *from,
                  const struct ucum_unit *to, struct decimal *out);

/* Below, equal to or above 0; the dimensions are the same. False when the
 * numbers are past the bounds. */
bool ucum_compare(const struct decimal *a, const struct ucum_unit *unit_a,
                  const struct decimal *b, const struct ucum_unit *unit_b,
                  int *order);

#endif
