/* topic_event: POST SubscriptionTopic/[id]/$event: reports a coded business
 * event on a topic with an eventTrigger, for what no change of data shows. Its
 * Parameters: event (Coding), focus (Reference), context (Reference, 0..*).
 * The event is numbered and delivered as any other, with the focus and what is
 * around it as of the report.
 * Thread: the loop of the connection.
 * Bounds: TOPIC_EVENT_CONTEXTS_MAX contexts. */
#ifndef BELFRY_SERVER_REST_TOPIC_EVENT_H
#define BELFRY_SERVER_REST_TOPIC_EVENT_H

#include "server/rest/exchange.h"

#define TOPIC_EVENT_CONTEXTS_MAX 32

enum http_next topic_event_post(struct exchange *x);

#endif
