/* condition: the search that a conditional create, update or delete was
 * prepared upon (R4 http.html#ccreate), for the writer to see that it would
 * still find the same.
 * Owns:   its query.
 * Thread: who prepares the command, then the writer.
 * Bounds: CONDITION_LOOK_MAX changes looked at; behind more of them it does
 *         not hold, and the command is prepared again. */
#ifndef BELFRY_SERVER_ENGINE_CONDITION_H
#define BELFRY_SERVER_ENGINE_CONDITION_H

#include "fhir/search/query.h"
#include "server/engine/engine.h"

#define CONDITION_LOOK_MAX 4096
#define CONDITION_ID_BYTES 64

struct batch;
struct command;

struct condition {
    struct query *query;
    uint64_t seen; /* the newest change when the search began */
    char found[CONDITION_ID_BYTES]; /* what it found */
    size_t found_n;                 /* 0: nothing */
    bool settled;                   /* owner: writer; it was seen to hold */
};

/* To be called before the search; takes the query. NULL without memory. */
struct condition *condition_new(struct engine *g, struct query **query);

/* The id of what the search found; empty: nothing. */
void condition_found(struct condition *c, struct bytes id);
void condition_free(struct condition *c);

/* ERR_OK with *holds, as of the batch. ERR_FORMAT when a change since is
 * damaged; other errors are the store's. */
MUST_CHECK enum err_code condition_check(struct batch *b, struct command *c,
                                         bool *holds, struct err *e);

#endif
