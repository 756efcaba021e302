#include "fhir/fhirpath/unit_product.h"

#include <stdio.h>

#define EXPONENT_MAX 99
#define EXPONENT_BYTES 4

struct factor {
    struct bytes symbol;
    int exponent;
};

struct product {
    struct factor factors[UNIT_FACTORS_MAX];
    size_t n;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool add_factor(struct product *p, struct bytes symbol, int exponent)
{
    for (size_t i = 0; i < p->n; i++)
        if (bytes_equal(p->factors[i].symbol, symbol)) {
            p->factors[i].exponent += exponent;
            return p->factors[i].exponent <= EXPONENT_MAX &&
                   p->factors[i].exponent >= -EXPONENT_MAX;
        }
    if (p->n == UNIT_FACTORS_MAX)
        return false;
    p->factors[p->n++] = (struct factor){symbol, exponent};
    return true;
}

/* Bytes of the symbol at the start: brackets hold anything. */
static size_t symbol_bytes(struct bytes code)
{
    size_t n = 0;

    while (n < code.n && !is_digit(code.p[n]) && code.p[n] != '.' &&
           code.p[n] != '/' && code.p[n] != '-' && code.p[n] != '+') {
        if (code.p[n] == '[')
            while (n < code.n && code.p[n] != ']')
                n++;
        if (n < code.n)
            n++;
    }
    return n;
}

/* A symbol with its exponent; false for what is not so plain. */
static bool take_factor(struct product *p, struct bytes *code, int sign)
{
    size_t n = symbol_bytes(*code);
    struct bytes symbol = bytes_make(code->p, n);
    bool negative = n < code->n && code->p[n] == '-';
    int exponent = 0;

    if (n == 0 || bytes_find(symbol, '(') < n || bytes_find(symbol, '{') < n ||
        bytes_find(symbol, ')') < n)
        return false;
    if (n < code->n && (code->p[n] == '-' || code->p[n] == '+'))
        n++;
    for (; n < code->n && is_digit(code->p[n]); n++) {
        exponent = exponent * 10 + (code->p[n] - '0');
        if (exponent > EXPONENT_MAX)
            return false;
    }
    *code = bytes_from(*code, n);
    if (exponent == 0)
        exponent = 1;
    return add_factor(p, symbol, negative ? -exponent * sign : exponent * sign);
}

static bool take_code(struct product *p, struct bytes code, int sign)
{
    int own = sign;

    if (code.n == 0)
        return true;
    if (code.p[0] == '/') {
        own = -sign;
        code = bytes_from(code, 1);
    }
    while (take_factor(p, &code, own)) {
        if (code.n == 0)
            return true;
        if (code.p[0] != '.' && code.p[0] != '/')
            return false;
        own = code.p[0] == '/' ? -sign : sign;
        code = bytes_from(code, 1);
    }
    return false;
}

static size_t add_text(char *out, size_t n, const struct factor *f)
{
    int exponent = f->exponent < 0 ? -f->exponent : f->exponent;
    char digits[EXPONENT_BYTES];
    int more;

    memcpy(out + n, f->symbol.p, f->symbol.n);
    n += f->symbol.n;
    if (exponent == 1)
        return n;
    more = snprintf(digits, sizeof digits, "%d", exponent % (EXPONENT_MAX + 1));
    memcpy(out + n, digits, (size_t)more);
    return n + (size_t)more;
}

/* Products first, then what divides: "kg.m/s2", "/s". */
static size_t write_product(const struct product *p, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        if (p->factors[i].exponent > 0) {
            if (n > 0)
                out[n++] = '.';
            n = add_text(out, n, &p->factors[i]);
        }
    for (size_t i = 0; i < p->n; i++)
        if (p->factors[i].exponent < 0) {
            out[n++] = '/';
            n = add_text(out, n, &p->factors[i]);
        }
    if (n == 0)
        out[n++] = '1';
    return n;
}

static size_t write_joined(struct bytes left, struct bytes right, bool divide,
                           char *out)
{
    size_t n = left.n;

    memcpy(out, left.p, left.n);
    out[n++] = divide ? '/' : '.';
    out[n++] = '(';
    memcpy(out + n, right.p, right.n);
    n += right.n;
    out[n++] = ')';
    return n;
}

struct bytes unit_product(struct arena *arena, struct bytes left,
                          struct bytes right, bool divide)
{
    struct product p = {.n = 0};
    /* each factor may get a sign and a longer exponent */
    char *out =
        arena_alloc(arena, left.n + right.n +
                               (size_t)2 * UNIT_FACTORS_MAX * EXPONENT_BYTES);
    size_t n;

    if (!out)
        return bytes_make(NULL, 0);
    if (take_code(&p, left, 1) && take_code(&p, right, divide ? -1 : 1))
        n = write_product(&p, out);
    else
        n = write_joined(left, right, divide, out);
    return bytes_make(out, n);
}
