/* subscription_write: what a Subscription needs beyond any resource before it
 * is stored, and how the response to its writing shows it.
 * Owns:   nothing.
 * Thread: the loop of the connection.
 * Errors: ERR_UNPROCESSABLE and its kin with w->issues filled. */
#ifndef BELFRY_SERVER_REST_SUBSCRIPTION_WRITE_H
#define BELFRY_SERVER_REST_SUBSCRIPTION_WRITE_H

#include "server/rest/prepare.h"

/* Completes the body upon the previous text (empty without one): the result,
 * which passes the gate, is in the scratch arena. */
MUST_CHECK enum err_code subscription_write_complete(struct write *w,
                                                     struct bytes previous,
                                                     struct bytes *out,
                                                     struct err *e);

/* Reads and judges the completed resource into the command. */
MUST_CHECK enum err_code
subscription_write_read(struct write *w, const cJSON *resource, struct err *e);

/* The stored text for who wrote w->body, once w->command is done: the secret
 * and the headers that it carried in clear, and a secret that was drawn. */
MUST_CHECK enum err_code subscription_write_show(const struct write *w,
                                                 struct bytes stored,
                                                 struct buf *out,
                                                 struct err *e);

#endif
