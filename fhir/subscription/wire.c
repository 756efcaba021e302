#include "fhir/subscription/wire.h"

#include "fhir/subscription/limits.h"

#include <strings.h>

#define SECRET_PREFIX "whsec_"
#define SECRET_BYTES_MIN 24
#define SECRET_BYTES_MAX 64
#define MEDIA_TYPE_BYTES_MAX 128
#define PORT_MAX 65535

#define REFUSE(e, ...) err_set((e), ERR_UNPROCESSABLE, __VA_ARGS__)

bool wire_same_name(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static bool name_is(struct bytes a, const char *text)
{
    return wire_same_name(a, bytes_of(text));
}

static bool name_starts(struct bytes a, const char *prefix)
{
    size_t n = strlen(prefix);

    return a.n >= n && strncasecmp(a.p, prefix, n) == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* tchar of RFC 9110, 5.6.2. */
static bool is_token_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!is_token_char(text.p[i]))
            return false;
    }
    return text.n > 0;
}

static struct bytes trim(struct bytes text, const char *spaces)
{
    while (text.n && text.p[0] && strchr(spaces, text.p[0]))
        text = bytes_from(text, 1);
    while (text.n && text.p[text.n - 1] && strchr(spaces, text.p[text.n - 1]))
        text.n--;
    return text;
}

/* ---- endpoint ---- */

/* RFC 3986: what may stand in a URL at all; '\' is how hosts are disguised. */
static bool is_url_text(struct bytes url)
{
    for (size_t i = 0; i < url.n; i++) {
        unsigned char c = (unsigned char)url.p[i];

        if (c <= 0x20 || c >= 0x7f || strchr("\\\"<>^`{|}", (char)c))
            return false;
    }
    return true;
}

static size_t scheme_length(struct bytes url)
{
    if (name_starts(url, "https://"))
        return strlen("https://");
    return name_starts(url, "http://") ? strlen("http://") : 0;
}

/* What stands between "//" and the path, query or fragment. */
static struct bytes authority_of(struct bytes rest)
{
    size_t n = 0;

    while (n < rest.n && !strchr("/?#", rest.p[n]))
        n++;
    return bytes_make(rest.p, n);
}

static bool is_port(struct bytes text)
{
    uint64_t port;

    return bytes_to_u64(text, &port) && port >= 1 && port <= PORT_MAX;
}

static bool is_host_name(struct bytes host)
{
    for (size_t i = 0; i < host.n; i++) {
        if (!is_alnum(host.p[i]) && !strchr("-._~", host.p[i]))
            return false;
    }
    return host.n > 0;
}

static bool is_host_literal(struct bytes inside)
{
    for (size_t i = 0; i < inside.n; i++) {
        if (!is_alnum(inside.p[i]) && !strchr(":.", inside.p[i]))
            return false;
    }
    return inside.n > 1;
}

/* host [":" port], host a name or "[" address "]". */
static bool is_host_and_port(struct bytes authority)
{
    struct bytes port = {NULL, 0};
    struct bytes host;
    bool literal = bytes_starts(authority, "[");

    if (literal) {
        host = bytes_split(bytes_from(authority, 1), ']', &port);
        if (host.n + 1 >= authority.n || (port.n && port.p[0] != ':'))
            return false;
        if (!port.n)
            return is_host_literal(host);
        return is_host_literal(host) && is_port(bytes_from(port, 1));
    }
    host = bytes_split(authority, ':', &port);
    if (host.n == authority.n)
        return is_host_name(host);
    return is_host_name(host) && is_port(port);
}

enum err_code wire_check_endpoint(struct bytes url, struct err *e)
{
    size_t scheme_n = scheme_length(url);
    struct bytes authority;

    if (url.n > SUBSCRIPTION_ENDPOINT_BYTES_MAX)
        return REFUSE(e, "the endpoint is longer than %d bytes",
                      SUBSCRIPTION_ENDPOINT_BYTES_MAX);
    if (scheme_n == 0)
        return REFUSE(e, "the endpoint of a rest-hook is an absolute https "
                         "(or http) URL");
    if (!is_url_text(url))
        return REFUSE(e, "the endpoint holds a character that a URL cannot "
                         "hold unescaped");
    if (bytes_find(url, '#') < url.n)
        return REFUSE(e, "the endpoint must not have a fragment");
    authority = authority_of(bytes_from(url, scheme_n));
    if (bytes_find(authority, '@') < authority.n)
        return REFUSE(e, "the endpoint must not hold a user name; credentials "
                         "go into channel.header");
    if (!is_host_and_port(authority))
        return REFUSE(e, "the endpoint's host or port is not valid");
    return ERR_OK;
}

/* ---- media type ---- */

static struct bytes unquoted(struct bytes value)
{
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        return bytes_make(value.p + 1, value.n - 2);
    return value;
}

enum parameter { PARAMETER_VERSION = 1, PARAMETER_CHARSET = 2 };

/* One "name=value" behind a ';'. *seen holds the parameters met so far. */
static enum err_code check_parameter(struct bytes text, unsigned *seen,
                                     struct err *e)
{
    struct bytes value;
    struct bytes name = bytes_split(text, '=', &value);
    unsigned which = 0;

