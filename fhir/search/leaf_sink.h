/* leaf_sink: where the readers of leaves put values.
 * Owns:   nothing; values and texts go to the arena.
 * Thread: one at a time.
 * Bounds: SEARCH_VALUES_MAX values.
 * Errors: sticky: ERR_TOO_LARGE, ERR_NOMEM. */
#ifndef BELFRY_FHIR_SEARCH_LEAF_SINK_H
#define BELFRY_FHIR_SEARCH_LEAF_SINK_H

#include "fhir/json/tokens.h"
#include "fhir/search/value.h"

struct leaf_sink {
    const struct json_tokens *tokens; /* their text is in the arena */
    struct bytes id;                  /* in place of the resource's own */
    struct arena *arena;
    struct bytes base_url;
    struct search_value *values;
    size_t count;
    size_t capacity;
    enum err_code failed;
};

void leaf_add(struct leaf_sink *sink, struct search_value value);

/* What a JSON string means; empty for anything else. */
struct bytes leaf_text(struct leaf_sink *sink, uint32_t value);

/* JSON_NONE without such a member, or when object is JSON_NONE. */
static inline uint32_t leaf_member(const struct leaf_sink *sink,
                                   uint32_t object, const char *name)
{
    return object == JSON_NONE
               ? JSON_NONE
               : json_token_member(sink->tokens, object, bytes_of(name));
}

/* The value's first byte; NUL for JSON_NONE. */
static inline char leaf_first(const struct leaf_sink *sink, uint32_t value)
{
    return value == JSON_NONE ? '\0' : json_token_first(sink->tokens, value);
}

/* The readers of one type of parameter each; what they know no leaf of adds
 * nothing. */
typedef void leaf_reader(struct leaf_sink *sink, const struct search_path *path,
                         uint32_t element);

leaf_reader leaf_read_token;
leaf_reader leaf_read_reference;
leaf_reader leaf_read_date;
leaf_reader leaf_read_number; /* of quantities as well */
leaf_reader leaf_read_string;

#endif
