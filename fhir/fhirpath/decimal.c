#include "fhir/fhirpath/decimal.h"

#define BASE 1000000000u
#define BASE_DIGITS 9
#define WIDE_LIMBS (2 * DECIMAL_LIMBS + 2)
#define WIDE_DIGITS (WIDE_LIMBS * BASE_DIGITS)

/* An intermediate result: a natural number, least limb first. */
struct wide {
    uint32_t limb[WIDE_LIMBS];
};

static const uint32_t powers[BASE_DIGITS + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};

/* --- natural numbers --- */

static struct wide wide_of(const struct decimal *a)
{
    struct wide w = {{0}};

    memcpy(w.limb, a->limb, sizeof a->limb);
    return w;
}

static size_t wide_used(const struct wide *w)
{
    size_t n = WIDE_LIMBS;

    while (n > 0 && w->limb[n - 1] == 0)
        n--;
    return n;
}

static unsigned wide_digits(const struct wide *w)
{
    size_t n = wide_used(w);
    unsigned digits = 0;

    if (n == 0)
        return 0;
    while (digits < BASE_DIGITS && powers[digits] <= w->limb[n - 1])
        digits++;
    return (unsigned)(n - 1) * BASE_DIGITS + digits;
}

static int wide_compare(const struct wide *a, const struct wide *b)
{
    for (size_t i = WIDE_LIMBS; i-- > 0;)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i] ? -1 : 1;
    return 0;
}

/* w * factor + add; false when it does not fit. */
static bool wide_multiply_small(struct wide *w, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;

    for (size_t i = 0; i < WIDE_LIMBS; i++) {
        uint64_t sum = (uint64_t)w->limb[i] * factor + carry;

        w->limb[i] = (uint32_t)(sum % BASE);
        carry = sum / BASE;
    }
    return carry == 0;
}

static uint32_t wide_divide_small(struct wide *w, uint32_t divisor)
{
    uint64_t rest = 0;

    for (size_t i = WIDE_LIMBS; i-- > 0;) {
        uint64_t part = rest * BASE + w->limb[i];

        w->limb[i] = (uint32_t)(part / divisor);
        rest = part % divisor;
    }
    return (uint32_t)rest;
}

/* w * 10^n; false when it does not fit. */
static bool wide_shift(struct wide *w, unsigned n)
{
    while (n > 0) {
        unsigned step = n < BASE_DIGITS ? n : BASE_DIGITS;

        if (!wide_multiply_small(w, powers[step], 0))
            return false;
        n -= step;
    }
    return true;
}

static bool wide_add(struct wide *a, const struct wide *b)
{
    uint32_t carry = 0;

    for (size_t i = 0; i < WIDE_LIMBS; i++) {
        uint32_t sum = a->limb[i] + b->limb[i] + carry;

        carry = sum >= BASE;
        a->limb[i] = carry ? sum - BASE : sum;
    }
    return carry == 0;
}

/* b is not above a. */
static void wide_subtract(struct wide *a, const struct wide *b)
{
    uint32_t borrow = 0;

    for (size_t i = 0; i < WIDE_LIMBS; i++) {
        uint32_t take = b->limb[i] + borrow;

        borrow = a->limb[i] < take;
        a->limb[i] = borrow ? a->limb[i] + BASE - take : a->limb[i] - take;
    }
}

static bool wide_is_zero(const struct wide *w)
{
    return wide_used(w) == 0;
}

/* Drops n digits. *half is -1, 0 or 1 as they are below, at or above half of
 * the last one kept; *exact tells that they were zeros. */
static void wide_drop(struct wide *w, unsigned n, int *half, bool *exact)
{
    uint32_t last = 0;

    *exact = true;
    while (n > 1) {
        unsigned step = n - 1 < BASE_DIGITS ? n - 1 : BASE_DIGITS;

        if (wide_divide_small(w, powers[step]) != 0)
            *exact = false;
        n -= step;
    }
    if (n == 1)
        last = wide_divide_small(w, 10);
    *half = last != 5 ? (last < 5 ? -1 : 1) : (*exact ? 0 : 1);
    *exact = *exact && last == 0;
}

