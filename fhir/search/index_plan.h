/* index_plan: where in the search index the resources stand that a query may
 * match: every match is among the candidates of every plan.
 * Owns:   nothing; plans go to the caller's arena.
 * Thread: any.
 * Bounds: a plan for each predicate, two ranges for each value. */
#ifndef BELFRY_FHIR_SEARCH_INDEX_PLAN_H
#define BELFRY_FHIR_SEARCH_INDEX_PLAN_H

#include "fhir/search/index_key.h"
#include "fhir/search/query.h"

/* All keys from `start` on up to those that begin with `stop`. */
struct index_range {
    struct index_head start;
    struct index_head stop;
};

struct index_plan {
    /* either the ids themselves (of _id), sorted, each once, ... */
    struct bytes *ids;
    size_t id_count;
    /* ... or ranges of keys */
    struct index_range *ranges;
    size_t range_count;
    /* in each range the ids are in order: only they differ */
    bool by_id;
    int rank; /* how selective it is likely to be, for want of a count */
};

/* One for each predicate that the index helps with. */
MUST_CHECK enum err_code index_plans(const struct query *q, struct arena *arena,
                                     struct index_plan **out, size_t *n,
                                     struct err *e);

#endif
