/* matcher: which subscriptions a change concerns, at a cost of what it
 * concerns and not of what exists (DESIGN section 6).
 * Owns:   the lanes (one per topic and resource type), the anchor table, and
 *         the links of each subscription into it.
 * Thread: writer only.
 * Bounds: memory grows with the subscriptions that are in it; lanes are there
 *         while their topic has any.
 * A subscription's filters become an anchor where one of them allows it: a
 * hash of a value that a matching resource must have. A change is looked up by
 * each of its values; what is found is evaluated in full. Subscriptions
 * without an anchor sit in the lane's scan list. */
#ifndef BELFRY_SERVER_ENGINE_MATCHER_H
#define BELFRY_SERVER_ENGINE_MATCHER_H

#include "server/engine/subs.h"

struct matcher;

struct matcher *matcher_new(void); /* NULL without memory */
void matcher_free(struct matcher *m);

/* Lets s match by the definition, of which it takes a reference. s must not be
 * in the matcher. False without memory: nothing changed. */
MUST_CHECK bool matcher_add(struct matcher *m, struct sub *s,
                            struct definition *d);

/* Nothing happens when s is not in it. */
void matcher_remove(struct matcher *m, struct sub *s);

/* True when a change of this kind can need the version before it. */
bool matcher_needs_previous(const struct matcher *m, struct bytes type,
                            enum interaction interaction);

/* Calls each() once for every subscription whose topic fires and whose filters
 * hold: on the new version, on the last one for a delete. Stops and returns
 * false when each() does. */
bool matcher_match(struct matcher *m, const struct change_view *change,
                   bool (*each)(void *ctx, struct sub *s), void *ctx);

#endif
