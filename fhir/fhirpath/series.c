#include "fhir/fhirpath/series.h"

/* Digits carried behind the point, and those of a result. */
#define WORK_SCALE 38
#define RESULT_SCALE 28
#define TERMS_MAX 200
#define ROUNDS_MAX 200
#define EXPONENT_MAX 80

/* --- steps that keep the working precision --- */

static bool multiply(const struct decimal *a, const struct decimal *b,
                     struct decimal *out)
{
    return decimal_multiply(a, b, out) &&
           (out->scale <= WORK_SCALE ||
            decimal_rescale(out, WORK_SCALE, DECIMAL_HALF_UP, out));
}

/* a / b with WORK_SCALE digits behind the point. */
static bool divide(const struct decimal *a, const struct decimal *b,
                   struct decimal *out)
{
    struct decimal shift;
    struct decimal whole;

    if (!decimal_parse(bytes_of("1e38"), &shift) ||
        !decimal_multiply(a, &shift, &shift) ||
        !decimal_divide_whole(&shift, b, &whole))
        return false;
    /* 1e-38 as a factor puts the point back */
    if (!decimal_parse(bytes_of("1e-38"), &shift))
        return false;
    return decimal_multiply(&whole, &shift, out);
}

static bool is_negligible(const struct decimal *a)
{
    struct decimal rounded;

    return decimal_rescale(a, WORK_SCALE - 1, DECIMAL_TRUNCATE, &rounded) &&
           decimal_is_zero(&rounded);
}

/* RESULT_SCALE digits, without zeros at the end. */
static bool finish(const struct decimal *a, struct decimal *out)
{
    struct decimal rounded = *a;

    if (a->scale > RESULT_SCALE &&
        !decimal_rescale(a, RESULT_SCALE, DECIMAL_HALF_UP, &rounded))
        return false;
    *out = decimal_strip(&rounded);
    return true;
}

/* --- the square root, by Newton's method --- */

bool series_sqrt(const struct decimal *a, struct decimal *out)
{
    struct decimal half = decimal_of(1);
    struct decimal x;
    struct decimal next;

    if (a->negative)
        return false;
    if (decimal_is_zero(a)) {
        *out = decimal_of(0);
        return true;
    }
    /* begins with a power of ten above the root */
    x = decimal_of(1);
    (void)decimal_parse(bytes_of("0.5"), &half);
    while (decimal_compare(&x, a) < 0) {
        struct decimal ten = decimal_of(10);

        if (!decimal_multiply(&x, &ten, &x))
            return false;
    }
    for (int i = 0; i < ROUNDS_MAX; i++) {
        if (!divide(a, &x, &next) || !decimal_add(&next, &x, &next) ||
            !multiply(&next, &half, &next))
            return false;
        if (decimal_compare(&next, &x) == 0)
            break;
        x = next;
    }
    return finish(&x, out);
}

/* --- the exponential --- */

/* e to a small power: the sum of a^n / n!. */
static bool exp_small(const struct decimal *a, struct decimal *out)
{
    struct decimal sum = decimal_of(1);
    struct decimal term = decimal_of(1);

    for (int i = 1; i < TERMS_MAX && !is_negligible(&term); i++) {
        struct decimal n = decimal_of(i);

        if (!multiply(&term, a, &term) || !divide(&term, &n, &term) ||
            !decimal_add(&sum, &term, &sum))
            return false;
    }
    *out = sum;
    return true;
}

/* With WORK_SCALE digits: halved until it is small, squared as often. */
static bool exp_full(const struct decimal *a, struct decimal *out)
{
    struct decimal limit = decimal_of(EXPONENT_MAX);
    struct decimal size = *a;
    struct decimal half;
    struct decimal x = *a;
    int halved = 0;

    size.negative = false;
    if (decimal_compare(&size, &limit) > 0 ||
        !decimal_parse(bytes_of("0.5"), &half))
        return false;
    for (; decimal_compare(&size, &half) > 0; halved++)
        if (!multiply(&size, &half, &size) || !multiply(&x, &half, &x))
            return false;
    if (!exp_small(&x, &x))
        return false;
    while (halved-- > 0)
        if (!multiply(&x, &x, &x))
            return false;
    *out = x;
    return true;
}

