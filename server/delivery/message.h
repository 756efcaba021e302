/* message: what one attempt sends, made at the moment it is sent.
 * Owns:   the body; the definition is a reference of the maker's.
 * Thread: the delivery thread. */
#ifndef BELFRY_SERVER_DELIVERY_MESSAGE_H
#define BELFRY_SERVER_DELIVERY_MESSAGE_H

#include "server/delivery/channel.h"
#include "server/security/signature.h"
#include "storage/base/buf.h"

struct definition;

/* "Type/id" with a NUL. */
#define MESSAGE_PATH_BYTES 132

struct message {
    struct buf
        body; /* initialised by the transport; empty: a POST of nothing */
    /* Below the endpoint, and then by PUT; "": POST to the endpoint itself. */
    char path[MESSAGE_PATH_BYTES];
    char id[SIGNATURE_ID_BYTES]; /* webhook-id */
    uint64_t definition_number;
    const struct subscription *definition; /* as long as the reference */
    struct definition *reference;
};

struct message_maker {
    /* Fills the message and a->last. False: it cannot be formed (now). */
    bool (*make)(void *ctx, struct attempt *a, struct message *out);
    /* Gives the reference back, keeps the body. */
    void (*release)(void *ctx, struct message *m);
    void *ctx;
};

#endif
