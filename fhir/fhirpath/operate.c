#include "fhir/fhirpath/operate.h"

#include "fhir/fhirpath/compare.h"
#include "fhir/fhirpath/quantity.h"

/* --- logic --- */

static enum truth negate(enum truth a)
{
    if (a == TRUTH_EMPTY)
        return a;
    return a == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

static enum truth both(enum truth a, enum truth b)
{
    if (a == TRUTH_FALSE || b == TRUTH_FALSE)
        return TRUTH_FALSE;
    return a == TRUTH_TRUE && b == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_EMPTY;
}

static enum truth either(enum truth a, enum truth b)
{
    return negate(both(negate(a), negate(b)));
}

static enum truth one_of(enum truth a, enum truth b)
{
    if (a == TRUTH_EMPTY || b == TRUTH_EMPTY)
        return TRUTH_EMPTY;
    return a == b ? TRUTH_FALSE : TRUTH_TRUE;
}

static bool side_truth(struct evaluation *ev, const struct node *side,
                       enum truth *out)
{
    struct fhirpath_collection c = {NULL, 0, 0};

    return eval_apart(ev, side, &c) && eval_truth(ev, side, &c, out);
}

/* The left side alone may decide. */
static bool is_decided(enum node_operator op, enum truth left)
{
    if (op == OPERATOR_OR)
        return left == TRUTH_TRUE;
    return left == TRUTH_FALSE && op != OPERATOR_XOR;
}

bool operate_logic(struct evaluation *ev, const struct node *n,
                   struct fhirpath_collection *out)
{
    enum truth left;
    enum truth right = TRUTH_EMPTY;

    if (!side_truth(ev, n->left, &left))
        return false;
    if (!is_decided(n->op, left) && !side_truth(ev, n->right, &right))
        return false;
    if (n->op == OPERATOR_AND)
        return eval_add_truth(ev, out, both(left, right));
    if (n->op == OPERATOR_OR)
        return eval_add_truth(ev, out, either(left, right));
    if (n->op == OPERATOR_XOR)
        return eval_add_truth(ev, out, one_of(left, right));
    return eval_add_truth(ev, out, either(negate(left), right));
}

/* --- equality and order --- */

static bool equal(struct evaluation *ev, const struct operands *o,
                  struct fhirpath_collection *out)
{
    enum truth truth;

    if (o->left->n == 0 || o->right->n == 0)
        return true;
    return compare_all_equal(ev, o->left, o->right, &truth) &&
           eval_add_truth(
               ev, out, o->node->op == OPERATOR_EQUAL ? truth : negate(truth));
}

static bool equivalent(struct evaluation *ev, const struct operands *o,
                       struct fhirpath_collection *out)
{
    bool same;

    return compare_all_equivalent(ev, o->left, o->right, &same) &&
           eval_add_boolean(ev, out,
                            same == (o->node->op == OPERATOR_EQUIVALENT));
}

static bool holds(enum node_operator op, int order)
{
    if (op == OPERATOR_LESS)
        return order < 0;
    if (op == OPERATOR_LESS_OR_EQUAL)
        return order <= 0;
    return op == OPERATOR_GREATER ? order > 0 : order >= 0;
}

static bool check_single(struct evaluation *ev, const struct operands *o)
{
    size_t n = o->left->n > 1 ? o->left->n : o->right->n;

    if (n <= 1)
        return true;
    return eval_fail(ev, o->node, ERR_UNPROCESSABLE,
                     "one item is needed on each side, and there are %zu", n);
}

static bool order(struct evaluation *ev, const struct operands *o,
                  struct fhirpath_collection *out)
{
    int found;
    bool known;

