/* eval: the walk over an expression's tree, and what operators and functions
 * need of it.
 * Owns:   nothing; collections are in the evaluation's arena.
 * Thread: one at a time.
 * Bounds: FHIRPATH_STEPS_MAX; the depth is the tree's (parser.h).
 * Errors: a function that returns false has described why in ev->e. */
#ifndef BELFRY_FHIR_FHIRPATH_EVAL_H
#define BELFRY_FHIR_FHIRPATH_EVAL_H

#include "fhir/fhirpath/fhirpath.h"
#include "fhir/fhirpath/function.h"

/* What defineVariable() has defined; the newest first. */
struct eval_variable {
    struct bytes name;
    struct fhirpath_collection value;
    const struct eval_variable *next;
};

/* Where an expression is evaluated. */
struct eval_scope {
    const struct fhirpath_collection *self;  /* $this */
    const struct fhirpath_collection *total; /* NULL: no $total */
    int32_t index;                           /* -1: no $index */
};

struct evaluation {
    const struct fhirpath_input *input;
    struct bytes text;
    struct arena *arena;
    struct err *e;
    struct eval_scope scope;
    struct fhirpath_collection context; /* of the whole expression */
    const struct eval_variable *variables;
    size_t steps;
    bool as_filters; /* "as" on many items keeps those of the type */
};

/* Three-valued logic. */
enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_EMPTY };

/* --- evaluating --- */

/* In the scope at hand; variables defined within stay. */
bool eval_node(struct evaluation *ev, const struct node *n,
               struct fhirpath_collection *out);

/* In the scope at hand; variables defined within end with it. */
bool eval_apart(struct evaluation *ev, const struct node *n,
                struct fhirpath_collection *out);

/* With another $this. */
bool eval_in(struct evaluation *ev, const struct node *n,
             const struct eval_scope *scope, struct fhirpath_collection *out);

/* The argument for one item of the input, the index-th, which is in the
 * arena. */
bool eval_for_item(struct evaluation *ev, const struct node *n,
                   struct fhirpath_item *item, size_t index,
                   struct fhirpath_collection *out);

/* --- failing, counting, adding --- */

bool eval_fail(struct evaluation *ev, const struct node *n, enum err_code code,
               const char *format, ...) __attribute__((format(printf, 4, 5)));
bool eval_step(struct evaluation *ev, size_t steps);
bool eval_nomem(struct evaluation *ev);
void *eval_alloc(struct evaluation *ev, size_t n);
bool eval_add(struct evaluation *ev, struct fhirpath_collection *out,
              struct fhirpath_item item);
bool eval_add_all(struct evaluation *ev, struct fhirpath_collection *out,
                  const struct fhirpath_collection *more);

/* The same items again; what is added to one of them does not touch the
 * other, for it begins with a copy. */
static inline struct fhirpath_collection
eval_shared(const struct fhirpath_collection *c)
{
    return (struct fhirpath_collection){c->items, c->n, c->n};
}

bool eval_add_boolean(struct evaluation *ev, struct fhirpath_collection *out,
                      bool value);
bool eval_add_truth(struct evaluation *ev, struct fhirpath_collection *out,
                    enum truth value);
bool eval_add_text(struct evaluation *ev, struct fhirpath_collection *out,
                   struct bytes text);
bool eval_add_decimal(struct evaluation *ev, struct fhirpath_collection *out,
                      const struct decimal *value);
bool eval_add_moment(struct evaluation *ev, struct fhirpath_collection *out,
                     const struct moment *value);
bool eval_add_quantity(struct evaluation *ev, struct fhirpath_collection *out,
                       const struct fhirpath_quantity *value);

/* --- one item where one is wanted (FHIRPath 4.5) --- */

/* The only item as a value, or *present false when there is none. More than
 * one fails. */
bool eval_one(struct evaluation *ev, const struct node *n,
              const struct fhirpath_collection *c, struct fhirpath_item *out,
              bool *present);

/* As above; a value of another kind fails. */
bool eval_one_of(struct evaluation *ev, const struct node *n,
                 const struct fhirpath_collection *c, enum fhirpath_kind kind,
                 struct fhirpath_item *out, bool *present);

bool eval_truth(struct evaluation *ev, const struct node *n,
                const struct fhirpath_collection *c, enum truth *out);

/* The i-th argument, evaluated where the call stands; when it is not there,
 * *present is false. */
bool eval_argument(struct evaluation *ev, const struct call *call, size_t i,
                   enum fhirpath_kind kind, struct fhirpath_item *out,
                   bool *present);

/* The value of an item, NULL-safe: false when it has none. */
bool eval_value(struct evaluation *ev, const struct fhirpath_item *item,
                struct fhirpath_item *out);

#endif
