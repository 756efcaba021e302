/* topic_write: SubscriptionTopics written over REST: as a Basic (R4's form) or
 * as SubscriptionTopic (the JSON form of R4B and R5), each kept as it was sent.
 * Thread: the loop of the connection. */
#ifndef BELFRY_SERVER_REST_TOPIC_WRITE_H
#define BELFRY_SERVER_REST_TOPIC_WRITE_H

#include "server/rest/prepare.h"

/* Reads the topic that the text is into the command. Problems are issues of
 * the write; a Basic of another kind is none of them. */
MUST_CHECK enum err_code topic_write_read(struct write *w, struct bytes text,
                                          struct err *e);

#endif
