/* values: what a resource answers to each search parameter of its type,
 * extracted once per change and used by the matcher and by the index.
 * Owns:   everything is in the arena given to search_values_extract().
 * Thread: immutable once extracted.
 * Bounds: SEARCH_VALUES_MAX values a resource; past it ERR_TOO_LARGE.
 * Errors: ERR_TOO_LARGE, ERR_NOMEM; ERR_BUG for an unknown type. A value of an
 * unexpected shape is no error: it yields nothing, as R4 search prescribes. */
#ifndef BELFRY_FHIR_SEARCH_VALUES_H
#define BELFRY_FHIR_SEARCH_VALUES_H

#include "fhir/json/tokens.h"
#include "storage/base/arena.h"
#include "storage/base/err.h"

/* The largest of R4's own value sets has some 6,400 codes. */
#define SEARCH_VALUES_MAX 16384

struct search_values;

/* What a resource is extracted with. */
struct search_source {
    const struct json_tokens *tokens; /* of a known resourceType */
    struct bytes id;                  /* that it will be stored under */
    /* ("http://host/fhir", no slash at the end) makes absolute references to
     * this server equal to relative ones */
    struct bytes base_url;
};

/* The values need neither tokens nor text afterwards. */
MUST_CHECK enum err_code
search_values_extract(const struct search_source *source, struct arena *arena,
                      struct search_values **out, struct err *e);

/* As above, of a text that passed the gate once, whose id is its own.
 * ERR_FORMAT when it is no resource any more. */
MUST_CHECK enum err_code search_values_read(struct bytes text,
                                            struct bytes base_url,
                                            struct arena *arena,
                                            struct search_values **out,
                                            struct err *e);

/* When the version was written: what _lastUpdated compares with. Until this
 * is called the parameter has no value. */
void search_values_stamp(struct search_values *v, int64_t time_ms);

/* The resource type the values came from. */
struct bytes search_values_type(const struct search_values *v);

/* The anchor keys (query.h) that this resource answers to, without repeats.
 * The array belongs to the values' arena. */
const uint64_t *search_values_keys(const struct search_values *v, size_t *n);

#endif
