#include "server/engine/surround.h"

#include "fhir/topic/include.h"

/* Bounds the search values of one resource. */
#define SCRATCH_BYTES ((size_t)16 << 20)

struct surrounding {
    struct engine *engine;
    const struct surround_query *query;
    const struct event *event;
    struct arena *arena;
    struct arena scratch;
    struct event_context *found;
    size_t count;
    size_t bytes; /* of texts so far, of all events */
};

bool surround_is_wanted(const struct subscription *s,
                        enum content_level content)
{
    return s && s->topic && content != CONTENT_EMPTY &&
           (include_any(s->topic) || topic_has_events(s->topic));
}

static bool is_known(const struct surrounding *x,
                     const struct include_reference *r)
{
    if (bytes_equal(r->type, x->event->type) &&
        bytes_equal(r->id, x->event->id))
        return true;
    for (size_t i = 0; i < x->count; i++)
        if (bytes_equal(x->found[i].type, r->type) &&
            bytes_equal(x->found[i].id, r->id))
            return true;
    return false;
}

/* One that was not there at the event is left out. */
static enum err_code add(struct surrounding *x,
                         const struct include_reference *r, struct err *e)
{
    const struct resource_query q = {r->type, r->id, 0};
    struct resource_version v = {0};
    struct event_context *to = &x->found[x->count];
    enum err_code code;

    if (x->count == SURROUND_MAX || is_known(x, r) ||
        bytes_is(r->type, "Subscription"))
        return ERR_OK;
    code = engine_read_as_of(x->engine, &q, x->event->change, x->arena, &v, e);
    if (code == ERR_NOT_FOUND || (code == ERR_OK && v.deleted))
        return ERR_OK;
    if (code != ERR_OK)
        return code;
    *to = (struct event_context){.version = v.version,
                                 .type = arena_copy(x->arena, r->type),
                                 .id = arena_copy(x->arena, r->id),
                                 .text = v.text};
    x->count++;
    return arena_failed(x->arena) ? err_nomem(e) : ERR_OK;
}

static enum err_code add_all(struct surrounding *x,
                             const struct include_from *from, struct err *e)
{
    struct include_reference references[SURROUND_MAX];
    size_t n =
        include_references(x->query->topic, from, references, SURROUND_MAX);
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < n; i++)
        code = add(x, &references[i], e);
    return code;
}

static enum err_code follow(struct surrounding *x, struct bytes text,
                            bool focus, struct err *e)
{
    struct include_from from = {x->event->type, NULL, focus};
    struct search_values *values = NULL;
    cJSON *json = cJSON_ParseWithLength(text.p, text.n);
    enum err_code code;

    if (!json)
        return err_nomem(e);
    arena_reset(&x->scratch);
    code = search_values_extract(json, x->query->base_url, &x->scratch, &values,
                                 e);
    if (code == ERR_OK) {
        from.values = values;
        code = add_all(x, &from, e);
    }
    cJSON_Delete(json);
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
        struct include_reference r;

        r.type = bytes_split(bytes_of(cJSON_GetStringValue(item)), '/', &r.id);
        if (code == ERR_OK)
            code = add(x, &r, e);
    }
    cJSON_Delete(list);
    return code;
}

/* Texts that are not wanted, or not any more, are forgotten: a reference is
 * left of them. */
static void keep_texts(struct surrounding *x)
{
    for (size_t i = 0; i < x->count; i++) {
        struct event_context *c = &x->found[i];

        if (x->query->with_text && x->bytes + c->text.n <= x->query->max_bytes)
            x->bytes += c->text.n;
        else
            c->text = bytes_make(NULL, 0);
    }
}

static enum err_code surround(struct surrounding *x, struct event *event,
                              struct err *e)
{
    size_t from = 0;
    enum err_code code;

    x->event = event;
    x->count = 0;
    x->found = arena_calloc(x->arena, SURROUND_MAX + 1, sizeof *x->found);
    if (!x->found)
        return err_nomem(e);
    code = add_reported(x, e);
    if (code == ERR_OK)
        code = follow(x, event->text, true, e);
    for (int round = 1; round < SURROUND_ROUNDS && code == ERR_OK; round++) {
        size_t upto = x->count;

        for (; code == ERR_OK && from < upto; from++)
            code = follow(x, x->found[from].text, false, e);
    }
    keep_texts(x);
    event->contexts = x->found;
    event->context_count = x->count;
    return code;
}

enum err_code engine_surround(struct engine *g,
                              const struct surround_query *query,
                              struct event *events, size_t n,
                              struct arena *arena, struct err *e)
{
    struct surrounding x = {.engine = g, .query = query, .arena = arena};
    enum err_code code = ERR_OK;

    arena_init(&x.scratch, SCRATCH_BYTES);
    for (size_t i = 0; code == ERR_OK && i < n; i++)
        if (events[i].text.n > 0 &&
            (events[i].reported.n > 0 ||
             include_follows(query->topic, events[i].type)))
            code = surround(&x, &events[i], e);
    arena_fini(&x.scratch);
    return code;
}
