#include "fhir/search/reference.h"

#include "fhir/model/types.h"

#define HISTORY "/_history/"

/* RFC 3986, 3.1, and the colon behind it. */
static bool has_scheme(struct bytes text)
{
    size_t colon = bytes_find(text, ':');

    if (colon == 0 || colon == text.n)
        return false;
    for (size_t i = 0; i < colon; i++) {
        char c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';

        if (!letter && (i == 0 || !other))
            return false;
    }
    return true;
}

/* Index of the last slash before end, or end when there is none. */
static size_t last_slash(struct bytes text, size_t end)
{
    for (size_t i = end; i > 0; i--)
        if (text.p[i - 1] == '/')
            return i - 1;
    return end;
}

/* "<head>/_history/<version>" without its last two segments. */
static struct bytes cut_history(struct bytes text, bool *cut)
{
    size_t width = sizeof HISTORY - 1;
    size_t version = last_slash(text, text.n);
    struct bytes tail;

    *cut = false;
    if (version == text.n || version + 1 < width)
        return text;
    tail = bytes_from(text, version + 1 - width);
    if (!bytes_starts(tail, HISTORY) || !model_is_id(bytes_from(tail, width)))
        return text;
    *cut = true;
    return bytes_make(text.p, version + 1 - width);
}

static bool parse_local(struct bytes text, struct search_reference *out)
{
    struct bytes id;
    struct bytes type = bytes_split(text, '/', &id);

    if (!model_is_resource_type(type) || !model_is_id(id))
        return false;
    out->type = type;
    out->id = id;
    return true;
}

/* The last two segments of an absolute URL. */
static struct bytes last_two(struct bytes url)
{
    size_t slash = last_slash(url, url.n);

    if (slash == url.n)
        return bytes_make(url.p, 0);
    slash = last_slash(url, slash);
    return url.p[slash] == '/' ? bytes_from(url, slash + 1)
                               : bytes_make(url.p, 0);
}

static bool is_below(struct bytes text, struct bytes base_url)
{
    return base_url.n > 0 && text.n > base_url.n + 1 &&
           memcmp(text.p, base_url.p, base_url.n) == 0 &&
           text.p[base_url.n] == '/';
}

bool search_reference_parse(struct bytes text, struct bytes base_url,
                            struct search_reference *out)
{
    struct search_reference last = {0};
    struct bytes whole;

    *out = (struct search_reference){0};
    if (text.n == 0 || text.p[0] == '#')
        return false;
    whole = cut_history(text, &out->versioned);
    if (is_below(whole, base_url) &&
        parse_local(bytes_from(whole, base_url.n + 1), out))
        return true;
    if (parse_local(whole, out))
        return true;
    if (!has_scheme(text))
        return false;
    /* only behind "Type/id" does _history mean what it says */
    if (out->versioned && !parse_local(last_two(whole), &last)) {
        whole = text;
        out->versioned = false;
    }
    out->id = whole;
    return true;
}

bool search_reference_parse_canonical(struct bytes text,
                                      struct search_reference *out)
{
    *out = (struct search_reference){0};
    if (text.n == 0 || text.p[0] == '#')
        return false;
    out->id = bytes_split(text, '|', &out->version);
    return out->id.n > 0;
}

struct bytes search_reference_type(const struct search_reference *r)
{
    struct search_reference last = {0};

    if (search_reference_is_local(r))
        return r->type;
    (void)parse_local(last_two(r->id), &last);
    return last.type;
}
