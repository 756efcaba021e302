#include "fhir/search/fold.h"

#include <utf8proc.h>

/* No character of Unicode decomposes into more. */
#define CODES_MAX 24
#define PENDING_MAX (CODES_MAX * 4)

static const utf8proc_option_t FOLDING =
    UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD |
    UTF8PROC_STRIPMARK | UTF8PROC_IGNORE;

struct reader {
    struct bytes rest;
    bool begun;  /* something but blanks was read */
    bool blank;  /* blanks stand before what comes next */
    unsigned at; /* in pending */
    unsigned end;
    char pending[PENDING_MAX];
};

static bool is_blank(utf8proc_int32_t code)
{
    return code == ' ' || (code >= '\t' && code <= '\r');
}

static void put_code(struct reader *r, utf8proc_int32_t code)
{
    if (is_blank(code)) {
        r->blank = r->begun;
        return;
    }
    if (r->blank)
        r->pending[r->end++] = ' ';
    r->blank = false;
    r->begun = true;
    r->end += (unsigned)utf8proc_encode_char(
        code, (utf8proc_uint8_t *)r->pending + r->end);
}

static void put_wide(struct reader *r)
{
    utf8proc_int32_t code, codes[CODES_MAX];
    int boundary = 0;
    utf8proc_ssize_t width =
        utf8proc_iterate((const utf8proc_uint8_t *)r->rest.p,
                         (utf8proc_ssize_t)r->rest.n, &code);
    utf8proc_ssize_t n;

    if (width <= 0) { /* no UTF-8: the byte is dropped */
        r->rest = bytes_from(r->rest, 1);
        return;
    }
    r->rest = bytes_from(r->rest, (size_t)width);
    n = utf8proc_decompose_char(code, codes, CODES_MAX, FOLDING, &boundary);
    /* the last place is kept for the blank before it all */
    for (utf8proc_ssize_t i = 0; i < n && i < CODES_MAX - 1; i++)
        put_code(r, codes[i]);
}

static void put_next(struct reader *r)
{
    char c = r->rest.p[0];

    if ((unsigned char)c >= 0x80) {
        put_wide(r);
        return;
    }
    r->rest = bytes_from(r->rest, 1);
    put_code(r, c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* The next byte of the folded text, -1 at its end. */
static int next(struct reader *r)
{
    while (r->at == r->end) {
        if (r->rest.n == 0)
            return -1;
        r->at = r->end = 0;
        put_next(r);
    }
    return (unsigned char)r->pending[r->at++];
}

size_t fold_write(struct bytes text, char *out, size_t max)
{
    struct reader r = {.rest = text};
    size_t n = 0;
    int c;

    while (n < max && (c = next(&r)) >= 0)
        out[n++] = (char)c;
    return n;
}

size_t fold_size(struct bytes text)
{
    struct reader r = {.rest = text};
    size_t n = 0;

    while (next(&r) >= 0)
        n++;
    return n;
}

static bool goes_on(struct reader *r, struct bytes folded)
{
    for (size_t i = 0; i < folded.n; i++)
        if (next(r) != (unsigned char)folded.p[i])
            return false;
    return true;
}

bool fold_starts(struct bytes text, struct bytes folded)
{
    struct reader r = {.rest = text};

    return goes_on(&r, folded);
}

bool fold_contains(struct bytes text, struct bytes folded)
{
    struct reader r = {.rest = text}, ahead;
    int c;

    if (folded.n == 0)
        return true;
    while ((c = next(&r)) >= 0) {
        if (c != (unsigned char)folded.p[0])
            continue;
        ahead = r;
        if (goes_on(&ahead, bytes_from(folded, 1)))
            return true;
    }
    return false;
}