    if (!check_single(ev, o))
        return false;
    if (o->left->n == 0 || o->right->n == 0)
        return true;
    if (!compare_order(ev, o->node, &o->left->items[0], &o->right->items[0],
                       &found, &known))
        return false;
    return !known || eval_add_boolean(ev, out, holds(o->node->op, found));
}

/* --- collections --- */

/* in: the left item; contains: the right one. */
static bool membership(struct evaluation *ev, const struct operands *o,
                       struct fhirpath_collection *out)
{
    bool is_in = o->node->op == OPERATOR_IN;
    const struct fhirpath_collection *item = is_in ? o->left : o->right;
    const struct fhirpath_collection *c = is_in ? o->right : o->left;
    bool found;

    if (item->n > 1)
        return eval_fail(ev, o->node, ERR_UNPROCESSABLE,
                         "one item is looked for, and there are %zu", item->n);
    if (item->n == 0)
        return true;
    return compare_contains(ev, c, &item->items[0], &found) &&
           eval_add_boolean(ev, out, found);
}

static bool add_distinct(struct evaluation *ev, struct fhirpath_collection *out,
                         const struct fhirpath_collection *more)
{
    for (size_t i = 0; i < more->n; i++) {
        bool found;

        if (!compare_contains(ev, out, &more->items[i], &found) ||
            (!found && !eval_add(ev, out, more->items[i])))
            return false;
    }
    return true;
}

static bool unite(struct evaluation *ev, const struct operands *o,
                  struct fhirpath_collection *out)
{
    return add_distinct(ev, out, o->left) && add_distinct(ev, out, o->right);
}

/* --- arithmetic --- */

static bool refuse(struct evaluation *ev, const struct operands *o)
{
    return eval_fail(ev, o->node, ERR_UNPROCESSABLE,
                     "the operator does not take these two");
}

/* Both as values; *present is false when one is missing. */
static bool take_two(struct evaluation *ev, const struct operands *o,
                     struct fhirpath_item *a, struct fhirpath_item *b,
                     bool *present)
{
    *present = o->left->n > 0 && o->right->n > 0;
    if (!check_single(ev, o) || !*present)
        return check_single(ev, o);
    *a = o->left->items[0];
    *b = o->right->items[0];
    (void)eval_value(ev, &o->left->items[0], a);
    (void)eval_value(ev, &o->right->items[0], b);
    return true;
}

static bool integers(struct evaluation *ev, enum node_operator op, int64_t a,
                     int64_t b, struct fhirpath_collection *out)
{
    int64_t result = a * b;

    if ((op == OPERATOR_DIV || op == OPERATOR_MOD) && b == 0)
        return true;
    if (op == OPERATOR_PLUS)
        result = a + b;
    else if (op == OPERATOR_MINUS)
        result = a - b;
    else if (op == OPERATOR_DIV)
        result = a / b;
    else if (op == OPERATOR_MOD)
        result = a % b;
    if (result > INT32_MAX || result < INT32_MIN)
        return true;
    return eval_add(ev, out, fhirpath_integer((int32_t)result));
}

static bool compute(enum node_operator op, const struct decimal *a,
                    const struct decimal *b, struct decimal *out)
{
    if (op == OPERATOR_PLUS)
        return decimal_add(a, b, out);
    if (op == OPERATOR_MINUS)
        return decimal_subtract(a, b, out);
    if (op == OPERATOR_MULTIPLY)
        return decimal_multiply(a, b, out);
    if (decimal_is_zero(b))
        return false;
    if (op == OPERATOR_DIVIDE)
        return decimal_divide(a, b, out);
    return op == OPERATOR_DIV ? decimal_divide_whole(a, b, out)
                              : decimal_modulo(a, b, out);
}

/* Division by zero and overflow are empty (FHIRPath 2.0, 6.6). */
static bool decimals(struct evaluation *ev, enum node_operator op,
                     const struct decimal *a, const struct decimal *b,
                     struct fhirpath_collection *out)
{
    struct decimal result;

    return !compute(op, a, b, &result) || eval_add_decimal(ev, out, &result);
}

static bool quantities(struct evaluation *ev, const struct operands *o,
                       const struct fhirpath_item *a,
                       const struct fhirpath_item *b,
                       struct fhirpath_collection *out)
{
    struct fhirpath_quantity x;
    struct fhirpath_quantity y;
    struct fhirpath_quantity result;
    enum node_operator op = o->node->op;
    bool ok;

