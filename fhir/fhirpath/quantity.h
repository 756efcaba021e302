/* quantity: values with a unit: UCUM's, or the calendar's (FHIRPath 2.0,
 * "Quantity" and "Time-valued Quantities").
 * Owns:   nothing; texts of new units go to the arena.
 * Thread: any.
 * A calendar unit from the week down is the UCUM unit; years and months are
 * as many days as the calendar says, so they compare with each other only. */
#ifndef BELFRY_FHIR_FHIRPATH_QUANTITY_H
#define BELFRY_FHIR_FHIRPATH_QUANTITY_H

#include "fhir/fhirpath/value.h"

/* "years" and "year" name a unit of the calendar. */
bool quantity_calendar_unit(struct bytes word, enum moment_unit *out);

/* Below, equal to or above 0. False when they cannot be compared.
 * as_equivalent: 1 year is 1 'a'. */
bool quantity_compare(const struct fhirpath_quantity *a,
                      const struct fhirpath_quantity *b, bool as_equivalent,
                      int *order);

/* a + b or a - b in the unit of a. False when they do not add up. */
bool quantity_add(const struct fhirpath_quantity *a,
                  const struct fhirpath_quantity *b, bool subtract,
                  struct fhirpath_quantity *out);

/* False without memory, past a decimal's bounds, for units of the calendar
 * and for a division by zero. */
bool quantity_multiply(struct arena *arena, const struct fhirpath_quantity *a,
                       const struct fhirpath_quantity *b,
                       struct fhirpath_quantity *out);
bool quantity_divide(struct arena *arena, const struct fhirpath_quantity *a,
                     const struct fhirpath_quantity *b,
                     struct fhirpath_quantity *out);

/* Equal when rounded to the precision of the one that has less of it, in the
 * larger of their units. */
bool quantity_is_equivalent(const struct fhirpath_quantity *a,
                            const struct fhirpath_quantity *b);

/* In another unit: toQuantity(unit). A year may become 1 'a'. */
bool quantity_convert(const struct fhirpath_quantity *q, struct bytes unit,
                      bool calendar, struct fhirpath_quantity *out);

/* "1.5 'mg'" or "2 weeks"; an empty text without memory. */
struct bytes quantity_format(struct arena *arena,
                             const struct fhirpath_quantity *q);

/* The same, read: a number alone is in '1'. The unit borrows text. */
bool quantity_parse(struct bytes text, struct fhirpath_quantity *out);

#endif
