#include "fhir/fhirpath/letters.h"

#include <utf8proc.h>

#include "fhir/json/utf8.h"

/* --- code points --- */

uint32_t letters_next(struct bytes text, size_t *at)
{
    const unsigned char *p = (const unsigned char *)text.p + *at;
    size_t n = utf8_sequence(text.p + *at, text.n - *at);

    *at += n ? n : 1;
    switch (n) {
    case 2:
        return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3Fu);
    case 3:
        return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 |
               (p[2] & 0x3Fu);
    case 4:
        return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 |
               (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3Fu);
    default:
        return p[0];
    }
}

size_t letters_put(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

size_t letters_count(struct bytes text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
    return n;
}

size_t letters_skip(struct bytes text, size_t n)
{
    size_t at = 0;

    while (n-- > 0 && at < text.n)
        (void)letters_next(text, &at);
    return at;
}

bool letters_is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0;
}

/* --- case --- */

static uint32_t small_of(uint32_t c)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

static uint32_t capital_of(uint32_t c)
{
    return (uint32_t)utf8proc_toupper((utf8proc_int32_t)c);
}

static struct bytes map_case(struct arena *arena, struct bytes text,
                             uint32_t (*map)(uint32_t c))
{
    /* no letter's other case is more than twice as long */
    char *out = arena_alloc(arena, text.n * 2 + 1);
    size_t n = 0;

    if (!out)
        return bytes_make(NULL, 0);
    for (size_t at = 0; at < text.n;)
        n += letters_put(map(letters_next(text, &at)), out + n);
    return bytes_make(out, n);
}

struct bytes letters_upper(struct arena *arena, struct bytes text)
{
    return map_case(arena, text, capital_of);
}

struct bytes letters_lower(struct arena *arena, struct bytes text)
{
    return map_case(arena, text, small_of);
}

/* --- equivalence --- */

/* The next letter in small, a space for any white space between words, 0 at
 * the end. */
static uint32_t next_folded(struct bytes text, size_t *at)
{
    bool space = false;

    while (*at < text.n) {
        size_t before = *at;
        uint32_t c = letters_next(text, at);

        if (letters_is_space(c)) {
            space = true;
            continue;
        }
        if (space && before > 0) {
            *at = before;
            return ' ';
        }
        return small_of(c);
    }
    return 0;
}

static struct bytes trimmed(struct bytes text)
{
    while (text.n > 0 && letters_is_space((unsigned char)text.p[0]))
        text = bytes_from(text, 1);
    while (text.n > 0 && letters_is_space((unsigned char)text.p[text.n - 1]))
        text.n--;
    return text;
}

bool letters_equivalent(struct bytes a, struct bytes b)
{
    size_t at_a = 0;
    size_t at_b = 0;
    uint32_t c;

    a = trimmed(a);
    b = trimmed(b);
    do {
        c = next_folded(a, &at_a);
        if (c != next_folded(b, &at_b))
            return false;
    } while (c);
    return true;
}
