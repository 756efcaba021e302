#include "server/http/head.h"

#include <strings.h>

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct bytes name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_token_char(name.p[i]))
            return false;
    return name.n > 0;
}

/* Bare CR and NUL are what RFC 9110, 5.5 forbids most of all. */
static bool is_value(struct bytes value)
{
    for (size_t i = 0; i < value.n; i++)
        if (((unsigned char)value.p[i] < ' ' && value.p[i] != '\t') ||
            value.p[i] == 0x7f)
            return false;
    return true;
}

static bool begins(struct bytes name, const char *prefix)
{
    size_t n = strlen(prefix);

    return name.n >= n && strncasecmp(name.p, prefix, n) == 0;
}

static bool is_name(struct bytes name, const char *wanted)
{
    return name.n == strlen(wanted) && begins(name, wanted);
}

static uint64_t read_length(struct bytes value, bool *malformed)
{
    uint64_t length = 0;

    *malformed = *malformed || value.n == 0;
    for (size_t i = 0; i < value.n; i++) {
        unsigned digit = (unsigned)(value.p[i] - '0');

        if (digit > 9) {
            *malformed = true;
            return 0;
        }
        if (length > (UINT64_MAX - digit) / 10)
            return UINT64_MAX;
        length = length * 10 + digit;
    }
    return length;
}

void http_head_add(struct http_head *h, struct bytes name, struct bytes value)
{
    if (!is_token(name) || !is_value(value)) {
        h->malformed = true;
    } else if (is_name(name, "Content-Length")) {
        h->lengths++;
        h->length = read_length(value, &h->malformed);
    } else if (is_name(name, "Transfer-Encoding")) {
        h->encodings++;
        h->chunked = is_name(value, "chunked");
    } else if (is_name(name, "Host")) {
        h->hosts++;
    } else if (begins(name, "Content-Length") ||
               begins(name, "Transfer-Encoding")) {
        /* libmicrohttpd glues a folded line to the name before it */
        h->malformed = true;
    }
}

const char *http_head_fault(const struct http_head *h, struct bytes version)
{
    bool old = bytes_is(version, "HTTP/1.0");

    if (h->malformed)
        return "a header is malformed";
    if (h->lengths > 1)
        return "the Content-Length header is repeated";
    if (h->encodings > 0 && h->lengths > 0)
        return "Content-Length and Transfer-Encoding exclude each other";
    if (h->encodings > 1 || (h->encodings == 1 && !h->chunked))
        return "the only Transfer-Encoding is chunked";
    if (h->encodings > 0 && old)
        return "HTTP/1.0 has no Transfer-Encoding";
    if (h->hosts > 1 || (h->hosts == 0 && !old))
        return "a request has one Host header";
    return NULL;
}
