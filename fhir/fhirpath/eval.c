#include "fhir/fhirpath/eval.h"

#include <stdarg.h>
#include <stdio.h>

#include "fhir/fhirpath/external.h"
#include "fhir/fhirpath/lexer.h"
#include "fhir/fhirpath/navigate.h"
#include "fhir/fhirpath/operate.h"
#include "fhir/fhirpath/types.h"
#include "fhir/model/element.h"

#define REASON_BYTES 200

/* --- failing, counting, adding --- */

bool eval_fail(struct evaluation *ev, const struct node *n, enum err_code code,
               const char *format, ...)
{
    char reason[REASON_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    (void)lexer_refuse(ev->e, code, ev->text, n->offset, "%s", reason);
    return false;
}

bool eval_step(struct evaluation *ev, size_t steps)
{
    ev->steps += steps;
    if (ev->steps <= FHIRPATH_STEPS_MAX)
        return true;
    (void)err_set(ev->e, ERR_TOO_LARGE, "more than %d steps",
                  FHIRPATH_STEPS_MAX);
    return false;
}

bool eval_nomem(struct evaluation *ev)
{
    /* the machine's memory ends less often than the arena */
    if (arena_failed(ev->arena) && ev->arena->used >= ev->arena->max / 4)
        (void)err_set(ev->e, ERR_TOO_LARGE,
                      "the evaluation needs too much memory");
    else
        (void)err_nomem(ev->e);
    return false;
}

void *eval_alloc(struct evaluation *ev, size_t n)
{
    void *p = arena_alloc(ev->arena, n);

    if (!p)
        (void)eval_nomem(ev);
    return p;
}

bool eval_add(struct evaluation *ev, struct fhirpath_collection *out,
              struct fhirpath_item item)
{
    if (fhirpath_collection_add(ev->arena, out, item))
        return true;
    if (out->n >= FHIRPATH_ITEMS_MAX) {
        (void)err_set(ev->e, ERR_TOO_LARGE, "more than %d items",
                      FHIRPATH_ITEMS_MAX);
        return false;
    }
    return eval_nomem(ev);
}

bool eval_add_all(struct evaluation *ev, struct fhirpath_collection *out,
                  const struct fhirpath_collection *more)
{
    if (out->capacity == 0 && out->n == 0) {
        *out = eval_shared(more);
        return true;
    }
    for (size_t i = 0; i < more->n; i++)
        if (!eval_add(ev, out, more->items[i]))
            return false;
    return true;
}

bool eval_add_boolean(struct evaluation *ev, struct fhirpath_collection *out,
                      bool value)
{
    return eval_add(ev, out, fhirpath_boolean(value));
}

bool eval_add_truth(struct evaluation *ev, struct fhirpath_collection *out,
                    enum truth value)
{
    return value == TRUTH_EMPTY ||
           eval_add_boolean(ev, out, value == TRUTH_TRUE);
}

bool eval_add_text(struct evaluation *ev, struct fhirpath_collection *out,
                   struct bytes text)
{
    return eval_add(ev, out, fhirpath_string(text));
}

bool eval_add_decimal(struct evaluation *ev, struct fhirpath_collection *out,
                      const struct decimal *value)
{
    struct decimal *kept = eval_alloc(ev, sizeof *kept);

    if (!kept)
        return false;
    *kept = *value;
    return eval_add(
        ev, out,
        (struct fhirpath_item){.kind = FHIRPATH_DECIMAL, .decimal = kept});
}

bool eval_add_moment(struct evaluation *ev, struct fhirpath_collection *out,
                     const struct moment *value)
{
    struct moment *kept = eval_alloc(ev, sizeof *kept);

    if (!kept)
        return false;
    *kept = *value;
    return eval_add(
        ev, out,
        (struct fhirpath_item){.kind = FHIRPATH_MOMENT, .moment = kept});
}

bool eval_add_quantity(struct evaluation *ev, struct fhirpath_collection *out,
                       const struct fhirpath_quantity *value)
{
    struct fhirpath_quantity *kept = eval_alloc(ev, sizeof *kept);

    if (!kept)
        return false;
    *kept = *value;
    return eval_add(
        ev, out,
        (struct fhirpath_item){.kind = FHIRPATH_QUANTITY, .quantity = kept});
}

/* --- one item where one is wanted --- */

bool eval_value(struct evaluation *ev, const struct fhirpath_item *item,
                struct fhirpath_item *out)
{
    return fhirpath_value_of(ev->arena, item, out);
}

static const char *kind_name(enum fhirpath_kind kind)
{
    static const char *const names[] = {"an element", "a boolean", "an integer",
                                        "a decimal",  "a string",  "a date",
                                        "a quantity", "a type"};

    return names[kind];
}

bool eval_one(struct evaluation *ev, const struct node *n,
              const struct fhirpath_collection *c, struct fhirpath_item *out,
              bool *present)
{
    *present = c->n == 1;
    if (c->n > 1)
        return eval_fail(ev, n, ERR_UNPROCESSABLE,
                         "one item is needed here, and there are %zu", c->n);
    if (c->n == 1 && !eval_value(ev, &c->items[0], out))
        *out = c->items[0];
    return true;
}

bool eval_one_of(struct evaluation *ev, const struct node *n,
                 const struct fhirpath_collection *c, enum fhirpath_kind kind,
                 struct fhirpath_item *out, bool *present)
{
    if (!eval_one(ev, n, c, out, present))
        return false;
    if (!*present || out->kind == kind)
        return true;
    /* a primitive that has extensions and no value */
    if (out->kind == FHIRPATH_NODE && !out->node.json) {
        *present = false;
        return true;
    }
    return eval_fail(ev, n, ERR_UNPROCESSABLE, "%s is needed here, not %s",
                     kind_name(kind), kind_name(out->kind));
}

bool eval_truth(struct evaluation *ev, const struct node *n,
                const struct fhirpath_collection *c, enum truth *out)
{
    struct fhirpath_item item;
    bool present;

    *out = TRUTH_EMPTY;
    if (!eval_one(ev, n, c, &item, &present))
        return false;
    if (present)
        *out = item.kind != FHIRPATH_BOOLEAN || item.boolean ? TRUTH_TRUE
                                                             : TRUTH_FALSE;
    return true;
}

bool eval_argument(struct evaluation *ev, const struct call *call, size_t i,
                   enum fhirpath_kind kind, struct fhirpath_item *out,
                   bool *present)
{
    struct fhirpath_collection c = {NULL, 0, 0};

    *present = false;
    if (i >= call->node->arg_count)
        return true;
    if (!eval_apart(ev, call->node->args[i], &c))
        return false;
    return eval_one_of(ev, call->node->args[i], &c, kind, out, present);
}

/* --- nodes --- */

/* NOLINTBEGIN(misc-no-recursion): PARSER_HEIGHT_MAX bounds the tree */
static bool eval_left(struct evaluation *ev, const struct node *n,
                      struct fhirpath_collection *out)
{
    if (n->left)
        return eval_node(ev, n->left, out);
    *out = eval_shared(ev->scope.self);
    return true;
}

/* At the start of a path the name of the context's type stands for it. */
static bool names_type(const struct node *n, const struct fhirpath_item *item)
{
    const struct model_type *type;
    const struct model_type *named;

    if (n->left || item->kind != FHIRPATH_NODE || !item->node.type)
        return false;
    type = item->node.type;
    if (n->name.p[0] < 'A' || n->name.p[0] > 'Z')
        return false;
    if (bytes_is(n->name, type->name))
        return true;
    named = model_type_find(n->name);
    return named && model_type_is(type, named);
}

static bool eval_member(struct evaluation *ev, const struct node *n,
                        struct fhirpath_collection *out)
{
    struct fhirpath_collection left = {NULL, 0, 0};

    if (!eval_left(ev, n, &left) || !eval_step(ev, left.n + 1))
        return false;
    for (size_t i = 0; i < left.n; i++) {
        bool ok = names_type(n, &left.items[i])
                      ? eval_add(ev, out, left.items[i])
                      : navigate_member(ev, n, &left.items[i], out);

        if (!ok)
            return false;
    }
    return true;
}

static bool eval_function(struct evaluation *ev, const struct node *n,
                          struct fhirpath_collection *out)
{
    struct fhirpath_collection focus = {NULL, 0, 0};
    struct call call = {.node = n, .focus = &focus};

    if (!eval_left(ev, n, &focus) || !eval_step(ev, focus.n + 1))
        return false;
    return n->function->run(ev, &call, out);
}

static bool eval_indexer(struct evaluation *ev, const struct node *n,
                         struct fhirpath_collection *out)
{
    struct fhirpath_collection left = {NULL, 0, 0};
    struct fhirpath_collection right = {NULL, 0, 0};
    struct fhirpath_item index;
    bool present;

    if (!eval_node(ev, n->left, &left) || !eval_apart(ev, n->right, &right) ||
        !eval_one_of(ev, n->right, &right, FHIRPATH_INTEGER, &index, &present))
        return false;
    if (!present || index.integer < 0 || (size_t)index.integer >= left.n)
        return true;
    return eval_add(ev, out, left.items[index.integer]);
}

static bool eval_binary(struct evaluation *ev, const struct node *n,
                        struct fhirpath_collection *out)
{
    struct fhirpath_collection left = {NULL, 0, 0};
    struct fhirpath_collection right = {NULL, 0, 0};
    struct operands o = {.node = n, .left = &left, .right = &right};

    if (n->op <= OPERATOR_AND)
        return operate_logic(ev, n, out);
    return eval_apart(ev, n->left, &left) && eval_apart(ev, n->right, &right) &&
           operate_binary(ev, &o, out);
}

static bool eval_polarity(struct evaluation *ev, const struct node *n,
                          struct fhirpath_collection *out)
{
    struct fhirpath_collection right = {NULL, 0, 0};

    return eval_apart(ev, n->right, &right) &&
           operate_polarity(ev, n, &right, out);
}

static bool eval_type_operator(struct evaluation *ev, const struct node *n,
                               struct fhirpath_collection *out)
{
    struct fhirpath_collection left = {NULL, 0, 0};

    if (!eval_node(ev, n->left, &left))
        return false;
    return n->kind == NODE_TYPE_IS ? types_is(ev, n, &left, out)
                                   : types_as(ev, n, &left, out);
}

static bool eval_index(struct evaluation *ev, const struct node *n,
                       struct fhirpath_collection *out)
{
    if (ev->scope.index < 0)
        return eval_fail(ev, n, ERR_UNPROCESSABLE, "there is no $index here");
    return eval_add(ev, out, fhirpath_integer(ev->scope.index));
}

static bool eval_total(struct evaluation *ev, const struct node *n,
                       struct fhirpath_collection *out)
{
    if (!ev->scope.total)
        return eval_fail(ev, n, ERR_UNPROCESSABLE, "there is no $total here");
    *out = eval_shared(ev->scope.total);
    return true;
}

bool eval_node(struct evaluation *ev, const struct node *n,
               struct fhirpath_collection *out)
{
    if (!eval_step(ev, 1))
        return false;
    switch (n->kind) {
    case NODE_LITERAL:
        return eval_add(ev, out, n->literal);
    case NODE_EMPTY:
        return true;
    case NODE_THIS:
        *out = eval_shared(ev->scope.self);
        return true;
    case NODE_INDEX:
        return eval_index(ev, n, out);
    case NODE_TOTAL:
        return eval_total(ev, n, out);
    case NODE_EXTERNAL:
        return external_value(ev, n, out);
    case NODE_MEMBER:
        return eval_member(ev, n, out);
    case NODE_FUNCTION:
        return eval_function(ev, n, out);
    case NODE_INDEXER:
        return eval_indexer(ev, n, out);
    case NODE_POLARITY:
        return eval_polarity(ev, n, out);
    case NODE_BINARY:
        return eval_binary(ev, n, out);
    case NODE_TYPE_IS:
    case NODE_TYPE_AS:
        return eval_type_operator(ev, n, out);
    }
    return false;
}

bool eval_apart(struct evaluation *ev, const struct node *n,
                struct fhirpath_collection *out)
{
    const struct eval_variable *variables = ev->variables;
    bool ok = eval_node(ev, n, out);

    ev->variables = variables;
    return ok;
}

/* NOLINTEND(misc-no-recursion) */

bool eval_in(struct evaluation *ev, const struct node *n,
             const struct eval_scope *scope, struct fhirpath_collection *out)
{
    struct eval_scope outer = ev->scope;
    bool ok;

    ev->scope = *scope;
    ok = eval_apart(ev, n, out);
    ev->scope = outer;
    return ok;
}

bool eval_for_item(struct evaluation *ev, const struct node *n,
                   struct fhirpath_item *item, size_t index,
                   struct fhirpath_collection *out)
{
    const struct fhirpath_collection self = {item, 1, 1};
    struct eval_scope scope = {
        .self = &self, .total = ev->scope.total, .index = (int32_t)index};

    return eval_in(ev, n, &scope, out);
}
