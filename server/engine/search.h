/* search: the candidates of a search, out of the index or, where that does not
 * help, all resources of the type; in the order of their ids.
 * Owns:   nothing.
 * Thread: any; each call is one short transaction.
 * Bounds: SEARCH_STEP_MAX candidates a call. The lock that publishing waits
 *         for is held while at most SEARCH_WALK_MAX keys are looked at.
 * Errors: those of the store, ERR_NOMEM, ERR_FORMAT. */
#ifndef BELFRY_SERVER_ENGINE_SEARCH_H
#define BELFRY_SERVER_ENGINE_SEARCH_H

#include "fhir/search/index_plan.h"
#include "server/engine/engine.h"

#define SEARCH_STEP_MAX 512
#define SEARCH_WALK_MAX 20000

struct search_candidate {
    struct bytes id;
    uint64_t version;
    int64_t time_ms;
    struct bytes text; /* borrowed until each() returns */
};

/* A call looks at the candidates behind the id `after` (empty: from the start).
 * The same plans give the same candidates whichever of them is taken. */
struct search_step {
    struct bytes type;
    const struct index_plan *plans;
    size_t plan_count;
    struct bytes after;
    size_t max; /* at most SEARCH_STEP_MAX */
    /* Of each candidate that is there and was not deleted. False: enough, this
     * one was not taken. */
    bool (*each)(void *ctx, const struct search_candidate *c);
    void *ctx;
    struct arena *arena; /* of `last` */
    /* set by the call */
    struct bytes last; /* the last candidate that was taken or not there */
    bool more;         /* there may be candidates behind it */
};

/* What one transaction sees: all of a change or nothing. */
MUST_CHECK enum err_code engine_search(struct engine *g, struct search_step *s,
                                       struct err *e);

#endif
