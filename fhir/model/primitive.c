#include "fhir/model/primitive.h"

#include <stdlib.h>

#include "fhir/model/types.h"
#include "fhir/model/xhtml.h"

/* R4 datatypes.html#string */
#define STRING_CHARACTERS_MAX ((size_t)1 << 20)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- dates and times ---- */

static bool take_char(struct bytes *t, char c)
{
    if (t->n == 0 || t->p[0] != c)
        return false;
    *t = bytes_from(*t, 1);
    return true;
}

/* A number of exactly so many digits between low and high. */
static bool take_number(struct bytes *t, size_t digits, int low, int high,
                        int *out)
{
    int value = 0;

    if (t->n < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(t->p[i]))
            return false;
        value = value * 10 + (t->p[i] - '0');
    }
    *t = bytes_from(*t, digits);
    *out = value;
    return value >= low && value <= high;
}

struct moment {
    int year, month, day; /* month and day 0: not given */
    int hour, minute, second;
    struct bytes fraction;
    int zone; /* minutes east of UTC */
    bool timed;
};

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(struct bytes *t, struct moment *m)
{
    if (!take_number(t, 4, 1, 9999, &m->year))
        return false;
    if (!take_char(t, '-'))
        return true;
    if (!take_number(t, 2, 1, 12, &m->month))
        return false;
    if (!take_char(t, '-'))
        return true;
    return take_number(t, 2, 1, days_in(m->year, m->month), &m->day);
}

/* hh:mm:ss with a fraction; 60 is a leap second. */
static bool take_time(struct bytes *t, struct moment *m)
{
    size_t n = 0;

    if (!take_number(t, 2, 0, 23, &m->hour) || !take_char(t, ':') ||
        !take_number(t, 2, 0, 59, &m->minute) || !take_char(t, ':') ||
        !take_number(t, 2, 0, 60, &m->second))
        return false;
    if (!take_char(t, '.'))
        return true;
    while (n < t->n && is_digit(t->p[n]))
        n++;
    m->fraction = bytes_make(t->p, n);
    *t = bytes_from(*t, n);
    return n > 0;
}

static bool take_zone(struct bytes *t, struct moment *m)
{
    int hours, minutes, sign = 1;

    if (take_char(t, 'Z'))
        return true;
    if (take_char(t, '-'))
        sign = -1;
    else if (!take_char(t, '+'))
        return false;
    if (!take_number(t, 2, 0, 14, &hours) || !take_char(t, ':') ||
        !take_number(t, 2, 0, hours == 14 ? 0 : 59, &minutes))
        return false;
    m->zone = sign * (hours * 60 + minutes);
    return true;
}

static bool parse_moment(struct bytes t, struct moment *m)
{
    *m = (struct moment){.timed = false};
    if (!take_date(&t, m))
        return false;
    if (t.n == 0)
        return true;
    m->timed = true;
    return m->day && take_char(&t, 'T') && take_time(&t, m) &&
           take_zone(&t, m) && t.n == 0;
}

static bool is_date(struct bytes t)
{
    struct moment m;

    return parse_moment(t, &m) && !m.timed;
}

static bool is_date_time(struct bytes t)
{
    struct moment m;

    return parse_moment(t, &m);
}

static bool is_instant(struct bytes t)
{
    struct moment m;

    return parse_moment(t, &m) && m.timed;
}

static bool is_time(struct bytes t)
{
    struct moment m = {.timed = true};

    return take_time(&t, &m) && t.n == 0;
}

static int compare(int a, int b)
{
    return (a > b) - (a < b);
}

/* 0 where one of them is not given. */
static int compare_given(int a, int b)
{
    return a && b ? compare(a, b) : 0;
}

static bool date_order(const struct moment *a, const struct moment *b, int *out)
{
    *out = compare(a->year, b->year);
    if (*out == 0)
        *out = compare_given(a->month, b->month);
    if (*out == 0)
        *out = compare_given(a->day, b->day);
    return *out != 0 || (!a->month == !b->month && !a->day == !b->day);
}

/* Minutes since 0000-03-01 UTC in the proleptic Gregorian calendar. */
static int64_t minutes_of(const struct moment *m)
{
    int64_t year = m->month > 2 ? m->year : m->year - 1;
    int64_t month = (m->month + 9) % 12;
    int64_t days = year * 365 + year / 4 - year / 100 + year / 400 +
                   (month * 306 + 5) / 10 + m->day - 1;

    return days * 1440 + m->hour * 60 + m->minute - m->zone;
}

static int fraction_digit(struct bytes fraction, size_t i)
{
    return i < fraction.n ? fraction.p[i] : '0';
}

