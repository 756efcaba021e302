/* engine: the one place where state changes. Commands go in, are put in one
 * order, applied and committed in batches; reads see what was committed.
 * Owns:   the store (data folder), the writer thread, the subscriptions'
 *         state, the matcher.
 * Thread: submit, report and all reads by any thread; done() and wake() are
 *         called on the writer thread.
 * Bounds: ENGINE_QUEUE_COMMANDS and ENGINE_QUEUE_BYTES waiting commands, then
 *         ERR_BUSY. Reports are bounded by the attempts in flight.
 * Errors: ERR_BUSY, ERR_FULL, ERR_IO, ERR_FORMAT, ERR_NOMEM. */
#ifndef BELFRY_SERVER_ENGINE_ENGINE_H
#define BELFRY_SERVER_ENGINE_ENGINE_H

#include "fhir/subscription/subscription.h"
#include "server/base/clock.h"
#include "server/engine/command.h"
#include "server/engine/definition.h"
#include "server/engine/report.h"
#include "storage/base/arena.h"

#define ENGINE_QUEUE_COMMANDS 8192
#define ENGINE_QUEUE_BYTES ((size_t)256 << 20)

struct engine;

/* Tells the delivery that subscriptions changed: new events, a new status, a
 * new definition, or their end. Called on the writer thread after the commit;
 * must not block. */
struct engine_listener {
    void (*wake)(void *ctx, const uint64_t *subscription_numbers, size_t n);
    /* A batch was answered: every command's done() has run. */
    void (*batch_done)(void *ctx);
    void *ctx;
};

struct engine_config {
    const char *data_dir;
    size_t map_bytes; /* upper bound of the data file, sparse */
    const struct clock *clock;
    const struct topic_set *topics; /* borrowed, outlives the engine */
    const char *base_url;
};

/* Opens or creates the data folder and replays the log into the views. The
 * writer does not run yet: listeners are set first, then engine_start(). */
MUST_CHECK enum err_code engine_open(const struct engine_config *config,
                                     struct engine **out, struct err *e);
/* index 0: HTTP side (batch_done), index 1: delivery (wake). */
void engine_listen(struct engine *g, const struct engine_listener *listener);
MUST_CHECK enum err_code engine_start(struct engine *g, struct err *e);

/* Applies and commits what waits, ends the writer, closes the store. */
void engine_close(struct engine **g);

/* Hands a command to the writer; its done() will run exactly once. On an
 * error (ERR_BUSY) the command stays the caller's. */
MUST_CHECK enum err_code engine_submit(struct engine *g, struct command *c,
                                       struct err *e);

/* Delivery's outcomes. Status changes are committed at once, cursor moves ride
 * along with the next commit or a short timer. */
MUST_CHECK enum err_code engine_report(struct engine *g,
                                       const struct report *reports, size_t n,
                                       struct err *e);

/* NULL: the server can take writes; else why not, for /health. */
const char *engine_not_ready(struct engine *g);

/* ---- reads: each is one short transaction ---- */

struct resource_version {
    uint64_t change;
    uint64_t version;
    int64_t time_ms;
    enum interaction interaction;
    bool deleted;
    struct bytes text; /* arena; empty when deleted */
};

/* The current version (version 0) or a given one. ERR_NOT_FOUND when there is
 * none. A deleted version is returned with deleted set. */
struct resource_query {
    struct bytes type;
    struct bytes id;
    uint64_t version;
};
MUST_CHECK enum err_code
engine_read(struct engine *g, const struct resource_query *query,
            struct arena *arena, struct resource_version *out, struct err *e);

/* A subscription's state as committed. */
struct subscription_state {
    uint64_t number;     /* belfry's own: the change that created it */
    uint64_t definition; /* the change of the definition in force */
    char id[65];
    enum subscription_status status;
    uint64_t last_event;     /* events counted since creation */
    uint64_t delivered;      /* all events up to this are acknowledged */
    uint32_t attempts;       /* failed attempts at the head, 0 after success */
    int64_t next_attempt_ms; /* 0: at once */
    int64_t requested_ms;    /* when the definition in force was accepted */
    char error[192];         /* last error or "" */
};

/* *definition (may be NULL) receives a reference to release; it is set to NULL
 * for a stored subscription that cannot be honoured any more (state.error says
 * why). ERR_NOT_FOUND for none or a deleted one. */
MUST_CHECK enum err_code engine_subscription(struct engine *g, uint64_t number,
                                             struct subscription_state *out,
                                             struct definition **definition,
                                             struct err *e);
MUST_CHECK enum err_code
engine_subscription_by_id(struct engine *g, struct bytes id,
                          struct subscription_state *out,
                          struct definition **definition, struct err *e);

/* The next subscription with a number greater than `after`, in number order:
 * start with 0, go on with out->number. False at the end. */
bool engine_subscription_next(struct engine *g, uint64_t after,
                              struct subscription_state *out,
                              struct definition **definition);

struct event {
    uint64_t number;
    uint64_t change;
    uint64_t version;
    int64_t time_ms;
    enum interaction interaction;
    bool update_as_create;
    struct bytes type; /* all in the arena */
    struct bytes id;
    struct bytes text; /* empty for a delete, or when not asked for */
};

struct event_query {
    uint64_t subscription;
    uint64_t first; /* number of the first wanted event */
    size_t max_count;
    size_t max_bytes; /* of texts; at least one event is always returned */
    bool with_text;
};

/* Consecutive events from query->first on. *n is 0 when there is none. */
MUST_CHECK enum err_code engine_events(struct engine *g,
                                       const struct event_query *query,
                                       struct arena *arena,
                                       struct event **events, size_t *n,
                                       struct err *e);

#endif
