/* moment: dates, dateTimes and times of any precision (FHIRPath Date,
 * DateTime, Time; FHIR date, dateTime, instant, time).
 * Owns:   nothing; a struct moment is a value.
 * Thread: any. Reads no clock. */
#ifndef BELFRY_FHIR_FHIRPATH_MOMENT_H
#define BELFRY_FHIR_FHIRPATH_MOMENT_H

#include "storage/base/bytes.h"

enum moment_kind { MOMENT_DATE, MOMENT_DATETIME, MOMENT_TIME };

/* How far it is known. */
enum moment_precision {
    MOMENT_YEAR,
    MOMENT_MONTH,
    MOMENT_DAY,
    MOMENT_HOUR,
    MOMENT_MINUTE,
    MOMENT_SECOND /* and fraction_digits of its fraction */
};

struct moment {
    enum moment_kind kind;
    enum moment_precision precision;
    int year;
    int month; /* 1 to 12 */
    int day;
    int hour;
    int minute;
    int second;
    int nanosecond;
    int fraction_digits; /* as written */
    bool has_zone;
    bool zulu;        /* written as Z */
    int zone_minutes; /* east of UTC */
};

enum moment_order {
    MOMENT_BEFORE,
    MOMENT_EQUAL,
    MOMENT_AFTER,
    MOMENT_UNCERTAIN /* the precision does not tell */
};

/* "-2015-02-04T14:34:28.123+14:00" and a NUL */
#define MOMENT_TEXT_BYTES 64

/* text without the "@" and, for a time, without the "T" of a literal. */
bool moment_parse(struct bytes text, enum moment_kind kind, struct moment *out);

/* UTC, to the millisecond. */
struct moment moment_of(int64_t time_ms, enum moment_kind kind);

/* As FHIR writes it; a DateTime that stops before the hour has no "T". */
size_t moment_format(const struct moment *m, char out[MOMENT_TEXT_BYTES]);

/* A date and a dateTime may be compared with each other, a time only with a
 * time. A dateTime without a zone may be in any. */
enum moment_order moment_compare(const struct moment *a,
                                 const struct moment *b);

enum moment_unit {
    MOMENT_YEARS,
    MOMENT_MONTHS,
    MOMENT_WEEKS,
    MOMENT_DAYS,
    MOMENT_HOURS,
    MOMENT_MINUTES,
    MOMENT_SECONDS,
    MOMENT_MILLISECONDS
};

/* Calendar arithmetic: months keep the day where the month has it, what is
 * finer than the moment's precision counts in whole steps of it, a time goes
 * round the clock. False past the years 1 to 9999. */
bool moment_add(struct moment *m, int64_t amount, enum moment_unit unit);

/* Digits of the precision: 4, 6, 8, 10, 12, 14, 17; of a time 2, 4, 6, 9. */
int moment_digits(const struct moment *m);

/* The first or last moment that m may stand for, with so many digits. False
 * when no precision has them. */
bool moment_boundary(const struct moment *m, bool high, int digits,
                     struct moment *out);

#endif
