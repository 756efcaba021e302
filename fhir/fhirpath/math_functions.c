#include "fhir/fhirpath/functions.h"

#include "fhir/fhirpath/compare.h"
#include "fhir/fhirpath/quantity.h"
#include "fhir/fhirpath/series.h"

#define ROUND_MAX DECIMAL_SCALE_MAX

/* --- the input as a number (FHIRPath 2.0, 5.7) --- */

/* *present is false for an empty input; other things than numbers fail. */
static bool take_item(struct evaluation *ev, const struct call *call,
                      struct fhirpath_item *out, bool *present)
{
    struct fhirpath_quantity q;

    if (!eval_one(ev, call->node, call->focus, out, present))
        return false;
    if (!*present || compare_quantity_of(out, &q))
        return true;
    return eval_fail(ev, call->node, ERR_UNPROCESSABLE, "%.*s() needs a number",
                     BYTES_ARG(call->node->name));
}

static bool take_decimal(struct evaluation *ev, const struct call *call,
                         struct decimal *out, bool *present)
{
    struct fhirpath_item item;

    if (!take_item(ev, call, &item, present))
        return false;
    if (!*present || compare_decimal_of(&item, out))
        return true;
    return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                     "%.*s() needs a number without a unit",
                     BYTES_ARG(call->node->name));
}

static bool take_argument(struct evaluation *ev, const struct call *call,
                          struct decimal *out, bool *present)
{
    const struct node *arg = call->node->args[0];
    struct fhirpath_collection c = {NULL, 0, 0};
    struct fhirpath_item item;

    if (!eval_apart(ev, arg, &c) || !eval_one(ev, arg, &c, &item, present))
        return false;
    if (!*present || compare_decimal_of(&item, out))
        return true;
    return eval_fail(ev, arg, ERR_UNPROCESSABLE, "a number is needed here");
}

/* A value of the kind that the item has, quantities with its unit. */
static bool add_like(struct evaluation *ev, const struct fhirpath_item *item,
                     const struct decimal *value,
                     struct fhirpath_collection *out)
{
    struct fhirpath_quantity q;
    int64_t whole;

    if (item->kind == FHIRPATH_QUANTITY) {
        q = *item->quantity;
        q.value = *value;
        return eval_add_quantity(ev, out, &q);
    }
    if (item->kind != FHIRPATH_INTEGER)
        return eval_add_decimal(ev, out, value);
    if (!decimal_to_i64(value, &whole) || whole > INT32_MAX ||
        whole < INT32_MIN)
        return true;
    return eval_add(ev, out, fhirpath_integer((int32_t)whole));
}

/* --- rounding --- */

bool function_abs(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    struct fhirpath_item item;
    struct fhirpath_quantity q;
    bool present;

    if (!take_item(ev, call, &item, &present))
        return false;
    if (!present)
        return true;
    (void)compare_quantity_of(&item, &q);
    q.value.negative = false;
    return add_like(ev, &item, &q.value, out);
}

/* To an integer; of a quantity the value. */
static bool to_whole(struct evaluation *ev, const struct call *call,
                     enum decimal_rounding rounding,
                     struct fhirpath_collection *out)
{
    struct fhirpath_item item;
    struct fhirpath_quantity q;
    int64_t whole;
    bool present;

    if (!take_item(ev, call, &item, &present))
        return false;
    if (!present)
        return true;
    (void)compare_quantity_of(&item, &q);
    if (!decimal_rescale(&q.value, 0, rounding, &q.value))
        return true;
    if (item.kind == FHIRPATH_QUANTITY)
        return add_like(ev, &item, &q.value, out);
    if (!decimal_to_i64(&q.value, &whole) || whole > INT32_MAX ||
        whole < INT32_MIN)
        return true;
    return eval_add(ev, out, fhirpath_integer((int32_t)whole));
}

bool function_ceiling(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    return to_whole(ev, call, DECIMAL_CEILING, out);
}

bool function_floor(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    return to_whole(ev, call, DECIMAL_FLOOR, out);
}

bool function_truncate(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    return to_whole(ev, call, DECIMAL_TRUNCATE, out);
}

bool function_round(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    struct fhirpath_item item;
    struct fhirpath_item digits = fhirpath_integer(0);
    struct fhirpath_quantity q;
    bool present;
    bool has_digits;

    if (!take_item(ev, call, &item, &present) ||
        !eval_argument(ev, call, 0, FHIRPATH_INTEGER, &digits, &has_digits))
        return false;
    if (!present)
        return true;
    if (has_digits && (digits.integer < 0 || digits.integer > ROUND_MAX))
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "round() takes 0 to %d digits", ROUND_MAX);
    (void)compare_quantity_of(&item, &q);
    if (!has_digits)
        digits.integer = 0;
    if (q.value.scale > digits.integer &&
        !decimal_rescale(&q.value, (unsigned)digits.integer, DECIMAL_HALF_UP,
                         &q.value))
        return true;
    return item.kind == FHIRPATH_QUANTITY ? add_like(ev, &item, &q.value, out)
                                          : eval_add_decimal(ev, out, &q.value);
}

