/* topic_set: the topics of one server, found by canonical.
 * Owns:   its topics.
 * Thread: immutable once loaded.
 * Bounds: TOPIC_SET_MAX topics; one version of a canonical each. */
#ifndef BELFRY_FHIR_TOPIC_TOPIC_SET_H
#define BELFRY_FHIR_TOPIC_TOPIC_SET_H

#include "fhir/topic/topic.h"

#define TOPIC_SET_MAX 1024

struct topic_set;

struct topic_set *topic_set_new(void); /* NULL without memory */
void topic_set_free(struct topic_set *s);

/* Takes the topic; refuses a canonical that is there already. */
MUST_CHECK enum err_code topic_set_add(struct topic_set *s, struct topic **t,
                                       struct err *e);

size_t topic_set_count(const struct topic_set *s);
const struct topic *topic_set_at(const struct topic_set *s, size_t index);

/* canonical may carry "|version"; then the version must be the topic's. */
const struct topic *topic_set_find(const struct topic_set *s,
                                   struct bytes canonical);

#endif
