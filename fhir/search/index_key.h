/* index_key: the keys under which a resource stands in the search index.
 * A key is the kind (a byte), the name space (three bytes of a hash), the
 * value and the resource's id. The index finds candidates; what they are is
 * judged by query_matches(), so that keys may be coarse: tokens without their
 * system, all references of a type in one name space, texts by their
 * beginning.
 * Owns:   nothing; keys go to the caller's arena.
 * Thread: any.
 * Bounds: INDEX_KEY_BYTES_MAX a key, SEARCH_VALUES_MAX times four a resource.
 */
#ifndef BELFRY_FHIR_SEARCH_INDEX_KEY_H
#define BELFRY_FHIR_SEARCH_INDEX_KEY_H

#include "fhir/search/value.h"

/* kind, name space and value; the id follows */
#define INDEX_TEXT_BYTES 20
#define INDEX_HEAD_BYTES_MAX (4 + INDEX_TEXT_BYTES + 1)
#define INDEX_KEY_BYTES_MAX (INDEX_HEAD_BYTES_MAX + 64)
/* Changes whenever the same resource would get other keys. */
#define INDEX_FORM 2

enum index_kind {
    INDEX_HASH = 'H',      /* equal tokens, references, URIs */
    INDEX_TEXT = 'S',      /* folded beginning of a string, then a NUL */
    INDEX_DATE = 'D',      /* start of a range of at most a day */
    INDEX_DATE_FROM = 'F', /* start and end of a longer one */
    INDEX_DATE_TO = 'T',
    INDEX_NUMBER = 'N', /* a plain number */
    INDEX_NUMBER_LOW = 'L',
    INDEX_NUMBER_HIGH = 'U',
    INDEX_BASE = 'n', /* the same in base units */
    INDEX_BASE_LOW = 'l',
    INDEX_BASE_HIGH = 'u'
};

/* The longest range that counts as short. */
#define INDEX_SHORT_MS ((int64_t)86400000)

struct index_head {
    char bytes[INDEX_HEAD_BYTES_MAX];
    size_t n;
};

/* Heads of keys: a kind, a name space and a value. code is NULL where the name
 * space is the whole resource type; dimension is that of base units, else 0. */
struct index_space {
    const char *type;
    const char *code;
    uint64_t dimension;
};
void index_head_u64(enum index_kind kind, struct index_space space,
                    uint64_t value, struct index_head *out);
void index_head_text(struct index_space space, struct bytes text,
                     struct index_head *out);

/* Values in the order of the keys. */
uint64_t index_order_time(int64_t time_ms);
uint64_t index_order_number(double number);

enum index_form { INDEX_TOKEN, INDEX_LOCAL, INDEX_URI, INDEX_IDENTIFIER };
uint64_t index_hash(enum index_form form, struct bytes text);
uint64_t index_hash_reference(const struct search_reference *r);

/* False for a parameter whose values are too few to select anything. */
bool index_has_parameter(const struct search_parameter *p);

/* The keys of a resource, sorted, each once. That of _lastUpdated is among
 * them once the values are stamped. */
MUST_CHECK enum err_code index_keys(const struct search_values *v,
                                    struct bytes id, struct arena *arena,
                                    struct bytes **out, size_t *n,
                                    struct err *e);

/* The key of _lastUpdated. */
struct bytes index_key_written(const char *type, int64_t time_ms,
                               struct bytes id, char out[INDEX_KEY_BYTES_MAX]);

/* The id in a key; empty for a damaged one. */
struct bytes index_key_id(struct bytes key);

int index_key_compare(struct bytes a, struct bytes b);

#endif
