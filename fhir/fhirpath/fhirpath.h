/* fhirpath: FHIRPath 2.0 on R4 resources. An expression is compiled once and
 * evaluated many times.
 * Owns:   a struct fhirpath is the caller's until fhirpath_free(); what an
 *         evaluation yields is in the arena or borrows the resource's tree.
 * Thread: a compiled expression is immutable: any number at once, each with
 *         an arena of its own.
 * Bounds: FHIRPATH_TEXT_BYTES of text, FHIRPATH_STEPS_MAX steps of one
 *         evaluation, FHIRPATH_ITEMS_MAX items in a collection, the arena.
 * Errors: with the place ("line 1, column 9: ..."). Compiling: ERR_SYNTAX,
 *         ERR_INVALID (against the model), ERR_TOO_LARGE, ERR_NOMEM.
 *         Evaluating: ERR_UNPROCESSABLE, ERR_NOT_SUPPORTED (definitions that
 *         belfry does not have), ERR_TOO_LARGE, ERR_NOMEM. */
#ifndef BELFRY_FHIR_FHIRPATH_FHIRPATH_H
#define BELFRY_FHIR_FHIRPATH_FHIRPATH_H

#include "fhir/fhirpath/value.h"
#include "storage/base/err.h"

#define FHIRPATH_TEXT_BYTES 16384
#define FHIRPATH_STEPS_MAX 2000000

struct fhirpath;

struct fhirpath_options {
    /* What the expression will see: "Patient", "HumanName"; NULL: anything. */
    const char *context;
    /* Refuse elements that the context's type does not have, an order asked
     * of what has none, functions on what they can not work on. */
    bool strict;
    /* It is for fhirpath_is_true(): refuse what surely yields a value of the
     * language that is no boolean, such as a number. An element is fit. */
    bool criterion;
    /* "as" takes any number of items, as R4's search parameters expect. */
    bool as_filters;
};

MUST_CHECK enum err_code fhirpath_compile(struct bytes text,
                                          const struct fhirpath_options *o,
                                          struct fhirpath **out, struct err *e);
void fhirpath_free(struct fhirpath *f);

/* ERR_OK, or why every evaluation that comes by that part must fail: a type
 * or a variable that nobody knows. For those who accept an expression now to
 * evaluate it later. */
MUST_CHECK enum err_code fhirpath_check(const struct fhirpath *f,
                                        struct err *e);

/* The text, until fhirpath_free(). */
struct bytes fhirpath_text(const struct fhirpath *f);

/* What resolve() asks for: the resource that a reference points at. Trees
 * live as long as the evaluation's results. NULL: not there. */
typedef const cJSON *fhirpath_resolve(void *ctx, struct bytes reference);

/* What trace() sees. */
typedef void fhirpath_trace(void *ctx, struct bytes name,
                            const struct fhirpath_collection *c);

struct fhirpath_input {
    /* Trees come from json_tree_parse(); any of them may be NULL. */
    const cJSON *resource; /* %resource, and the context unless there is one */
    const cJSON *root;     /* %rootResource; NULL: the resource */
    /* NULL: the resource. Who evaluates many expressions on one resource
     * gives it here as an item, so that its type is looked up once. */
    const struct fhirpath_collection *context;
    const cJSON *current;      /* %current; NULL: empty */
    const cJSON *previous;     /* %previous; NULL: empty */
    int64_t now_ms;            /* what now(), today(), timeOfDay() say */
    fhirpath_resolve *resolve; /* NULL: contained and bundled ones only */
    void *resolve_ctx;
    fhirpath_trace *trace; /* NULL: none */
    void *trace_ctx;
};

MUST_CHECK enum err_code fhirpath_evaluate(const struct fhirpath *f,
                                           const struct fhirpath_input *input,
                                           struct arena *arena,
                                           struct fhirpath_collection *out,
                                           struct err *e);

/* A resource's tree as an item. */
struct fhirpath_item fhirpath_resource(const cJSON *tree);

/* A collection as a criterion: true when it is one item that is true, or one
 * item that is no boolean (FHIRPath 4.5); empty is false. More than one item
 * is an error. */
MUST_CHECK enum err_code fhirpath_is_true(const struct fhirpath *f,
                                          const struct fhirpath_collection *c,
                                          struct arena *arena, bool *out,
                                          struct err *e);

#endif
