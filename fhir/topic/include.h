/* include: what the notifications of a topic carry beside the resource that
 * changed: which references to follow, which queries to tell.
 * Owns:   nothing; results borrow the topic and the values.
 * Thread: any.
 * Bounds: the caller's array; references past it are left out. */
#ifndef BELFRY_FHIR_TOPIC_INCLUDE_H
#define BELFRY_FHIR_TOPIC_INCLUDE_H

#include "fhir/search/values.h"
#include "fhir/topic/context.h"
#include "fhir/topic/topic.h"

/* A resource of this server. */
struct include_reference {
    struct bytes type;
    struct bytes id;
};

/* True when it follows references at all. */
bool include_any(const struct topic *t);

/* True when something is to be followed from a focus of the resource type. */
bool include_follows(const struct topic *t, struct bytes type);

/* The references of a resource that the topic follows: of the focus all, of
 * one that was included those that iterate. focus_type chooses the shapes.
 * Returns how many were written, without repeats. */
struct include_from {
    struct bytes focus_type;
    const struct search_values *values;
    bool focus;
};
size_t include_references(const struct topic *t,
                          const struct include_from *from,
                          struct include_reference *out, size_t max);

/* The related queries for a focus of the type; at most max are written. */
size_t include_queries(const struct topic *t, struct bytes type,
                       const struct context_query **out, size_t max);

#endif
