/* parts: what a compiled topic is made of, for the sources of fhir/topic.
 * Owns:   see struct topic.
 * Thread: immutable once compiled, but the count of users. */
#ifndef BELFRY_FHIR_TOPIC_PARTS_H
#define BELFRY_FHIR_TOPIC_PARTS_H

#include "fhir/topic/context.h"
#include "fhir/topic/offer.h"
#include "fhir/topic/trigger.h"
#include "storage/base/users.h"

struct topic {
    struct users users;
    char *owner; /* see topic_owner() */
    char *id;
    char *url;
    char *version;
    char *title;
    char *json;
    enum topic_status status;
    struct trigger *triggers; /* one for each resource type of a trigger */
    size_t trigger_count;
    size_t trigger_capacity;
    struct event_code *events; /* codings of all eventTriggers */
    size_t event_count;
    struct offer *offers;
    size_t offer_count;
    struct context *contexts;
    size_t context_count;
    struct issues *warnings;            /* NULL: none */
    const char *types[TOPIC_TYPES_MAX]; /* of the triggers, without repeats */
    size_t type_count;
};

/* True when a trigger of the topic is for the resource type. */
bool topic_has_type(const struct topic *t, const char *type);

#endif
