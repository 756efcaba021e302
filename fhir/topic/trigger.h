/* trigger: one resourceTrigger of a topic, and whether a change fires it.
 * Owns:   its compiled queries.
 * Thread: immutable once read.
 * Errors: issues named by their element, as topic_node has it. */
#ifndef BELFRY_FHIR_TOPIC_TRIGGER_H
#define BELFRY_FHIR_TOPIC_TRIGGER_H

#include "fhir/topic/topic.h"
#include "fhir/topic/topic_node.h"

struct fhirpath;

/* One coding of an eventTrigger's event. */
struct event_code {
    size_t source; /* index of the eventTrigger */
    char *system;  /* "" without one */
    char *code;
};

struct trigger {
    const char *type; /* constant */
    size_t source;    /* index of the resourceTrigger it was read from */
    bool of_many;     /* its resource is "*" or an abstract type */
    bool has_criteria;
    bool interactions[INTERACTION_EVENT + 1];
    const struct event_code *event_codes; /* of an eventTrigger; borrowed */
    size_t event_code_count;
    bool create_passes; /* resultForCreate is test-passes */
    bool delete_passes; /* resultForDelete is test-passes */
    bool require_both;
    struct query *previous; /* NULL: absent */
    struct query *current;  /* NULL: absent */
    struct fhirpath *path;  /* fhirPathCriteria; NULL: absent */
};

/* The element's members, NULL-terminated. */
extern const char *const TRIGGER_MEMBERS[];

struct trigger_for {
    const char *name; /* constant */
    bool is_one_of;   /* of many that the resource takes in */
};

/* Reads the backbone element for one resource type that its resource names or
 * takes in. Without supportedInteraction (0..*), create,
 * update and delete all count: the element narrows a trigger, and no clause
 * says that its absence switches one off. */
void trigger_read(const struct topic_node *n, const struct trigger_for *type,
                  struct bytes base_url, struct trigger *out);

void trigger_fini(struct trigger *t);

/* Whether any change at all could fire the trigger by this interaction. */
bool trigger_can_fire(const struct trigger *t, enum interaction i);

/* R4B SubscriptionTopic.resourceTrigger:
 *           previous test             current test
 *   create  resultForCreate passes    current holds for the new version
 *   update  previous for the old      current for the new version
 *   delete  previous for the last     resultForDelete passes
 * requireBoth joins them by AND, else OR. An absent test has not passed.
 * fhirPathCriteria must hold as well, with %previous and %current empty where
 * there is no such version; one that fails to evaluate does not hold. */
bool trigger_fires(const struct trigger *t, const struct change_view *change);

/* Whether the current criterion holds for a resource as it stands, or there is
 * none and creating or updating it would do. */
bool trigger_holds(const struct trigger *t, const struct search_values *v);

#endif
