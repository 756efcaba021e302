/* offer: one canFilterBy of a topic: a search parameter that subscriptions may
 * filter by, and in which ways.
 * Owns:   its codes.
 * Thread: immutable once read.
 * Errors: issues named by their element. A parameter, comparator or modifier
 *         that belfry cannot evaluate is not offered, with a warning: a
 *         subscription that asks for it is refused. */
#ifndef BELFRY_FHIR_TOPIC_OFFER_H
#define BELFRY_FHIR_TOPIC_OFFER_H

#include "fhir/search/query.h"
#include "fhir/topic/topic_node.h"

struct offer {
    const char *type;     /* constant; NULL: each trigger type that has it */
    char *code;           /* what a filter calls it; NULL: not offered */
    char *parameter;      /* the search parameter that evaluates it */
    uint32_t comparators; /* one bit each; 0: eq alone */
    uint32_t modifiers;   /* one bit each */
};

/* types: the topic's trigger types. */
void offer_read(const struct topic_node *n, const char *const types[],
                size_t type_count, struct offer *out);

void offer_fini(struct offer *o);

/* True when the offer is called code and is for the resource type. */
bool offer_covers(const struct offer *o, const char *type, const char *code);

/* True when the term's modifier, or else its comparator, is offered. A term
 * without modifier always is; without a list of comparators only eq is; a list
 * is complete. */
bool offer_permits(const struct offer *o, struct query_term term);

#endif
