#include "fhir/fhirpath/functions.h"

#include "fhir/fhirpath/compare.h"
#include "fhir/fhirpath/letters.h"
#include "fhir/fhirpath/quantity.h"

/* Converts a value: adds one to out, or nothing when there is none. */
typedef bool convert_run(struct evaluation *ev,
                         const struct fhirpath_item *value,
                         struct fhirpath_collection *out);

/* --- boolean (FHIRPath 2.0, 5.5) --- */

static bool is_one_of(struct bytes text, const char *const *words)
{
    for (; *words; words++)
        if (letters_equivalent(text, bytes_of(*words)))
            return true;
    return false;
}

static bool decimal_boolean(struct evaluation *ev, const struct decimal *value,
                            struct fhirpath_collection *out)
{
    struct decimal one = decimal_of(1);

    if (decimal_is_zero(value))
        return eval_add_boolean(ev, out, false);
    return decimal_compare(value, &one) != 0 || eval_add_boolean(ev, out, true);
}

static bool to_boolean(struct evaluation *ev, const struct fhirpath_item *value,
                       struct fhirpath_collection *out)
{
    static const char *const yes[] = {"true", "t",   "yes", "y",
                                      "1",    "1.0", NULL};
    static const char *const no[] = {"false", "f", "no", "n", "0", "0.0", NULL};
    struct decimal d;

    if (value->kind == FHIRPATH_BOOLEAN)
        return eval_add(ev, out, *value);
    if (compare_decimal_of(value, &d))
        return decimal_boolean(ev, &d, out);
    if (value->kind != FHIRPATH_STRING)
        return true;
    if (is_one_of(value->string, yes))
        return eval_add_boolean(ev, out, true);
    return !is_one_of(value->string, no) || eval_add_boolean(ev, out, false);
}

/* --- numbers --- */

static bool is_digits(struct bytes text, bool point)
{
    size_t i = text.n > 0 && (text.p[0] == '-' || text.p[0] == '+');

    for (; i < text.n; i++)
        if ((text.p[i] < '0' || text.p[i] > '9') &&
            !(point && text.p[i] == '.'))
            return false;
    return text.n > 0;
}

static bool to_integer(struct evaluation *ev, const struct fhirpath_item *value,
                       struct fhirpath_collection *out)
{
    struct decimal d;
    int64_t whole;

    if (value->kind == FHIRPATH_INTEGER)
        return eval_add(ev, out, *value);
    if (value->kind == FHIRPATH_BOOLEAN)
        return eval_add(ev, out, fhirpath_integer(value->boolean));
    if (value->kind != FHIRPATH_STRING || !is_digits(value->string, false) ||
        !decimal_parse(value->string, &d) || !decimal_to_i64(&d, &whole) ||
        whole > INT32_MAX || whole < INT32_MIN)
        return true;
    return eval_add(ev, out, fhirpath_integer((int32_t)whole));
}

static bool to_decimal(struct evaluation *ev, const struct fhirpath_item *value,
                       struct fhirpath_collection *out)
{
    struct decimal d;

    if (value->kind == FHIRPATH_BOOLEAN)
        d = decimal_of(value->boolean);
    else if (value->kind == FHIRPATH_STRING) {
        if (!is_digits(value->string, true) ||
            !decimal_parse(value->string, &d))
            return true;
    } else if (!compare_decimal_of(value, &d)) {
        return true;
    }
    return eval_add_decimal(ev, out, &d);
}

static bool to_quantity(struct evaluation *ev,
                        const struct fhirpath_item *value,
                        struct fhirpath_collection *out)
{
    struct fhirpath_quantity q = {.unit = {"1", 1}};

    if (value->kind == FHIRPATH_BOOLEAN)
        (void)decimal_parse(bytes_of(value->boolean ? "1.0" : "0.0"), &q.value);
    else if (value->kind == FHIRPATH_STRING) {
        if (!quantity_parse(value->string, &q))
            return true;
    } else if (!compare_quantity_of(value, &q)) {
        return true;
    }
    return eval_add_quantity(ev, out, &q);
}

/* --- string --- */

static bool copy_text(struct evaluation *ev, const char *text, size_t n,
                      struct fhirpath_collection *out)
{
    struct bytes copy = arena_copy(ev->arena, bytes_make(text, n));

    return copy.p ? eval_add_text(ev, out, copy) : eval_nomem(ev);
}

static bool to_string(struct evaluation *ev, const struct fhirpath_item *value,
                      struct fhirpath_collection *out)
{
    char number[DECIMAL_TEXT_BYTES];
    char moment[MOMENT_TEXT_BYTES];
    struct decimal d;
    struct bytes text;

