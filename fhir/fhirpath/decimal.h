/* decimal: exact decimal numbers that keep their precision (1.10 is not 1.1).
 * Owns:   nothing; a struct decimal is a value.
 * Thread: any.
 * Bounds: DECIMAL_DIGITS significant digits, DECIMAL_SCALE_MAX of them behind
 *         the point. A result with more is rounded half away from zero; one
 *         whose whole part does not fit is refused (false).
 * Quotients and roots are given to DECIMAL_QUOTIENT_DIGITS. */
#ifndef BELFRY_FHIR_FHIRPATH_DECIMAL_H
#define BELFRY_FHIR_FHIRPATH_DECIMAL_H

#include "storage/base/bytes.h"

#define DECIMAL_LIMBS 9 /* of nine digits each */
#define DECIMAL_DIGITS 81
#define DECIMAL_SCALE_MAX 60
#define DECIMAL_QUOTIENT_DIGITS 28

/* sign, point and NUL included */
#define DECIMAL_TEXT_BYTES (DECIMAL_DIGITS + DECIMAL_SCALE_MAX + 4)

struct decimal {
    uint32_t limb[DECIMAL_LIMBS]; /* least first */
    unsigned char scale;          /* digits behind the point */
    bool negative;                /* never of zero */
};

enum decimal_rounding {
    DECIMAL_HALF_UP, /* half away from zero */
    DECIMAL_TRUNCATE,
    DECIMAL_FLOOR,
    DECIMAL_CEILING
};

/* An optional sign, digits, optionally a point with digits, optionally an
 * exponent. False for anything else and past the bounds. */
bool decimal_parse(struct bytes text, struct decimal *out);

struct decimal decimal_of(int64_t value);

/* False when it has a fraction other than zero or is too large. */
bool decimal_to_i64(const struct decimal *a, int64_t *out);

/* Writes the number with all of its scale and a NUL; returns the length. */
size_t decimal_format(const struct decimal *a, char out[DECIMAL_TEXT_BYTES]);

bool decimal_is_zero(const struct decimal *a);

/* Below, equal to or above 0; the precision does not count. */
int decimal_compare(const struct decimal *a, const struct decimal *b);

bool decimal_add(const struct decimal *a, const struct decimal *b,
                 struct decimal *out);
bool decimal_subtract(const struct decimal *a, const struct decimal *b,
                      struct decimal *out);
bool decimal_multiply(const struct decimal *a, const struct decimal *b,
                      struct decimal *out);

/* b is not zero. */
bool decimal_divide(const struct decimal *a, const struct decimal *b,
                    struct decimal *out);

/* The quotient without its fraction; b is not zero. */
bool decimal_divide_whole(const struct decimal *a, const struct decimal *b,
                          struct decimal *out);

/* What remains of that, with the sign of a. */
bool decimal_modulo(const struct decimal *a, const struct decimal *b,
                    struct decimal *out);

/* Exactly scale digits behind the point. */
bool decimal_rescale(const struct decimal *a, unsigned scale,
                     enum decimal_rounding rounding, struct decimal *out);

/* Without zeros at the end of the fraction. */
struct decimal decimal_strip(const struct decimal *a);

static inline void decimal_negate(struct decimal *a)
{
    a->negative = !a->negative && !decimal_is_zero(a);
}

#endif
