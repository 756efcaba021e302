#include "fhir/fhirpath/functions.h"

#include "fhir/fhirpath/letters.h"
#include "fhir/json/utf8.h"

static const char base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlbase64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char hex[] = "0123456789abcdef";

/* --- arguments --- */

/* The input, and the name of the format. */
static bool take_texts(struct evaluation *ev, const struct call *call,
                       struct bytes *text, struct bytes *format, bool *present)
{
    struct fhirpath_item item;
    struct fhirpath_item arg;
    bool has_arg;

    if (!eval_one_of(ev, call->node, call->focus, FHIRPATH_STRING, &item,
                     present) ||
        !eval_argument(ev, call, 0, FHIRPATH_STRING, &arg, &has_arg))
        return false;
    *present = *present && has_arg;
    if (!*present)
        return true;
    *text = item.string;
    *format = arg.string;
    return eval_step(ev, text->n / 16);
}

static bool refuse_format(struct evaluation *ev, const struct call *call,
                          const char *known)
{
    return eval_fail(ev, call->node, ERR_UNPROCESSABLE, "%.*s() knows %s",
                     BYTES_ARG(call->node->name), known);
}

/* Valid UTF-8 without NUL, or nothing. */
static bool add_decoded(struct evaluation *ev, const char *text, size_t n,
                        struct fhirpath_collection *out)
{
    for (size_t i = 0; i < n;) {
        size_t step = utf8_sequence(text + i, n - i);

        if (step == 0 || text[i] == '\0')
            return true;
        i += step;
    }
    return eval_add_text(ev, out, bytes_make(text, n));
}

/* --- encode() and decode() --- */

static bool encode_hex(struct evaluation *ev, struct bytes text,
                       struct fhirpath_collection *out)
{
    char *to = eval_alloc(ev, text.n * 2 + 1);

    if (!to)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        to[2 * i] = hex[(unsigned char)text.p[i] >> 4];
        to[2 * i + 1] = hex[(unsigned char)text.p[i] & 15];
    }
    return eval_add_text(ev, out, bytes_make(to, text.n * 2));
}

static int digit_of(char c)
{
    const char *at;

    if (c >= 'A' && c <= 'F')
        c = (char)(c - 'A' + 'a');
    at = c ? strchr(hex, c) : NULL;
    return at ? (int)(at - hex) : -1;
}

/* What is beyond ASCII becomes "?". */
static bool encode_ascii(struct evaluation *ev, struct bytes text,
                         struct fhirpath_collection *out)
{
    char *to = eval_alloc(ev, text.n + 1);
    size_t n = 0;

    if (!to)
        return false;
    for (size_t at = 0; at < text.n;) {
        uint32_t c = letters_next(text, &at);

        to[n++] = c < 128 ? (char)c : '?';
    }
    return eval_add_text(ev, out, bytes_make(to, n));
}

static bool decode_hex(struct evaluation *ev, struct bytes text,
                       struct fhirpath_collection *out)
{
    char *to = eval_alloc(ev, text.n / 2 + 1);

    if (!to)
        return false;
    if (text.n % 2 != 0)
        return true;
    for (size_t i = 0; i < text.n; i += 2) {
        int high = digit_of(text.p[i]);
        int low = digit_of(text.p[i + 1]);

        if (high < 0 || low < 0)
            return true;
        to[i / 2] = (char)(high << 4 | low);
    }
    return add_decoded(ev, to, text.n / 2, out);
}

static bool encode_base64(struct evaluation *ev, struct bytes text,
                          const char *alphabet, struct fhirpath_collection *out)
{
    const unsigned char *p = (const unsigned char *)text.p;
    char *to = eval_alloc(ev, text.n / 3 * 4 + 5);
    size_t n = 0;

    if (!to)
        return false;
    for (size_t i = 0; i < text.n; i += 3) {
        size_t left = text.n - i;
        unsigned bits = (unsigned)p[i] << 16;

        if (left > 1)
            bits |= (unsigned)p[i + 1] << 8;
        if (left > 2)
            bits |= p[i + 2];
        to[n++] = alphabet[bits >> 18];
        to[n++] = alphabet[bits >> 12 & 63];
        to[n++] = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        to[n++] = left > 2 ? alphabet[bits & 63] : '=';
    }
    return eval_add_text(ev, out, bytes_make(to, n));
}

static bool decode_base64(struct evaluation *ev, struct bytes text,
                          const char *alphabet, struct fhirpath_collection *out)
{
    char *to = eval_alloc(ev, text.n / 4 * 3 + 4);
    unsigned bits = 0;
    unsigned have = 0;
    size_t n = 0;

    if (!to)
        return false;
    while (text.n > 0 && text.p[text.n - 1] == '=')
        text.n--;
    for (size_t i = 0; i < text.n; i++) {
        const char *at = text.p[i] ? strchr(alphabet, text.p[i]) : NULL;

        if (!at)
            return true;
        bits = bits << 6 | (unsigned)(at - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            to[n++] = (char)(bits >> have & 255);
        }
    }
    return add_decoded(ev, to, n, out);
}