static int fraction_order(struct bytes a, struct bytes b)
{
    int order = 0;

    for (size_t i = 0; order == 0 && (i < a.n || i < b.n); i++)
        order = compare(fraction_digit(a, i), fraction_digit(b, i));
    return order;
}

bool primitive_time_order(struct bytes a, struct bytes b, int *out)
{
    struct moment x, y;
    int64_t left, right;

    if (!parse_moment(a, &x) || !parse_moment(b, &y) || x.timed != y.timed)
        return false;
    if (!x.timed)
        return date_order(&x, &y, out);
    left = minutes_of(&x) * 60 + x.second;
    right = minutes_of(&y) * 60 + y.second;
    *out = left != right ? (left > right ? 1 : -1)
                         : fraction_order(x.fraction, y.fraction);
    return true;
}

/* ---- numbers: JSON's own grammar holds already ---- */

static bool is_integer(struct bytes t, int64_t low, int64_t high)
{
    bool negative = t.n > 0 && t.p[0] == '-';
    int64_t value = 0;

    if (t.n - negative > 10)
        return false;
    for (size_t i = negative; i < t.n; i++) {
        if (!is_digit(t.p[i]))
            return false;
        value = value * 10 + (t.p[i] - '0');
    }
    value = negative ? -value : value;
    return value >= low && value <= high;
}

/* ---- texts ---- */

static bool is_control(unsigned char c)
{
    return c < ' ' && c != '\t' && c != '\n' && c != '\r';
}

#define EACH_BYTE(b) (UINT64_MAX / 0xff * (b))

/* True when one of eight bytes may be below the limit: those that are make the
 * high bit of the difference, those of UTF-8 have it themselves. */
static bool may_be_below(const char *p, unsigned limit)
{
    uint64_t eight;

    memcpy(&eight, p, sizeof eight);
    return ((eight - EACH_BYTE(limit)) & ~eight & EACH_BYTE(0x80)) != 0;
}

/* R4 datatypes.html#string: of the control characters only tab, line feed and
 * carriage return. */
static bool has_control(struct bytes t)
{
    size_t i = 0;

    while (i < t.n) {
        if (t.n - i >= 8 && !may_be_below(t.p + i, ' '))
            i += 8;
        else if (is_control((unsigned char)t.p[i]))
            return true;
        else
            i++;
    }
    return false;
}

static size_t characters(struct bytes t)
{
    size_t n = 0;

    for (size_t i = 0; i < t.n; i++)
        n += ((unsigned char)t.p[i] & 0xc0) != 0x80;
    return n;
}

static const char *string_problem(struct bytes t)
{
    if (has_control(t))
        return "must not contain control characters";
    if (t.n > STRING_CHARACTERS_MAX && characters(t) > STRING_CHARACTERS_MAX)
        return "must not be longer than 1048576 characters";
    return NULL;
}

static bool has_space(struct bytes t)
{
    size_t i = 0;

    while (i < t.n) {
        if (t.n - i >= 8 && !may_be_below(t.p + i, ' ' + 1))
            i += 8;
        else if (is_space(t.p[i]))
            return true;
        else
            i++;
    }
    return false;
}

/* [^\s]+(\s[^\s]+)* */
static bool is_code(struct bytes t)
{
    bool space = true;

    if (!has_space(t))
        return t.n > 0;
    for (size_t i = 0; i < t.n; i++) {
        if (is_space(t.p[i]) && space)
            return false;
        space = is_space(t.p[i]);
    }
    return !space;
}

/* urn:oid:[0-2](\.(0|[1-9][0-9]*))+ */
static bool is_oid(struct bytes t)
{
    size_t arcs = 0;

    if (!bytes_starts(t, "urn:oid:"))
        return false;
    t = bytes_from(t, 8);
    if (t.n == 0 || t.p[0] < '0' || t.p[0] > '2')
        return false;
    t = bytes_from(t, 1);
    for (; t.n > 0; arcs++) {
        size_t n = 0;

        if (!take_char(&t, '.'))
            return false;
        while (n < t.n && is_digit(t.p[n]))
            n++;
        if (n == 0 || (n > 1 && t.p[0] == '0'))
            return false;
        t = bytes_from(t, n);
    }
    return arcs > 0;
}

static bool is_lower_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_uuid(struct bytes t)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (!bytes_starts(t, "urn:uuid:"))
        return false;
    t = bytes_from(t, 9);
    if (t.n != sizeof form - 1)
        return false;
    for (size_t i = 0; i < t.n; i++)
        if (form[i] == 'x' ? !is_lower_hex(t.p[i]) : t.p[i] != '-')
            return false;
    return true;
}

