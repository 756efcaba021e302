/* series: roots, powers and logarithms of decimals.
 * Owns:   nothing.
 * Thread: any.
 * Bounds: results have DECIMAL_QUOTIENT_DIGITS digits; powers of integers are
 *         exact. False where there is no (real) result or it is too large. */
#ifndef BELFRY_FHIR_FHIRPATH_SERIES_H
#define BELFRY_FHIR_FHIRPATH_SERIES_H

#include "fhir/fhirpath/decimal.h"

bool series_sqrt(const struct decimal *a, struct decimal *out);
bool series_exp(const struct decimal *a, struct decimal *out);
bool series_ln(const struct decimal *a, struct decimal *out);
bool series_log(const struct decimal *a, const struct decimal *base,
                struct decimal *out);
bool series_power(const struct decimal *a, const struct decimal *exponent,
                  struct decimal *out);

#endif
