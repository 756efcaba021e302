#include "fhir/fhirpath/ucum.h"

#include "fhir/fhirpath/ucum_units.h"

#define DEPTH_MAX 8
#define EXPONENT_MAX 30
#define CODE_BYTES_MAX 256

/* --- the table --- */

static const struct {
    const char *code;
    const char *factor;
    bool inverse;
} prefixes[] = {
    {"da", "10", false},
    {"Ki", "1024", false},
    {"Mi", "1048576", false},
    {"Gi", "1073741824", false},
    {"Ti", "1099511627776", false},
    {"Y", "1e24", false},
    {"Z", "1e21", false},
    {"E", "1e18", false},
    {"P", "1e15", false},
    {"T", "1e12", false},
    {"G", "1e9", false},
    {"M", "1e6", false},
    {"k", "1e3", false},
    {"h", "1e2", false},
    {"d", "1e1", true},
    {"c", "1e2", true},
    {"m", "1e3", true},
    {"u", "1e6", true},
    {"n", "1e9", true},
    {"p", "1e12", true},
    {"f", "1e15", true},
    {"a", "1e18", true},
    {"z", "1e21", true},
    {"y", "1e24", true},
};

static const struct ucum_atom *find_atom(struct bytes code)
{
    size_t low = 0;
    size_t high = ucum_atom_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        struct bytes have = bytes_of(ucum_atoms[middle].code);
        size_t n = have.n < code.n ? have.n : code.n;
        int order = memcmp(have.p, code.p, n);

        if (order == 0 && have.n == code.n)
            return &ucum_atoms[middle];
        if (order < 0 || (order == 0 && have.n < code.n))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* --- units as numbers --- */

static struct ucum_unit unity(void)
{
    return (struct ucum_unit){.numerator = decimal_of(1),
                              .denominator = decimal_of(1)};
}

static bool multiply(struct ucum_unit *a, const struct ucum_unit *b,
                     bool inverse)
{
    const struct decimal *up = inverse ? &b->denominator : &b->numerator;
    const struct decimal *down = inverse ? &b->numerator : &b->denominator;
    int sign = inverse ? -1 : 1;

    for (size_t i = 0; i < UCUM_DIMENSIONS; i++)
        a->exponents[i] += sign * b->exponents[i];
    a->arbitrary += inverse ? 0 - b->arbitrary : b->arbitrary;
    return decimal_multiply(&a->numerator, up, &a->numerator) &&
           decimal_multiply(&a->denominator, down, &a->denominator);
}

static bool raise(struct ucum_unit *unit, int exponent)
{
    struct ucum_unit base = *unit;
    int n = exponent < 0 ? -exponent : exponent;

    *unit = unity();
    for (int i = 0; i < n; i++)
        if (!multiply(unit, &base, exponent < 0))
            return false;
    return true;
}

static bool unit_of_atom(const struct ucum_atom *atom, struct ucum_unit *out)
{
    static const uint64_t key[2] = {0x554355, 0x4d};

    *out = unity();
    if (atom->arbitrary)
        out->arbitrary = bytes_hash(bytes_of(atom->code), key) | 1;
    for (size_t i = 0; i < UCUM_DIMENSIONS; i++)
        out->exponents[i] = atom->exponents[i];
    return decimal_parse(bytes_of(atom->numerator), &out->numerator) &&
           decimal_parse(bytes_of(atom->denominator), &out->denominator);
}

static bool scale(struct ucum_unit *unit, const char *factor, bool inverse)
{
    struct ucum_unit by = unity();

    return decimal_parse(bytes_of(factor), &by.numerator) &&
           multiply(unit, &by, inverse);
}

/* An atom, or a prefix and a metric one. */
static bool find_unit(struct bytes code, struct ucum_unit *out)
{
    const struct ucum_atom *atom = find_atom(code);

    if (atom)
        return unit_of_atom(atom, out);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (!bytes_starts(code, prefixes[i].code))
            continue;
        atom = find_atom(bytes_from(code, strlen(prefixes[i].code)));
        if (atom && atom->metric)
            return unit_of_atom(atom, out) &&
                   scale(out, prefixes[i].factor, prefixes[i].inverse);
    }
    return false;
}

/* --- the grammar (UCUM, section 2) --- */

struct reader {
    struct bytes code;
    size_t at;
    unsigned depth;
};

static bool read_term(struct reader *r, struct ucum_unit *out);

