/* gate: stands between server/http and the handler behind it, so that no
 * request reaches an engine that does not run yet, or not any more.
 * Owns:   nothing; the handler behind it must outlive the gate.
 * Thread: the handler on the loops; open, close and inside by main.
 * While it is closed every request that is not inside gets 503; once it was
 * closed and gate_inside() is 0, none will touch the handler's engine. */
#ifndef BELFRY_SERVER_CLI_GATE_H
#define BELFRY_SERVER_CLI_GATE_H

#include <stdatomic.h>

#include "server/http/message.h"

struct gate {
    struct http_handler behind; /* immutable after init */
    /* any thread */
    atomic_bool closed;
    atomic_uint inside; /* handed on and not answered yet */
};

/* Closed at first. */
void gate_init(struct gate *g, struct http_handler behind);
struct http_handler gate_handler(struct gate *g);

void gate_open(struct gate *g);
void gate_close(struct gate *g);
unsigned gate_inside(const struct gate *g);

#endif
