#include "server/engine/surround_walk.h"

/* Bounds the search values of one resource. */
#define SCRATCH_BYTES ((size_t)16 << 20)

enum err_code surround_walk_init(struct surround_walk *w, struct err *e)
{
    w->count = 0;
    arena_init(&w->scratch, SCRATCH_BYTES);
    w->found = arena_calloc(w->arena, SURROUND_MAX + 1, sizeof *w->found);
    return w->found ? ERR_OK : err_nomem(e);
}

void surround_walk_fini(struct surround_walk *w)
{
    arena_fini(&w->scratch);
}

static bool is_same(const struct include_reference *a, struct bytes type,
                    struct bytes id)
{
    return bytes_equal(a->type, type) && bytes_equal(a->id, id);
}

static bool is_known(const struct surround_walk *w,
                     const struct include_reference *r)
{
    if (is_same(r, w->focus.type, w->focus.id))
        return true;
    for (size_t i = 0; i < w->count; i++)
        if (is_same(r, w->found[i].context.type, w->found[i].context.id))
            return true;
    return false;
}

enum err_code surround_walk_add(struct surround_walk *w,
                                const struct surround_meeting *m, struct err *e)
{
    const struct include_reference *r = &m->reference;
    struct surround_found *to = &w->found[w->count];
    enum err_code code;

    if (w->count == SURROUND_MAX || is_known(w, r) ||
        bytes_is(r->type, "Subscription"))
        return ERR_OK;
    *to = (struct surround_found){.refers = m->refers};
    code = w->source->read(w, r, m->version, to, e);
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    if (code != ERR_OK)
        return code;
    to->context.type = arena_copy(w->arena, r->type);
    to->context.id = arena_copy(w->arena, r->id);
    w->count++;
    return arena_failed(w->arena) ? err_nomem(e) : ERR_OK;
}

static enum err_code add_all(struct surround_walk *w,
                             const struct include_from *from, struct err *e)
{
    struct include_reference references[SURROUND_MAX];
    size_t n = include_references(w->topic, from, references, SURROUND_MAX);
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < n; i++) {
        const struct surround_meeting m = {.reference = references[i]};

        code = surround_walk_add(w, &m, e);
    }
    return code;
}

/* Along the references of one resource. */
static enum err_code follow(struct surround_walk *w,
                            const struct surround_found *x, bool focus,
                            struct err *e)
{
    struct include_from from = {w->focus.type, x->values, focus};
    struct search_values *values = NULL;
    struct bytes text = x->context.text;
    enum err_code code;

    if (from.values)
        return add_all(w, &from, e);
    arena_reset(&w->scratch);
    code = search_values_read(text, w->base_url, &w->scratch, &values, e);
    from.values = values;
    if (w->source->passes_over && (code == ERR_FORMAT || code == ERR_TOO_LARGE))
        return ERR_OK;
    return code == ERR_OK ? add_all(w, &from, e) : code;
}

static enum err_code follow_found(struct surround_walk *w, size_t i,
                                  struct err *e)
{
    const struct surround_found x = w->found[i];
    const struct include_reference to = {x.context.type, x.context.id};
    enum err_code code = follow(w, &x, false, e);

    return code == ERR_OK ? w->source->refer(w, &to, false, e) : code;
}

enum err_code surround_walk_run(struct surround_walk *w,
                                const struct surround_found *from,
                                struct err *e)
{
    size_t at = 0;
    enum err_code code = follow(w, from, true, e);

    if (code == ERR_OK)
        code = w->source->refer(w, &w->focus, true, e);
    for (int round = 1; round < SURROUND_ROUNDS && code == ERR_OK; round++) {
        size_t upto = w->count;

        for (; code == ERR_OK && at < upto; at++)
            code = follow_found(w, at, e);
    }
    return code;
}