    value = unquoted(value);
    if (!is_token(name) || !is_token(value))
        return REFUSE(e, "the media type's parameters are not valid");
    if (name_is(name, "fhirVersion")) {
        which = PARAMETER_VERSION;
        if (!bytes_is(value, "4.0") && !bytes_is(value, "4.0.1"))
            return REFUSE(e,
                          "notifications are sent as FHIR 4.0 only, not "
                          "%.*s",
                          BYTES_ARG(value));
    } else if (name_is(name, "charset")) {
        which = PARAMETER_CHARSET;
        if (!name_is(value, "utf-8"))
            return REFUSE(e, "notifications are sent as utf-8 only");
    } else {
        return REFUSE(e, "media type parameter %.*s is not supported",
                      BYTES_ARG(name));
    }
    if (*seen & which)
        return REFUSE(e, "media type parameter %.*s is given twice",
                      BYTES_ARG(name));
    *seen |= which;
    return ERR_OK;
}

enum err_code wire_check_media_type(struct bytes text, struct err *e)
{
    struct bytes rest = text;
    struct bytes type;
    unsigned seen = 0;

    if (text.n > MEDIA_TYPE_BYTES_MAX)
        return REFUSE(e, "the media type is longer than %d bytes",
                      MEDIA_TYPE_BYTES_MAX);
    type = bytes_split(rest, ';', &rest);
    if (type.n < text.n)
        type = trim(type, " ");
    if (!name_is(type, "application/fhir+json") &&
        !name_is(type, "application/json"))
        return REFUSE(e, "notifications are sent as application/fhir+json or "
                         "application/json only");
    if (text.p[0] == ' ' || text.p[text.n - 1] == ' ' ||
        text.p[text.n - 1] == ';')
        return REFUSE(e, "the media type has something missing or a space at "
                         "its start or end");
    while (rest.n > 0) {
        struct bytes one = bytes_split(rest, ';', &rest);
        enum err_code rc = check_parameter(trim(one, " "), &seen, e);

        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* ---- header ---- */

bool wire_split_header(struct bytes line, struct wire_header *out)
{
    struct bytes rest;

    out->name = bytes_split(line, ':', &rest);
    if (out->name.n == line.n)
        return false;
    out->value = trim(rest, " \t");
    return true;
}

/* Names that frame the message, that belfry sets itself, that proxies act
 * upon, or that open doors inside cloud networks. */
static bool is_reserved(struct bytes name)
{
    static const char *const names[] = {
        "host",          "connection",        "expect",  "te",
        "trailer",       "trailers",          "upgrade", "keep-alive",
        "user-agent",    "transfer-encoding", "age",     "cache-control",
        "expires",       "clear-site-data",   "pragma",  "warning",
        "http2-settings"};
    static const char *const prefixes[] = {"content-", "proxy-", "webhook-",
                                           "x-amz-",   "x-goog", "x-azure-",
                                           "x-fd-",    "x-gfe",  "x-belfry-"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (name_is(name, names[i]))
            return true;
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (name_starts(name, prefixes[i]))
            return true;
    }
    return false;
}

static bool has_control(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

enum err_code wire_check_header(struct bytes line, struct wire_header *out,
                                struct err *e)
{
    if (line.n > SUBSCRIPTION_HEADER_BYTES_MAX)
        return REFUSE(e, "the header is longer than %d bytes",
                      SUBSCRIPTION_HEADER_BYTES_MAX);
    if (has_control(line))
        return REFUSE(e, "the header holds a control character");
    if (!wire_split_header(line, out))
        return REFUSE(e, "a header has the form \"Name: value\"");
    if (!is_token(out->name))
        return REFUSE(e, "the header's name is not a token");
    if (out->value.n == 0)
        return REFUSE(e, "the header has no value");
    if (is_reserved(out->name))
        return REFUSE(e, "header %.*s cannot be set by a subscription",
                      out->name.n > 64 ? 64 : (int)out->name.n, out->name.p);
    return ERR_OK;
}

/* ---- secret ---- */

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (is_digit(c))
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Bytes behind a padded base64 text whose unused bits are 0; 0 otherwise. */
static size_t base64_bytes(struct bytes text)
{
    size_t pads = 0;
    int last = 0;

    if (text.n == 0 || text.n % 4 != 0)
        return 0;
    while (pads < 2 && text.p[text.n - 1 - pads] == '=')
        pads++;
    for (size_t i = 0; i < text.n - pads; i++) {
        last = base64_value(text.p[i]);
        if (last < 0)
            return 0;
    }
    if ((pads == 1 && (last & 3)) || (pads == 2 && (last & 15)))
        return 0;
    return text.n / 4 * 3 - pads;
}

enum err_code wire_check_secret(struct bytes text, struct err *e)
{
    size_t n = 0;

    if (bytes_starts(text, SECRET_PREFIX))
        n = base64_bytes(bytes_from(text, strlen(SECRET_PREFIX)));
    if (n < SECRET_BYTES_MIN || n > SECRET_BYTES_MAX)
        return REFUSE(e,
                      "the secret is %s and the padded base64 of %d to %d "
                      "bytes",
                      SECRET_PREFIX, SECRET_BYTES_MIN, SECRET_BYTES_MAX);
    return ERR_OK;
}
