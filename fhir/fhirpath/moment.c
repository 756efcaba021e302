#include "fhir/fhirpath/moment.h"

#include <stdio.h>

#define YEAR_MAX 9999
#define DAY_MS 86400000LL
#define MINUTE_MS 60000LL
#define NANOS_IN_MS 1000000
#define NANOS_DIGITS 9
/* the zones in use: from UTC-12:00 to UTC+14:00 */
#define ZONE_EAST_MINUTES (14 * 60)
#define ZONE_WEST_MINUTES (-12 * 60)

/* --- the calendar --- */

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01, by years that begin in March. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year =
        (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 -
           year_of_era / 100 + day_of_year - 719468;
}

static void date_of_days(int64_t days, struct moment *m)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                           day_of_era / 146096) /
                          365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;

    m->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    m->month = (int)(month < 10 ? month + 3 : month - 9);
    m->year = (int)(year_of_era + era * 400 + (m->month <= 2));
}

static int64_t ms_of_day(const struct moment *m)
{
    return ((m->hour * 60LL + m->minute) * 60 + m->second) * 1000 +
           m->nanosecond / NANOS_IN_MS;
}

static void set_ms_of_day(struct moment *m, int64_t ms)
{
    m->nanosecond =
        m->nanosecond % NANOS_IN_MS + (int)(ms % 1000) * NANOS_IN_MS;
    m->second = (int)(ms / 1000 % 60);
    m->minute = (int)(ms / MINUTE_MS % 60);
    m->hour = (int)(ms / (60 * MINUTE_MS));
}

/* Moves by ms over the days' bounds; the fields count as UTC. */
static void shift_ms(struct moment *m, int64_t ms)
{
    int64_t days = days_of(m->year, m->month, m->day);
    int64_t sum = ms_of_day(m) + ms % DAY_MS;

    days += ms / DAY_MS;
    if (sum < 0) {
        sum += DAY_MS;
        days--;
    } else if (sum >= DAY_MS) {
        sum -= DAY_MS;
        days++;
    }
    date_of_days(days, m);
    set_ms_of_day(m, sum);
}

struct moment moment_of(int64_t time_ms, enum moment_kind kind)
{
    struct moment m = {.kind = kind,
                       .precision =
                           kind == MOMENT_DATE ? MOMENT_DAY : MOMENT_SECOND,
                       .year = 1970,
                       .month = 1,
                       .day = 1,
                       .fraction_digits = kind == MOMENT_DATE ? 0 : 3,
                       .has_zone = kind == MOMENT_DATETIME,
                       .zulu = kind == MOMENT_DATETIME};

    shift_ms(&m, time_ms);
    if (kind == MOMENT_DATE)
        m.hour = m.minute = m.second = m.nanosecond = 0;
    return m;
}

/* --- reading --- */

struct reader {
    struct bytes text;
    size_t at;
};

static bool take(struct reader *r, char c)
{
    if (r->at >= r->text.n || r->text.p[r->at] != c)
        return false;
    r->at++;
    return true;
}

static bool take_number(struct reader *r, int digits, int *out)
{
    int value = 0;

    for (int i = 0; i < digits; i++, r->at++) {
        if (r->at >= r->text.n || r->text.p[r->at] < '0' ||
            r->text.p[r->at] > '9')
            return false;
        value = value * 10 + (r->text.p[r->at] - '0');
    }
    *out = value;
    return true;
}

static bool read_fraction(struct reader *r, struct moment *m)
{
    int unit = 100000000;

    while (r->at < r->text.n && r->text.p[r->at] >= '0' &&
           r->text.p[r->at] <= '9') {
        if (m->fraction_digits < NANOS_DIGITS) {
            m->fraction_digits++;
            m->nanosecond += (r->text.p[r->at] - '0') * unit;
            unit /= 10;
        }
        r->at++;
    }
    return m->fraction_digits > 0;
}

