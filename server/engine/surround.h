/* surround: the resources around an event's focus that its topic includes, each
 * as it was at the event: what comes later changes no notification, so that a
 * retry has the same bytes. What referred to the focus is in the change's
 * record (referrers.h).
 * Owns:   nothing; results are in the arena.
 * Thread: any; a few short read transactions.
 * Bounds: SURROUND_MAX resources of an event, SURROUND_ROUNDS references deep,
 *         max_bytes of texts; past that they are referred to, not enclosed.
 * Errors: as engine_read(). */
#ifndef BELFRY_SERVER_ENGINE_SURROUND_H
#define BELFRY_SERVER_ENGINE_SURROUND_H

#include "server/engine/read.h"
#include "server/engine/surround_walk.h"

struct surround_query {
    const struct topic *topic;
    struct bytes base_url;
    bool with_text;
    size_t max_bytes; /* of all texts together */
};

/* True when events must be read with their texts for this. */
bool surround_is_wanted(const struct subscription *s,
                        enum content_level content);

/* Fills contexts and context_count of events that were read with their texts.
 * A deleted focus has no surroundings: it is no longer there to refer. */
MUST_CHECK enum err_code engine_surround(struct engine *g,
                                         const struct surround_query *query,
                                         struct event *events, size_t n,
                                         struct arena *arena, struct err *e);

#endif
