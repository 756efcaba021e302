#include "fhir/json/number.h"

#include <stdlib.h>

/* What a double holds exactly: such a mantissa over such a power of ten is
 * rounded once, by the division, as strtod() rounds it. */
#define EXACT_DIGITS 15
#define EXACT_POWER 15

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with a point among them at most; false leaves it to strtod(). */
static bool read_plain(struct bytes text, double *out)
{
    static const double powers[EXACT_POWER + 1] = {
        1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
        1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = text.p[0] == '-', point = false;
    uint64_t mantissa = 0;
    size_t places = 0;

    if (text.n > EXACT_DIGITS)
        return false;
    for (size_t i = negative; i < text.n; i++) {
        if (is_digit(text.p[i])) {
            mantissa = mantissa * 10 + (uint64_t)(text.p[i] - '0');
            places += point;
        } else if (text.p[i] == '.') {
            point = true;
        } else {
            return false;
        }
    }
    *out = (double)mantissa / powers[places];
    if (negative)
        *out = -*out;
    return true;
}

bool json_number_read(struct bytes text, double *out)
{
    char copy[JSON_NUMBER_BYTES_MAX + 1];

    if (text.n == 0 || text.n > JSON_NUMBER_BYTES_MAX)
        return false;
    if (read_plain(text, out))
        return true;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    *out = strtod(copy, NULL);
    return true;
}
