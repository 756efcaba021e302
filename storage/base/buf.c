#include "storage/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST_BYTES 256

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max = max_bytes};
}

void buf_fini(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = ERR_OK;
}

/* Room for n more bytes and the NUL of buf_take(). */
static bool reserve(struct buf *b, size_t n)
{
    size_t capacity = b->capacity ? b->capacity : BUF_FIRST_BYTES;
    char *p;

    if (b->failed != ERR_OK)
        return false;
    if (n > b->max || b->n > b->max - n) {
        b->failed = ERR_TOO_LARGE;
        return false;
    }
    if (b->p && b->capacity - b->n > n)
        return true;
    while (capacity - b->n <= n)
        capacity *= 2;
    p = realloc(b->p, capacity);
    if (!p) {
        b->failed = ERR_NOMEM;
        return false;
    }
    b->p = p;
    b->capacity = capacity;
    return true;
}

char *buf_extend(struct buf *b, size_t n)
{
    char *at;

    if (!reserve(b, n))
        return NULL;
    at = b->p + b->n;
    b->n += n;
    return at;
}

void buf_add(struct buf *b, struct bytes text)
{
    char *at = buf_extend(b, text.n);

    if (at && text.n)
        memcpy(at, text.p, text.n);
}

void buf_add_char(struct buf *b, char c)
{
    char *at = buf_extend(b, 1);

    if (at)
        *at = c;
}

void buf_add_u64(struct buf *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_add(b, bytes_make(digits + at, sizeof digits - at));
}

void buf_add_format(struct buf *b, const char *format, ...)
{
    va_list ap;
    int n;
    char *at;

    va_start(ap, format);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = ERR_BUG;
        return;
    }
    /* vsnprintf writes a NUL too: reserve() always leaves room for one */
    if (!reserve(b, (size_t)n))
        return;
    at = b->p + b->n;
    va_start(ap, format);
    n = vsnprintf(at, (size_t)n + 1, format, ap);
    va_end(ap);
    b->n += (size_t)n;
}

static void add_escaped(struct buf *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    switch (c) {
    case '"':
    case '\\':
        text[1] = (char)c;
        break;
    case '\n':
        text[1] = 'n';
        break;
    case '\r':
        text[1] = 'r';
        break;
    case '\t':
        text[1] = 't';
        break;
    default:
        buf_add(b, bytes_make(text, 6));
        return;
    }
    buf_add(b, bytes_make(text, 2));
}

void buf_add_json_string(struct buf *b, struct bytes text)
{
    size_t start = 0;

    buf_add_char(b, '"');
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        buf_add(b, bytes_make(text.p + start, i - start));
        add_escaped(b, c);
        start = i + 1;
    }
    buf_add(b, bytes_from(text, start));
    buf_add_char(b, '"');
}

enum err_code buf_check(const struct buf *b, struct err *e)
{
    if (b->failed == ERR_TOO_LARGE)
        return err_set(e, ERR_TOO_LARGE, "the result exceeds %zu bytes",
                       b->max);
    if (b->failed != ERR_OK)
        return err_set(e, b->failed, "the result could not be built");
    return ERR_OK;
}

char *buf_take(struct buf *b, size_t *n)
{
    char *p;

    if (!reserve(b, 0)) {
        buf_fini(b);
        return NULL;
    }
    p = b->p;
    p[b->n] = '\0';
    if (n)
        *n = b->n;
    *b = (struct buf){.max = b->max};
    return p;
}
