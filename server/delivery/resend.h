/* resend: what an entry has to send again, beside its queue.
 * Owns:   nothing.
 * Thread: the delivery thread. */
#ifndef BELFRY_SERVER_DELIVERY_RESEND_H
#define BELFRY_SERVER_DELIVERY_RESEND_H

#include "server/delivery/scheduler_core.h"

/* What is sent again waits for all else, but not for ever. */
bool resend_is_next(const struct entry *e);

/* What was sent again and is not known to the state yet counts as sent. */
void resend_take(struct entry *e, const struct resend *r);

/* The next of the events to be sent again, by the state and by what it does
 * not show yet. False when there is none. */
bool resend_fill(struct scheduler *s, struct attempt *a, struct entry *e);

/* A batch began while there is something to send again. */
void resend_count_turn(struct entry *e, const struct attempt *a);

#endif
