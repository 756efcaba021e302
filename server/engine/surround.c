#include "server/engine/surround.h"

#include "server/engine/surround_record.h"

struct surrounding {
    struct surround_walk walk;
    struct engine *engine;
    const struct surround_query *query;
    const struct event *event;
    size_t bytes; /* of texts so far, of all events */
};

bool surround_is_wanted(const struct subscription *s,
                        enum content_level content)
{
    return s && s->topic && content != CONTENT_EMPTY &&
           (include_any(s->topic) || topic_has_events(s->topic));
}

static enum err_code read_as_of(struct surround_walk *w,
                                const struct include_reference *r,
                                uint64_t version, struct surround_found *out,
                                struct err *e)
{
    const struct surrounding *x = w->source->ctx;
    const struct resource_query q = {r->type, r->id, version};
    struct resource_version v = {0};
    enum err_code code = version
                             ? engine_read(x->engine, &q, w->arena, &v, e)
                             : engine_read_as_of(x->engine, &q, x->event->as_of,
                                                 w->arena, &v, e);

    if (code == ERR_OK && v.deleted)
        return ERR_NOT_FOUND;
    out->context.version = v.version;
    out->context.text = v.text;
    return code;
}

/* All of them were found at the event, those of what was included as well. */
static enum err_code add_recorded(struct surround_walk *w,
                                  const struct include_reference *to,
                                  bool focus, struct err *e)
{
    const struct surrounding *x = w->source->ctx;
    struct bytes record = x->event->surround;
    struct surround_item item;
    enum err_code code = ERR_OK;
    size_t n = 0;

    (void)to;
    if (!focus || !surround_record_find(&record, topic_url(w->topic), &n))
        return ERR_OK;
    while (code == ERR_OK && n-- > 0 && surround_record_next(&record, &item)) {
        const struct surround_meeting m = {
            {item.type, item.id}, item.version, true};

        code = surround_walk_add(w, &m, e);
    }
    return code;
}

/* What the report of a business event names besides its focus. */
static enum err_code add_reported(struct surrounding *x, struct err *e)
{
    struct bytes text = x->event->reported;
    enum err_code code = ERR_OK;
    const cJSON *item;
    cJSON *list;

    if (text.n == 0)
        return ERR_OK;
    list = cJSON_ParseWithLength(text.p, text.n);
    if (!list)
        return err_nomem(e);
    cJSON_ArrayForEach(item, list)
    {
        struct surround_meeting m = {.version = 0};

        m.reference.type = bytes_split(bytes_of(cJSON_GetStringValue(item)),
                                       '/', &m.reference.id);
        if (code == ERR_OK)
            code = surround_walk_add(&x->walk, &m, e);
    }
    cJSON_Delete(list);
    return code;
}

/* Texts that are not wanted, or not any more, are forgotten: a reference is
 * left of them. */
static enum err_code hand_over(struct surrounding *x, struct event *event,
                               struct err *e)
{
    const struct surround_walk *w = &x->walk;
    struct event_context *out =
        arena_calloc(w->arena, w->count + 1, sizeof *out);

    if (!out)
        return err_nomem(e);
    for (size_t i = 0; i < w->count; i++) {
        out[i] = w->found[i].context;
        if (x->query->with_text &&
            x->bytes + out[i].text.n <= x->query->max_bytes)
            x->bytes += out[i].text.n;
        else
            out[i].text = bytes_make(NULL, 0);
    }
    event->contexts = out;
    event->context_count = w->count;
    return ERR_OK;
}

static enum err_code surround(struct surrounding *x, struct event *event,
                              struct err *e)
{
    const struct surround_found focus = {.context = {.text = event->text}};
    enum err_code code;

    x->event = event;
    x->walk.focus = (struct include_reference){event->type, event->id};
    code = surround_walk_init(&x->walk, e);
    if (code == ERR_OK)
        code = add_reported(x, e);
    if (code == ERR_OK)
        code = surround_walk_run(&x->walk, &focus, e);
    if (code == ERR_OK)
        code = hand_over(x, event, e);
    surround_walk_fini(&x->walk);
    return code;
}

enum err_code engine_surround(struct engine *g,
                              const struct surround_query *query,
                              struct event *events, size_t n,
                              struct arena *arena, struct err *e)
{
    struct surrounding x = {.engine = g, .query = query};
    const struct surround_source source = {read_as_of, add_recorded, &x, false};
    enum err_code code = ERR_OK;

    x.walk = (struct surround_walk){.source = &source,
                                    .topic = query->topic,
                                    .base_url = query->base_url,
                                    .arena = arena};
    for (size_t i = 0; code == ERR_OK && i < n; i++)
        if (events[i].text.n > 0 &&
            (events[i].reported.n > 0 ||
             include_follows(query->topic, events[i].type)))
            code = surround(&x, &events[i], e);
    return code;
}
