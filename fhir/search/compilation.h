/* compilation: a predicate on its way, and the compilers of single values, one
 * for each type of parameter.
 * Owns:   nothing but what it puts into the predicate.
 * Thread: one at a time.
 * Errors: as query.h; messages name the parameter, never the value. */
#ifndef BELFRY_FHIR_SEARCH_COMPILATION_H
#define BELFRY_FHIR_SEARCH_COMPILATION_H

#include "fhir/search/predicate.h"

struct compilation {
    const struct predicate_context *context;
    struct bytes name; /* fit to be shown */
    const struct search_parameter *parameter;
    enum predicate_how how;
    const char *target; /* the type of ":Patient", else NULL */
    struct err *e;
};

/* text is writable and keeps being pointed into. */
typedef enum err_code value_compiler(const struct compilation *c, char *text,
                                     size_t n, struct predicate_value *out);

value_compiler compile_token;
value_compiler compile_reference;
value_compiler compile_date;
value_compiler compile_number;
value_compiler compile_quantity;
value_compiler compile_string;
value_compiler compile_uri;

/* Removes the backslashes of *out, which starts at text. */
bool compilation_unescape(char *text, struct bytes *out);

MUST_CHECK enum err_code compilation_refuse_escape(const struct compilation *c);

/* Folded, on the heap: the text of a string or of ":text". */
MUST_CHECK enum err_code compilation_fold(const struct compilation *c,
                                          char *text, size_t n,
                                          struct bytes *out);

#endif
