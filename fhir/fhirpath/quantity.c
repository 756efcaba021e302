#include "fhir/fhirpath/quantity.h"

#include "fhir/fhirpath/ucum.h"
#include "fhir/fhirpath/unit_product.h"

/* --- units --- */

static const struct {
    const char *word;
    enum moment_unit unit;
    const char *ucum;
    int months; /* 0: it is the UCUM unit */
} calendar[] = {
    {"year", MOMENT_YEARS, "a", 12},
    {"month", MOMENT_MONTHS, "mo", 1},
    {"week", MOMENT_WEEKS, "wk", 0},
    {"day", MOMENT_DAYS, "d", 0},
    {"hour", MOMENT_HOURS, "h", 0},
    {"minute", MOMENT_MINUTES, "min", 0},
    {"second", MOMENT_SECONDS, "s", 0},
    {"millisecond", MOMENT_MILLISECONDS, "ms", 0},
};

#define CALENDAR_UNITS (sizeof calendar / sizeof calendar[0])

static size_t find_calendar(struct bytes word)
{
    size_t i = 0;

    for (; i < CALENDAR_UNITS; i++) {
        size_t n = strlen(calendar[i].word);

        if (bytes_starts(word, calendar[i].word) &&
            (word.n == n || (word.n == n + 1 && word.p[n] == 's')))
            break;
    }
    return i;
}

bool quantity_calendar_unit(struct bytes word, enum moment_unit *out)
{
    size_t i = find_calendar(word);

    if (i == CALENDAR_UNITS)
        return false;
    *out = calendar[i].unit;
    return true;
}

/* *months is not 0 for the units whose length the calendar decides. */
static bool unit_of(const struct fhirpath_quantity *q, bool as_equivalent,
                    struct ucum_unit *out, int *months)
{
    size_t i = q->calendar ? find_calendar(q->unit) : CALENDAR_UNITS;

    *months = 0;
    if (i == CALENDAR_UNITS)
        return ucum_parse(q->unit, out);
    if (!as_equivalent)
        *months = calendar[i].months;
    return ucum_parse(bytes_of(calendar[i].ucum), out);
}

static bool same_unit(const struct fhirpath_quantity *a,
                      const struct fhirpath_quantity *b)
{
    if (a->calendar != b->calendar)
        return false;
    if (a->calendar)
        return find_calendar(a->unit) == find_calendar(b->unit);
    return bytes_equal(a->unit, b->unit);
}

struct pair {
    struct ucum_unit a;
    struct ucum_unit b;
};

static bool find_pair(const struct fhirpath_quantity *a,
                      const struct fhirpath_quantity *b, bool as_equivalent,
                      struct pair *out)
{
    int months_a;
    int months_b;

    if (!unit_of(a, as_equivalent, &out->a, &months_a) ||
        !unit_of(b, as_equivalent, &out->b, &months_b))
        return false;
    if (months_a > 0 && months_b > 0) {
        out->a.numerator = decimal_of(months_a);
        out->b.numerator = decimal_of(months_b);
    }
    return (months_a > 0) == (months_b > 0) &&
           ucum_is_same_dimension(&out->a, &out->b);
}

bool quantity_compare(const struct fhirpath_quantity *a,
                      const struct fhirpath_quantity *b, bool as_equivalent,
                      int *order)
{
    struct pair pair;

    if (same_unit(a, b)) {
        *order = decimal_compare(&a->value, &b->value);
        return true;
    }
    return find_pair(a, b, as_equivalent, &pair) &&
           ucum_compare(&a->value, &pair.a, &b->value, &pair.b, order);
}

/* --- arithmetic --- */

static bool is_one(struct bytes unit)
{
    return unit.n == 0 || bytes_is(unit, "1");
}

/* Years and months convert to each other where an author says so. */
static bool has_months(const struct fhirpath_quantity *q)
{
    return q->calendar && calendar[find_calendar(q->unit)].months > 0;
}

bool quantity_add(const struct fhirpath_quantity *a,
                  const struct fhirpath_quantity *b, bool subtract,
                  struct fhirpath_quantity *out)
{
    struct decimal value = b->value;
    struct pair pair;

    *out = is_one(a->unit) ? *b : *a;
    if (!same_unit(a, b) && !is_one(a->unit) && !is_one(b->unit) &&
        (has_months(a) || has_months(b) || !find_pair(a, b, false, &pair) ||
         !ucum_convert(&b->value, &pair.b, &pair.a, &value)))
        return false;
    return subtract ? decimal_subtract(&a->value, &value, &out->value)
                    : decimal_add(&a->value, &value, &out->value);
}

