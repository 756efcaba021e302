#include "server/rest/status.h"

#include <stdlib.h>

#include "fhir/model/types.h"
#include "server/engine/tell.h"
#include "server/rest/attempts_view.h"
#include "server/rest/reply.h"
#include "server/rest/status_input.h"
#include "server/rest/subscription_find.h"

struct row {
    struct subscription_state state;
    struct definition *definition; /* may be NULL */
};

struct listing {
    struct row *rows; /* heap */
    size_t n;
    size_t capacity;
};

static void listing_fini(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        definition_unref(&l->rows[i].definition);
    free(l->rows);
    *l = (struct listing){.rows = NULL};
}

static enum err_code too_many(struct err *e)
{
    return err_set(e, ERR_NOT_SUPPORTED,
                   "there are too many Subscriptions for one answer; name "
                   "them with the parameter id");
}

static enum err_code make_room(struct listing *l, struct err *e)
{
    size_t capacity = l->capacity ? l->capacity * 2 : 16;
    struct row *grown;

    if (l->n == STATUS_ITEMS_MAX)
        return too_many(e);
    if (l->n < l->capacity)
        return ERR_OK;
    grown = realloc(l->rows, capacity * sizeof *grown);
    if (!grown)
        return err_nomem(e);
    l->rows = grown;
    l->capacity = capacity;
    return ERR_OK;
}

/* Takes the definition, on an error too. */
static enum err_code add_row(struct listing *l, struct row *row, struct err *e)
{
    enum err_code code = make_room(l, e);

    if (code == ERR_OK && l->rows)
        l->rows[l->n++] = *row;
    else
        definition_unref(&row->definition);
    return code;
}

static bool is_wanted(const struct status_input *in, const struct row *row)
{
    return !in->by_status || in->wanted[row->state.shown];
}

static enum err_code add_wanted(struct listing *l,
                                const struct status_input *in, struct row *row,
                                struct err *e)
{
    if (is_wanted(in, row))
        return add_row(l, row, e);
    definition_unref(&row->definition);
    return ERR_OK;
}

static enum err_code find_id(struct exchange *x, struct bytes id,
                             struct row *out, struct err *e)
{
    *out = (struct row){.definition = NULL};
    if (!model_is_id(id))
        return err_set(e, ERR_NOT_FOUND, "that is not the form of an id");
    return engine_subscription_by_id(x->rest->config.engine, id, &out->state,
                                     &out->definition, e);
}

static enum err_code list_ids(struct exchange *x, const struct status_input *in,
                              struct listing *l, struct err *e)
{
    enum err_code code = ERR_OK;
    struct row row;

    for (size_t i = 0; i < in->id_count; i++) {
        code = find_id(x, in->ids[i], &row, e);
        if (code == ERR_NOT_FOUND)
            continue;
        if (code == ERR_OK)
            code = add_wanted(l, in, &row, e);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

static enum err_code list_all(struct exchange *x, const struct status_input *in,
                              struct listing *l, struct err *e)
{
    struct engine *engine = x->rest->config.engine;
    struct row row = {.definition = NULL};
    uint64_t after = 0;
    size_t seen = 0;
    enum err_code code;

    while (
        engine_subscription_next(engine, after, &row.state, &row.definition)) {
        after = row.state.number;
        code = add_wanted(l, in, &row, e);
        if (code != ERR_OK)
            return code;
        if (++seen == STATUS_SCAN_MAX)
            return too_many(e);
        row.definition = NULL;
    }
    return ERR_OK;
}

/* What is told beside the guide's own parameters. */
static bool add_facts(struct exchange *x, const struct subscription_state *s,
                      bool with_attempts, struct notification_status *out)
{
    const struct attempt_query q = {s->number, 0};
    struct notification_fact *all, *facts, *attempts;
    size_t n = 0, attempt_n = 0;

    facts = tell_facts(s, &x->scratch, &n);
    out->facts = facts;
    out->fact_count = n;
    if (!facts || !with_attempts)
        return facts != NULL;
    attempts =
        attempts_view(x->rest->config.engine, &q, &x->scratch, &attempt_n);
    all = arena_calloc(&x->scratch, n + attempt_n + 1, sizeof *all);
    if (!attempts || !all)
        return false;
    memcpy(all, facts, n * sizeof *all);
    memcpy(all + n, attempts, attempt_n * sizeof *all);
    out->facts = all;
    out->fact_count = n + attempt_n;
    return true;
}

static enum err_code fill_item(struct exchange *x, const struct row *row,
                               bool with_attempts,
                               struct notification_status *out, struct err *e)
{
    const struct subscription_state *s = &row->state;
    const struct rest_config *c = &x->rest->config;
    struct tell t = {.state = s};

    *out = (struct notification_status){.base_url = x->rest->base_url,
                                        .subscription_id = bytes_of(s->id),
                                        .status = s->shown,
                                        .type = NOTIFY_QUERY_STATUS,
                                        .events_since_start = s->last_event,
                                        .error_code = failure_code(s->failure),
                                        .error_text =
                                            s->error[0] ? s->error : NULL};
    if (row->definition) {
        t.definition = definition_get(row->definition);
        out->topic = t.definition->canonical;
    }
    rng_uuid(c->rng, out->uuid);
    if (!add_facts(x, s, with_attempts, out))
        return err_nomem(e);
    return tell_proof(&t, &out->proof, e);
}

static enum http_next answer(struct exchange *x, const struct listing *l)
{
    const struct rest_config *c = &x->rest->config;
    struct notification_status *items =
        arena_calloc(&x->scratch, l->n + 1, sizeof *items);
    char bundle_id[RNG_UUID_BYTES];
    struct buf body;
    struct err e;

    if (!items) {
        (void)err_nomem(&e);
        return reply_error(x, &e);
    }
    for (size_t i = 0; i < l->n; i++) {
        if (fill_item(x, &l->rows[i], l->n <= STATUS_ATTEMPTS_MAX, &items[i],
                      &e) != ERR_OK)
            return reply_error(x, &e);
    }
    rng_uuid(c->rng, bundle_id);
    buf_init(&body, STATUS_BYTES_MAX);
    notification_write_status_bundle(&body, bundle_id, clock_wall_ms(c->clock),
                                     items, l->n);
    return reply_body(x, 200, &body);
}

static enum http_next answer_listing(struct exchange *x, struct listing *l,
                                     enum err_code code, const struct err *e)
{
    enum http_next next = code == ERR_OK ? answer(x, l) : reply_error(x, e);

    listing_fini(l);
    return next;
}

/* The parameters id and status do not count here, but must be right. */
enum http_next status_instance(struct exchange *x)
{
    struct listing l = {.rows = NULL};
    struct status_input in;
    struct row row;
    struct err e;
    enum err_code code = status_input_read(x, &in, &e);

    if (code == ERR_OK) {
        row.definition = NULL;
        code = subscription_find(x, &row.state, &row.definition, &e);
    }
    if (code == ERR_OK)
        code = add_row(&l, &row, &e);
    return answer_listing(x, &l, code, &e);
}

enum http_next status_type(struct exchange *x)
{
    struct listing l = {.rows = NULL};
    struct status_input in;
    struct err e;
    enum err_code code = status_input_read(x, &in, &e);

    if (code == ERR_OK)
        code = in.by_id ? list_ids(x, &in, &l, &e) : list_all(x, &in, &l, &e);
    return answer_listing(x, &l, code, &e);
}
