#include "fhir/fhirpath/functions.h"

#include "fhir/fhirpath/compare.h"
#include "fhir/fhirpath/quantity.h"

#define DECIMAL_BOUNDARY_DIGITS 8
#define DECIMAL_BOUNDARY_MAX 31

/* --- now --- */

static bool add_now(struct evaluation *ev, enum moment_kind kind,
                    struct fhirpath_collection *out)
{
    struct moment m = moment_of(ev->input->now_ms, kind);

    return eval_add_moment(ev, out, &m);
}

bool function_now(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    (void)call;
    return add_now(ev, MOMENT_DATETIME, out);
}

bool function_today(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    (void)call;
    return add_now(ev, MOMENT_DATE, out);
}

bool function_time_of_day(struct evaluation *ev, const struct call *call,
                          struct fhirpath_collection *out)
{
    (void)call;
    return add_now(ev, MOMENT_TIME, out);
}

/* --- parts --- */

static bool take_moment(struct evaluation *ev, const struct call *call,
                        struct moment *out, bool *present)
{
    struct fhirpath_item item;

    if (!eval_one_of(ev, call->node, call->focus, FHIRPATH_MOMENT, &item,
                     present))
        return false;
    if (*present)
        *out = *item.moment;
    return true;
}

/* Empty when the moment does not tell so much. */
static bool add_part(struct evaluation *ev, const struct call *call,
                     enum moment_precision precision,
                     struct fhirpath_collection *out)
{
    struct moment m;
    bool present;

    if (!take_moment(ev, call, &m, &present))
        return false;
    if (present && m.precision >= precision &&
        (m.kind != MOMENT_TIME || precision >= MOMENT_HOUR)) {
        const int parts[] = {m.year, m.month,  m.day,
                             m.hour, m.minute, m.second};

        return eval_add(ev, out, fhirpath_integer(parts[precision]));
    }
    return true;
}

bool function_year_of(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    return add_part(ev, call, MOMENT_YEAR, out);
}

bool function_month_of(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    return add_part(ev, call, MOMENT_MONTH, out);
}

bool function_day_of(struct evaluation *ev, const struct call *call,
                     struct fhirpath_collection *out)
{
    return add_part(ev, call, MOMENT_DAY, out);
}

bool function_hour_of(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    return add_part(ev, call, MOMENT_HOUR, out);
}

bool function_minute_of(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    return add_part(ev, call, MOMENT_MINUTE, out);
}

bool function_second_of(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    return add_part(ev, call, MOMENT_SECOND, out);
}

bool function_millisecond_of(struct evaluation *ev, const struct call *call,
                             struct fhirpath_collection *out)
{
    struct moment m;
    bool present;

    if (!take_moment(ev, call, &m, &present))
        return false;
    return !present || m.fraction_digits == 0 ||
           eval_add(ev, out, fhirpath_integer(m.nanosecond / 1000000));
}

bool function_timezone_offset_of(struct evaluation *ev, const struct call *call,
                                 struct fhirpath_collection *out)
{
    struct moment m;
    struct decimal hours;
    struct decimal sixty = decimal_of(60);
    bool present;

    if (!take_moment(ev, call, &m, &present))
        return false;
    if (!present || !m.has_zone)
        return true;
    hours = decimal_of(m.zone_minutes);
    return !decimal_divide(&hours, &sixty, &hours) ||
           eval_add_decimal(ev, out, &hours);
}

bool function_date_of(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    struct moment m;
    bool present;

    if (!take_moment(ev, call, &m, &present))
        return false;
    if (!present || m.kind == MOMENT_TIME)
        return true;
    m.kind = MOMENT_DATE;
    if (m.precision > MOMENT_DAY)
        m.precision = MOMENT_DAY;
    return eval_add_moment(ev, out, &m);
}

bool function_time_of(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    struct moment m;
    bool present;

    if (!take_moment(ev, call, &m, &present))
        return false;
    if (!present || m.precision < MOMENT_HOUR)
        return true;
    m.kind = MOMENT_TIME;
    m.has_zone = false;
    return eval_add_moment(ev, out, &m);
}

/* --- boundaries (FHIRPath 2.0, 5.9; 3.0, "lowBoundary") --- */

