#include "fhir/search/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fhir/fhirpath/ucum.h"

#define UCUM "http://unitsofmeasure.org"

static long double read_factor(const struct decimal *factor)
{
    char text[DECIMAL_TEXT_BYTES];

    (void)decimal_format(factor, text);
    return strtold(text, NULL);
}

static uint64_t hash_dimension(const struct ucum_unit *u)
{
    static const uint64_t key[2] = {0x64696d, 0x73};
    char text[UCUM_DIMENSIONS + sizeof u->arbitrary];

    for (size_t i = 0; i < UCUM_DIMENSIONS; i++)
        text[i] = (char)u->exponents[i];
    memcpy(text + UCUM_DIMENSIONS, &u->arbitrary, sizeof u->arbitrary);
    return bytes_hash(bytes_make(text, sizeof text), key) | 1;
}

struct unit unit_find(struct bytes system, struct bytes code)
{
    struct ucum_unit found;

    if (!bytes_is(system, UCUM) || bytes_find(code, '{') < code.n ||
        !ucum_parse(code, &found))
        return (struct unit){.dimension = 0};
    return (struct unit){hash_dimension(&found), read_factor(&found.numerator),
                         read_factor(&found.denominator)};
}

double unit_to_base(const struct unit *unit, double value)
{
    char text[48];

    if (!isfinite(value))
        return value;
    (void)snprintf(text, sizeof text, "%.*Lg", UNIT_DIGITS,
                   (long double)value * unit->up / unit->down);
    return strtod(text, NULL);
}
