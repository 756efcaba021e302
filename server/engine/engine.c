#include "server/engine/engine.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "fhir/topic/include.h"
#include "server/base/log.h"
#include "server/base/rng.h"
#include "server/engine/core.h"
#include "server/engine/index.h"

/* Readers come without end; the writer must get its turn. */
static enum err_code init_lock(struct state *s, struct err *e)
{
    pthread_rwlockattr_t attributes;
    int rc = pthread_rwlockattr_init(&attributes);

    if (rc == 0) {
        (void)pthread_rwlockattr_setkind_np(
            &attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        rc = pthread_rwlock_init(&s->lock, &attributes);
        (void)pthread_rwlockattr_destroy(&attributes);
    }
    return rc == 0 ? ERR_OK
                   : err_set_errno(e, ERR_NOMEM, rc, "the state's lock");
}

static enum err_code
init_state(struct engine *g, const struct engine_config *config, struct err *e)
{
    struct state *s = &g->state;
    uint64_t seed[2];
    enum err_code code = init_lock(s, e);

    if (code != ERR_OK)
        return code;
    /* the seed spreads hash tables only: no answer depends on it */
    rng_fill(rng_system(), seed, sizeof seed);
    overlay_init(&s->young, seed);
    overlay_init(&s->old, seed);
    runs_init(&s->young_index);
    runs_init(&s->old_index);
    subs_init(&s->subs, seed);
    code = index_types_read(config->index, &s->indexed, e);
    if (code != ERR_OK)
        return code;
    s->topics = topic_set_ref(config->topics);
    s->base_url = bytes_of(g->base_url);
    s->matcher = matcher_new(&s->subs, s->base_url);
    if (!s->matcher)
        return err_nomem(e);
    code = definition_cache_init(&s->definitions, e);
    if (code != ERR_OK)
        return code;
    views_init(&g->views, s);
    retention_init(&g->retention, &config->retention);
    g->attempts = attempt_log_new();
    if (!g->attempts)
        return err_nomem(e);
    code = signer_new(&s->signer, e);
    if (code != ERR_OK)
        return code;
    return store_open(config->data_dir, config->map_bytes, &s->store, e);
}

static void drop_forms(struct state *s)
{
    for (struct sub *sub = subs_after(&s->subs, 0); sub;
         sub = subs_after(&s->subs, sub->number)) {
        struct form *form = matcher_remove(s->matcher, sub);

        form_free(matcher_forms(s->matcher), &form);
    }
}

static void fini_state(struct engine *g)
{
    struct state *s = &g->state;

    views_fini(&g->views);
    backfill_fini(&g->backfill);
    if (s->matcher)
        drop_forms(s);
    matcher_free(s->matcher);
    definition_cache_fini(&s->definitions);
    subs_fini(&s->subs);
    topic_set_unref(s->topics);
    signer_free(s->signer);
    overlay_fini(&s->young);
    overlay_fini(&s->old);
    runs_fini(&s->young_index);
    runs_fini(&s->old_index);
    store_close(&s->store);
    (void)pthread_rwlock_destroy(&s->lock);
}

enum err_code engine_open(const struct engine_config *config,
                          struct engine **out, struct err *e)
{
    struct engine *g = calloc(1, sizeof *g);
    enum err_code code;

    *out = NULL;
    if (!g)
        return err_nomem(e);
    g->clock = config->clock;
    g->base_url = strdup(config->base_url);
    code = g->base_url ? ledger_init(&g->ledger, e) : err_nomem(e);
    if (code != ERR_OK) {
        free(g->base_url);
        free(g);
        return code;
    }
    code = init_state(g, config, e);
    if (code == ERR_OK)
        code = index_rebuild(&g->state, e);
    if (code == ERR_OK)
        code = views_load(&g->views, e);
    if (code == ERR_OK)
        code = backfill_load(&g->backfill, &g->state.subs, e);
    if (code == ERR_OK)
        code = attempts_load(g, e);
    if (code == ERR_OK)
        *out = g;
    else
        engine_close(&g);
    return code;
}

enum err_code engine_rebuild(const struct engine_config *config, struct err *e)
{
    struct store *store = NULL;
    struct engine *g = NULL;
    enum err_code code =
        store_open(config->data_dir, config->map_bytes, &store, e);