/* Half a unit of the last digit down or up, to so many digits behind the
 * point, away from the value. */
static bool decimal_boundary(const struct decimal *value, bool high,
                             unsigned digits, struct decimal *out)
{
    struct decimal half = decimal_of(5);

    if (value->scale >= DECIMAL_SCALE_MAX)
        return false;
    half.scale = (unsigned char)(value->scale + 1);
    return (high ? decimal_add(value, &half, out)
                 : decimal_subtract(value, &half, out)) &&
           decimal_rescale(out, digits, high ? DECIMAL_CEILING : DECIMAL_FLOOR,
                           out);
}

static bool refuse_value(struct evaluation *ev, const struct call *call)
{
    return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                     "%.*s() needs a number, a date or a time",
                     BYTES_ARG(call->node->name));
}

static bool number_boundary(struct evaluation *ev,
                            const struct fhirpath_item *item, bool high,
                            int digits, struct fhirpath_collection *out)
{
    struct fhirpath_quantity q;

    if (!compare_quantity_of(item, &q) || digits < 0 ||
        digits > DECIMAL_BOUNDARY_MAX ||
        !decimal_boundary(&q.value, high, (unsigned)digits, &q.value))
        return true;
    return item->kind == FHIRPATH_QUANTITY
               ? eval_add_quantity(ev, out, &q)
               : eval_add_decimal(ev, out, &q.value);
}

static bool boundary(struct evaluation *ev, const struct call *call, bool high,
                     struct fhirpath_collection *out)
{
    static const int all_digits[] = {8, 17, 9};
    struct fhirpath_item item;
    struct fhirpath_item digits;
    struct fhirpath_quantity q;
    struct moment m;
    bool present;
    bool has_digits;

    if (!eval_one(ev, call->node, call->focus, &item, &present) ||
        !eval_argument(ev, call, 0, FHIRPATH_INTEGER, &digits, &has_digits))
        return false;
    if (!present)
        return true;
    if (item.kind != FHIRPATH_MOMENT && !compare_quantity_of(&item, &q))
        return refuse_value(ev, call);
    if (item.kind != FHIRPATH_MOMENT)
        return number_boundary(
            ev, &item, high,
            has_digits ? digits.integer : DECIMAL_BOUNDARY_DIGITS, out);
    if (!moment_boundary(
            item.moment, high,
            has_digits ? digits.integer : all_digits[item.moment->kind], &m))
        return true;
    return eval_add_moment(ev, out, &m);
}

bool function_low_boundary(struct evaluation *ev, const struct call *call,
                           struct fhirpath_collection *out)
{
    return boundary(ev, call, false, out);
}

bool function_high_boundary(struct evaluation *ev, const struct call *call,
                            struct fhirpath_collection *out)
{
    return boundary(ev, call, true, out);
}

bool function_precision(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    struct fhirpath_item item;
    struct fhirpath_quantity q;
    bool present;

    if (!eval_one(ev, call->node, call->focus, &item, &present))
        return false;
    if (!present)
        return true;
    if (item.kind == FHIRPATH_MOMENT)
        return eval_add(ev, out, fhirpath_integer(moment_digits(item.moment)));
    if (!compare_quantity_of(&item, &q))
        return refuse_value(ev, call);
    return eval_add(ev, out, fhirpath_integer(q.value.scale));
}

bool function_comparable(struct evaluation *ev, const struct call *call,
                         struct fhirpath_collection *out)
{
    struct fhirpath_collection c = {NULL, 0, 0};
    struct fhirpath_item item;
    struct fhirpath_item arg;
    struct fhirpath_quantity a;
    struct fhirpath_quantity b;
    bool present;
    bool has_arg;
    int order;

    if (!eval_one(ev, call->node, call->focus, &item, &present) ||
        !eval_apart(ev, call->node->args[0], &c) ||
        !eval_one(ev, call->node->args[0], &c, &arg, &has_arg))
        return false;
    if (!present || !has_arg || !compare_quantity_of(&item, &a) ||
        !compare_quantity_of(&arg, &b))
        return true;
    return eval_add_boolean(ev, out, quantity_compare(&a, &b, false, &order));
}
