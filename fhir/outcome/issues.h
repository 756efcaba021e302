/* issues: problems found in one input, bounded, for one OperationOutcome.
 * Owns:   copies of the texts.
 * Thread: one at a time.
 * Bounds: ISSUES_MAX; later ones are counted, not kept. */
#ifndef BELFRY_FHIR_OUTCOME_ISSUES_H
#define BELFRY_FHIR_OUTCOME_ISSUES_H

#include <stddef.h>

#include "storage/base/err.h"

#define ISSUES_MAX 64

struct issues {
    struct err items[ISSUES_MAX];
    size_t count;   /* kept */
    size_t dropped; /* beyond the bound */
};

/* Adds an error; expression is the FHIRPath of the element or "". */
void issues_add(struct issues *list, enum err_code code, const char *expression,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

void issues_add_err(struct issues *list, const struct err *e);

#endif