    if (code == ERR_OK)
        code = views_clear(store, e);
    store_close(&store);
    if (code == ERR_OK)
        code = engine_open(config, &g, e);
    if (code == ERR_OK)
        code = views_merge_all(&g->views, e);
    engine_close(&g);
    return code;
}

void engine_listen(struct engine *g, const struct engine_listener *listener)
{
    assert(!g->writer_runs && g->listener_count < ENGINE_LISTENERS_MAX);
    g->listeners[g->listener_count++] = *listener;
}

/* Stored subscriptions whose topic is gone, or whose definition this server
 * cannot honour any more, go to error with the reason. */
static enum err_code report_unfit(struct engine *g, struct err *e)
{
    struct subs *subs = &g->state.subs;
    enum err_code code = ERR_OK;

    for (struct sub *s = subs_after(subs, 0); s && code == ERR_OK;
         s = subs_after(subs, s->number)) {
        struct report r = {.subscription = s->number,
                           .definition = s->state.definition,
                           .kind = REPORT_FAILED};
        const char *error = sub_error(s);
        char raw[SUB_ID_BYTES];
        struct bytes id = sub_id(s, raw);

        if (!s->state.unfit || s->state.status == STATUS_OFF)
            continue;
        memcpy(r.error, error, strnlen(error, REPORT_ERROR_BYTES - 1));
        log_event(LOG_WARN, "subscription.unfit",
                  "Subscription/%.*s cannot be honoured: %s", BYTES_ARG(id),
                  r.error);
        code = engine_report(g, &r, 1, e);
    }
    /* what is left out here, the look of delivery reports */
    return code == ERR_BUSY ? ERR_OK : code;
}

void engine_tell_unindexed(const struct engine *g, const struct topic *t)
{
    const char *code = NULL, *type;

    for (size_t i = 0; (type = include_reverse_type(t, i, &code)) != NULL; i++)
        if (!index_types_has(&g->state.indexed, bytes_of(type)))
            log_event(LOG_WARN, "topic.left_out",
                      "%s: revInclude '%s:%s' is left out: the search index "
                      "does not hold %s (--index)",
                      topic_url(t), type, code, type);
}

enum err_code engine_start(struct engine *g, struct err *e)
{
    sigset_t all, before;
    enum err_code code = report_unfit(g, e);
    int rc;

    if (code != ERR_OK)
        return code;
    for (size_t i = 0; i < topic_set_count(g->state.topics); i++)
        engine_tell_unindexed(g, topic_set_at(g->state.topics, i));
    /* signals are the main thread's */
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&g->writer, NULL, writer_main, g);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set_errno(e, ERR_NOMEM, rc, "the writer thread");
    g->writer_runs = true;
    return ERR_OK;
}

void engine_close(struct engine **g)
{
    struct engine *gone = *g;

    *g = NULL;
    if (!gone)
        return;
    ledger_close(&gone->ledger);
    if (gone->writer_runs)
        (void)pthread_join(gone->writer, NULL);
    fini_state(gone);
    attempt_log_free(gone->attempts);
    ledger_fini(&gone->ledger);
    free(gone->base_url);
    free(gone);
}

enum err_code engine_submit(struct engine *g, struct command *c, struct err *e)
{
    enum err_code code = index_prepare(g, c, e);

    return code == ERR_OK ? ledger_put(&g->ledger, c, e) : code;
}

enum err_code engine_report(struct engine *g, const struct report *reports,
                            size_t n, struct err *e)
{
    return ledger_put_reports(&g->ledger, reports, n, e);
}

const char *engine_not_ready(struct engine *g)
{
    const char *reason = atomic_load(&g->not_ready);

    if (!reason && ledger_waiting(&g->ledger) >= ENGINE_QUEUE_COMMANDS)
        reason = "too many changes are waiting for the disk";
    return reason;
}
