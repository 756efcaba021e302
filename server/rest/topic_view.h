/* topic_view: the topics that are served, those from files as well, as Basic
 * resources (R4's form) and as SubscriptionTopics (the JSON form).
 * Owns:   nothing; holds the set while it answers.
 * Thread: the loop of the connection.
 * Bounds: TOPIC_SET_MAX topics; search.h for a page. */
#ifndef BELFRY_SERVER_REST_TOPIC_VIEW_H
#define BELFRY_SERVER_REST_TOPIC_VIEW_H

#include "server/rest/exchange.h"

/* True for a search of SubscriptionTopic, and for one of Basic by the code of
 * a SubscriptionTopic. */
bool topic_view_is_search(const struct exchange *x);

/* GET Basic?code=SubscriptionTopic, GET SubscriptionTopic: by _id, url and
 * status. */
enum http_next topic_view_search(struct exchange *x);

/* The topic of that id in the form of the route's type, when it was not
 * stored in that form. {NULL, 0} when there is none, or without memory. */
struct bytes topic_view_find(struct exchange *x);

#endif
