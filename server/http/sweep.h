/* sweep: ends the connections of clients that are too slow.
 * Owns:   nothing.
 * Thread: the loop's, about once a second.
 * The daemon's own timeout sees only silence, so a client that sends a byte
 * now and then would hold its connection for ever. */
#ifndef BELFRY_SERVER_HTTP_SWEEP_H
#define BELFRY_SERVER_HTTP_SWEEP_H

#include "server/http/loop.h"

/* Receiving for request_s: 408. Silent and without a request for idle_s:
 * closed. Without a complete request line for both together: 408. Over TLS
 * the connection is closed without an answer. */
void http_sweep(struct http_loop *l);

#endif