    if (!compare_quantity_of(a, &x) || !compare_quantity_of(b, &y) ||
        op == OPERATOR_DIV || op == OPERATOR_MOD)
        return refuse(ev, o);
    if (op == OPERATOR_MULTIPLY)
        ok = quantity_multiply(ev->arena, &x, &y, &result);
    else if (op == OPERATOR_DIVIDE)
        ok = quantity_divide(ev->arena, &x, &y, &result);
    else
        ok = quantity_add(&x, &y, op == OPERATOR_MINUS, &result);
    if (!ok)
        return arena_failed(ev->arena) ? eval_nomem(ev) : true;
    return eval_add_quantity(ev, out, &result);
}

static bool arithmetic(struct evaluation *ev, const struct operands *o,
                       const struct fhirpath_item *a,
                       const struct fhirpath_item *b,
                       struct fhirpath_collection *out)
{
    struct decimal x;
    struct decimal y;

    if (a->kind == FHIRPATH_INTEGER && b->kind == FHIRPATH_INTEGER &&
        o->node->op != OPERATOR_DIVIDE)
        return integers(ev, o->node->op, a->integer, b->integer, out);
    if (compare_decimal_of(a, &x) && compare_decimal_of(b, &y))
        return decimals(ev, o->node->op, &x, &y, out);
    return quantities(ev, o, a, b, out);
}

/* --- dates --- */

/* The unit of the calendar: by its word, even quoted, or by the UCUM code of
 * those whose length the calendar leaves alone. */
static bool unit_of(const struct fhirpath_quantity *q, enum moment_unit *out)
{
    static const struct {
        const char *code;
        enum moment_unit unit;
    } codes[] = {{"wk", MOMENT_WEEKS},  {"d", MOMENT_DAYS},
                 {"h", MOMENT_HOURS},   {"min", MOMENT_MINUTES},
                 {"s", MOMENT_SECONDS}, {"ms", MOMENT_MILLISECONDS}};

    if (quantity_calendar_unit(q->unit, out))
        return true;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (bytes_is(q->unit, codes[i].code)) {
            *out = codes[i].unit;
            return true;
        }
    return false;
}

/* Whole units; of the calendar's seconds the milliseconds count as well. */
static bool amount_of(const struct fhirpath_quantity *q, int64_t *amount,
                      enum moment_unit *unit)
{
    struct decimal value = q->value;
    struct decimal thousand = decimal_of(1000);

    if (*unit == MOMENT_SECONDS && q->calendar &&
        !decimal_to_i64(&value, amount)) {
        *unit = MOMENT_MILLISECONDS;
        if (!decimal_multiply(&value, &thousand, &value))
            return false;
    }
    return decimal_rescale(&value, 0, DECIMAL_TRUNCATE, &value) &&
           decimal_to_i64(&value, amount);
}

static bool shift_moment(struct evaluation *ev, const struct operands *o,
                         const struct moment *m,
                         const struct fhirpath_quantity *q,
                         struct fhirpath_collection *out)
{
    struct moment moved = *m;
    enum moment_unit unit;
    int64_t amount;

    if (!unit_of(q, &unit))
        return eval_fail(ev, o->node, ERR_UNPROCESSABLE,
                         "a date takes years, months, weeks, days, hours...");
    if (m->kind == MOMENT_TIME && unit <= MOMENT_DAYS)
        return eval_fail(ev, o->node, ERR_UNPROCESSABLE,
                         "a time takes hours, minutes, seconds...");
    if (!amount_of(q, &amount, &unit))
        return true;
    if (o->node->op == OPERATOR_MINUS)
        amount = -amount;
    return !moment_add(&moved, amount, unit) ||
           eval_add_moment(ev, out, &moved);
}

/* --- + - & and the rest --- */

static bool join(struct evaluation *ev, struct bytes a, struct bytes b,
                 struct fhirpath_collection *out)
{
    char *text = eval_alloc(ev, a.n + b.n + 1);

