/* ucum_units: the table of UCUM's units that convert by a plain factor.
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_FHIRPATH_UCUM_UNITS_H
#define BELFRY_FHIR_FHIRPATH_UCUM_UNITS_H

#include <stddef.h>

#include "fhir/fhirpath/ucum.h"

struct ucum_atom {
    const char *code;
    bool metric; /* takes prefixes */
    bool arbitrary;
    const char *numerator;
    const char *denominator;
    int exponents[UCUM_DIMENSIONS];
};

extern const struct ucum_atom ucum_atoms[];
extern const size_t ucum_atom_count;

#endif
