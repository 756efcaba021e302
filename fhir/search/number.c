#include "fhir/search/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The text as digits * 10^exponent. */
struct decimal {
    bool negative;
    long long digits;
    int count;
    int exponent;
    bool scientific;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_digit(struct decimal *d, char c)
{
    /* zeros in front say nothing */
    if (d->count == 0 && c == '0')
        return true;
    d->digits = d->digits * 10 + (c - '0');
    return ++d->count <= NUMBER_DIGITS_MAX;
}

/* The digits before and behind the point. */
static bool take_mantissa(struct decimal *d, struct bytes *text)
{
    size_t i = 0, whole, fraction = 0;

    for (; i < text->n && is_digit(text->p[i]); i++)
        if (!take_digit(d, text->p[i]))
            return false;
    whole = i;
    if (i < text->n && text->p[i] == '.')
        for (i++; i < text->n && is_digit(text->p[i]); i++, fraction++)
            if (!take_digit(d, text->p[i]) || fraction > NUMBER_EXPONENT_MAX)
                return false;
    if (whole == 0 || (i > whole && fraction == 0))
        return false;
    d->exponent = -(int)fraction;
    *text = bytes_from(*text, i);
    return true;
}

static bool take_exponent(struct decimal *d, struct bytes text)
{
    bool negative = false;
    int exponent = 0;

    if (text.n == 0)
        return true;
    if (text.p[0] != 'e' && text.p[0] != 'E')
        return false;
    text = bytes_from(text, 1);
    if (text.n > 0 && (text.p[0] == '-' || text.p[0] == '+')) {
        negative = text.p[0] == '-';
        text = bytes_from(text, 1);
    }
    if (text.n == 0 || text.n > 3)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (!is_digit(text.p[i]))
            return false;
        exponent = exponent * 10 + (text.p[i] - '0');
    }
    d->scientific = true;
    d->exponent += negative ? -exponent : exponent;
    return exponent <= NUMBER_EXPONENT_MAX;
}

/* The nearest double, by way of text: computing with doubles would not find
 * the same one as reading does. */
static double to_double(long long digits, int exponent)
{
    char text[48];

    (void)snprintf(text, sizeof text, "%llde%d", digits, exponent);
    return strtod(text, NULL);
}

bool number_parse(struct bytes text, struct number *out)
{
    struct decimal d = {0};
    int finer;

    if (text.n > 0 && text.p[0] == '-') {
        d.negative = true;
        text = bytes_from(text, 1);
    }
    if (!take_mantissa(&d, &text) || !take_exponent(&d, text))
        return false;
    if (d.negative)
        d.digits = -d.digits;
    /* half of the last digit that is written; R4's example has one digit more
     * in scientific notation */
    finer = d.scientific ? 2 : 1;
    out->value = to_double(d.digits, d.exponent);
    if (finer == 2)
        d.digits *= 10;
    out->low = to_double(d.digits * 10 - 5, d.exponent - finer);
    out->high = to_double(d.digits * 10 + 5, d.exponent - finer);
    return true;
}

void number_approximate(double value, double *low, double *high)
{
    double margin = fabs(value) / 10;

    *low = value - margin;
    *high = value + margin;
}
