#include "server/engine/writer.h"

#include <stdlib.h>

#include "server/base/log.h"
#include "server/engine/apply.h"
#include "server/engine/core.h"

/* One round of work. */
struct round {
    struct engine *engine;
    struct intake intake;
    struct batch batch;
    struct batch_outcome outcome;
    struct err err;
};

static const char *reason_of(enum err_code code)
{
    switch ((int)code) {
    case ERR_FULL:
        return "the disk or the data file is full";
    case ERR_NOMEM:
        return "out of memory";
    default:
        return "the data folder cannot be written";
    }
}

static enum err_code apply_all(struct round *r)
{
    enum err_code code = ERR_OK;
    size_t budget;

    for (struct command *c = r->intake.commands; c && code == ERR_OK;
         c = c->next) {
        c->time_ms = r->batch.time_ms;
        code = apply_command(&r->batch, c, &r->err);
    }
    if (code == ERR_OK && r->intake.report_count > 0)
        code = apply_reports(&r->batch, r->intake.reports,
                             r->intake.report_count, &r->err);
    if (code != ERR_OK || r->batch.records == 0)
        return code;
    budget = r->batch.records * WRITER_MERGE_PER_CHANGE;
    return views_merge(
        &r->engine->views, r->batch.txn,
        budget > WRITER_MERGE_LEAST ? budget : WRITER_MERGE_LEAST, &r->err);
}

/* Applies and commits the round. An error failed all of it. */
static enum err_code settle(struct round *r)
{
    struct engine *g = r->engine;
    enum err_code code =
        batch_begin(&r->batch, &g->state, clock_wall_ms(g->clock), &r->err);

    if (code == ERR_OK)
        code = apply_all(r);
    if (code == ERR_OK && r->batch.records > 0)
        code = batch_commit(&r->batch, &r->outcome, &r->err);
    else
        r->err.code = code;
    if (code != ERR_OK || r->batch.records == 0) {
        batch_abort(&r->batch);
        views_aborted(&g->views);
        return code;
    }
    views_committed(&g->views);
    return ERR_OK;
}

static void answer(struct round *r, enum err_code code)
{
    struct command *next;

    for (struct command *c = r->intake.commands; c; c = next) {
        next = c->next; /* done() may free the command */
        if (code != ERR_OK) {
            c->result = (struct command_result){.code = code, .err = r->err};
            c->result.err.code = code;
        }
        c->done(c);
    }
}

static void tell(struct round *r)
{
    struct engine *g = r->engine;

    for (size_t i = 0; i < g->listener_count; i++) {
        const struct engine_listener *l = &g->listeners[i];

        if (l->wake && r->outcome.count > 0)
            l->wake(l->ctx, r->outcome.numbers, r->outcome.count);
        if (l->batch_done && r->intake.commands)
            l->batch_done(l->ctx);
    }
}

/* Reports of a failed round are kept for a later one: what they say stays
 * true. Losing them for lack of memory costs repeated notifications. */
static void keep_reports(struct round *r)
{
    struct err ignored;

    if (r->intake.report_count > 0 &&
        ledger_put_reports(&r->engine->ledger, r->intake.reports,
                           r->intake.report_count, &ignored) != ERR_OK)
        log_event(LOG_ERROR, "engine.reports_lost",
                  "%zu delivery reports could not be kept",
                  r->intake.report_count);
}

static void work(struct round *r)
{
    enum err_code code = settle(r);

    atomic_store(&r->engine->not_ready,
                 code == ERR_OK ? NULL : reason_of(code));
    if (code != ERR_OK) {
        log_err(LOG_ERROR, "engine.commit_failed", &r->err);
        keep_reports(r);
    }
    answer(r, code);
    tell(r);
    free(r->outcome.numbers);
    views_freeze(&r->engine->views, false);
}

/* One slice of a merge while nothing else waits. False when it failed. */
static bool merge_slice(struct engine *g)
{
    struct store_txn *t = NULL;
    struct err e;
    enum err_code code;

    views_freeze(&g->views, true);
    code = store_begin_write(g->state.store, &t, &e);
    if (code == ERR_OK)
        code = views_merge(&g->views, t, WRITER_MERGE_IDLE, &e);
    if (code == ERR_OK)
        code = store_commit(&t, &e);
    if (code == ERR_OK) {
        views_committed(&g->views);
        return true;
    }
    store_abort(&t);
    views_aborted(&g->views);
    log_err(LOG_ERROR, "engine.merge_failed", &e);
    return false;
}

void *writer_main(void *engine)
{
    struct engine *g = engine;
    bool merging = false;
    struct round r;

    do {
        r = (struct round){.engine = g};
        ledger_take(&g->ledger, WRITER_REPORT_WAIT_MS,
                    merging ? 0 : WRITER_IDLE_MS, &r.intake);
        if (r.intake.commands || r.intake.report_count > 0) {
            work(&r);
            merging = false;
        } else if (!r.intake.closed && views_pending(&g->views)) {
            merging = merge_slice(g);
        } else {
            merging = false;
        }
        free(r.intake.reports);
    } while (!r.intake.closed);
    return NULL;
}
