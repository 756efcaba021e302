/* core: the engine's own parts, shared by its sources and nobody else.
 * Owns:   see struct engine.
 * Thread: see the groups. */
#ifndef BELFRY_SERVER_ENGINE_CORE_H
#define BELFRY_SERVER_ENGINE_CORE_H

#include <stdatomic.h>

#include "server/engine/attempts.h"
#include "server/engine/backfill.h"
#include "server/engine/engine.h"
#include "server/engine/ledger.h"
#include "server/engine/retention.h"
#include "server/engine/state.h"
#include "server/engine/views.h"

#define ENGINE_LISTENERS_MAX 4

struct engine {
    /* immutable after engine_start() */
    const struct clock *clock;
    struct engine_listener listeners[ENGINE_LISTENERS_MAX];
    size_t listener_count;
    pthread_t writer;
    bool writer_runs;
    char *base_url;

    struct state state;           /* see state.h */
    struct ledger ledger;         /* any thread */
    struct attempt_log *attempts; /* any thread */

    /* owner: writer */
    struct views views;
    struct retention retention;
    struct backfill backfill;

    /* why writes fail at the moment, or NULL; static texts only */
    _Atomic(const char *) not_ready;
};

/* The writer thread's main function. */
void *writer_main(void *engine);

#endif
