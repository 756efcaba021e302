/* place: where an offset of a JSON text is, in words for a human.
 * Owns:   nothing; the result is a value.
 * Thread: any.
 * Bounds: JSON_DEPTH_MAX levels; a step that no longer fits into the path is
 *         left off with all that follow, so that the path names an ancestor.
 * Slow by design (it reads the text again from the start): for errors only. */
#ifndef BELFRY_FHIR_JSON_PLACE_H
#define BELFRY_FHIR_JSON_PLACE_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"

struct json_place {
    size_t line;   /* from 1 */
    size_t column; /* from 1, in characters */
    /* "Patient.name[0].given[1]"; "$this" in place of a type not yet seen */
    char path[ERR_EXPRESSION_BYTES];
};

/* Line and column are those of the byte at offset; the path takes into account
 * what stands before path_end. The text up to there must be the start of a
 * text that passes the gate. */
void json_place_find(struct bytes text, size_t offset, size_t path_end,
                     struct json_place *out);

#endif
