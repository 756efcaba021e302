/* letters: the operation $dead-letters: the batches of a Subscription that its
 * endpoint kept refusing and that were set aside (profiles/operations).
 * Thread: the loop of the connection.
 * Bounds: LETTERS_MAX in one answer, whose parameter `next` names the rest. */
#ifndef BELFRY_SERVER_REST_LETTERS_H
#define BELFRY_SERVER_REST_LETTERS_H

#include "server/rest/exchange.h"

#define LETTERS_MAX 200

enum http_next letters_list(struct exchange *x);

#endif
