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

/* True when it includes anything at all, in either direction. */
bool include_any(const struct topic *t);

/* True when something is to be included with a focus of the resource type; the
 * others: something that refers to it, or to what was included with it. */
bool include_follows(const struct topic *t, struct bytes type);
bool include_reverses(const struct topic *t, struct bytes type);
bool include_reverses_on(const struct topic *t, struct bytes type);

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

/* What refers to a resource and is included: those of the type whose parameter
 * points at it. The names are constant or the topic's. */
struct include_reverse {
    const char *source;
    const char *code;
};
struct include_to {
    struct bytes focus_type;
    struct bytes type; /* what is referred to */
    bool focus;
};
#define INCLUDE_REVERSES_MAX 64
size_t include_reverse_of(const struct topic *t, const struct include_to *to,
                          struct include_reverse *out, size_t max);

/* True when the resource with these values refers to the other by it. */
bool include_refers(const struct include_reverse *r,
                    const struct search_values *values,
                    const struct include_reference *to);

/* The index-th directive of any shape of the topic whose source type it is to
 * look for; NULL past the last. */
const char *include_reverse_type(const struct topic *t, size_t index,
                                 const char **code);

/* The related queries for a focus of the type; at most max are written. */
size_t include_queries(const struct topic *t, struct bytes type,
                       const struct context_query **out, size_t max);

#endif
