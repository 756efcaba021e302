#include "server/engine/topic_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "fhir/topic/basic.h"
#include "server/base/log.h"
#include "server/engine/effects.h"

/* "SubscriptionTopic/" and an id. */
#define OWNER_BYTES 96

bool topic_state_carries(struct bytes type)
{
    return bytes_is(type, "Basic") || bytes_is(type, BASIC_TOPIC_CODE);
}

static const char *owner_of(struct bytes type, struct bytes id,
                            char out[OWNER_BYTES])
{
    if (snprintf(out, OWNER_BYTES, "%.*s/%.*s", BYTES_ARG(type),
                 BYTES_ARG(id)) < 0)
        out[0] = '\0';
    return out;
}

static bool is_topic(const struct topic_state_source *source)
{
    cJSON *json;
    bool is;

    if (bytes_is(source->type, BASIC_TOPIC_CODE))
        return true;
    json = cJSON_ParseWithLength(source->text.p, source->text.n);
    is = basic_is_topic(json);
    cJSON_Delete(json);
    return is;
}

enum err_code topic_state_compile(const struct topic_state_source *source,
                                  struct topic **out, struct issues *issues)
{
    char owner[OWNER_BYTES];
    enum err_code code;

    *out = NULL;
    if (!is_topic(source))
        return ERR_OK;
    code = topic_compile(source->text, source->base_url, out, issues);
    if (code != ERR_OK)
        return code;
    if (topic_set_owner(*out, owner_of(source->type, source->id, owner)))
        return ERR_OK;
    topic_unref(*out);
    *out = NULL;
    issues_add(issues, ERR_NOMEM, "", "out of memory");
    return ERR_NOMEM;
}

struct topic_set *topic_state_of(const struct batch *b)
{
    return b->topics ? b->topics : b->state->topics;
}

static bool is_of_file(const struct topic *t)
{
    return topic_owner(t)[0] == '\0';
}

static enum err_code refuse_file(const struct topic *t, const char *element,
                                 struct err *e)
{
    return err_set_at(e, ERR_CONFLICT, element,
                      "the topic %s comes from a file; change it there",
                      topic_url(t));
}

static enum err_code check_removal(const struct topic *t, struct bytes id,
                                   struct err *e)
{
    if (!bytes_is(id, topic_id(t)))
        return ERR_OK;
    return is_of_file(t) ? refuse_file(t, "", e)
                         : err_set(e, ERR_CONFLICT,
                                   "the topic %s is stored as %s; delete that",
                                   topic_url(t), topic_owner(t));
}

static enum err_code check_topic(const struct topic *t,
                                 const struct topic_state_change *change,
                                 struct err *e)
{
    if (!is_of_file(t))
        return ERR_OK;
    if (strcmp(topic_url(t), topic_url(change->topic)) == 0)
        return refuse_file(t, "SubscriptionTopic.url", e);
    return bytes_is(change->id, topic_id(t))
               ? refuse_file(t, "SubscriptionTopic.id", e)
               : ERR_OK;
}

enum err_code topic_state_check(const struct batch *b,
                                const struct topic_state_change *change,
                                bool exists, struct err *e)
{
    const struct topic_set *set = topic_state_of(b);
    enum err_code code = ERR_OK;

    if (!topic_state_carries(change->type) || (!change->topic && exists))
        return ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < topic_set_count(set); i++)
        code = change->topic
                   ? check_topic(topic_set_at(set, i), change, e)
                   : check_removal(topic_set_at(set, i), change->id, e);
    return code;
}

enum err_code topic_state_plan(const struct batch *b,
                               const struct topic_state_change *change,
                               struct topic_set **out, struct err *e)
{
    char owner[OWNER_BYTES];

    *out = NULL;
    if (!topic_state_carries(change->type))
        return ERR_OK;
    owner_of(change->type, change->id, owner);
    if (!change->topic && !topic_set_owned(topic_state_of(b), owner))
        return ERR_OK;
    return topic_set_change(topic_state_of(b), owner, change->topic, out, e);
}

/* ---- the subscriptions follow ---- */