bool function_encode(struct evaluation *ev, const struct call *call,
                     struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes format;
    bool present;

    if (!take_texts(ev, call, &text, &format, &present))
        return false;
    if (!present)
        return true;
    if (bytes_is(format, "hex"))
        return encode_hex(ev, text, out);
    if (bytes_is(format, "base64"))
        return encode_base64(ev, text, base64, out);
    if (bytes_is(format, "urlbase64"))
        return encode_base64(ev, text, urlbase64, out);
    if (bytes_is(format, "ascii"))
        return encode_ascii(ev, text, out);
    return refuse_format(ev, call, "hex, base64, urlbase64 and ascii");
}

bool function_decode(struct evaluation *ev, const struct call *call,
                     struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes format;
    bool present;

    if (!take_texts(ev, call, &text, &format, &present))
        return false;
    if (!present)
        return true;
    if (bytes_is(format, "hex"))
        return decode_hex(ev, text, out);
    if (bytes_is(format, "base64"))
        return decode_base64(ev, text, base64, out);
    if (bytes_is(format, "urlbase64"))
        return decode_base64(ev, text, urlbase64, out);
    return refuse_format(ev, call, "hex, base64 and urlbase64");
}

/* --- escape() and unescape() --- */

struct escape {
    char c;
    const char *text;
};

static const struct escape html_escapes[] = {{'<', "&lt;"},   {'>', "&gt;"},
                                             {'&', "&amp;"},  {'"', "&quot;"},
                                             {'\'', "&#39;"}, {'\0', NULL}};

static const struct escape json_escapes[] = {
    {'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\r', "\\r"},
    {'\t', "\\t"}, {'\f', "\\f"},  {'\b', "\\b"}, {'\0', NULL}};

static const struct escape *find_format(struct bytes format)
{
    if (bytes_is(format, "html"))
        return html_escapes;
    return bytes_is(format, "json") ? json_escapes : NULL;
}

#define ESCAPE_BYTES 6

static const char *escape_of(const struct escape *table, char c)
{
    for (; table->text; table++)
        if (table->c == c)
            return table->text;
    return NULL;
}

static bool escape_text(struct evaluation *ev, struct bytes text,
                        const struct escape *table,
                        struct fhirpath_collection *out)
{
    char *to = eval_alloc(ev, text.n * ESCAPE_BYTES + 1);
    size_t n = 0;

    if (!to)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        const char *escaped = escape_of(table, text.p[i]);
        size_t more = escaped ? strlen(escaped) : 1;

        if (escaped)
            memcpy(to + n, escaped, more);
        else
            to[n] = text.p[i];
        n += more;
    }
    return eval_add_text(ev, out, bytes_make(to, n));
}

/* The escape at the start of text: its bytes, or 0 when there is none. */
static size_t find_escape(struct bytes text, const struct escape *table,
                          char *c)
{
    for (; table->text; table++)
        if (bytes_starts(text, table->text)) {
            *c = table->c;
            return strlen(table->text);
        }
    return 0;
}

/* \uXXXX and &#NNN; at the start of text. */
static size_t find_number(struct bytes text, bool json, uint32_t *c)
{
    size_t i = 2;

    *c = 0;
    if (!bytes_starts(text, json ? "\\u" : "&#"))
        return 0;
    if (json) {
        for (; i < 6 && i < text.n && digit_of(text.p[i]) >= 0; i++)
            *c = *c * 16 + (uint32_t)digit_of(text.p[i]);
        return i == 6 ? i : 0;
    }
    for (; i < 9 && i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
        *c = *c * 10 + (uint32_t)(text.p[i] - '0');
    return i > 2 && i < text.n && text.p[i] == ';' ? i + 1 : 0;
}

static bool is_scalar(uint32_t c)
{
    return c > 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

static bool unescape_text(struct evaluation *ev, struct bytes text,
                          const struct escape *table,
                          struct fhirpath_collection *out)
{
    char *to = eval_alloc(ev, text.n + 1);
    size_t n = 0;

    if (!to)
        return false;
    while (text.n > 0) {
        char c = text.p[0];
        uint32_t point;
        size_t step = find_escape(text, table, &c);

        if (step == 0)
            step = find_number(text, table == json_escapes, &point);
        else
            point = (unsigned char)c;
        if (step > 0 && is_scalar(point)) {
            n += letters_put(point, to + n);
        } else {
            to[n++] = text.p[0];
            step = 1;
        }
        text = bytes_from(text, step);
    }
    return eval_add_text(ev, out, bytes_make(to, n));
}

bool function_escape(struct evaluation *ev, const struct call *call,
                     struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes format;
    const struct escape *table;
    bool present;

    if (!take_texts(ev, call, &text, &format, &present))
        return false;
    if (!present)
        return true;
    table = find_format(format);
    return table ? escape_text(ev, text, table, out)
                 : refuse_format(ev, call, "html and json");
}

bool function_unescape(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes format;
    const struct escape *table;
    bool present;

    if (!take_texts(ev, call, &text, &format, &present))
        return false;
    if (!present)
        return true;
    table = find_format(format);
    return table ? unescape_text(ev, text, table, out)
                 : refuse_format(ev, call, "html and json");
}
