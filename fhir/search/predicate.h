/* predicate: one "name=value,value" of a search string, compiled.
 * Owns:   its array of values; the texts belong to the query.
 * Thread: immutable once compiled.
 * Bounds: the context's values_max.
 * Errors: as query.h. Messages name the parameter, never the value: that may
 *         be a patient's. */
#ifndef BELFRY_FHIR_SEARCH_PREDICATE_H
#define BELFRY_FHIR_SEARCH_PREDICATE_H

#include "fhir/model/value_set.h"
#include "fhir/search/number.h"
#include "fhir/search/query.h"
#include "fhir/search/value.h"

enum predicate_op { PREDICATE_ANY_OF, PREDICATE_NONE_OF, PREDICATE_MISSING };

/* How a value is compared, where a modifier says so. */
enum predicate_how {
    HOW_PLAIN,
    HOW_EXACT,
    HOW_CONTAINS,
    HOW_TEXT,
    HOW_IN,
    HOW_OF_TYPE,
    HOW_IDENTIFIER,
    HOW_ABOVE,
    HOW_BELOW
};

enum predicate_prefix {
    PREFIX_EQ,
    PREFIX_NE,
    PREFIX_GT,
    PREFIX_LT,
    PREFIX_GE,
    PREFIX_LE,
    PREFIX_SA,
    PREFIX_EB,
    PREFIX_AP
};

/* code, system|code, |code, system| */
enum token_form { TOKEN_ANY_SYSTEM, TOKEN_WITH_SYSTEM, TOKEN_NO_SYSTEM };

struct predicate_token {
    enum token_form form;
    struct bytes system;
    struct bytes code;  /* empty: any */
    struct bytes value; /* of ":of-type" */
};

struct predicate_reference {
    struct search_reference to;
    bool any_target; /* to.id is an id, of whichever type is allowed */
};

struct predicate_date {
    enum predicate_prefix prefix;
    struct search_range range;
};

/* number, number|system|code, number||code: with a number, system and form
 * are not used; TOKEN_NO_SYSTEM compares code with codes and units. A unit of
 * UCUM has a dimension (unit.h), and the number is in its base units as well.
 */
struct predicate_number {
    enum predicate_prefix prefix;
    struct number number;
    enum token_form form;
    struct bytes system;
    struct bytes code;
    struct number base;
    uint64_t dimension;
};

struct predicate_value {
    union {
        struct predicate_token token;
        struct predicate_reference reference;
        struct predicate_date date;
        struct predicate_number number;
        const struct model_value_set *set; /* of ":in" */
        struct bytes text; /* folded (heap) but for HOW_EXACT and uris */
        struct predicate_value *parts; /* of a composite, heap */
    };
};

struct predicate {
    const struct search_parameter *parameter;
    size_t slot;
    enum predicate_op op;
    enum predicate_how how;
    bool missing;         /* for PREDICATE_MISSING: what it asks for */
    const char *modifier; /* constant text, "" without one */
    const char *target;   /* the type of ":Patient", else NULL */
    struct predicate_value *values;
    size_t count;
};

/* What the predicates of one query share. */
struct predicate_context {
    const struct search_base *base;
    struct bytes base_url;
    size_t values_max;
    /* for the prefix ap of dates; without it that prefix is refused */
    bool has_now;
    int64_t now_ms;
};

/* name and value are decoded of %XX and writable: backslashes are removed in
 * place and the predicate keeps pointing into value. On failure *out is as
 * after predicate_fini(). */
struct predicate_text {
    struct bytes name;
    char *value;
    size_t value_bytes;
};
MUST_CHECK enum err_code predicate_compile(const struct predicate_context *c,
                                           struct predicate_text text,
                                           struct predicate *out,
                                           struct err *e);

/* The same parameter and modifier with another value. */
MUST_CHECK enum err_code
predicate_compile_like(const struct predicate_context *c,
                       const struct predicate *like, struct predicate_text text,
                       struct predicate *out, struct err *e);

void predicate_fini(struct predicate *p);

/* "eq", "ne", ... */
const char *predicate_prefix_name(enum predicate_prefix prefix);

#endif
