/* parser: from the text of an expression to its tree (FHIRPath 2.0, appendix
 * B, by precedence climbing).
 * Owns:   nothing; the tree is in the arena.
 * Thread: one at a time.
 * Bounds: PARSER_DEPTH_MAX expressions within one another, PARSER_HEIGHT_MAX
 *         steps of the tree's longest way.
 * Errors: ERR_SYNTAX and ERR_INVALID (an unknown function, a wrong number of
 *         arguments) with line and column, ERR_TOO_LARGE, ERR_NOMEM. */
#ifndef BELFRY_FHIR_FHIRPATH_PARSER_H
#define BELFRY_FHIR_FHIRPATH_PARSER_H

#include "fhir/fhirpath/node.h"
#include "storage/base/err.h"

#define PARSER_DEPTH_MAX 60
#define PARSER_HEIGHT_MAX 200
#define PARSER_ARGS_MAX 32

/* text lives as long as the tree. */
MUST_CHECK enum err_code parser_parse(struct bytes text, struct arena *arena,
                                      struct node **out, struct err *e);

#endif
