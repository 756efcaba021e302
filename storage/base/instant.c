#include "storage/base/instant.h"

#include <time.h>

#define MS_PER_DAY 86400000LL

/* The broken-down time in UTC and the milliseconds beside it. */
static unsigned civil_from_ms(int64_t time_ms, struct tm *c)
{
    int64_t rest = time_ms % 1000;
    time_t seconds = (time_t)(time_ms / 1000 - (rest < 0));

    if (!gmtime_r(&seconds, c))
        *c = (struct tm){.tm_mday = 1, .tm_year = 70};
    return (unsigned)(rest < 0 ? rest + 1000 : rest);
}

static void put_digits(char *out, unsigned width, uint64_t value)
{
    while (width > 0) {
        out[--width] = (char)('0' + value % 10);
        value /= 10;
    }
}

static uint64_t year_of(const struct tm *c)
{
    return c->tm_year < -1900 ? 0 : ((uint64_t)c->tm_year + 1900) % 10000;
}

void instant_format(int64_t time_ms, char out[INSTANT_TEXT_BYTES])
{
    struct tm c;
    unsigned millisecond = civil_from_ms(time_ms, &c);

    memcpy(out, "0000-00-00T00:00:00.000Z", INSTANT_TEXT_BYTES);
    put_digits(out, 4, year_of(&c));
    put_digits(out + 5, 2, (uint64_t)c.tm_mon + 1);
    put_digits(out + 8, 2, (uint64_t)c.tm_mday);
    put_digits(out + 11, 2, (uint64_t)c.tm_hour);
    put_digits(out + 14, 2, (uint64_t)c.tm_min);
    put_digits(out + 17, 2, (uint64_t)c.tm_sec);
    put_digits(out + 20, 3, millisecond);
}

void instant_format_http(int64_t time_ms, char out[INSTANT_HTTP_BYTES])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm c;

    (void)civil_from_ms(time_ms, &c);
    memcpy(out, "Sun, 00 Jan 0000 00:00:00 GMT", INSTANT_HTTP_BYTES);
    memcpy(out, days + (size_t)3 * (size_t)c.tm_wday, 3);
    put_digits(out + 5, 2, (uint64_t)c.tm_mday);
    memcpy(out + 8, months + (size_t)3 * (size_t)c.tm_mon, 3);
    put_digits(out + 12, 4, year_of(&c));
    put_digits(out + 17, 2, (uint64_t)c.tm_hour);
    put_digits(out + 20, 2, (uint64_t)c.tm_min);
    put_digits(out + 23, 2, (uint64_t)c.tm_sec);
}

struct reader {
    struct bytes text;
    size_t at;
};

static bool read_digits(struct reader *r, unsigned width, unsigned *out)
{
    unsigned value = 0;

    if (r->text.n - r->at < width)
        return false;
    for (unsigned i = 0; i < width; i++) {
        unsigned digit = (unsigned)(r->text.p[r->at + i] - '0');

        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    r->at += width;
    *out = value;
    return true;
}

static bool accept(struct reader *r, char c)
{
    if (r->at >= r->text.n || r->text.p[r->at] != c)
        return false;
    r->at++;
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30,
                                         31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

enum precision { YEAR, MONTH, DAY, MINUTE, SECOND };

struct parts {
    unsigned year, month, day, hour, minute, second, millisecond;
    int offset_minutes;
    bool zone;
    enum precision precision;
    unsigned fraction_digits;
};

static bool read_date(struct reader *r, struct parts *p)
{
    p->month = p->day = 1;
    p->precision = YEAR;
    if (!read_digits(r, 4, &p->year) || p->year == 0)
        return false;
    if (!accept(r, '-'))
        return true;
    if (!read_digits(r, 2, &p->month) || p->month < 1 || p->month > 12)
        return false;
    p->precision = MONTH;
    if (!accept(r, '-'))
        return true;
    p->precision = DAY;
    return read_digits(r, 2, &p->day) && p->day >= 1 &&
           p->day <= days_in_month(p->year, p->month);
}

static bool read_fraction(struct reader *r, struct parts *p)
{
    unsigned scale = 100, digit;

    while (r->at < r->text.n && r->text.p[r->at] >= '0' &&
           r->text.p[r->at] <= '9') {
        digit = (unsigned)(r->text.p[r->at++] - '0');
        p->millisecond += digit * scale;
        scale /= 10;
        p->fraction_digits++;
    }
    return p->fraction_digits > 0;
}

static bool read_zone(struct reader *r, struct parts *p)
{
    unsigned hour, minute;
    int sign = 1;

    if (accept(r, 'Z')) {
        p->zone = true;
        return true;
    }
    if (accept(r, '-'))
        sign = -1;
    else if (!accept(r, '+'))
        return true;
    if (!read_digits(r, 2, &hour) || !accept(r, ':') ||
        !read_digits(r, 2, &minute) || minute > 59 || hour > 14 ||
        (hour == 14 && minute > 0))
        return false;
    p->offset_minutes = sign * (int)(hour * 60 + minute);
    p->zone = true;
    return true;
}

static bool read_time(struct reader *r, struct parts *p)
{
    if (!read_digits(r, 2, &p->hour) || p->hour > 23 || !accept(r, ':') ||
        !read_digits(r, 2, &p->minute) || p->minute > 59)
        return false;
    p->precision = MINUTE;
    if (accept(r, ':')) {
        if (!read_digits(r, 2, &p->second) || p->second > 60)
            return false;
        p->precision = SECOND;
        if (accept(r, '.') && !read_fraction(r, p))
            return false;
    }
    return read_zone(r, p);
}

static bool read_all(struct bytes text, struct parts *p)
{
    struct reader r = {text, 0};

    *p = (struct parts){0};
    if (!read_date(&r, p))
        return false;
    if (r.at < text.n) {
        if (p->precision != DAY || !accept(&r, 'T') || !read_time(&r, p))
            return false;
    }
    return r.at == text.n;
}

/* timegm() carries a month 13 or a second 60 over by itself. */
static int64_t parts_ms(const struct parts *p)
{
    struct tm c = {.tm_year = (int)p->year - 1900,
                   .tm_mon = (int)p->month - 1,
                   .tm_mday = (int)p->day,
                   .tm_hour = (int)p->hour,
                   .tm_min = (int)p->minute - p->offset_minutes,
                   .tm_sec = (int)p->second};

    return (int64_t)timegm(&c) * 1000 + p->millisecond;
}

bool instant_parse(struct bytes text, int64_t *time_ms)
{
    struct parts p;

    if (!read_all(text, &p) || p.precision != SECOND || !p.zone)
        return false;
    *time_ms = parts_ms(&p);
    return true;
}

static int64_t range_end(const struct parts *p)
{
    struct parts next = *p;

    switch (p->precision) {
    case YEAR:
        next.year++;
        return parts_ms(&next);
    case MONTH:
        next.month++;
        return parts_ms(&next);
    case DAY:
        return parts_ms(p) + MS_PER_DAY;
    case MINUTE:
        return parts_ms(p) + 60000;
    case SECOND:
        break;
    }
    switch (p->fraction_digits) {
    case 0:
        return parts_ms(p) + 1000;
    case 1:
        return parts_ms(p) + 100;
    case 2:
        return parts_ms(p) + 10;
    default:
        return parts_ms(p) + 1;
    }
}

bool instant_parse_range(struct bytes text, int64_t *from_ms, int64_t *to_ms)
{
    struct parts p;

    if (!read_all(text, &p))
        return false;
    *from_ms = parts_ms(&p);
    *to_ms = range_end(&p);
    return true;
}
