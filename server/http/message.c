#include "server/http/message.h"

#include <assert.h>
#include <strings.h>

#include "server/http/connection.h"

struct search {
    struct bytes name;
    struct bytes value; /* the first one */
    size_t count;
    size_t total_bytes; /* of all, with ", " in front of each but the first */
    char *joined;       /* where the next one goes; NULL: only count */
};

/* A request is the first member of its connection. */
static const struct http_connection *connection_of(const struct http_request *r)
{
    return (const struct http_connection *)(const void *)r;
}

/* The value without the white space behind it (RFC 9110, 5.5). */
static struct bytes trim(const char *value, size_t n)
{
    if (!value)
        return bytes_make("", 0);
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    return bytes_make(value, n);
}

static void append(struct search *s, struct bytes value)
{
    if (s->count > 1) {
        memcpy(s->joined, ", ", 2);
        s->joined += 2;
    }
    if (value.n)
        memcpy(s->joined, value.p, value.n);
    s->joined += value.n;
}

static enum MHD_Result visit(void *cls, enum MHD_ValueKind kind,
                             const char *name, size_t name_bytes,
                             const char *value, size_t value_bytes)
{
    struct search *s = cls;
    struct bytes found = trim(value, value_bytes);

    (void)kind;
    if (name_bytes != s->name.n ||
        strncasecmp(name, s->name.p, name_bytes) != 0)
        return MHD_YES;
    s->count++;
    s->total_bytes += found.n + (s->count > 1 ? 2 : 0);
    if (s->count == 1)
        s->value = found;
    if (s->joined)
        append(s, found);
    return MHD_YES;
}

struct bytes http_request_header(const struct http_request *r, const char *name)
{
    const struct http_connection *c = connection_of(r);
    struct search s = {.name = bytes_of(name)};
    char *joined;
    size_t n;

    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, visit, &s);
    if (s.count <= 1)
        return s.value;
    n = s.total_bytes;
    joined = arena_alloc(r->arena, n + 1);
    if (!joined)
        return (struct bytes){NULL, 0};
    s = (struct search){.name = s.name, .joined = joined};
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, visit, &s);
    return bytes_make(joined, n);
}

void http_response_header(struct http_response *r, const char *name,
                          const char *value)
{
    assert(r->header_count < HTTP_RESPONSE_HEADERS_MAX);
    r->headers[r->header_count++] = (struct http_header){name, value};
}

void http_resume(struct http_request *r)
{
    void *connection = r;

    http_connection_resume(connection);
}