struct refit {
    struct batch *batch;
    const struct topic_state_staging *staging;
    struct err *e;
};

/* A definition that was not honoured may be now. */
static bool is_affected(const struct refit *x, const struct form *f)
{
    return !f || (f->shape->topic &&
                  topic_set_find(topic_state_of(x->batch), form_canonical(f)) !=
                      f->shape->topic);
}

static enum err_code read_again(const struct refit *x, const struct sub *s,
                                struct definition **out, struct err *reason)
{
    uint64_t number =
        s->staged ? s->staged->state.definition : s->state.definition;
    struct record_change c;
    struct bytes record;
    enum err_code code = store_log_get(x->staging->txn, number, &record, x->e);

    if (code == ERR_OK)
        code = record_change_read(record, &c, x->e);
    if (code == ERR_NOT_FOUND)
        return err_set(x->e, ERR_FORMAT, "the log lacks a definition");
    if (code != ERR_OK)
        return code;
    code = state_definition_read(x->batch->state, topic_state_of(x->batch),
                                 c.text, out, reason);
    return code == ERR_OK ? ERR_OK : err_nomem(x->e);
}

static bool add_unfit(const struct refit *x, const struct sub_change *c,
                      const struct err *reason)
{
    struct topic_state_unfit *u = x->staging->unfit;
    size_t capacity = u->capacity ? 2 * u->capacity : 16;
    struct report *r;

    if (u->count == u->capacity) {
        r = realloc(u->reports, capacity * sizeof *r);
        if (!r)
            return false;
        u->reports = r;
        u->capacity = capacity;
    }
    r = &u->reports[u->count++];
    *r = (struct report){.subscription = c->sub->number,
                         .definition = c->state.definition,
                         .kind = REPORT_FAILED};
    memcpy(r->error, reason->message,
           strnlen(reason->message, REPORT_ERROR_BYTES - 1));
    return true;
}

static bool is_live(const struct sub_change *c)
{
    return c->state.status == STATUS_REQUESTED ||
           c->state.status == STATUS_ACTIVE;
}

static enum err_code refit_one(const struct refit *x, struct sub *s)
{
    struct definition *fresh = NULL;
    struct sub_change *c;
    struct err reason = {0};
    enum err_code code;

    if ((s->staged && s->staged->removed) || !is_affected(x, s->form))
        return ERR_OK;
    code = read_again(x, s, &fresh, &reason);
    if (code != ERR_OK || (!fresh && !s->form))
        return code;
    c = batch_touch(x->batch, s);
    if (!c) {
        definition_unref(&fresh);
        return err_nomem(x->e);
    }
    code = effects_refit(x->batch, c, &fresh, x->e);
    if (code == ERR_OK && !c->definition && is_live(c) && x->staging->unfit &&
        !add_unfit(x, c, &reason))
        code = err_nomem(x->e);
    return code;
}

static enum err_code refit_all(const struct refit *x)
{
    struct subs *subs = &x->batch->state->subs;
    enum err_code code = ERR_OK;

    for (struct sub *s = subs_after(subs, 0); s && code == ERR_OK;
         s = subs_after(subs, s->number))
        code = refit_one(x, s);
    for (struct sub_change *c = x->batch->changes; c && code == ERR_OK;
         c = c->next)
        if (c->added)
            code = refit_one(x, c->sub);
    return code;
}

static enum err_code stage_view(struct batch *b, uint64_t change,
                                const struct topic_state_change *t,
                                struct err *e)
{
    char owner[OWNER_BYTES], number[8];
    size_t n = t->topic ? sizeof number : 0; /* empty: there is none */

    store_put_u64(number, change);
    return overlay_stage(&b->state->young, VIEW_TOPIC,
                         bytes_of(owner_of(t->type, t->id, owner)),
                         bytes_make(number, n))
               ? ERR_OK
               : err_nomem(e);
}

enum err_code topic_state_stage(struct batch *b,
                                const struct topic_state_staging *staging,
                                const struct topic_state_change *change,
                                struct topic_set **set, struct err *e)
{
    const struct refit x = {b, staging, e};

