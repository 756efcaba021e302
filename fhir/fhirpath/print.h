/* print: what an expression yielded, as JSON.
 * Owns:   nothing.
 * Thread: any.
 * Errors: sticky in the buffer. */
#ifndef BELFRY_FHIR_FHIRPATH_PRINT_H
#define BELFRY_FHIR_FHIRPATH_PRINT_H

#include "fhir/fhirpath/value.h"
#include "storage/base/buf.h"

/* The type as FHIR writes it: "string", "dateTime", "Quantity", "code". */
struct bytes print_type(const struct fhirpath_item *item);

/* The item's string form: of a primitive what the JSON says, of dates and
 * times the literal ("@2014-01-01"), of a complex element its JSON. The text
 * is in the arena or borrowed; empty (NULL) without memory. */
struct bytes print_value(const struct fhirpath_item *item, struct arena *arena);

/* [{"type": ..., "value": ...}, ...] on one line. */
void print_collection(const struct fhirpath_collection *c, struct arena *arena,
                      struct buf *out);

#endif
