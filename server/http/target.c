#include "server/http/target.h"

#include <strings.h>

/* Printable ASCII without "#": a fragment never travels in a request. */
static bool is_clean(struct bytes raw)
{
    for (size_t i = 0; i < raw.n; i++)
        if (raw.p[i] <= ' ' || raw.p[i] >= 0x7f || raw.p[i] == '#')
            return false;
    return true;
}

static size_t scheme_bytes(struct bytes raw)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i]);

        if (raw.n > n && strncasecmp(raw.p, schemes[i], n) == 0)
            return n;
    }
    return 0;
}

/* Drops "scheme://authority"; false when there is no authority. */
static bool drop_authority(struct bytes *raw)
{
    size_t start = scheme_bytes(*raw);
    size_t at = start;

    if (start == 0)
        return false;
    while (at < raw->n && raw->p[at] != '/' && raw->p[at] != '?')
        at++;
    if (at == start)
        return false;
    *raw = bytes_from(*raw, at);
    return true;
}

bool http_target_parse(struct bytes raw, struct http_target *out)
{
    if (raw.n == 0 || !is_clean(raw))
        return false;
    if (bytes_is(raw, "*")) {
        *out = (struct http_target){.path = raw};
        return true;
    }
    if (raw.p[0] != '/' && !drop_authority(&raw))
        return false;
    out->path = bytes_split(raw, '?', &out->query);
    if (out->path.n == 0)
        out->path = bytes_of("/"); /* RFC 9112, 3.2.1: an empty path */
    return true;
}
