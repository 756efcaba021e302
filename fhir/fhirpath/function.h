/* function: the functions that an expression may call.
 * Owns:   nothing; the table is constant.
 * Thread: any. */
#ifndef BELFRY_FHIR_FHIRPATH_FUNCTION_H
#define BELFRY_FHIR_FHIRPATH_FUNCTION_H

#include "fhir/fhirpath/node.h"

struct evaluation;

/* One call, under way. */
struct call {
    const struct node *node;                 /* with the arguments */
    const struct fhirpath_collection *focus; /* what it is called on */
};

/* False: it failed, and the evaluation knows why. out is empty. */
typedef bool function_run(struct evaluation *ev, const struct call *call,
                          struct fhirpath_collection *out);

/* What the checker knows of a function (checker.h). */
enum function_result {
    RESULT_ANY,
    RESULT_FOCUS, /* the input or some of it */
    RESULT_BOOLEAN,
    RESULT_INTEGER,
    RESULT_DECIMAL,
    RESULT_STRING,
    RESULT_SELECT, /* what the first argument yields */
    RESULT_TYPE,   /* the type that the argument names */
    RESULT_CHILDREN
};

struct fhirpath_function {
    const char *name;
    function_run *run;
    unsigned char min_args;
    unsigned char max_args;
    enum function_result result;
    bool per_item;  /* its arguments see each item of the input as $this */
    bool of_string; /* the input has to be a string */
    bool ordered;   /* the input has to have an order */
    bool one;       /* yields one item at most */
};

const struct fhirpath_function *function_find(struct bytes name);

#endif
