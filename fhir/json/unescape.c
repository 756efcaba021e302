#include "fhir/json/unescape.h"

static unsigned hex_digit(char c)
{
    if (c <= '9')
        return (unsigned)(c - '0');
    return ((unsigned)c | 0x20U) - 'a' + 10;
}

static unsigned hex4(const char *p)
{
    return hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 |
           hex_digit(p[3]);
}

static char simple_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

static size_t encode(unsigned point, char out[4])
{
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (char)(first[n] | point);
    return n;
}

/* The escape or the byte at *at, as 1 to 4 bytes of text. */
static size_t next_unit(struct bytes raw, size_t *at, char out[4])
{
    const char *p = raw.p + *at;
    unsigned point;

    if (*p != '\\') {
        out[0] = *p;
        *at += 1;
        return 1;
    }
    if (p[1] != 'u') {
        out[0] = simple_escape(p[1]);
        *at += 2;
        return 1;
    }
    point = hex4(p + 2);
    *at += 6;
    if (point >= 0xd800 && point < 0xdc00) {
        point = 0x10000 + ((point - 0xd800) << 10) + (hex4(p + 8) - 0xdc00);
        *at += 6;
    }
    return encode(point, out);
}

size_t json_unescape(struct bytes raw, char *out)
{
    size_t at = 0, n = 0, unit_bytes;
    char unit[4];

    while (at < raw.n) {
        unit_bytes = next_unit(raw, &at, unit);
        memcpy(out + n, unit, unit_bytes);
        n += unit_bytes;
    }
    return n;
}

struct reader {
    struct bytes raw;
    size_t at;
    char unit[4];
    size_t unit_at, unit_bytes;
};

/* The next byte of the text, -1 at the end. */
static int next_byte(struct reader *r)
{
    if (r->unit_at == r->unit_bytes) {
        if (r->at >= r->raw.n)
            return -1;
        r->unit_bytes = next_unit(r->raw, &r->at, r->unit);
        r->unit_at = 0;
    }
    return (unsigned char)r->unit[r->unit_at++];
}

int json_unescaped_compare(struct bytes raw_a, struct bytes raw_b)
{
    struct reader a = {.raw = raw_a};
    struct reader b = {.raw = raw_b};
    int byte_a, byte_b;

    do {
        byte_a = next_byte(&a);
        byte_b = next_byte(&b);
    } while (byte_a == byte_b && byte_a >= 0);
    return byte_a - byte_b;
}

bool json_unescaped_is(struct bytes raw, struct bytes want)
{
    struct reader r = {.raw = raw};

    /* an escape is longer than what it means: a text as long as the other has
     * none when they are equal, and a shorter one cannot mean it */
    if (raw.n <= want.n)
        return raw.n == want.n && bytes_equal(raw, want) &&
               bytes_find(raw, '\\') == raw.n;
    if (bytes_find(raw, '\\') == raw.n)
        return false;
    for (size_t i = 0; i < want.n; i++)
        if (next_byte(&r) != (unsigned char)want.p[i])
            return false;
    return next_byte(&r) < 0;
}
