/* batch: the bundle of one attempt. Everything in it follows from the state
 * and the events: forming the same batch again gives the same bytes, so a
 * retry needs no copy kept (P4).
 * Owns:   nothing.
 * Thread: any; pure.
 * Bounds: the buf's maximum.
 * Errors: ERR_NOMEM, ERR_TOO_LARGE. */
#ifndef BELFRY_SERVER_DELIVERY_BATCH_H
#define BELFRY_SERVER_DELIVERY_BATCH_H

#include "server/delivery/channel.h"
#include "server/engine/read.h"
#include "server/security/signature.h"
#include "storage/base/buf.h"

struct batch {
    struct bytes base_url;
    const struct subscription_state *state;
    const struct subscription *definition;
    enum notification_type type;
    const struct event *events; /* NOTIFY_EVENT: at least one */
    size_t event_count;
    int64_t now_ms; /* NOTIFY_HEARTBEAT: of this attempt */
};

/* Appends the Bundle. Its timestamp is the newest event's time, for a
 * handshake the time of the definition. */
MUST_CHECK enum err_code batch_write(const struct batch *b,
                                     struct arena *scratch, struct buf *out,
                                     struct err *e);

/* msg_<subscription>_<first>_<last>; a handshake, which has no events, has
 * 0 and the definition, a heartbeat 0 and its time. */
void batch_message_id(const struct batch *b, char out[SIGNATURE_ID_BYTES]);

#endif
