#include "fhir/fhirpath/lexer.h"

#include <stdarg.h>
#include <stdio.h>

#include "fhir/fhirpath/letters.h"
#include "fhir/json/utf8.h"

#define SHOWN_BYTES 200

/* --- places --- */

enum err_code lexer_refuse(struct err *e, enum err_code code, struct bytes text,
                           size_t offset, const char *format, ...)
{
    char message[SHOWN_BYTES];
    unsigned line = 1;
    unsigned column = 1;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    for (size_t i = 0; i < offset && i < text.n; i++) {
        if (text.p[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text.p[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    return err_set(e, code, "line %u, column %u: %s", line, column, message);
}

static enum err_code refuse(const struct lexer *lexer, size_t offset,
                            const char *reason)
{
    return lexer_refuse(lexer->e, ERR_SYNTAX, lexer->text, offset, "%s",
                        reason);
}

/* --- characters --- */

static char peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;

    return at < lexer->text.n ? lexer->text.p[at] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_part(char c)
{
    return is_name_start(c) || is_digit(c);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum err_code skip_block_comment(struct lexer *lexer)
{
    size_t begin = lexer->at;

    lexer->at += 2;
    while (peek(lexer, 0) != '*' || peek(lexer, 1) != '/') {
        if (lexer->at >= lexer->text.n)
            return refuse(lexer, begin, "this comment does not end");
        lexer->at++;
    }
    lexer->at += 2;
    return ERR_OK;
}

static enum err_code skip_space(struct lexer *lexer)
{
    for (;;) {
        char c = peek(lexer, 0);

        if (is_space(c)) {
            lexer->at++;
        } else if (c == '/' && peek(lexer, 1) == '/') {
            while (lexer->at < lexer->text.n && peek(lexer, 0) != '\n')
                lexer->at++;
        } else if (c == '/' && peek(lexer, 1) == '*') {
            enum err_code code = skip_block_comment(lexer);

            if (code)
                return code;
        } else {
            return ERR_OK;
        }
    }
}

/* --- quoted texts --- */

static bool read_hex(const struct lexer *lexer, size_t at, unsigned *out)
{
    unsigned value = 0;

    for (size_t i = 0; i < 4; i++) {
        char c = at + i < lexer->text.n ? lexer->text.p[at + i] : '\0';

        if (is_digit(c))
            value = value * 16 + (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            value = value * 16 + (unsigned)(c - 'A') + 10;
        else
            return false;
    }
    *out = value;
    return true;
}

/* \uXXXX at the lexer's place, or two of them for a surrogate pair. */
static enum err_code read_unicode(struct lexer *lexer, char *out, size_t *n)
{
    size_t begin = lexer->at;
    unsigned c;
    unsigned low;

    if (!read_hex(lexer, begin + 2, &c))
        return refuse(lexer, begin, "\\u needs four hexadecimal digits");
    lexer->at += 6;
    if (c >= 0xD800 && c < 0xDC00) {
        if (peek(lexer, 0) != '\\' || peek(lexer, 1) != 'u' ||
            !read_hex(lexer, lexer->at + 2, &low) || low < 0xDC00 ||
            low > 0xDFFF)
            return refuse(lexer, begin, "half of a surrogate pair");
        lexer->at += 6;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    } else if (c == 0 || (c >= 0xDC00 && c <= 0xDFFF)) {
        return refuse(lexer, begin, "no character");
    }
    *n += letters_put(c, out + *n);
    return ERR_OK;
}

static enum err_code read_escape(struct lexer *lexer, char *out, size_t *n)
{
    static const char names[] = "`'\"\\/fnrt";
    static const char meanings[] = "`'\"\\/\f\n\r\t";
    char c = peek(lexer, 1);
    const char *at = c ? strchr(names, c) : NULL;

    if (c == 'u')
        return read_unicode(lexer, out, n);
    if (!at)
        return refuse(lexer, lexer->at, "no such escape");
    out[(*n)++] = meanings[at - names];
    lexer->at += 2;
    return ERR_OK;
}

/* Bytes up to the quote that ends the text at begin: what it means is never
 * longer. */
static size_t quoted_bytes(const struct lexer *lexer, size_t begin)
{
    char quote = lexer->text.p[begin];
    size_t at = begin + 1;

    while (at < lexer->text.n && lexer->text.p[at] != quote)
        at += lexer->text.p[at] == '\\' ? 2 : 1;
    return at - begin;
}

/* What stands between the quote at the lexer's place and the next one. */
static enum err_code read_quoted(struct lexer *lexer, struct bytes *out)
{
    size_t begin = lexer->at++;
    char quote = lexer->text.p[begin];
    char *text = arena_alloc(lexer->arena, quoted_bytes(lexer, begin) + 1);
    size_t n = 0;

    if (!text)
        return err_nomem(lexer->e);
    for (;;) {
        char c = peek(lexer, 0);

        if (lexer->at >= lexer->text.n)
            return refuse(lexer, begin, "this text does not end");
        if (c == quote)
            break;
        if (c == '\\') {
            enum err_code code = read_escape(lexer, text, &n);

            if (code)
                return code;
            continue;
        }
        text[n++] = c;
        lexer->at++;
    }
    lexer->at++;
    text[n] = '\0';
    *out = bytes_make(text, n);
    return ERR_OK;
}

/* --- the rest --- */

static struct bytes taken(const struct lexer *lexer, size_t begin)
{
    return bytes_make(lexer->text.p + begin, lexer->at - begin);
}

static void read_number(struct lexer *lexer, struct token *out)
{
    size_t begin = lexer->at;

    while (is_digit(peek(lexer, 0)))
        lexer->at++;
    if (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))) {
        lexer->at++;
        while (is_digit(peek(lexer, 0)))
            lexer->at++;
    }
    out->kind = TOKEN_NUMBER;
    out->text = taken(lexer, begin);
}

/* Digits and what joins them in a time; the parser judges the rest. A "."
 * belongs to it when a digit follows. */
static void skip_clock(struct lexer *lexer)
{
    while (is_digit(peek(lexer, 0)) || peek(lexer, 0) == ':' ||
           (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))))
        lexer->at++;
}

static bool is_zone(const struct lexer *lexer)
{
    return (peek(lexer, 0) == '+' || peek(lexer, 0) == '-') &&
           is_digit(peek(lexer, 1)) && is_digit(peek(lexer, 2)) &&
           peek(lexer, 3) == ':';
}

static void read_moment(struct lexer *lexer, struct token *out)
{
    size_t begin = ++lexer->at;

    if (peek(lexer, 0) == 'T') {
        begin = ++lexer->at;
        skip_clock(lexer);
        out->kind = TOKEN_TIME;
        out->text = taken(lexer, begin);
        return;
    }
    while (is_digit(peek(lexer, 0)) ||
           (peek(lexer, 0) == '-' && is_digit(peek(lexer, 1))))
        lexer->at++;
    out->kind = TOKEN_DATE;
    if (peek(lexer, 0) == 'T') {
        lexer->at++;
        skip_clock(lexer);
        if (peek(lexer, 0) == 'Z')
            lexer->at++;
        else if (is_zone(lexer))
            lexer->at += 6;
        out->kind = TOKEN_DATETIME;
    }
    out->text = taken(lexer, begin);
}

static void read_name(struct lexer *lexer, struct bytes *out)
{
    size_t begin = lexer->at;

    while (is_name_part(peek(lexer, 0)))
        lexer->at++;
    *out = taken(lexer, begin);
}

static enum err_code read_external(struct lexer *lexer, struct token *out)
{
    char c = peek(lexer, 1);

    lexer->at++;
    out->kind = TOKEN_EXTERNAL;
    if (c == '`' || c == '\'' || c == '"')
        return read_quoted(lexer, &out->text);
    if (!is_name_start(c))
        return refuse(lexer, lexer->at, "a name is expected behind %");
    read_name(lexer, &out->text);
    return ERR_OK;
}

static enum err_code read_symbol(struct lexer *lexer, struct token *out)
{
    static const char *const symbols[] = {
        "!=", "!~", "<=", ">=", "=", "~", "<", ">", "+", "-", "*",
        "/",  "&",  "|",  "(",  ")", "[", "]", "{", "}", ",", "."};
    struct bytes rest = bytes_from(lexer->text, lexer->at);

    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        if (bytes_starts(rest, symbols[i])) {
            out->kind = TOKEN_SYMBOL;
            out->text = bytes_of(symbols[i]);
            lexer->at += out->text.n;
            return ERR_OK;
        }
    if (utf8_sequence(rest.p, rest.n) > 1 || rest.p[0] < ' ' ||
        rest.p[0] == 127)
        return refuse(lexer, lexer->at, "this character means nothing here");
    return lexer_refuse(lexer->e, ERR_SYNTAX, lexer->text, lexer->at,
                        "\"%c\" means nothing here", rest.p[0]);
}

enum err_code lexer_next(struct lexer *lexer, struct token *out)
{
    enum err_code code = skip_space(lexer);
    char c = peek(lexer, 0);

    *out = (struct token){.offset = lexer->at};
    if (code || lexer->at >= lexer->text.n)
        return code;
    if (is_digit(c)) {
        read_number(lexer, out);
        return ERR_OK;
    }
    if (is_name_start(c)) {
        out->kind = TOKEN_NAME;
        read_name(lexer, &out->text);
        return ERR_OK;
    }
    if (c == '\'' || c == '`') {
        out->kind = c == '`' ? TOKEN_DELIMITED : TOKEN_STRING;
        return read_quoted(lexer, &out->text);
    }
    if (c == '@') {
        read_moment(lexer, out);
        return ERR_OK;
    }
    if (c == '$' && is_name_start(peek(lexer, 1))) {
        lexer->at++;
        out->kind = TOKEN_DOLLAR;
        read_name(lexer, &out->text);
        return ERR_OK;
    }
    return c == '%' ? read_external(lexer, out) : read_symbol(lexer, out);
}
