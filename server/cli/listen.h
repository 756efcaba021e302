/* listen: `belfry listen`, a receiver for people who try things out.
 * Owns:   its HTTP server and the key of --secret.
 * Thread: main waits; one loop receives, verifies and prints.
 * Bounds: LISTEN_BODY_BYTES a notification. */
#ifndef BELFRY_SERVER_CLI_LISTEN_H
#define BELFRY_SERVER_CLI_LISTEN_H

#include "server/base/clock.h"
#include "server/security/signature.h"
#include "storage/base/buf.h"

/* A bundle of 1,000 events of 64 KiB: what belfry itself may send. */
#define LISTEN_BODY_BYTES ((size_t)64 << 20)

/* argv is what follows the word listen. The exit status. */
int cli_listen(int argc, char **argv);

/* What receiving needs; by itself so that tests receive without sockets. */
struct receipts;
struct listener {
    const struct clock *clock;
    struct signer *signer; /* NULL: signatures are not checked */
    struct signature_key key;
    struct receipts *receipts; /* NULL: gap proofs are not checked */
};

/* What of a request is looked at. */
struct listener_message {
    struct bytes method;
    struct signature_headers headers;
    struct bytes body;
};

/* Judges one message: the text to print goes to out, the answer's status is
 * returned. 401 for a wrong signature, 400 for a malformed bundle, 405 for
 * anything but POST. */
int listener_receive(const struct listener *l, const struct listener_message *m,
                     struct buf *out);

#endif
