/* unit_product: the UCUM code of a product or a quotient of two units.
 * Owns:   nothing; the code goes to the arena.
 * Thread: any.
 * Bounds: UNIT_FACTORS_MAX factors; codes with more, or with parentheses,
 *         numbers or annotations, are joined as they are. */
#ifndef BELFRY_FHIR_FHIRPATH_UNIT_PRODUCT_H
#define BELFRY_FHIR_FHIRPATH_UNIT_PRODUCT_H

#include "storage/base/arena.h"

#define UNIT_FACTORS_MAX 16

/* "cm" and "cm" give "cm2", "m/s" and "s" give "m", "" is 1 and a quotient
 * without units "1". NULL without memory. */
struct bytes unit_product(struct arena *arena, struct bytes left,
                          struct bytes right, bool divide);

#endif