    if (!text)
        return false;
    if (a.n)
        memcpy(text, a.p, a.n);
    if (b.n)
        memcpy(text + a.n, b.p, b.n);
    return eval_step(ev, (a.n + b.n) / 64) &&
           eval_add_text(ev, out, bytes_make(text, a.n + b.n));
}

static bool calculate(struct evaluation *ev, const struct operands *o,
                      struct fhirpath_collection *out)
{
    struct fhirpath_item a = fhirpath_boolean(false);
    struct fhirpath_item b = fhirpath_boolean(false);
    bool present;
    bool sum = o->node->op == OPERATOR_PLUS || o->node->op == OPERATOR_MINUS;

    if (!take_two(ev, o, &a, &b, &present))
        return false;
    if (!present)
        return true;
    if (a.kind == FHIRPATH_STRING && b.kind == FHIRPATH_STRING &&
        o->node->op == OPERATOR_PLUS)
        return join(ev, a.string, b.string, out);
    if (a.kind == FHIRPATH_MOMENT && b.kind == FHIRPATH_QUANTITY && sum)
        return shift_moment(ev, o, a.moment, b.quantity, out);
    return arithmetic(ev, o, &a, &b, out);
}

static bool concatenate(struct evaluation *ev, const struct operands *o,
                        struct fhirpath_collection *out)
{
    struct fhirpath_item a;
    struct fhirpath_item b;
    bool has_a;
    bool has_b;

    if (!eval_one_of(ev, o->node, o->left, FHIRPATH_STRING, &a, &has_a) ||
        !eval_one_of(ev, o->node, o->right, FHIRPATH_STRING, &b, &has_b))
        return false;
    return join(ev, has_a ? a.string : bytes_of(""),
                has_b ? b.string : bytes_of(""), out);
}

bool operate_polarity(struct evaluation *ev, const struct node *n,
                      const struct fhirpath_collection *c,
                      struct fhirpath_collection *out)
{
    struct fhirpath_collection minus = {NULL, 0, 0};
    struct operands o = {.node = n, .left = c, .right = &minus};
    struct fhirpath_item item;
    struct fhirpath_quantity q;
    bool present;

    if (!eval_one(ev, n, c, &item, &present) || !present)
        return c->n <= 1;
    if (!compare_quantity_of(&item, &q))
        return refuse(ev, &o);
    if (!n->negative)
        return eval_add(ev, out, item);
    if (item.kind == FHIRPATH_INTEGER)
        return integers(ev, OPERATOR_MINUS, 0, item.integer, out);
    decimal_negate(&q.value);
    return item.kind == FHIRPATH_DECIMAL ? eval_add_decimal(ev, out, &q.value)
                                         : eval_add_quantity(ev, out, &q);
}

bool operate_binary(struct evaluation *ev, const struct operands *o,
                    struct fhirpath_collection *out)
{
    static operate_run *const runs[] = {
        [OPERATOR_IN] = membership,      [OPERATOR_CONTAINS] = membership,
        [OPERATOR_EQUAL] = equal,        [OPERATOR_EQUIVALENT] = equivalent,
        [OPERATOR_NOT_EQUAL] = equal,    [OPERATOR_NOT_EQUIVALENT] = equivalent,
        [OPERATOR_LESS] = order,         [OPERATOR_LESS_OR_EQUAL] = order,
        [OPERATOR_GREATER] = order,      [OPERATOR_GREATER_OR_EQUAL] = order,
        [OPERATOR_UNION] = unite,        [OPERATOR_PLUS] = calculate,
        [OPERATOR_MINUS] = calculate,    [OPERATOR_CONCATENATE] = concatenate,
        [OPERATOR_MULTIPLY] = calculate, [OPERATOR_DIVIDE] = calculate,
        [OPERATOR_DIV] = calculate,      [OPERATOR_MOD] = calculate,
    };

    return runs[o->node->op](ev, o, out);
}