/* --- powers and logarithms --- */

typedef bool series_run(const struct decimal *a, struct decimal *out);

/* Empty where the function has no value. */
static bool apply(struct evaluation *ev, const struct call *call,
                  series_run *run, struct fhirpath_collection *out)
{
    struct decimal value;
    bool present;

    if (!take_decimal(ev, call, &value, &present) || !eval_step(ev, 100))
        return false;
    if (!present || !run(&value, &value))
        return true;
    return eval_add_decimal(ev, out, &value);
}

bool function_exp(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    return apply(ev, call, series_exp, out);
}

bool function_ln(struct evaluation *ev, const struct call *call,
                 struct fhirpath_collection *out)
{
    return apply(ev, call, series_ln, out);
}

bool function_sqrt(struct evaluation *ev, const struct call *call,
                   struct fhirpath_collection *out)
{
    return apply(ev, call, series_sqrt, out);
}

bool function_log(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    struct decimal value;
    struct decimal base;
    bool present;
    bool has_base;

    if (!take_decimal(ev, call, &value, &present) ||
        !take_argument(ev, call, &base, &has_base) || !eval_step(ev, 100))
        return false;
    if (!present || !has_base)
        return true;
    if (value.negative || base.negative || decimal_is_zero(&value) ||
        decimal_is_zero(&base))
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "there are logarithms of positive numbers only");
    return !series_log(&value, &base, &value) ||
           eval_add_decimal(ev, out, &value);
}

bool function_power(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    struct fhirpath_item item;
    struct decimal value;
    struct decimal exponent;
    bool present;
    bool has_exponent;

    if (!take_decimal(ev, call, &value, &present) ||
        !take_item(ev, call, &item, &present) ||
        !take_argument(ev, call, &exponent, &has_exponent) ||
        !eval_step(ev, 100))
        return false;
    if (!present || !has_exponent || !series_power(&value, &exponent, &value))
        return true;
    if (exponent.negative || exponent.scale > 0)
        return eval_add_decimal(ev, out, &value);
    return add_like(ev, &item, &value, out);
}

/* --- aggregates (FHIRPath 2.0, 7.2) --- */

/* *total op item, left in *total. */
static bool add_up(struct evaluation *ev, const struct call *call,
                   struct fhirpath_item *total,
                   const struct fhirpath_item *item, bool *known)
{
    struct fhirpath_quantity a;
    struct fhirpath_quantity b;
    struct fhirpath_quantity sum;
    struct fhirpath_collection c = {NULL, 0, 0};

    if (!compare_quantity_of(total, &a) || !compare_quantity_of(item, &b))
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "%.*s() needs numbers", BYTES_ARG(call->node->name));
    *known = quantity_add(&a, &b, false, &sum);
    if (!*known)
        return true;
    if (total->kind == FHIRPATH_INTEGER && item->kind != FHIRPATH_INTEGER)
        *total = *item;
    if (!add_like(ev, total, &sum.value, &c))
        return false;
    *known = c.n == 1;
    if (*known)
        *total = c.items[0];
    return true;
}

static bool sum_up(struct evaluation *ev, const struct call *call,
                   struct fhirpath_item *total, bool *known)
{
    *known = call->focus->n > 0;
    for (size_t i = 0; i < call->focus->n && *known; i++) {
        struct fhirpath_item item = call->focus->items[i];

        (void)eval_value(ev, &call->focus->items[i], &item);
        if (i == 0 && item.kind != FHIRPATH_NODE)
            *total = item;
        else if (!add_up(ev, call, total, &item, known))
            return false;
    }
    return true;
}

bool function_sum(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    struct fhirpath_item total = fhirpath_integer(0);
    bool known;

    return sum_up(ev, call, &total, &known) &&
           (!known || eval_add(ev, out, total));
}

bool function_avg(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    struct fhirpath_item total = fhirpath_integer(0);
    struct decimal n = decimal_of((int64_t)call->focus->n);
    struct fhirpath_quantity q;
    bool known;

    if (!sum_up(ev, call, &total, &known))
        return false;
    if (!known || !compare_quantity_of(&total, &q) ||
        !decimal_divide(&q.value, &n, &q.value))
        return true;
    return total.kind == FHIRPATH_QUANTITY
               ? add_like(ev, &total, &q.value, out)
               : eval_add_decimal(ev, out, &q.value);
}

/* The item that comes before, or after, all others. */
static bool extreme(struct evaluation *ev, const struct call *call, int sign,
                    struct fhirpath_collection *out)
{
    size_t best = 0;

    for (size_t i = 1; i < call->focus->n; i++) {
        int order;
        bool known;

        if (!compare_order(ev, call->node, &call->focus->items[i],
                           &call->focus->items[best], &order, &known))
            return false;
        if (!known)
            return true;
        if (order * sign > 0)
            best = i;
    }
    return call->focus->n == 0 || eval_add(ev, out, call->focus->items[best]);
}

bool function_min(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    return extreme(ev, call, -1, out);
}

bool function_max(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    return extreme(ev, call, 1, out);
}
