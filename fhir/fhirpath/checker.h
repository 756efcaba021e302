/* checker: what an expression's parts can be, found before it is evaluated.
 * Owns:   nothing; it writes what it found about members into their nodes.
 * Thread: one at a time.
 * Errors: ERR_INVALID with the place, where strict checking refuses. What is
 *         not known for sure is never refused. */
#ifndef BELFRY_FHIR_FHIRPATH_CHECKER_H
#define BELFRY_FHIR_FHIRPATH_CHECKER_H

#include "fhir/fhirpath/node.h"
#include "storage/base/err.h"

struct checker_options {
    struct bytes text;
    const char *context; /* NULL: anything */
    bool strict;
    bool criterion;
    struct err *doomed; /* a part that can only fail, when there is one */
};

MUST_CHECK enum err_code checker_check(const struct checker_options *o,
                                       struct node *root, struct err *e);

#endif