static bool read_clock(struct reader *r, struct moment *m)
{
    m->precision = MOMENT_HOUR;
    if (!take_number(r, 2, &m->hour) || m->hour > 23)
        return false;
    if (!take(r, ':'))
        return true;
    m->precision = MOMENT_MINUTE;
    if (!take_number(r, 2, &m->minute) || m->minute > 59)
        return false;
    if (!take(r, ':'))
        return true;
    m->precision = MOMENT_SECOND;
    if (!take_number(r, 2, &m->second) || m->second > 60)
        return false;
    return !take(r, '.') || read_fraction(r, m);
}

static bool read_date(struct reader *r, struct moment *m)
{
    m->precision = MOMENT_YEAR;
    if (!take_number(r, 4, &m->year) || m->year < 1)
        return false;
    if (!take(r, '-'))
        return true;
    m->precision = MOMENT_MONTH;
    if (!take_number(r, 2, &m->month) || m->month < 1 || m->month > 12)
        return false;
    if (!take(r, '-'))
        return true;
    m->precision = MOMENT_DAY;
    return take_number(r, 2, &m->day) && m->day >= 1 &&
           m->day <= days_in_month(m->year, m->month);
}

static bool read_zone(struct reader *r, struct moment *m)
{
    bool west = r->at < r->text.n && r->text.p[r->at] == '-';
    int hours;
    int minutes;

    if (take(r, 'Z')) {
        m->has_zone = m->zulu = true;
        return true;
    }
    if (!take(r, '+') && !take(r, '-'))
        return true;
    if (!take_number(r, 2, &hours) || !take(r, ':') ||
        !take_number(r, 2, &minutes) || hours > 14 || minutes > 59)
        return false;
    m->has_zone = true;
    m->zone_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

bool moment_parse(struct bytes text, enum moment_kind kind, struct moment *out)
{
    struct reader r = {.text = text};
    struct moment m = {.kind = kind, .year = 1, .month = 1, .day = 1};

    if (kind == MOMENT_TIME) {
        if (!read_clock(&r, &m))
            return false;
    } else if (!read_date(&r, &m)) {
        return false;
    }
    if (kind == MOMENT_DATETIME && take(&r, 'T') && r.at < text.n &&
        (m.precision != MOMENT_DAY || !read_clock(&r, &m) ||
         !read_zone(&r, &m)))
        return false;
    *out = m;
    return r.at == text.n;
}

/* --- writing --- */

static size_t add_format(char *out, size_t n, const char *format, int value)
{
/* the formats are the literals below */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int more = snprintf(out + n, MOMENT_TEXT_BYTES - n, format, value);
#pragma GCC diagnostic pop

    return n + (more > 0 ? (size_t)more : 0);
}

static size_t format_clock(const struct moment *m, char *out, size_t n)
{
    int digits = m->fraction_digits;
    int fraction = m->nanosecond;

    n = add_format(out, n, "%02d", m->hour);
    if (m->precision >= MOMENT_MINUTE)
        n = add_format(out, n, ":%02d", m->minute);
    if (m->precision < MOMENT_SECOND)
        return n;
    n = add_format(out, n, ":%02d", m->second);
    if (digits == 0)
        return n;
    n = add_format(out, n, ".%09d", fraction);
    return n - (size_t)(NANOS_DIGITS - digits);
}

static size_t format_zone(const struct moment *m, char *out, size_t n)
{
    int minutes = m->zone_minutes < 0 ? -m->zone_minutes : m->zone_minutes;

    if (m->zulu) {
        out[n++] = 'Z';
        return n;
    }
    out[n++] = m->zone_minutes < 0 ? '-' : '+';
    n = add_format(out, n, "%02d", minutes / 60);
    return add_format(out, n, ":%02d", minutes % 60);
}

size_t moment_format(const struct moment *m, char out[MOMENT_TEXT_BYTES])
{
    size_t n = 0;

    if (m->kind == MOMENT_TIME) {
        n = format_clock(m, out, 0);
        out[n] = '\0';
        return n;
    }
    n = add_format(out, n, "%04d", m->year);
    if (m->precision >= MOMENT_MONTH)
        n = add_format(out, n, "-%02d", m->month);
    if (m->precision >= MOMENT_DAY)
        n = add_format(out, n, "-%02d", m->day);
    if (m->precision >= MOMENT_HOUR) {
        out[n++] = 'T';
        n = format_clock(m, out, n);
        if (m->has_zone)
            n = format_zone(m, out, n);
    }
    out[n] = '\0';
    return n;
}

/* --- comparing --- */

/* Both on the same footing, in UTC where there is a zone. */
static struct moment to_utc(const struct moment *m)
{
    struct moment utc = *m;

    if (m->has_zone && m->precision >= MOMENT_HOUR) {
        if (m->zone_minutes % 60 != 0 && m->precision == MOMENT_HOUR)
            return utc;
        shift_ms(&utc, -m->zone_minutes * MINUTE_MS);
        utc.zone_minutes = 0;
    }
    return utc;
}

static enum moment_order order_of(int64_t a, int64_t b)
{
    if (a == b)
        return MOMENT_EQUAL;
    return a < b ? MOMENT_BEFORE : MOMENT_AFTER;
}

/* Part by part from the largest; past the precision of one of them nothing
 * can be said, but seconds and their fraction are one decimal number. */
static enum moment_order compare_parts(const struct moment *a,
                                       const struct moment *b,
                                       enum moment_precision first)
{
    const int parts_a[] = {a->year, a->month,  a->day,
                           a->hour, a->minute, a->second};
    const int parts_b[] = {b->year, b->month,  b->day,
                           b->hour, b->minute, b->second};

    for (enum moment_precision i = first; i <= MOMENT_SECOND; i++) {
        enum moment_order order = order_of(parts_a[i], parts_b[i]);

        if (i > a->precision || i > b->precision)
            return a->precision == b->precision ? MOMENT_EQUAL
                                                : MOMENT_UNCERTAIN;
        if (order != MOMENT_EQUAL)
            return order;
    }
    return order_of(a->nanosecond, b->nanosecond);
}

/* The first or last millisecond that it covers, without a zone in the one
 * farthest off. */
static int64_t edge_ms(const struct moment *m, bool high)
{
    struct moment edge;
    int zone;

    (void)moment_boundary(m, high, 17, &edge);
    zone = edge.zone_minutes;
    return days_of(edge.year, edge.month, edge.day) * DAY_MS +
           ms_of_day(&edge) - zone * MINUTE_MS;
}

enum moment_order moment_compare(const struct moment *a, const struct moment *b)
{
    struct moment utc_a;
    struct moment utc_b;

    if (a->kind == MOMENT_TIME)
        return compare_parts(a, b, MOMENT_HOUR);
    if (a->has_zone != b->has_zone) {
        struct moment left = *a;
        struct moment right = *b;

        left.kind = right.kind = MOMENT_DATETIME;
        if (edge_ms(&left, true) < edge_ms(&right, false))
            return MOMENT_BEFORE;
        if (edge_ms(&left, false) > edge_ms(&right, true))
            return MOMENT_AFTER;
        return MOMENT_UNCERTAIN;
    }
    utc_a = to_utc(a);
    utc_b = to_utc(b);
    return compare_parts(&utc_a, &utc_b, MOMENT_YEAR);
}

/* --- arithmetic --- */

/* Milliseconds of a unit; months and years by the rule of FHIRPath for what
 * is coarser than the precision: 30 and 365 days. */
static const int64_t unit_ms[] = {365 * DAY_MS, 30 * DAY_MS, 7 * DAY_MS, DAY_MS,
                                  3600000,      MINUTE_MS,   1000,       1};

static const enum moment_unit precision_unit[] = {
    MOMENT_YEARS, MOMENT_MONTHS,  MOMENT_DAYS,
    MOMENT_HOURS, MOMENT_MINUTES, MOMENT_SECONDS};

static bool add_months(struct moment *m, int64_t months)
{
    int64_t sum = m->year * 12LL + (m->month - 1) + months;
    int64_t year = sum / 12;

    if (sum < 12 || year > YEAR_MAX)
        return false;
    m->year = (int)year;
    m->month = (int)(sum % 12) + 1;
    if (m->day > days_in_month(m->year, m->month))
        m->day = days_in_month(m->year, m->month);
    return true;
}

/* In whole steps of the precision, when the unit is finer than it. */
static void coarsen(const struct moment *m, int64_t *amount,
                    enum moment_unit *unit)
{
    enum moment_unit own = precision_unit[m->precision];

    if (m->precision == MOMENT_SECOND || *unit <= own)
        return;
    if (own == MOMENT_YEARS && *unit == MOMENT_MONTHS)
        *amount /= 12;
    else
        *amount = *amount * unit_ms[*unit] / unit_ms[own];
    *unit = own;
}

static bool add_time(struct moment *m, int64_t ms)
{
    int64_t sum = (ms_of_day(m) + ms % DAY_MS + DAY_MS) % DAY_MS;

    set_ms_of_day(m, sum);
    return true;
}

bool moment_add(struct moment *m, int64_t amount, enum moment_unit unit)
{
    const int64_t most = INT64_C(4000000000000000);
    int64_t days;
    int64_t ms;

    if (amount > most / unit_ms[unit] || amount < -most / unit_ms[unit])
        return false;
    coarsen(m, &amount, &unit);
    if (unit == MOMENT_MILLISECONDS && m->fraction_digits < 3)
        m->fraction_digits = 3;
    if (m->kind == MOMENT_TIME && unit < MOMENT_HOURS)
        return false;
    if (unit == MOMENT_YEARS)
        return add_months(m, amount * 12);
    if (unit == MOMENT_MONTHS)
        return add_months(m, amount);
    ms = amount * unit_ms[unit];
    if (m->kind == MOMENT_TIME)
        return add_time(m, ms);
    days = days_of(m->year, m->month, m->day) + ms / DAY_MS;
    if (days < days_of(1, 1, 2) || days > days_of(YEAR_MAX, 12, 30))
        return false;
    shift_ms(m, ms);
    return true;
}

/* --- boundaries --- */

int moment_digits(const struct moment *m)
{
    static const int digits[] = {4, 6, 8, 10, 12, 14};
    int n = m->fraction_digits > 0 ? 17 : digits[m->precision];

    return m->kind == MOMENT_TIME ? n - 8 : n;
}

static bool precision_of_digits(enum moment_kind kind, int digits,
                                struct moment *out)
{
    int n = kind == MOMENT_TIME ? digits + 8 : digits;

    out->fraction_digits = n == 17 ? 3 : 0;
    if (n == 17)
        n = 14;
    if (n < 4 || n > 14 || n % 2 != 0 || (kind == MOMENT_DATE && n > 8) ||
        (kind == MOMENT_TIME && n < 10))
        return false;
    out->precision = (enum moment_precision)((n - 4) / 2);
    return true;
}

static void fill(const struct moment *m, bool high, struct moment *out)
{
    if (m->precision < MOMENT_MONTH)
        out->month = high ? 12 : 1;
    if (m->precision < MOMENT_DAY)
        out->day = high ? days_in_month(out->year, out->month) : 1;
    if (m->precision < MOMENT_HOUR)
        out->hour = high ? 23 : 0;
    if (m->precision < MOMENT_MINUTE)
        out->minute = high ? 59 : 0;
    if (m->precision < MOMENT_SECOND)
        out->second = high ? 59 : 0;
    if (m->fraction_digits == 0)
        out->nanosecond = high ? 999 * NANOS_IN_MS : 0;
}

bool moment_boundary(const struct moment *m, bool high, int digits,
                     struct moment *out)
{
    *out = *m;
    if (!precision_of_digits(m->kind, digits, out))
        return false;
    fill(m, high, out);
    if (m->kind == MOMENT_DATETIME && out->precision >= MOMENT_HOUR &&
        !m->has_zone) {
        out->has_zone = true;
        out->zone_minutes = high ? ZONE_WEST_MINUTES : ZONE_EAST_MINUTES;
    }
    return true;
}
