/* anchor: by what a resource is found that a query may match. Whoever holds
 * very many queries enters each under what a matching resource must have, and
 * looks at those alone that a resource's values lead to; what is found is
 * evaluated in full.
 * Owns:   nothing.
 * Thread: any; all of it is immutable.
 * A predicate that asks for equal values has keys (search_values_keys()); one
 * that compares numbers, quantities or dates has a range that a value of the
 * resource must touch. */
#ifndef BELFRY_FHIR_SEARCH_ANCHOR_H
#define BELFRY_FHIR_SEARCH_ANCHOR_H

#include "fhir/search/query.h"

struct predicate;

/* How selective equal values are: those of codes; of identifiers, URIs and
 * _id; of references. */
enum anchor_rank {
    ANCHOR_NONE,
    ANCHOR_TOKEN,
    ANCHOR_IDENTIFIER,
    ANCHOR_REFERENCE
};

enum anchor_rank anchor_rank(const struct predicate *p);

/* The keys, without repeats; the rank is not ANCHOR_NONE. */
size_t anchor_keys(const struct predicate *p, uint64_t keys[QUERY_ANCHORS_MAX]);

/* The same for the query's predicate at the index. */
size_t anchor_predicate_count(const struct query *q);
enum anchor_rank anchor_predicate_rank(const struct query *q, size_t index);
size_t anchor_predicate_keys(const struct query *q, size_t index,
                             uint64_t keys[QUERY_ANCHORS_MAX]);
/* The one that query_anchor() chose, past the end for none. */
size_t anchor_chosen(const struct query *q);

/* Numbers are compared as they are written or, with a unit of UCUM, in its
 * base units (unit.h). Units and dimensions fall into buckets of each; 0 is
 * for who asks for no unit. */
enum anchor_scale { ANCHOR_AS_WRITTEN, ANCHOR_IN_BASE_UNITS, ANCHOR_SCALES };
#define ANCHOR_BUCKETS 64

/* A resource that matches says something to the parameter at the slot, of a
 * unit in the bucket, that reaches from or above and to or below. */
struct anchor_range {
    size_t slot;
    enum anchor_scale scale;
    unsigned bucket;
    int64_t from;
    int64_t to; /* may be below from: two values may do it between them */
};

/* The narrowest; false when no predicate compares. */
bool anchor_query_range(const struct query *q, struct anchor_range *out);

/* What a resource says to the parameter at the slot, all values together, on
 * each scale. */
struct anchor_span {
    struct anchor_reach {
        int64_t from;
        int64_t to;
        uint64_t buckets; /* a bit for each; 0: it says nothing */
    } on[ANCHOR_SCALES];
};

void anchor_values_span(const struct search_values *v, size_t slot,
                        struct anchor_span *out);

#endif