/* a / b, whole; *a becomes what remains. */
static struct wide wide_divide(struct wide *a, const struct wide *b)
{
    struct wide quotient = {{0}};
    struct wide rest = {{0}};

    for (unsigned i = wide_digits(a); i-- > 0;) {
        uint32_t digit =
            a->limb[i / BASE_DIGITS] / powers[i % BASE_DIGITS] % 10;
        uint32_t count = 0;

        (void)wide_multiply_small(&rest, 10, digit);
        while (wide_compare(&rest, b) >= 0) {
            wide_subtract(&rest, b);
            count++;
        }
        (void)wide_multiply_small(&quotient, 10, count);
    }
    *a = rest;
    return quotient;
}

/* --- from and to decimals --- */

static bool rounds_up(enum decimal_rounding rounding, bool negative, int half,
                      bool exact)
{
    switch (rounding) {
    case DECIMAL_HALF_UP:
        return half >= 0;
    case DECIMAL_FLOOR:
        return negative && !exact;
    case DECIMAL_CEILING:
        return !negative && !exact;
    case DECIMAL_TRUNCATE:
        break;
    }
    return false;
}

static bool finish(const struct wide *w, unsigned scale, bool negative,
                   struct decimal *out)
{
    if (wide_digits(w) > DECIMAL_DIGITS)
        return false;
    memcpy(out->limb, w->limb, sizeof out->limb);
    out->scale = (unsigned char)scale;
    out->negative = negative && !wide_is_zero(w);
    return true;
}

/* Rounds until it fits. */
static bool finish_rounded(struct wide *w, unsigned scale, bool negative,
                           struct decimal *out)
{
    unsigned digits = wide_digits(w);
    unsigned drop = digits > DECIMAL_DIGITS ? digits - DECIMAL_DIGITS : 0;
    int half;
    bool exact;

    if (scale > DECIMAL_SCALE_MAX && scale - DECIMAL_SCALE_MAX > drop)
        drop = scale - DECIMAL_SCALE_MAX;
    if (drop > scale)
        return false;
    if (drop > 0) {
        wide_drop(w, drop, &half, &exact);
        if (half >= 0) {
            static const struct wide one = {{1}};

            (void)wide_add(w, &one);
        }
    }
    return finish(w, scale - drop, negative, out);
}

struct decimal decimal_of(int64_t value)
{
    struct decimal d = {.negative = value < 0};
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    for (size_t i = 0; rest > 0; i++) {
        d.limb[i] = (uint32_t)(rest % BASE);
        rest /= BASE;
    }
    return d;
}

bool decimal_is_zero(const struct decimal *a)
{
    for (size_t i = 0; i < DECIMAL_LIMBS; i++)
        if (a->limb[i] != 0)
            return false;
    return true;
}

