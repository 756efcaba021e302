/* topic_set: the topics of one server at one time, found by canonical.
 * Owns:   a reference to each of its topics; it is counted.
 * Thread: filled by one; immutable once shared. The count is atomic: readers
 *         hold the set they began with while the writer makes the next one.
 * Bounds: TOPIC_SET_MAX topics; one version of a canonical each. */
#ifndef BELFRY_FHIR_TOPIC_TOPIC_SET_H
#define BELFRY_FHIR_TOPIC_TOPIC_SET_H

#include "fhir/topic/topic.h"

#define TOPIC_SET_MAX 1024

struct topic_set;

struct topic_set *topic_set_new(void);                /* NULL without memory */
struct topic_set *topic_set_ref(struct topic_set *s); /* s may be NULL */
void topic_set_unref(struct topic_set *s);            /* s may be NULL */

/* Takes the topic; refuses a canonical that is there already. */
MUST_CHECK enum err_code topic_set_add(struct topic_set *s, struct topic **t,
                                       struct err *e);

size_t topic_set_count(const struct topic_set *s);
struct topic *topic_set_at(const struct topic_set *s, size_t index);

/* The topics but the one of that owner, and the topic (NULL: none) at the
 * end: a new set. Refuses what topic_set_add() refuses. */
MUST_CHECK enum err_code topic_set_change(const struct topic_set *s,
                                          const char *owner, struct topic *t,
                                          struct topic_set **out,
                                          struct err *e);

/* The topic that was written as this resource; NULL when there is none. */
struct topic *topic_set_owned(const struct topic_set *s, const char *owner);

/* canonical may carry "|version"; then the version must be the topic's. */
struct topic *topic_set_find(const struct topic_set *s, struct bytes canonical);

#endif
