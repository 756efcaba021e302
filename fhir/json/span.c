#include "fhir/json/span.h"

#include "fhir/json/scan.h"
#include "fhir/json/unescape.h"

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static size_t skip_space(struct bytes text, size_t at)
{
    while (at < text.n && is_space(text.p[at]))
        at++;
    return at;
}

/* From an opening quote to behind the closing one. */
static inline size_t string_end(struct bytes text, size_t begin)
{
    const char *end = text.p + text.n;
    const char *p = scan_to_mark(text.p + begin + 1, end);

    while (end - p >= 2 && *p == '\\')
        p = scan_to_mark(p + 2, end);
    return p < end && *p == '"' ? (size_t)(p + 1 - text.p) : text.n;
}

/* Brackets are balanced in a text that passed the gate, so that counting them
 * without their kind is enough. */
static size_t container_end(struct bytes text, size_t begin)
{
    size_t at = begin, depth = 0;

    while (at < text.n) {
        switch (text.p[at]) {
        case '"':
            at = string_end(text, at);
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth == 0)
                return at + 1;
            break;
        default:
            break;
        }
        at++;
    }
    return text.n;
}

static bool ends_scalar(char c)
{
    return c == ',' || c == '}' || c == ']' || is_space(c);
}

size_t json_value_end(struct bytes text, size_t begin)
{
    size_t at = begin;

    if (at >= text.n)
        return text.n;
    if (text.p[at] == '"')
        return string_end(text, at);
    if (text.p[at] == '{' || text.p[at] == '[')
        return container_end(text, at);
    while (at < text.n && !ends_scalar(text.p[at]))
        at++;
    return at;
}

bool json_next(struct bytes text, struct json_span container, size_t *position,
               struct json_item *out)
{
    bool object;
    size_t at = *position ? *position : container.begin + 1;

    if (container.begin >= text.n)
        return false;
    object = text.p[container.begin] == '{';
    if (!object && text.p[container.begin] != '[')
        return false;
    at = skip_space(text, at);
    if (*position && at < text.n && text.p[at] == ',')
        at = skip_space(text, at + 1);
    if (at >= text.n || text.p[at] == '}' || text.p[at] == ']')
        return false;
    out->key = (struct json_span){at, at};
    if (object) {
        out->key.end = string_end(text, at);
        at = skip_space(text, skip_space(text, out->key.end) + 1);
    }
    out->value = (struct json_span){at, json_value_end(text, at)};
    *position = out->value.end;
    return true;
}

bool json_member(struct bytes text, struct json_span container, const char *key,
                 struct json_item *out)
{
    size_t position = 0;
    struct json_item item;

    while (json_next(text, container, &position, &item)) {
        if (json_string_is(text, item.key, key)) {
            *out = item;
            return true;
        }
    }
    return false;
}

struct json_span json_root(struct bytes text)
{
    size_t begin = skip_space(text, 0), end = text.n;

    while (end > begin && is_space(text.p[end - 1]))
        end--;
    return (struct json_span){begin, end};
}

bool json_string_is(struct bytes text, struct json_span span, const char *want)
{
    char first;

    if (span.end - span.begin < 2 || text.p[span.begin] != '"')
        return false;
    /* most names differ here already */
    first = text.p[span.begin + 1];
    if (want[0] != '\0' && first != want[0] && first != '\\')
        return false;
    return json_unescaped_is(
        bytes_make(text.p + span.begin + 1, span.end - span.begin - 2),
        bytes_of(want));
}
