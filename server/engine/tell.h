/* tell: a subscription's state and events in the form that notifications and
 * the answers of $status and $events take, with the gap proof.
 * Owns:   nothing; results are in the arena or borrow what they are made of.
 * Thread: any.
 * Errors: ERR_NOMEM, ERR_BUG (the library failed). */
#ifndef BELFRY_SERVER_ENGINE_TELL_H
#define BELFRY_SERVER_ENGINE_TELL_H

#include "fhir/subscription/notification.h"
#include "server/engine/read.h"

/* What is told: consecutive events (none for a heartbeat, a handshake, a
 * status) of a subscription as it is now. */
struct tell {
    const struct subscription_state *state;
    const struct subscription *definition; /* NULL: cannot be honoured */
    enum content_level content;
    const struct event *events;
    size_t event_count;
    bool handshake; /* the proof is the chain's start: it stays the same */
};

/* The chain with the newest of the events, without any with the last one of
 * the subscription. Nothing is told where no chain covers it. */
MUST_CHECK enum err_code
tell_proof(const struct tell *t, struct notification_proof *out, struct err *e);

/* Where delivery stands, as parameters of belfry's own: for $status and
 * $events. *facts is NULL without memory. */
struct notification_fact *tell_facts(const struct subscription_state *s,
                                     struct arena *arena, size_t *n);

/* The events as a notification has them; those of level empty with their
 * digest. */
MUST_CHECK enum err_code tell_events(const struct tell *t, struct arena *arena,
                                     struct notification_event **out,
                                     struct err *e);

#endif