/* Years, weeks and so on do not go into other units. */
static bool join_units(struct arena *arena, const struct fhirpath_quantity *a,
                       const struct fhirpath_quantity *b, bool divide,
                       struct fhirpath_quantity *out)
{
    *out = is_one(a->unit) && !divide ? *b : *a;
    if (is_one(b->unit) || (is_one(a->unit) && !divide))
        return true;
    if (a->calendar || b->calendar)
        return false;
    out->unit = unit_product(arena, is_one(a->unit) ? bytes_of("") : a->unit,
                             b->unit, divide);
    return out->unit.p != NULL;
}

bool quantity_multiply(struct arena *arena, const struct fhirpath_quantity *a,
                       const struct fhirpath_quantity *b,
                       struct fhirpath_quantity *out)
{
    return join_units(arena, a, b, false, out) &&
           decimal_multiply(&a->value, &b->value, &out->value);
}

bool quantity_divide(struct arena *arena, const struct fhirpath_quantity *a,
                     const struct fhirpath_quantity *b,
                     struct fhirpath_quantity *out)
{
    return !decimal_is_zero(&b->value) && join_units(arena, a, b, true, out) &&
           decimal_divide(&a->value, &b->value, &out->value);
}

bool quantity_convert(const struct fhirpath_quantity *q, struct bytes unit,
                      bool is_calendar, struct fhirpath_quantity *out)
{
    struct fhirpath_quantity target = {
        .value = q->value, .unit = unit, .calendar = is_calendar};
    struct pair pair;

    if (!same_unit(q, &target) &&
        (!find_pair(q, &target, true, &pair) ||
         !ucum_convert(&q->value, &pair.a, &pair.b, &target.value)))
        return false;
    *out = target;
    return true;
}

/* Trailing zeros are no precision. */
static bool equivalent_decimals(const struct decimal *a,
                                const struct decimal *b)
{
    struct decimal x = decimal_strip(a);
    struct decimal y = decimal_strip(b);
    unsigned scale = x.scale < y.scale ? x.scale : y.scale;

    return decimal_rescale(&x, scale, DECIMAL_HALF_UP, &x) &&
           decimal_rescale(&y, scale, DECIMAL_HALF_UP, &y) &&
           decimal_compare(&x, &y) == 0;
}

bool quantity_is_equivalent(const struct fhirpath_quantity *a,
                            const struct fhirpath_quantity *b)
{
    struct decimal one = decimal_of(1);
    struct decimal value;
    struct pair pair;
    int order;

    if (same_unit(a, b))
        return equivalent_decimals(&a->value, &b->value);
    if (!find_pair(a, b, true, &pair) ||
        !ucum_compare(&one, &pair.a, &one, &pair.b, &order))
        return false;
    if (order >= 0)
        return ucum_convert(&b->value, &pair.b, &pair.a, &value) &&
               equivalent_decimals(&a->value, &value);
    return ucum_convert(&a->value, &pair.a, &pair.b, &value) &&
           equivalent_decimals(&b->value, &value);
}

/* --- texts --- */

struct bytes quantity_format(struct arena *arena,
                             const struct fhirpath_quantity *q)
{
    char number[DECIMAL_TEXT_BYTES];
    size_t n = decimal_format(&q->value, number);
    char *text = arena_alloc(arena, n + q->unit.n + 4);

    if (!text)
        return bytes_make(NULL, 0);
    memcpy(text, number, n);
    text[n++] = ' ';
    if (!q->calendar)
        text[n++] = '\'';
    memcpy(text + n, q->unit.p, q->unit.n);
    n += q->unit.n;
    if (!q->calendar)
        text[n++] = '\'';
    return bytes_make(text, n);
}

static bool is_number_part(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-';
}

/* Behind the number: 'unit', a word of the calendar, or nothing. */
static bool parse_unit(struct bytes rest, struct fhirpath_quantity *out)
{
    enum moment_unit unit;

    if (rest.n == 0) {
        out->unit = bytes_of("1");
        return true;
    }
    if (rest.p[0] != '\'') {
        out->unit = rest;
        out->calendar = quantity_calendar_unit(rest, &unit);
        return out->calendar;
    }
    out->unit = bytes_make(rest.p + 1, rest.n - 2);
    return rest.n > 2 && rest.p[rest.n - 1] == '\'' &&
           bytes_find(out->unit, '\'') == out->unit.n;
}

bool quantity_parse(struct bytes text, struct fhirpath_quantity *out)
{
    size_t n = 0;
    size_t space;

    *out = (struct fhirpath_quantity){.calendar = false};
    while (n < text.n && is_number_part(text.p[n]))
        n++;
    if (!decimal_parse(bytes_make(text.p, n), &out->value))
        return false;
    for (space = n;
         space < text.n && (text.p[space] == ' ' || text.p[space] == '\t');)
        space++;
    return parse_unit(bytes_from(text, space), out);
}
