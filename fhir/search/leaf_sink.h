/* leaf_sink: where the readers of leaves put values.
 * Owns:   nothing; values and texts go to the arena.
 * Thread: one at a time.
 * Bounds: SEARCH_VALUES_MAX values.
 * Errors: sticky: ERR_TOO_LARGE, ERR_NOMEM. */
#ifndef BELFRY_FHIR_SEARCH_LEAF_SINK_H
#define BELFRY_FHIR_SEARCH_LEAF_SINK_H

#include "fhir/search/value.h"

struct leaf_sink {
    struct arena *arena;
    struct bytes base_url;
    struct search_value *values;
    size_t count;
    size_t capacity;
    enum err_code failed;
};

void leaf_add(struct leaf_sink *sink, struct search_value value);

/* A copy of the text of a JSON string; empty for anything else. */
struct bytes leaf_text(struct leaf_sink *sink, const cJSON *node);

static inline const cJSON *leaf_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* The readers of one type of parameter each; what they know no leaf of adds
 * nothing. */
typedef void leaf_reader(struct leaf_sink *sink, const struct search_path *path,
                         const cJSON *element);

leaf_reader leaf_read_token;
leaf_reader leaf_read_reference;
leaf_reader leaf_read_date;
leaf_reader leaf_read_number; /* of quantities as well */
leaf_reader leaf_read_string;

#endif
