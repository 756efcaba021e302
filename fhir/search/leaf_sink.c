#include "fhir/search/leaf_sink.h"

#define FIRST_CAPACITY 16

static bool grow(struct leaf_sink *sink)
{
    size_t capacity = sink->capacity ? sink->capacity * 2 : FIRST_CAPACITY;
    struct search_value *values =
        arena_calloc(sink->arena, capacity, sizeof *values);

    if (!values) {
        sink->failed = ERR_NOMEM;
        return false;
    }
    if (sink->count)
        memcpy(values, sink->values, sink->count * sizeof *values);
    sink->values = values;
    sink->capacity = capacity;
    return true;
}

void leaf_add(struct leaf_sink *sink, struct search_value value)
{
    if (sink->failed)
        return;
    if (sink->count == SEARCH_VALUES_MAX) {
        sink->failed = ERR_TOO_LARGE;
        return;
    }
    if (sink->count == sink->capacity && !grow(sink))
        return;
    sink->values[sink->count++] = value;
}

struct bytes leaf_text(struct leaf_sink *sink, uint32_t value)
{
    struct bytes text = {NULL, 0};

    if (sink->failed || leaf_first(sink, value) != '"' ||
        json_token_raw(sink->tokens, value).n == 0)
        return text;
    text = json_token_string(sink->tokens, value, sink->arena);
    if (!text.p)
        sink->failed = ERR_NOMEM;
    return text;
}
