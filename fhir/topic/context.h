/* context: one notificationShape of a topic: what its notifications carry
 * beside the resource that changed (R4B SubscriptionTopic.notificationShape,
 * IG backport-related-query).
 * Owns:   its includes and queries.
 * Thread: immutable once read.
 * Bounds: CONTEXT_INCLUDES_MAX, CONTEXT_QUERIES_MAX, then an issue.
 * Errors: an include that belfry cannot follow is left out with a warning: the
 *         notification then tells less, never more. */
#ifndef BELFRY_FHIR_TOPIC_CONTEXT_H
#define BELFRY_FHIR_TOPIC_CONTEXT_H

#include "fhir/topic/topic_node.h"

#define CONTEXT_INCLUDES_MAX 32 /* and as many in the other direction */
#define CONTEXT_QUERIES_MAX 16

/* "Encounter:patient" or "Patient:general-practitioner:Practitioner"; of a
 * revInclude "MedicationDispense:prescription". */
struct context_include {
    const char *source; /* constant: the type whose references are followed */
    char *code;         /* a reference parameter of it */
    const char *target; /* constant; NULL: whatever is referred to */
    bool iterate;       /* follows what was included, not the focus alone */
};

/* The texts may be NULL where the topic says nothing. */
struct context_query {
    char *system;
    char *code;
    char *display;
    char *query;
};

struct context {
    enum topic_scope scope;
    const char *type; /* constant, for TOPIC_SCOPE_TYPE */
    struct context_include *includes;
    size_t include_count;
    struct context_include *reverses; /* what refers to it is included */
    size_t reverse_count;
    struct context_query *queries;
    size_t query_count;
};

void context_read(const struct topic_node *n, struct context *out);
void context_fini(struct context *c);

/* True when it shapes the notifications of the resource type. */
bool context_covers(const struct context *c, const char *type);

#endif
