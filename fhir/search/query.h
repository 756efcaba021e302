/* query: a search string compiled to a conjunction of predicates, with one
 * meaning wherever it is used: a topic's criteria, a subscription's filter and
 * a search over the index (R4 search.html).
 * Owns:   a query owns all its parts (heap).
 * Thread: immutable once compiled.
 * Bounds: QUERY_PREDICATES_MAX, QUERY_VALUES_MAX per predicate (in a search
 *         QUERY_SEARCH_VALUES_MAX), QUERY_TEXT_MAX bytes.
 * Errors: ERR_NOT_SUPPORTED names the parameter, modifier, prefix or chain
 *         that belfry cannot evaluate; ERR_INVALID for a malformed one. */
#ifndef BELFRY_FHIR_SEARCH_QUERY_H
#define BELFRY_FHIR_SEARCH_QUERY_H

#include "fhir/search/values.h"

#define QUERY_PREDICATES_MAX 16
#define QUERY_VALUES_MAX 64
#define QUERY_SEARCH_VALUES_MAX 1000
#define QUERY_TEXT_MAX 4096
#define QUERY_ANCHORS_MAX 16

struct query;

/* Compiles "patient=Patient/1&status=active,on-hold" for one resource type.
 * '&' is AND, ',' is OR ("\," a literal comma), names may carry ":modifier",
 * date values a prefix. Names and values are percent-decoded. base_url as for
 * search_values_extract(). */
MUST_CHECK enum err_code query_compile(struct bytes resource_type,
                                       struct bytes text, struct bytes base_url,
                                       struct query **out, struct err *e);

void query_free(struct query *q);

/* A parameter of a search, decoded. */
struct query_parameter {
    struct bytes name;
    struct bytes value;
};

/* The same for a search: what is compiled for is now, so that the prefix ap of
 * a date has a meaning. count may be 0: a query that all match. */
struct query_search {
    struct bytes resource_type;
    struct bytes base_url;
    int64_t now_ms;
    const struct query_parameter *parameters;
    size_t count;
};
MUST_CHECK enum err_code query_compile_search(const struct query_search *search,
                                              struct query **out,
                                              struct err *e);

/* True when all predicates hold for the values of a resource of the query's
 * type; false for another type. */
bool query_matches(const struct query *q, const struct search_values *v);

/* The same evaluation, which does not stop at the first predicate that fails
 * and tells of each: what it looked for and what it found, as text. */
struct query_teller {
    void (*tell)(void *ctx, struct bytes looked_for, struct bytes found,
                 bool passed);
    void *ctx;
};
bool query_matches_telling(const struct query *q, const struct search_values *v,
                           const struct query_teller *teller);

/* The most selective equality predicate as keys: whenever query_matches() is
 * true, at least one of the keys is among search_values_keys(). Returns how
 * many were written (at most QUERY_ANCHORS_MAX); 0 when no predicate can be an
 * anchor. References are preferred to identifiers and URIs, those to other
 * tokens. */
size_t query_anchor(const struct query *q, uint64_t keys[QUERY_ANCHORS_MAX]);

/* Subscriptions by the million differ in nothing but the anchor's value
 * ("patient=Patient/1"): the text of a query around it, as it was compiled.
 * before + value + after is the whole text. False without an anchor. Borrowed
 * from the query. */
struct query_split {
    struct bytes before;
    struct bytes value;
    struct bytes after;
};
bool query_split_anchor(const struct query *q, struct query_split *out);

struct bytes query_text(const struct query *q); /* as it was compiled */

/* A value of a query's anchor beside the one that it was compiled with. */
struct query_value;
struct query_value *query_value_new(void); /* NULL: no memory */
void query_value_free(struct query_value *x);

/* Reads the text of a split's value. The same text for the same query again
 * costs nothing; q must stay as it is until another one is set. */
MUST_CHECK enum err_code query_value_set(struct query_value *x,
                                         const struct query *q,
                                         struct bytes text, struct err *e);
void query_value_forget(struct query_value *x);

/* As query_matches() and query_anchor() with this value in place of the
 * query's own. */
bool query_value_matches(const struct query_value *x,
                         const struct search_values *v);
size_t query_value_anchor(const struct query_value *x,
                          uint64_t keys[QUERY_ANCHORS_MAX]);

/* Iterates what was compiled, for checks against a topic's canFilterBy: the
 * parameter's code, its modifier ("" without one) and, for a type that has
 * prefixes, the comparator ("eq" without a prefix; "" for other types). */
struct query_term {
    const char *code;
    const char *modifier;
    const char *comparator;
};
size_t query_term_count(const struct query *q);
struct query_term query_term_at(const struct query *q, size_t index);

#endif
