#include "server/engine/tell.h"

#include "fhir/topic/include.h"
#include "server/engine/surround.h"

_Static_assert(NOTIFICATION_CHAIN_BYTES == CHAIN_TEXT_BYTES,
               "both are a value of the chain in hexadecimal digits");

static bool has_secret(const struct tell *t)
{
    return t->definition && t->definition->secret;
}

/* A signer of the subscription's; false when it has no secret. */
static bool open_maker(const struct tell *t, struct signature_key *key,
                       struct chain_maker *out)
{
    *out = (struct chain_maker){NULL, key, bytes_of(t->state->id)};
    return has_secret(t) && signature_key_parse(bytes_of(t->definition->secret),
                                                key, NULL) == ERR_OK;
}

static enum err_code tell_start(const struct tell *t,
                                struct notification_proof *out, struct err *e)
{
    struct signature_key key;
    struct chain_maker m;
    struct chain_value start;
    enum err_code code;

    if (!open_maker(t, &key, &m))
        return ERR_OK;
    out->number = out->since;
    code = signer_new(&m.signer, e);
    if (code == ERR_OK)
        code = chain_start(&m, out->since, &start, e);
    if (code == ERR_OK)
        chain_format(&start, out->value);
    signer_free(m.signer);
    signature_key_fini(&key);
    return code;
}

enum err_code tell_proof(const struct tell *t, struct notification_proof *out,
                         struct err *e)
{
    const struct event *newest =
        t->event_count ? &t->events[t->event_count - 1] : NULL;

    *out = (struct notification_proof){.since = t->state->chain_since,
                                       .number = newest ? newest->number
                                                        : t->state->last_event};
    if (t->handshake)
        return tell_start(t, out, e);
    if (!has_secret(t) || out->number < out->since)
        return ERR_OK;
    /* the last event before a new secret still has a value of the old chain */
    if (newest && newest->number == out->since)
        return ERR_OK;
    chain_format(newest ? &newest->chain : &t->state->chain, out->value);
    return ERR_OK;
}

static enum err_code add_digests(const struct tell *t,
                                 struct notification_event *to, struct err *e)
{
    struct signature_key key;
    struct chain_maker m;
    struct chain_value digest;
    enum err_code code;

    if (!open_maker(t, &key, &m))
        return ERR_OK;
    code = signer_new(&m.signer, e);
    for (size_t i = 0; code == ERR_OK && i < t->event_count; i++) {
        const struct event *from = &t->events[i];
        const struct chain_event event = {from->number, from->type, from->id,
                                          from->version};

        code = chain_digest(&m, &event, &digest, e);
        if (code == ERR_OK)
            chain_format(&digest, to[i].digest);
    }
    signer_free(m.signer);
    signature_key_fini(&key);
    return code;
}

static enum err_code add_contexts(const struct event *from, struct arena *arena,
                                  struct notification_event *to, struct err *e)
{
    struct notification_context *all =
        arena_calloc(arena, from->context_count + 1, sizeof *all);

    if (!all)
        return err_nomem(e);
    for (size_t i = 0; i < from->context_count; i++)
        all[i] =
            (struct notification_context){.version = from->contexts[i].version,
                                          .type = from->contexts[i].type,
                                          .id = from->contexts[i].id,
                                          .text = from->contexts[i].text};
    to->contexts = all;
    to->context_count = from->context_count;
    return ERR_OK;
}

static enum err_code add_queries(const struct tell *t, struct bytes type,
                                 struct arena *arena,
                                 struct notification_event *to, struct err *e)
{
    const struct context_query **all =
        arena_calloc(arena, CONTEXT_QUERIES_MAX, sizeof *all);

    if (!all)
        return err_nomem(e);
    to->query_count =
        include_queries(t->definition->topic, type, all, CONTEXT_QUERIES_MAX);
    to->queries = all;
    return ERR_OK;
}

/* What the topic adds to the focus; the texts borrow it. */
static enum err_code add_surroundings(const struct tell *t, struct arena *arena,
                                      struct notification_event *to,
                                      struct err *e)
{
    enum err_code code = ERR_OK;

    if (!t->definition || !t->definition->topic)
        return ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < t->event_count; i++) {
        if (t->events[i].context_count)
            code = add_contexts(&t->events[i], arena, &to[i], e);
        if (code == ERR_OK)
            code = add_queries(t, t->events[i].type, arena, &to[i], e);
    }
    return code;
}

enum err_code tell_events(const struct tell *t, struct arena *arena,
                          struct notification_event **out, struct err *e)
{
    struct notification_event *to =
        arena_calloc(arena, t->event_count + 1, sizeof *to);

    *out = to;
    if (!to)
        return err_nomem(e);
    for (size_t i = 0; i < t->event_count; i++) {
        const struct event *from = &t->events[i];

        to[i] = (struct notification_event){.number = from->number,
                                            .time_ms = from->time_ms,
                                            .interaction = from->interaction,
                                            .update_as_create =
                                                from->update_as_create,
                                            .version = from->version,
                                            .type = from->type,
                                            .id = from->id,
                                            .text = from->text};
    }
    if (t->content == CONTENT_EMPTY)
        return add_digests(t, to, e);
    return add_surroundings(t, arena, to, e);
}

#define FACTS_MAX 9

struct notification_fact *tell_facts(const struct subscription_state *s,
                                     struct arena *arena, size_t *n)
{
    /* the first two are always told, the others when they say something */
    const struct notification_fact all[FACTS_MAX] = {
        {"delivered-events", NOTIFICATION_COUNT, NULL, (int64_t)s->delivered,
         NULL},
        {"pending-events", NOTIFICATION_COUNT, NULL,
         (int64_t)(s->last_event - s->delivered), NULL},
        {"failed-attempts", NOTIFICATION_COUNT, NULL, s->attempts, NULL},
        {"next-attempt", NOTIFICATION_INSTANT, NULL, s->next_attempt_ms, NULL},
        {"paused", NOTIFICATION_FLAG, NULL, s->paused ? 1 : 0, NULL},
        {"backfilling", NOTIFICATION_FLAG, NULL, s->backfilling ? 1 : 0, NULL},
        {"dead-letters", NOTIFICATION_COUNT, NULL, (int64_t)s->letters, NULL},
        {"removed-events", NOTIFICATION_COUNT, NULL, (int64_t)s->expired, NULL},
        {"lost-events", NOTIFICATION_COUNT, NULL, (int64_t)s->lost, NULL}};
    struct notification_fact *out = arena_calloc(arena, FACTS_MAX, sizeof *out);

    *n = 0;
    for (size_t i = 0; out && i < FACTS_MAX; i++) {
        if (i < 2 || all[i].number != 0)
            out[(*n)++] = all[i];
    }
    return out;
}
