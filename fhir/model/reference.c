#include "fhir/model/reference.h"

#include "fhir/model/types.h"

static bool has_space(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] <= ' ')
            return true;
    return false;
}

/* RFC 3986, 3.1: the length of the scheme, 0 when there is none. */
static size_t scheme_length(struct bytes text)
{
    size_t n = bytes_find(text, ':');

    if (n == text.n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        char c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' ||
                                    c == '-' || c == '.')))
            return 0;
    }
    return n;
}

/* Type/id[/_history/version] */
static bool is_restful(struct bytes text, struct bytes *type)
{
    struct bytes rest, id, history;

    *type = bytes_split(text, '/', &rest);
    if (!model_is_resource_type(*type))
        return false;
    id = bytes_split(rest, '/', &rest);
    if (!model_is_id(id))
        return false;
    if (id.p + id.n == text.p + text.n)
        return true;
    history = bytes_split(rest, '/', &rest);
    return bytes_is(history, "_history") && model_is_id(rest);
}

/* Behind the n-th slash from the end; the whole when there are fewer. */
static struct bytes last_segments(struct bytes text, size_t n)
{
    for (size_t i = text.n; i > 0; i--)
        if (text.p[i - 1] == '/' && n-- == 1)
            return bytes_from(text, i);
    return text;
}

static bool ends_restful(struct bytes url, struct bytes *type)
{
    return is_restful(last_segments(url, 2), type) ||
           is_restful(last_segments(url, 4), type);
}

enum reference_form reference_form_of(struct bytes text, struct bytes *name)
{
    struct bytes rest;

    *name = bytes_make(NULL, 0);
    if (text.n == 0 || has_space(text))
        return REFERENCE_BAD;
    if (text.p[0] == '#') {
        *name = bytes_from(text, 1);
        return REFERENCE_LOCAL;
    }
    if (is_restful(text, name))
        return REFERENCE_RESTFUL;
    *name = bytes_split(text, '?', &rest);
    if (rest.n > 0 && model_is_resource_type(*name))
        return REFERENCE_QUERY;
    if (scheme_length(text) == 0)
        return REFERENCE_BAD;
    if ((bytes_starts(text, "http://") || bytes_starts(text, "https://")) &&
        ends_restful(text, name))
        return REFERENCE_RESTFUL;
    *name = bytes_make(NULL, 0);
    return REFERENCE_ABSOLUTE;
}