bool series_exp(const struct decimal *a, struct decimal *out)
{
    struct decimal x;

    return exp_full(a, &x) && finish(&x, out);
}

/* --- logarithms --- */

/* 2 * (z + z^3/3 + z^5/5 ...) with z = (a - 1) / (a + 1), a near 1. */
static bool ln_small(const struct decimal *a, struct decimal *out)
{
    struct decimal one = decimal_of(1);
    struct decimal two = decimal_of(2);
    struct decimal below;
    struct decimal above;
    struct decimal power;
    struct decimal square;
    struct decimal sum = decimal_of(0);

    if (!decimal_subtract(a, &one, &below) || !decimal_add(a, &one, &above) ||
        !divide(&below, &above, &power) || !multiply(&power, &power, &square))
        return false;
    for (int i = 1; i < 2 * TERMS_MAX && !is_negligible(&power); i += 2) {
        struct decimal n = decimal_of(i);
        struct decimal term;

        if (!divide(&power, &n, &term) || !decimal_add(&sum, &term, &sum) ||
            !multiply(&power, &square, &power))
            return false;
    }
    return multiply(&sum, &two, out);
}

/* Brings a between 0.7 and 1.4 by factors of two, which *twos counts. */
static bool reduce(struct decimal *a, int *twos)
{
    struct decimal high;
    struct decimal low;
    struct decimal half;
    struct decimal two = decimal_of(2);

    *twos = 0;
    if (!decimal_parse(bytes_of("1.4"), &high) ||
        !decimal_parse(bytes_of("0.7"), &low) ||
        !decimal_parse(bytes_of("0.5"), &half))
        return false;
    for (; decimal_compare(a, &high) > 0; (*twos)++)
        if (!multiply(a, &half, a))
            return false;
    for (; decimal_compare(a, &low) < 0; (*twos)--)
        if (!multiply(a, &two, a))
            return false;
    return true;
}

static bool ln_full(const struct decimal *a, struct decimal *out)
{
    struct decimal x = *a;
    struct decimal two = decimal_of(2);
    struct decimal ln_two;
    struct decimal count;
    int twos;

    if (a->negative || decimal_is_zero(a) || !reduce(&x, &twos) ||
        !ln_small(&x, &x))
        return false;
    if (twos == 0) {
        *out = x;
        return true;
    }
    count = decimal_of(twos);
    /* ln 2 = -ln 0.5 converges as well as any between 0.3 and 3 */
    return ln_small(&two, &ln_two) && multiply(&ln_two, &count, &ln_two) &&
           decimal_add(&x, &ln_two, out);
}

bool series_ln(const struct decimal *a, struct decimal *out)
{
    struct decimal x;

    return ln_full(a, &x) && finish(&x, out);
}

bool series_log(const struct decimal *a, const struct decimal *base,
                struct decimal *out)
{
    struct decimal ln_a;
    struct decimal ln_base;

    if (!ln_full(a, &ln_a) || !ln_full(base, &ln_base) ||
        decimal_is_zero(&ln_base) || !divide(&ln_a, &ln_base, out))
        return false;
    return finish(out, out);
}

/* --- powers --- */

static bool power_whole(const struct decimal *a, int64_t n, struct decimal *out)
{
    struct decimal result = decimal_of(1);
    struct decimal square = *a;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    for (; left > 0; left >>= 1) {
        if ((left & 1) && !decimal_multiply(&result, &square, &result))
            return false;
        if (left > 1 && !decimal_multiply(&square, &square, &square))
            return false;
    }
    if (n >= 0) {
        *out = result;
        return true;
    }
    square = decimal_of(1);
    return !decimal_is_zero(&result) && decimal_divide(&square, &result, out);
}

bool series_power(const struct decimal *a, const struct decimal *exponent,
                  struct decimal *out)
{
    struct decimal x;
    int64_t whole;

    if (decimal_to_i64(exponent, &whole) && whole < 100000 && whole > -100000)
        return power_whole(a, whole, out);
    if (decimal_is_zero(a)) {
        *out = decimal_of(0);
        return !exponent->negative;
    }
    return ln_full(a, &x) && multiply(&x, exponent, &x) && exp_full(&x, &x) &&
           finish(&x, out);
}
