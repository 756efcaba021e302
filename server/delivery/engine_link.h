/* engine_link: the engine as delivery sees it: states and targets for the
 * scheduler, messages for the channel, reports on their way back.
 * Owns:   the reports not yet taken by the engine, and an arena.
 * Thread: the delivery thread.
 * Bounds: reports of the attempts in flight and of the entries that end.
 * Errors: a report that finds no memory is logged and lost: the notification
 *         is repeated after the next start. */
#ifndef BELFRY_SERVER_DELIVERY_ENGINE_LINK_H
#define BELFRY_SERVER_DELIVERY_ENGINE_LINK_H

#include "server/delivery/counters.h"
#include "server/delivery/message.h"
#include "server/delivery/source.h"

struct engine_link {
    struct engine *engine;
    const struct clock *clock;
    struct delivery_counters *counters;
    struct bytes base_url;
    uint32_t max_count; /* where the definition names none */
    struct report *reports;
    size_t report_count;
    size_t report_capacity;
    bool stuck; /* the last flush failed */
};

void engine_link_fini(struct engine_link *l);

struct delivery_source engine_link_source(struct engine_link *l);
struct message_maker engine_link_maker(struct engine_link *l);

/* Hands the reports to the engine; false when it takes none now. */
bool engine_link_flush(struct engine_link *l);

#endif
