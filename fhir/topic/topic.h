/* topic: a SubscriptionTopic compiled from its JSON form (R4B and R5 element
 * names) or from R4's Basic form, its triggers and what a subscription may
 * filter by.
 * Owns:   a topic owns all its parts (heap); it is counted.
 * Thread: immutable once compiled and owned; the count is atomic.
 * Bounds: TOPIC_TRIGGERS_MAX, TOPIC_FILTERS_MAX, the gate's.
 * Errors: every problem is one issue with the element's path. What could make
 *         a topic fire wrongly is a problem; what can only make it tell or
 *         offer less (an include, a filter) is left out with a warning. */
#ifndef BELFRY_FHIR_TOPIC_TOPIC_H
#define BELFRY_FHIR_TOPIC_TOPIC_H

#include <cjson/cJSON.h>

#include "fhir/outcome/issues.h"
#include "fhir/search/query.h"
#include "fhir/topic/trace.h"

#define TOPIC_TRIGGERS_MAX 32
/* All the types of R4: a trigger may be for every one. */
#define TOPIC_TYPES_MAX 160
#define TOPIC_FILTERS_MAX 64

enum interaction {
    INTERACTION_CREATE = 1,
    INTERACTION_UPDATE = 2,
    INTERACTION_DELETE = 3,
    INTERACTION_EVENT = 4 /* no change: a reported event about a resource */
};

enum topic_status {
    TOPIC_DRAFT = 1,
    TOPIC_ACTIVE,
    TOPIC_RETIRED, /* fires for the subscriptions it has, takes no new ones */
    TOPIC_UNKNOWN  /* as draft */
};

struct topic;

/* text is the file's content, ungated. base_url as for query_compile().
 * Returns ERR_OK, or ERR_UNPROCESSABLE / ERR_SYNTAX with at least one issue. */
MUST_CHECK enum err_code topic_compile(struct bytes text, struct bytes base_url,
                                       struct topic **out,
                                       struct issues *issues);

struct topic *topic_ref(struct topic *t); /* t may be NULL */
void topic_unref(struct topic *t);        /* t may be NULL */

/* The resource that a topic was written as, "Basic/1"; "" for one from a file.
 * Set before the topic is shared; false without memory. */
MUST_CHECK bool topic_set_owner(struct topic *t, const char *owner);
const char *topic_owner(const struct topic *t);

/* What was left out, NULL when nothing was. */
const struct issues *topic_warnings(const struct topic *t);

/* Its own id, or one made of its url. */
const char *topic_id(const struct topic *t);
/* The JSON form, printed anew. */
struct bytes topic_text(const struct topic *t);
enum topic_status topic_status(const struct topic *t);
const char *topic_url(const struct topic *t);     /* without "|version" */
const char *topic_version(const struct topic *t); /* "" without one */
const char *topic_title(const struct topic *t);

/* For an index over triggers: which (type, interaction) pairs can fire. The
 * same pair may appear more than once. */
size_t topic_trigger_count(const struct topic *t);
struct bytes topic_trigger_type(const struct topic *t, size_t index);
bool topic_trigger_has(const struct topic *t, size_t index, enum interaction i);

/* What canFilterBy offers, for listings: the index-th one's parameter when it
 * is for the resource type, else NULL. */
size_t topic_filter_count(const struct topic *t);
const char *topic_filter_parameter(const struct topic *t, size_t index,
                                   struct bytes resource_type);

/* The two versions as trees (json/tree.h), which only a trigger with
 * fhirPathCriteria asks for: then they are parsed, once. */
struct change_trees {
    /* NULL: there is no such version; *e is set when there should be. */
    const cJSON *(*previous)(void *ctx, struct err *e);
    const cJSON *(*current)(void *ctx, struct err *e);
    void *ctx;
    struct arena *arena; /* for evaluation; reset by it */
    int64_t now_ms;      /* of the change */
};

/* A reported business event (R4B SubscriptionTopic.eventTrigger). */
struct topic_report {
    const struct topic *topic;
    struct bytes system; /* of the event's code; may be empty */
    struct bytes code;
};

/* Whether an eventTrigger of the topic is for the code (and the type). */
bool topic_has_events(const struct topic *t);
bool topic_takes_event(const struct topic_report *report, struct bytes type);

/* A change as the triggers see it. previous is NULL on create; current is
 * NULL on delete. An update-as-create is a create. */
struct change_view {
    enum interaction interaction;
    struct bytes resource_type;
    const struct search_values *previous;
    const struct search_values *current;
    const struct change_trees *trees;  /* for fhirPathCriteria */
    const struct topic_report *report; /* for INTERACTION_EVENT */
    const struct trace *trace;         /* NULL: nobody asks why */
};

/* True when at least one trigger fires (R4B SubscriptionTopic: supported
 * interactions, queryCriteria with resultForCreate, resultForDelete and
 * requireBoth; an absent side does not count as passed). */
bool topic_fires(const struct topic *t, const struct change_view *change);

/* True when no trigger has fhirPathCriteria or reported events. */
bool topic_goes_by_values(const struct topic *t);

/* True when a trigger on the type looks for resources like this one, whatever
 * happened to it: its current criterion holds, or it has none. */
bool topic_holds(const struct topic *t, struct bytes type,
                 const struct search_values *values);

/* One backport filter, compiled: it applies to one resource type. */
struct filter {
    struct query *query;
    struct bytes resource_type; /* owned with the filter */
};

/* Compiles the text of a backport-filter-criteria extension in any of its
 * three forms ("Encounter?patient=Patient/1", "Encounter.patient=Patient/1",
 * "patient=Patient/1"). Parameters, modifiers and comparators that the topic's
 * canFilterBy does not offer are refused. The unprefixed form applies to every
 * trigger type that offers or, in R4, has the parameter, once one offers it: it
 * may yield several filters.
 * Fills filters[0..*count), *count at most TOPIC_TYPES_MAX. */
MUST_CHECK enum err_code topic_filter_compile(const struct topic *t,
                                              struct bytes text,
                                              struct bytes base_url,
                                              struct filter filters[],
                                              size_t *count, struct err *e);

/* True when it is for another type, or holds. trace may be NULL. */
bool filter_holds(const struct filter *f, const struct search_values *v,
                  const struct trace *trace);

void filter_fini(struct filter *f);

#endif
