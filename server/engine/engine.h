/* engine: the one place where state changes. Commands go in, are put in one
 * order, applied and committed in batches; read.h shows what was committed.
 * Owns:   the store (data folder), the writer thread, the subscriptions'
 *         state, the matcher.
 * Thread: submit and report by any thread; done() and wake() are called on
 *         the writer thread.
 * Bounds: ENGINE_QUEUE_COMMANDS and ENGINE_QUEUE_BYTES waiting commands, then
 *         ERR_BUSY; so for LEDGER_REPORTS waiting reports.
 * Errors: ERR_BUSY, ERR_FULL, ERR_IO, ERR_FORMAT, ERR_NOMEM. */
#ifndef BELFRY_SERVER_ENGINE_ENGINE_H
#define BELFRY_SERVER_ENGINE_ENGINE_H

#include "fhir/subscription/subscription.h"
#include "server/base/clock.h"
#include "server/engine/command.h"
#include "server/engine/definition.h"
#include "server/engine/report.h"
#include "server/engine/retention_limits.h"
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
    /* The disk failed in a way after which neither reads nor writes work until
     * the data folder is opened anew: the process should end. */
    void (*lost)(void *ctx, const struct err *e);
    void *ctx;
};

struct engine_config {
    const char *data_dir;
    size_t map_bytes; /* upper bound of the data file, sparse */
    const struct clock *clock;
    struct topic_set *topics; /* from files; the engine takes a reference */
    const char *base_url;
    const char *index; /* types in the search index; index_types_read() */
    struct retention_limits retention;
};

/* Opens or creates the data folder and replays the log into the views. The
 * writer does not run yet: listeners are set first, then engine_start(). */
MUST_CHECK enum err_code engine_open(const struct engine_config *config,
                                     struct engine **out, struct err *e);

/* Makes the views anew from the log, on a folder that nobody has open. Cut off,
 * the next engine_open() goes on where it was. */
MUST_CHECK enum err_code engine_rebuild(const struct engine_config *config,
                                        struct err *e);

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

/* Logs what the topic would include by the search index (revInclude) and never
 * will, for it holds no such type. All that are served at the start are told
 * of then. */
void engine_tell_unindexed(const struct engine *g, const struct topic *t);

/* NULL: the server can take writes; else why not, for /health. */
const char *engine_not_ready(struct engine *g);

#endif
