#include "fhir/search/escape.h"

#include "fhir/json/utf8.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_text(struct bytes a)
{
    while (a.n > 0) {
        size_t width = utf8_sequence(a.p, a.n);

        if (width == 0 || a.p[0] == '\0')
            return false;
        a = bytes_from(a, width);
    }
    return true;
}

bool escape_decode_percent(char *text, size_t *n)
{
    size_t out = 0;

    for (size_t i = 0; i < *n; i++) {
        int high, low;

        if (text[i] != '%') {
            text[out++] = text[i];
            continue;
        }
        if (*n - i < 3)
            return false;
        high = hex_value(text[i + 1]);
        low = hex_value(text[i + 2]);
        if (high < 0 || low < 0)
            return false;
        text[out++] = (char)(high * 16 + low);
        i += 2;
    }
    *n = out;
    return is_text(bytes_make(text, out));
}

size_t escape_find(struct bytes text, char c)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == c)
            return i;
        if (text.p[i] == '\\')
            i++;
    }
    return text.n;
}

bool escape_remove(char *text, size_t *n)
{
    size_t out = 0;

    for (size_t i = 0; i < *n; i++) {
        if (text[i] == '\\') {
            i++;
            if (i == *n || !memchr(",|$\\", text[i], 4))
                return false;
        }
        text[out++] = text[i];
    }
    *n = out;
    return true;
}