bool decimal_to_i64(const struct decimal *a, int64_t *out)
{
    struct decimal whole;
    uint64_t value = 0;

    if (!decimal_rescale(a, 0, DECIMAL_TRUNCATE, &whole) ||
        decimal_compare(a, &whole) != 0)
        return false;
    for (size_t i = 2; i < DECIMAL_LIMBS; i++)
        if (whole.limb[i] != 0)
            return false;
    value = (uint64_t)whole.limb[1] * BASE + whole.limb[0];
    *out = whole.negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Digits written, without leading zeros: 1.10 has 3, 0.05 has 2... */
static unsigned digits_of(const struct decimal *a)
{
    struct wide w = wide_of(a);

    return wide_digits(&w);
}

/* --- texts --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits, an optional point with digits; *at moves behind them. */
static bool parse_digits(struct bytes text, size_t *at, struct wide *w,
                         unsigned *scale)
{
    size_t i = *at;
    bool point = false;

    if (i >= text.n || !is_digit(text.p[i]))
        return false;
    for (; i < text.n; i++) {
        char c = text.p[i];

        if (c == '.' && !point && i + 1 < text.n && is_digit(text.p[i + 1])) {
            point = true;
            continue;
        }
        if (!is_digit(c))
            break;
        *scale += point;
        if (!wide_multiply_small(w, 10, (uint32_t)(c - '0')))
            return false;
    }
    *at = i;
    return true;
}

static bool parse_exponent(struct bytes text, size_t *at, int *exponent)
{
    size_t i = *at + 1;
    bool negative = i < text.n && text.p[i] == '-';
    int value = 0;

    if (i < text.n && (text.p[i] == '-' || text.p[i] == '+'))
        i++;
    if (i >= text.n)
        return false;
    for (; i < text.n && is_digit(text.p[i]); i++) {
        value = value * 10 + (text.p[i] - '0');
        if (value > WIDE_DIGITS)
            return false;
    }
    *exponent = negative ? -value : value;
    *at = i;
    return true;
}

bool decimal_parse(struct bytes text, struct decimal *out)
{
    struct wide w = {{0}};
    unsigned scale = 0;
    int exponent = 0;
    size_t at = 0;
    bool negative = text.n > 0 && text.p[0] == '-';

    if (text.n > 0 && (text.p[0] == '-' || text.p[0] == '+'))
        at = 1;
    if (!parse_digits(text, &at, &w, &scale))
        return false;
    if (at < text.n && (text.p[at] == 'e' || text.p[at] == 'E') &&
        !parse_exponent(text, &at, &exponent))
        return false;
    if (at != text.n)
        return false;
    if (exponent > (int)scale) {
        if (!wide_shift(&w, (unsigned)exponent - scale))
            return false;
        scale = 0;
    } else {
        scale = (unsigned)((int)scale - exponent);
    }
    return finish_rounded(&w, scale, negative, out);
}

size_t decimal_format(const struct decimal *a, char out[DECIMAL_TEXT_BYTES])
{
    unsigned digits = digits_of(a);
    unsigned whole = digits > a->scale ? digits - a->scale : 1;
    size_t n = 0;

    if (a->negative)
        out[n++] = '-';
    for (unsigned i = whole + a->scale; i-- > 0;) {
        unsigned limb = i / BASE_DIGITS;

        out[n++] =
            (char)('0' + (limb < DECIMAL_LIMBS
                              ? a->limb[limb] / powers[i % BASE_DIGITS] % 10
                              : 0));
        if (i == a->scale && i > 0)
            out[n++] = '.';
    }
    out[n] = '\0';
    return n;
}

/* --- arithmetic --- */

/* Both as natural numbers at the larger of their scales. */
static bool align(const struct decimal *a, const struct decimal *b,
                  struct wide *wide_a, struct wide *wide_b)
{
    *wide_a = wide_of(a);
    *wide_b = wide_of(b);
    if (a->scale < b->scale)
        return wide_shift(wide_a, (unsigned)(b->scale - a->scale));
    return wide_shift(wide_b, (unsigned)(a->scale - b->scale));
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    struct wide wide_a;
    struct wide wide_b;
    int order;

    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    /* two full numbers and the largest scale fit a wide one */
    (void)align(a, b, &wide_a, &wide_b);
    order = wide_compare(&wide_a, &wide_b);
    return a->negative ? -order : order;
}

bool decimal_add(const struct decimal *a, const struct decimal *b,
                 struct decimal *out)
{
    unsigned scale = a->scale > b->scale ? a->scale : b->scale;
    struct wide wide_a;
    struct wide wide_b;

    if (!align(a, b, &wide_a, &wide_b))
        return false;
    if (a->negative == b->negative)
        return wide_add(&wide_a, &wide_b) &&
               finish_rounded(&wide_a, scale, a->negative, out);
    if (wide_compare(&wide_a, &wide_b) >= 0) {
        wide_subtract(&wide_a, &wide_b);
        return finish_rounded(&wide_a, scale, a->negative, out);
    }
    wide_subtract(&wide_b, &wide_a);
    return finish_rounded(&wide_b, scale, b->negative, out);
}

bool decimal_subtract(const struct decimal *a, const struct decimal *b,
                      struct decimal *out)
{
    struct decimal minus = *b;

    decimal_negate(&minus);
    return decimal_add(a, &minus, out);
}

bool decimal_multiply(const struct decimal *a, const struct decimal *b,
                      struct decimal *out)
{
    struct wide product = {{0}};

    for (size_t i = 0; i < DECIMAL_LIMBS; i++) {
        uint64_t carry = 0;

        for (size_t j = 0; j < DECIMAL_LIMBS; j++) {
            uint64_t sum =
                (uint64_t)a->limb[i] * b->limb[j] + product.limb[i + j] + carry;

            product.limb[i + j] = (uint32_t)(sum % BASE);
            carry = sum / BASE;
        }
        product.limb[i + DECIMAL_LIMBS] = (uint32_t)carry;
    }
    return finish_rounded(&product, (unsigned)a->scale + b->scale,
                          a->negative != b->negative, out);
}

/* Digits by which a is lengthened so that a whole division gives as many as
 * a quotient shall have, and one to round by. */
static unsigned lengthening(const struct decimal *a, const struct decimal *b)
{
    int need =
        DECIMAL_QUOTIENT_DIGITS + 2 + (int)digits_of(b) - (int)digits_of(a);
    int least = (int)b->scale - (int)a->scale;

    if (need < least)
        need = least;
    return need > 0 ? (unsigned)need : 0;
}

bool decimal_divide(const struct decimal *a, const struct decimal *b,
                    struct decimal *out)
{
    unsigned longer = lengthening(a, b);
    unsigned scale = a->scale + longer - b->scale;
    struct wide rest = wide_of(a);
    struct wide divisor = wide_of(b);
    struct wide quotient;
    struct decimal exact;
    unsigned digits;
    unsigned keep;

    if (!wide_shift(&rest, longer))
        return false;
    quotient = wide_divide(&rest, &divisor);
    if (!finish_rounded(&quotient, scale, a->negative != b->negative, &exact))
        return false;
    digits = digits_of(&exact);
    if (digits > DECIMAL_QUOTIENT_DIGITS)
        keep = exact.scale > digits - DECIMAL_QUOTIENT_DIGITS
                   ? exact.scale - (digits - DECIMAL_QUOTIENT_DIGITS)
                   : 0;
    else
        keep = exact.scale;
    if (!decimal_rescale(&exact, keep, DECIMAL_HALF_UP, &exact))
        return false;
    *out = decimal_strip(&exact);
    return true;
}

bool decimal_divide_whole(const struct decimal *a, const struct decimal *b,
                          struct decimal *out)
{
    struct wide wide_a;
    struct wide wide_b;
    struct wide quotient;

    if (!align(a, b, &wide_a, &wide_b))
        return false;
    quotient = wide_divide(&wide_a, &wide_b);
    return finish(&quotient, 0, a->negative != b->negative, out);
}

bool decimal_modulo(const struct decimal *a, const struct decimal *b,
                    struct decimal *out)
{
    unsigned scale = a->scale > b->scale ? a->scale : b->scale;
    struct wide wide_a;
    struct wide wide_b;

    if (!align(a, b, &wide_a, &wide_b))
        return false;
    (void)wide_divide(&wide_a, &wide_b);
    return finish_rounded(&wide_a, scale, a->negative, out);
}

bool decimal_rescale(const struct decimal *a, unsigned scale,
                     enum decimal_rounding rounding, struct decimal *out)
{
    static const struct wide one = {{1}};
    struct wide w = wide_of(a);
    int half;
    bool exact;

    if (scale > DECIMAL_SCALE_MAX)
        return false;
    if (scale >= a->scale)
        return wide_shift(&w, scale - a->scale) &&
               finish(&w, scale, a->negative, out);
    wide_drop(&w, a->scale - scale, &half, &exact);
    if (rounds_up(rounding, a->negative, half, exact))
        (void)wide_add(&w, &one);
    return finish(&w, scale, a->negative, out);
}

struct decimal decimal_strip(const struct decimal *a)
{
    struct decimal result = *a;
    struct wide w = wide_of(a);
    unsigned scale = a->scale;

    if (wide_is_zero(&w))
        return decimal_of(0);
    while (scale > 0) {
        struct wide shorter = w;

        if (wide_divide_small(&shorter, 10) != 0)
            break;
        w = shorter;
        scale--;
    }
    (void)finish(&w, scale, a->negative, &result);
    return result;
}