    topic_set_unref(b->topics);
    b->topics = *set;
    *set = NULL;
    if (stage_view(b, staging->change, change, e) != ERR_OK)
        return e->code;
    return refit_all(&x);
}

/* ---- at start ---- */

/* The files may have changed since: what they say goes before. */
static void tell_set_aside(const char *owner, const char *why)
{
    log_event(LOG_WARN, "topic.set_aside", "%s is not served: %s", owner, why);
}

/* NULL when the text is no topic that can be served now. */
static enum err_code compile_stored(const struct state *s,
                                    const struct record_change *c,
                                    struct topic **out, struct err *e)
{
    const struct topic_state_source source = {c->type, c->id, c->text,
                                              s->base_url};
    struct issues *issues = calloc(1, sizeof *issues);
    char owner[OWNER_BYTES];
    enum err_code code = ERR_NOMEM;

    *out = NULL;
    if (issues && c->interaction != INTERACTION_DELETE)
        code = topic_state_compile(&source, out, issues);
    else if (issues)
        code = ERR_OK;
    if (issues && code != ERR_OK && code != ERR_NOMEM) {
        tell_set_aside(owner_of(c->type, c->id, owner),
                       issues->count ? issues->items[0].message : "");
        code = ERR_OK;
    }
    free(issues);
    return code == ERR_OK ? ERR_OK : err_nomem(e);
}

/* A conflict sets the topic aside, and its subscriptions with it. */
static enum err_code plan_stored(const struct batch *b,
                                 const struct topic_state_change *t,
                                 struct topic_set **out, struct err *e)
{
    struct topic_state_change none = *t;
    char owner[OWNER_BYTES];
    enum err_code code = topic_state_plan(b, t, out, e);

    if (code == ERR_OK || code == ERR_NOMEM)
        return code;
    tell_set_aside(owner_of(t->type, t->id, owner), e->message);
    none.topic = NULL;
    return topic_state_plan(b, &none, out, e);
}

struct loading {
    struct state *state;
    struct store_txn *txn;
};

static enum err_code load_one(void *ctx, struct bytes key, struct bytes value,
                              struct err *e)
{
    struct loading *x = ctx;
    struct batch b = {.state = x->state};
    struct topic_set *set = NULL;
    struct topic *topic = NULL;
    struct record_change c = {0};
    struct bytes record;
    enum err_code code;

    if (value.n != 8)
        return err_set(e, ERR_FORMAT, "the entry of the topic %.*s is damaged",
                       BYTES_ARG(key));
    code = store_log_get(x->txn, store_get_u64(value.p), &record, e);
    if (code == ERR_NOT_FOUND)
        return err_set(e, ERR_FORMAT, "the log lacks the topic %.*s",
                       BYTES_ARG(key));
    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code == ERR_OK)
        code = compile_stored(x->state, &c, &topic, e);
    if (code == ERR_OK)
        code = plan_stored(
            &b, &(struct topic_state_change){c.type, c.id, topic}, &set, e);
    topic_unref(topic);
    if (code == ERR_OK && set) {
        topic_set_unref(x->state->topics);
        x->state->topics = set;
    }
    return code;
}

enum err_code topic_state_load(struct state *s, struct store_txn *t,
                               struct err *e)
{
    struct loading x = {s, t};

    return store_view_walk(t, VIEW_TOPIC, load_one, &x, e);
}

enum err_code topic_state_replay(struct batch *b, struct store_txn *t,
                                 uint64_t change, const struct record_change *c,
                                 struct err *e)
{
    const struct topic_state_staging staging = {.change = change, .txn = t};
    struct topic_state_change planned = {.type = c->type, .id = c->id};
    struct topic_set *set = NULL;
    enum err_code code = compile_stored(b->state, c, &planned.topic, e);

    if (code == ERR_OK)
        code = plan_stored(b, &planned, &set, e);
    if (code == ERR_OK && set)
        code = topic_state_stage(b, &staging, &planned, &set, e);
    topic_unref(planned.topic);
    return code;
}