static char peek(const struct reader *r)
{
    return r->at < r->code.n ? r->code.p[r->at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_annotation(struct reader *r)
{
    while (peek(r) != '}') {
        if (peek(r) == '\0')
            return false;
        r->at++;
    }
    r->at++;
    return true;
}

/* Behind a symbol: "2", "-1", "+3". */
static bool read_exponent(struct reader *r, int *out)
{
    bool negative = peek(r) == '-';
    bool sign = negative || peek(r) == '+';
    int value = 0;

    *out = 1;
    if (sign)
        r->at++;
    if (!is_digit(peek(r)))
        return !sign;
    for (; is_digit(peek(r)); r->at++) {
        value = value * 10 + (peek(r) - '0');
        if (value > EXPONENT_MAX)
            return false;
    }
    *out = negative ? -value : value;
    return true;
}

static bool ends_symbol(char c)
{
    return c == '\0' || c == '.' || c == '/' || c == '(' || c == ')' ||
           c == '{' || c == '+' || c == '-' || is_digit(c);
}

/* A symbol: brackets hold anything; "10*" and "10^" begin with digits. */
static bool read_symbol(struct reader *r, struct ucum_unit *out)
{
    size_t begin = r->at;
    int exponent;

    if (is_digit(peek(r)))
        r->at += 3;
    while (!ends_symbol(peek(r))) {
        if (peek(r) == '[')
            while (peek(r) != ']' && peek(r) != '\0')
                r->at++;
        if (peek(r) != '\0')
            r->at++;
    }
    return find_unit(bytes_make(r->code.p + begin, r->at - begin), out) &&
           read_exponent(r, &exponent) && raise(out, exponent);
}

static bool read_number(struct reader *r, struct ucum_unit *out)
{
    size_t begin = r->at;

    while (is_digit(peek(r)))
        r->at++;
    *out = unity();
    return decimal_parse(bytes_make(r->code.p + begin, r->at - begin),
                         &out->numerator) &&
           !decimal_is_zero(&out->numerator);
}

static bool starts_power_of_ten(const struct reader *r)
{
    struct bytes rest = bytes_from(r->code, r->at);

    return bytes_starts(rest, "10*") || bytes_starts(rest, "10^");
}

/* NOLINTBEGIN(misc-no-recursion): DEPTH_MAX parentheses */
static bool read_parentheses(struct reader *r, struct ucum_unit *out)
{
    bool ok;

    if (++r->depth > DEPTH_MAX)
        return false;
    r->at++;
    ok = read_term(r, out) && peek(r) == ')';
    r->depth--;
    r->at++;
    return ok;
}

static bool read_component(struct reader *r, struct ucum_unit *out)
{
    *out = unity();
    if (peek(r) == '(')
        return read_parentheses(r, out);
    if (peek(r) == '{')
        return skip_annotation(r);
    if (is_digit(peek(r)) && !starts_power_of_ten(r))
        return read_number(r, out);
    if (!read_symbol(r, out))
        return false;
    return peek(r) != '{' || skip_annotation(r);
}

static bool read_term(struct reader *r, struct ucum_unit *out)
{
    bool inverse = peek(r) == '/';
    struct ucum_unit part;

    *out = unity();
    if (inverse)
        r->at++;
    for (;;) {
        if (!read_component(r, &part) || !multiply(out, &part, inverse))
            return false;
        if (peek(r) != '.' && peek(r) != '/')
            return true;
        inverse = peek(r) == '/';
        r->at++;
    }
}

/* NOLINTEND(misc-no-recursion) */

bool ucum_parse(struct bytes code, struct ucum_unit *out)
{
    struct reader r = {.code = code};

    return code.n > 0 && code.n <= CODE_BYTES_MAX && read_term(&r, out) &&
           r.at == code.n;
}

/* --- values in units --- */

bool ucum_is_same_dimension(const struct ucum_unit *a,
                            const struct ucum_unit *b)
{
    for (size_t i = 0; i < UCUM_DIMENSIONS; i++)
        if (a->exponents[i] != b->exponents[i])
            return false;
    return a->arbitrary == b->arbitrary;
}

bool ucum_convert(const struct decimal *value, const struct ucum_unit *from,
                  const struct ucum_unit *to, struct decimal *out)
{
    struct decimal up;
    struct decimal down;

    if (!decimal_multiply(value, &from->numerator, &up) ||
        !decimal_multiply(&up, &to->denominator, &up) ||
        !decimal_multiply(&from->denominator, &to->numerator, &down) ||
        decimal_is_zero(&down))
        return false;
    return decimal_divide(&up, &down, out);
}

bool ucum_compare(const struct decimal *a, const struct ucum_unit *unit_a,
                  const struct decimal *b, const struct ucum_unit *unit_b,
                  int *order)
{
    struct decimal left;
    struct decimal right;

    if (!decimal_multiply(a, &unit_a->numerator, &left) ||
        !decimal_multiply(&left, &unit_b->denominator, &left) ||
        !decimal_multiply(b, &unit_b->numerator, &right) ||
        !decimal_multiply(&right, &unit_a->denominator, &right))
        return false;
    *order = decimal_compare(&left, &right);
    return true;
}
