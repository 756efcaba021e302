#include "fhir/json/utf8.h"

#include <stdbool.h>

static bool is_tail(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)p[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* RFC 3629, 4: the second byte's range closes the gaps that the first byte
 * leaves open. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

size_t utf8_sequence(const char *p, size_t n)
{
    unsigned char first;
    size_t want;

    if (n == 0)
        return 0;
    first = (unsigned char)p[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    want = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (n < want || !is_tail(p + 1, want - 1) ||
        !second_fits(first, (unsigned char)p[1]))
        return 0;
    return want;
}
