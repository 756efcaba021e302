/* matcher: which subscriptions a change concerns, at a cost of what it
 * concerns and not of what exists (DESIGN section 6).
 * Owns:   the lanes (one per topic and resource type), the anchors, the forms
 *         of the subscriptions in it.
 * Thread: writer only.
 * Bounds: as anchors.h; lanes are there while their topic has any
 *         subscription.
 * What a subscription's filters ask for becomes its anchors (anchors.h): equal
 * values, or a range. What a change finds by them is evaluated in full, so
 * that an equal hash never decides. Subscriptions without an anchor are looked
 * at by every change of the lane. */
#ifndef BELFRY_SERVER_ENGINE_MATCHER_H
#define BELFRY_SERVER_ENGINE_MATCHER_H

#include "server/engine/form.h"
#include "server/engine/subs.h"

struct matcher;

/* subs are borrowed and outlive the matcher, as does base_url. NULL without
 * memory. */
struct matcher *matcher_new(struct subs *subs, struct bytes base_url);
/* All subscriptions have been taken out before. */
void matcher_free(struct matcher *m);

/* Where the forms of its subscriptions are made. */
struct form_table *matcher_forms(struct matcher *m);

/* Lets s match by the form, which moves in (on an error it stays). s must not
 * be in the matcher. ERR_NOMEM; ERR_INVALID when a value of the form cannot be
 * read. Nothing changed then. */
MUST_CHECK enum err_code matcher_add(struct matcher *m, struct sub *s,
                                     struct form **form, struct err *e);

/* Takes s out and returns its form; NULL when it is not in. */
struct form *matcher_remove(struct matcher *m, struct sub *s);

/* True when a change of this kind can need the version before it. */
bool matcher_needs_previous(const struct matcher *m, struct bytes type,
                            enum interaction interaction);

/* Calls each() once for every subscription whose topic fires and whose filters
 * hold: on the new version, on the last one for a delete. Stops at the first
 * error, each()'s or ERR_NOMEM. */
struct matcher_receiver {
    enum err_code (*each)(void *ctx, struct sub *s, struct err *e);
    void *ctx;
};
MUST_CHECK enum err_code matcher_match(struct matcher *m,
                                       const struct change_view *change,
                                       const struct matcher_receiver *r,
                                       struct err *e);

/* Fetches what matcher_match() will look into, while other work goes on: it
 * may be called long before, or not at all. */
void matcher_expect(const struct matcher *m, struct bytes type,
                    const struct search_values *values);

/* Since the start. */
struct matcher_counts {
    uint64_t changes; /* that were matched */
    uint64_t looked;  /* subscriptions that were evaluated for them */
    uint64_t matched;
};
struct matcher_counts matcher_counts(const struct matcher *m);

#endif