    switch (value->kind) {
    case FHIRPATH_BOOLEAN:
        return eval_add_text(ev, out,
                             bytes_of(value->boolean ? "true" : "false"));
    case FHIRPATH_INTEGER:
    case FHIRPATH_DECIMAL:
        (void)compare_decimal_of(value, &d);
        return copy_text(ev, number, decimal_format(&d, number), out);
    case FHIRPATH_STRING:
        return eval_add(ev, out, *value);
    case FHIRPATH_MOMENT:
        return copy_text(ev, moment, moment_format(value->moment, moment), out);
    case FHIRPATH_QUANTITY:
        text = quantity_format(ev->arena, value->quantity);
        return text.p ? eval_add_text(ev, out, text) : eval_nomem(ev);
    case FHIRPATH_NODE:
    case FHIRPATH_TYPE:
        break;
    }
    return true;
}

/* --- dates and times --- */

static bool to_moment(struct evaluation *ev, const struct fhirpath_item *value,
                      enum moment_kind kind, struct fhirpath_collection *out)
{
    struct moment m;

    if (value->kind == FHIRPATH_STRING) {
        if (!moment_parse(value->string, kind, &m))
            return true;
        return eval_add_moment(ev, out, &m);
    }
    if (value->kind != FHIRPATH_MOMENT)
        return true;
    m = *value->moment;
    if ((m.kind == MOMENT_TIME) != (kind == MOMENT_TIME))
        return true;
    m.kind = kind;
    if (kind == MOMENT_DATE && m.precision > MOMENT_DAY) {
        m.precision = MOMENT_DAY;
        m.has_zone = m.zulu = false;
        m.hour = m.minute = m.second = m.nanosecond = m.fraction_digits = 0;
    }
    return eval_add_moment(ev, out, &m);
}

static bool to_date(struct evaluation *ev, const struct fhirpath_item *value,
                    struct fhirpath_collection *out)
{
    size_t day;

    /* of a dateTime in a string, the date */
    if (value->kind == FHIRPATH_STRING) {
        struct moment m;

        day = bytes_find(value->string, 'T');
        if (day < value->string.n &&
            moment_parse(value->string, MOMENT_DATETIME, &m)) {
            struct fhirpath_item item = {.kind = FHIRPATH_MOMENT, .moment = &m};

            return to_moment(ev, &item, MOMENT_DATE, out);
        }
    }
    return to_moment(ev, value, MOMENT_DATE, out);
}

static bool to_date_time(struct evaluation *ev,
                         const struct fhirpath_item *value,
                         struct fhirpath_collection *out)
{
    return to_moment(ev, value, MOMENT_DATETIME, out);
}

static bool to_time(struct evaluation *ev, const struct fhirpath_item *value,
                    struct fhirpath_collection *out)
{
    return to_moment(ev, value, MOMENT_TIME, out);
}

/* --- toX() and convertsToX() --- */

static bool convert(struct evaluation *ev, const struct call *call,
                    convert_run *run, struct fhirpath_collection *out)
{
    struct fhirpath_item item;
    bool present;

    if (!eval_one(ev, call->node, call->focus, &item, &present))
        return false;
    return !present || run(ev, &item, out);
}

static bool converts(struct evaluation *ev, const struct call *call,
                     convert_run *run, struct fhirpath_collection *out)
{
    struct fhirpath_collection result = {NULL, 0, 0};

    if (!convert(ev, call, run, &result))
        return false;
    return call->focus->n == 0 || eval_add_boolean(ev, out, result.n == 1);
}

#define CONVERSION(name)                                                    \
    bool function_to_##name(struct evaluation *ev, const struct call *call, \
                            struct fhirpath_collection *out)                \
    {                                                                       \
        return convert(ev, call, to_##name, out);                           \
    }                                                                       \
    bool function_converts_to_##name(struct evaluation *ev,                 \
                                     const struct call *call,               \
                                     struct fhirpath_collection *out)       \
    {                                                                       \
        return converts(ev, call, to_##name, out);                          \
    }

CONVERSION(boolean)
CONVERSION(date)
CONVERSION(date_time)
CONVERSION(decimal)
CONVERSION(integer)
CONVERSION(string)
CONVERSION(time)

/* toQuantity(unit) */
static bool in_unit(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    struct fhirpath_collection found = {NULL, 0, 0};
    struct fhirpath_quantity q;
    struct fhirpath_item unit;
    enum moment_unit calendar;
    bool present;

    if (!convert(ev, call, to_quantity, &found) ||
        !eval_argument(ev, call, 0, FHIRPATH_STRING, &unit, &present))
        return false;
    if (found.n == 0 || (call->node->arg_count > 0 && !present))
        return true;
    q = *found.items[0].quantity;
    if (present &&
        !quantity_convert(&q, unit.string,
                          quantity_calendar_unit(unit.string, &calendar), &q))
        return true;
    return eval_add_quantity(ev, out, &q);
}

bool function_to_quantity(struct evaluation *ev, const struct call *call,
                          struct fhirpath_collection *out)
{
    return in_unit(ev, call, out);
}

bool function_converts_to_quantity(struct evaluation *ev,
                                   const struct call *call,
                                   struct fhirpath_collection *out)
{
    struct fhirpath_collection result = {NULL, 0, 0};

    if (!in_unit(ev, call, &result))
        return false;
    return call->focus->n == 0 || eval_add_boolean(ev, out, result.n == 1);
}
