#include "server/engine/writer.h"

#include <stdlib.h>
#include <time.h>

#include "server/base/log.h"
#include "server/engine/apply.h"
#include "server/engine/core.h"
#include "storage/base/failpoint.h"

/* One round of work. */
struct round {
    struct engine *engine;
    struct intake intake;
    struct batch batch;
    struct batch_outcome outcome;
    bool sweep; /* a slice of retention is due */
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

/* View entries to merge with the round. A record may stage very many (one
 * change that concerns thousands): what waits must not outgrow a start. */
static size_t merge_budget(const struct round *r)
{
    const struct overlay *young = &r->engine->state.young;
    size_t budget = r->batch.records * WRITER_MERGE_PER_CHANGE;

    if (budget < WRITER_MERGE_LEAST)
        budget = WRITER_MERGE_LEAST;
    if (overlay_count(young) > WRITER_MERGE_BEHIND)
        budget += 2 * overlay_staged_count(young);
    return budget;
}

static enum err_code apply_all(struct round *r)
{
    enum err_code code = ERR_OK;

    for (struct command *c = r->intake.commands; c && code == ERR_OK;
         c = c->next) {
        c->time_ms = r->batch.time_ms;
        code = apply_command(&r->batch, c, &r->err);
    }
    if (code == ERR_OK && r->intake.report_count > 0)
        code = apply_reports(&r->batch, r->intake.reports,
                             r->intake.report_count, &r->err);
    if (code == ERR_OK && r->sweep)
        code = retention_slice(&r->engine->retention, &r->batch, &r->err);
    if (code == ERR_OK)
        code = backfill_slice(&r->engine->backfill, &r->batch, &r->err);
    if (code != ERR_OK || r->batch.records == 0)
        return code;
    return views_merge(&r->engine->views, r->batch.txn, merge_budget(r),
                       &r->err);
}

/* Applies and commits the round. An error failed all of it. */
static enum err_code settle(struct round *r)
{
    struct engine *g = r->engine;
    enum err_code code =
        batch_begin(&r->batch, &g->state, clock_wall_ms(g->clock), &r->err);

    FAILPOINT("before-apply");
    if (code == ERR_OK)
        code = apply_all(r);
    FAILPOINT("before-commit");
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

    FAILPOINT("before-answers");
    for (struct command *c = r->intake.commands; c; c = next) {
        next = c->next; /* done() may free the command */
        if (code != ERR_OK) {
            c->result = (struct command_result){.code = code, .err = r->err};
            c->result.err.code = code;
        }
        c->done(c);
        FAILPOINT("amid-answers");
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
    if (r->intake.report_count > 0 &&
        !ledger_return_reports(&r->engine->ledger, r->intake.reports,
                               r->intake.report_count))
        log_event(LOG_ERROR, "engine.reports_lost",
                  "%zu delivery reports could not be kept",
                  r->intake.report_count);
}

/* Told when it changes: a disk may stay full for hours. */
static void note_writing(struct engine *g, enum err_code code,
                         const struct err *e)
{
    const char *now = code == ERR_OK ? NULL : reason_of(code);
    const char *before = atomic_exchange(&g->not_ready, now);

    if (now && now != before)
        log_err(LOG_ERROR, "engine.commit_failed", e);
    if (!now && before)
        log_event(LOG_INFO, "engine.recovered", "changes are taken again");
    if (!now || !store_is_lost(e))
        return;
    for (size_t i = 0; i < g->listener_count; i++)
        if (g->listeners[i].lost)
            g->listeners[i].lost(g->listeners[i].ctx, e);
}

/* Reports that were put back must not be tried again at once. */
static void pause_after_failure(const struct round *r)
{
    const struct timespec wait = {.tv_nsec = WRITER_FAILED_MS * 1000000L};

    if (!r->intake.commands)
        (void)nanosleep(&wait, NULL);
}

static void end_sweep(struct round *r, enum err_code code)
{
    struct engine *g = r->engine;
    int64_t now_ms = clock_monotonic_ms(g->clock);

    if (r->sweep && code == ERR_OK)
        retention_done(&g->retention, now_ms);
    else if (r->sweep)
        retention_put_off(&g->retention, now_ms);
}

static void note_backfills(struct round *r)
{
    struct engine *g = r->engine;

    if (!backfill_take(&g->backfill, &g->state.subs, &r->outcome))
        log_event(LOG_ERROR, "engine.backfill",
                  "out of memory: a backfill goes on after the next start");
}

static void work(struct round *r)
{
    enum err_code code = settle(r);

    end_sweep(r, code);
    if (code != ERR_OK || r->batch.records > 0)
        note_writing(r->engine, code, &r->err);
    if (code != ERR_OK) {
        keep_reports(r);
        pause_after_failure(r);
    }
    answer(r, code);
    tell(r);
    FAILPOINT("after-answers");
    if (r->batch.backfills > 0)
        note_backfills(r);
    free(r->outcome.numbers);
    views_freeze(&r->engine->views, false);
}

/* A write that changes nothing, to find out whether writing works again. */
static enum err_code probe(struct store_txn *t, struct err *e)
{
    uint64_t views_at;
    enum err_code code = store_views_at(t, &views_at, e);

    return code == ERR_OK ? store_set_views_at(t, views_at, e) : code;
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
    if (code == ERR_OK && atomic_load(&g->not_ready))
        code = probe(t, &e);
    FAILPOINT("before-merge-commit");
    if (code == ERR_OK)
        code = store_commit(&t, &e);
    FAILPOINT("after-merge-commit");
    note_writing(g, code, &e);
    if (code == ERR_OK) {
        views_committed(&g->views);
        return true;
    }
    store_abort(&t);
    views_aborted(&g->views);
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
                    merging || g->backfill.count > 0 ? 0 : WRITER_IDLE_MS,
                    &r.intake);
        r.sweep = retention_is_due(&g->retention, clock_monotonic_ms(g->clock));
        if (r.intake.commands || r.intake.report_count > 0 ||
            (!r.intake.closed && (r.sweep || g->backfill.count > 0))) {
            work(&r);
            merging = false;
        } else if (!r.intake.closed &&
                   (views_pending(&g->views) || atomic_load(&g->not_ready))) {
            merging = merge_slice(g);
        } else {
            merging = false;
        }
        free(r.intake.reports);
    } while (!r.intake.closed);
    return NULL;
}
