#include "server/rest/text.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_same(struct bytes a, const char *b)
{
    if (a.n != strlen(b))
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b[i]))
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct bytes text_trim(struct bytes a)
{
    while (a.n && is_blank(a.p[0]))
        a = bytes_from(a, 1);
    while (a.n && is_blank(a.p[a.n - 1]))
        a.n--;
    return a;
}

struct bytes text_unquote(struct bytes a)
{
    if (a.n >= 2 && a.p[0] == '"' && a.p[a.n - 1] == '"')
        return bytes_make(a.p + 1, a.n - 2);
    return a;
}

static size_t element_end(struct bytes list, char separator)
{
    bool quoted = false;

    for (size_t i = 0; i < list.n; i++) {
        if (list.p[i] == '"')
            quoted = !quoted;
        else if (list.p[i] == separator && !quoted)
            return i;
    }
    return list.n;
}

bool text_list_next(struct bytes *list, char separator, struct bytes *item)
{
    while (list->n) {
        size_t end = element_end(*list, separator);

        *item = text_trim(bytes_make(list->p, end));
        *list = bytes_from(*list, end + 1);
        if (item->n)
            return true;
    }
    return false;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at *at, which moves behind it; -1 for a bad escape. */
static int decode_one(struct bytes in, bool form, size_t *at)
{
    char c = in.p[(*at)++];
    int high, low;

    if (c == '+' && form)
        return ' ';
    if (c != '%')
        return (unsigned char)c;
    if (in.n - *at < 2)
        return -1;
    high = hex_value(in.p[*at]);
    low = hex_value(in.p[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

enum err_code text_percent_decode(struct bytes in, bool form,
                                  struct arena *arena, struct bytes *out,
                                  struct err *e)
{
    size_t n = 0;
    char *p;

    *out = in;
    if (bytes_find(in, '%') == in.n && (!form || bytes_find(in, '+') == in.n))
        return ERR_OK;
    p = arena_alloc(arena, in.n + 1);
    if (!p)
        return err_nomem(e);
    for (size_t at = 0; at < in.n;) {
        int c = decode_one(in, form, &at);

        if (c <= 0)
            return err_set(e, ERR_INVALID,
                           "the URL holds a malformed percent-escape or NUL");
        p[n++] = (char)c;
    }
    *out = bytes_make(p, n);
    return ERR_OK;
}

static bool is_plain(char c)
{
    char l = lower(c);

    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~/:|,", c));
}

void text_percent_encode(struct buf *out, struct bytes in)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < in.n; i++) {
        unsigned char c = (unsigned char)in.p[i];
        char escape[3] = {'%', hex[c >> 4], hex[c & 15]};

        if (is_plain(in.p[i]))
            buf_add_char(out, in.p[i]);
        else
            buf_add(out, bytes_make(escape, sizeof escape));
    }
}

const char *text_show(struct bytes in, char out[TEXT_SHOW_BYTES])
{
    size_t n = in.n < TEXT_SHOW_BYTES ? in.n : TEXT_SHOW_BYTES - 1;

    for (size_t i = 0; i < n; i++)
        out[i] = in.p[i] >= 0x20 && in.p[i] < 0x7f ? in.p[i] : '?';
    out[n] = '\0';
    return out;
}
