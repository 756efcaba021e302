/* effects: what a record of the log does to the views and the subscriptions.
 * The writer stages a new record's effects with it, the start replays those of
 * old ones: one code for both, so that they cannot differ.
 * Owns:   nothing.
 * Thread: writer only.
 * Errors: ERR_NOMEM, ERR_FORMAT: the batch must be aborted. */
#ifndef BELFRY_SERVER_ENGINE_EFFECTS_H
#define BELFRY_SERVER_ENGINE_EFFECTS_H

#include "server/engine/batch.h"

/* Views current and history of the change. */
MUST_CHECK enum err_code effects_views(struct batch *b, uint64_t change,
                                       const struct record_change *c,
                                       struct err *e);

/* One event: the queue's entry and the subscription's counter. An event for a
 * subscription that is gone only keeps its queue entry. */
MUST_CHECK enum err_code effects_event(struct batch *b, uint64_t change,
                                       struct record_event event,
                                       struct err *e);

/* A Subscription was created or updated. *definition moves in; it may be NULL
 * when the stored text cannot be honoured any more, and reason says why. */
struct effects_definition {
    struct definition **definition;
    bool off;
    const char *reason;
};
MUST_CHECK enum err_code
effects_subscription(struct batch *b, uint64_t change,
                     const struct record_change *c,
                     const struct effects_definition *d, struct err *e);

/* The same definition as it reads under other topics (moves in; NULL: it
 * cannot be honoured): neither status nor chain change by it. */
MUST_CHECK enum err_code effects_refit(struct batch *b, struct sub_change *c,
                                       struct definition **definition,
                                       struct err *e);

MUST_CHECK enum err_code effects_subscription_deleted(struct batch *b,
                                                      uint64_t change,
                                                      struct bytes id,
                                                      struct err *e);

/* To `to`, which is past it, and over what is acknowledged behind that. False
 * without memory. */
MUST_CHECK bool effects_move_cursor(struct sub_change *c, uint64_t to);

/* A delivery report; one that is out of date changes nothing. */
MUST_CHECK enum err_code effects_report(struct batch *b, uint64_t change,
                                        const struct report *r, struct err *e);

#endif