static bool is_base64_character(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '+' || c == '/';
}

/* RFC 4648, 4, with white space anywhere. */
static bool is_base64(struct bytes t)
{
    size_t n = 0, padding = 0;

    for (size_t i = 0; i < t.n; i++) {
        if (is_space(t.p[i]))
            continue;
        n++;
        if (t.p[i] == '=')
            padding++;
        else if (padding > 0 || !is_base64_character(t.p[i]))
            return false;
    }
    return n > 0 && n % 4 == 0 && padding <= 2;
}

/* ---- one by one ---- */

static const char *when(bool right, const char *problem)
{
    return right ? NULL : problem;
}

static const char *time_problem(enum model_type_id type, struct bytes t)
{
    if (type == MODEL_TYPE_date)
        return when(is_date(t), "must be a date: YYYY, YYYY-MM or YYYY-MM-DD");
    if (type == MODEL_TYPE_dateTime)
        return when(is_date_time(t),
                    "must be a dateTime: YYYY, YYYY-MM, YYYY-MM-DD or "
                    "YYYY-MM-DDThh:mm:ss with a zone (Z or +hh:mm)");
    if (type == MODEL_TYPE_instant)
        return when(is_instant(t),
                    "must be an instant: YYYY-MM-DDThh:mm:ss with a zone "
                    "(Z or +hh:mm)");
    return when(is_time(t), "must be a time: hh:mm:ss");
}

static const char *number_problem(enum model_type_id type, struct bytes t)
{
    if (type == MODEL_TYPE_integer)
        return when(is_integer(t, INT32_MIN, INT32_MAX),
                    "must be an integer of 32 bits, without a fraction or "
                    "exponent");
    if (type == MODEL_TYPE_positiveInt)
        return when(is_integer(t, 1, INT32_MAX),
                    "must be an integer from 1 to 2147483647");
    if (type == MODEL_TYPE_unsignedInt)
        return when(is_integer(t, 0, INT32_MAX),
                    "must be an integer from 0 to 2147483647");
    return NULL;
}

static const char *name_problem(enum model_type_id type, struct bytes t)
{
    if (type == MODEL_TYPE_code)
        return when(is_code(t), "must be a code: no space at the ends, single "
                                "spaces inside");
    if (type == MODEL_TYPE_id)
        return when(model_is_id(t), "must be an id: 1 to 64 of the characters "
                                    "A-Z, a-z, 0-9, \"-\" and \".\"");
    if (type == MODEL_TYPE_oid)
        return when(is_oid(t), "must be an OID: urn:oid: and numbers with dots "
                               "between them");
    if (type == MODEL_TYPE_uuid)
        return when(is_uuid(t), "must be a UUID: urn:uuid: and 32 lower-case "
                                "hexadecimal digits in five groups");
    if (bytes_starts(t, "urn:oid:"))
        return when(is_oid(t), "must be a URI: what begins with urn:oid: is "
                               "an OID");
    return when(!has_space(t), "must be a URI: it has no white space");
}

const char *primitive_problem(enum model_type_id type, struct bytes text)
{
    const char *problem = NULL;

    if (primitive_json_of(type) == PRIMITIVE_STRING && text.n == 0)
        return "must not be empty";
    switch ((int)type) {
    case MODEL_TYPE_boolean:
        return NULL;
    case MODEL_TYPE_integer:
    case MODEL_TYPE_positiveInt:
    case MODEL_TYPE_unsignedInt:
    case MODEL_TYPE_decimal:
        return number_problem(type, text);
    case MODEL_TYPE_date:
    case MODEL_TYPE_dateTime:
    case MODEL_TYPE_instant:
    case MODEL_TYPE_time:
        return time_problem(type, text);
    case MODEL_TYPE_base64Binary:
        return when(is_base64(text), "must be base64");
    case MODEL_TYPE_xhtml:
        return xhtml_problem(text);
    case MODEL_TYPE_string:
    case MODEL_TYPE_markdown:
        return string_problem(text);
    default:
        problem = name_problem(type, text);
        return problem ? problem : string_problem(text);
    }
}

enum primitive_json primitive_json_of(enum model_type_id type)
{
    switch ((int)type) {
    case MODEL_TYPE_boolean:
        return PRIMITIVE_BOOLEAN;
    case MODEL_TYPE_integer:
    case MODEL_TYPE_positiveInt:
    case MODEL_TYPE_unsignedInt:
    case MODEL_TYPE_decimal:
        return PRIMITIVE_NUMBER;
    default:
        return PRIMITIVE_STRING;
    }
}
