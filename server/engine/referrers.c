#include "server/engine/referrers.h"

#include "fhir/search/index_key.h"
#include "server/engine/gather.h"
#include "server/engine/index_walk.h"
#include "server/engine/surround_record.h"
#include "server/engine/surround_walk.h"

#define ARENA_BYTES ((size_t)32 << 20)
#define RECORD_BYTES ((size_t)1 << 20)
/* Of one resource, its references to many. */
#define KEYS_MAX 4096

void referrers_init(struct referrers *r, struct batch *b,
                    const struct command *later)
{
    *r = (struct referrers){.batch = b, .later = later};
    arena_init(&r->arena, ARENA_BYTES);
    buf_init(&r->record, RECORD_BYTES);
}

void referrers_fini(struct referrers *r)
{
    arena_fini(&r->arena);
    buf_fini(&r->record);
}

void referrers_note(struct referrers *r, const struct topic *t,
                    struct bytes type)
{
    if (!t || (r->topic_count > 0 && r->topics[r->topic_count - 1] == t) ||
        r->topic_count == REFERRERS_TOPICS_MAX || !include_reverses(t, type))
        return;
    for (size_t i = 0; i < r->topic_count; i++)
        if (r->topics[i] == t)
            return;
    r->topics[r->topic_count++] = t;
}

/* ---- resources as of the end of the transaction ---- */

static const struct command *later_part(const struct referrers *r,
                                        struct bytes type, struct bytes id)
{
    for (const struct command *c = r->later; c; c = c->next)
        if (bytes_equal(c->type, type) && bytes_equal(c->id, id))
            return c;
    return NULL;
}

/* What is damaged is verify's to tell. */
static enum err_code passed_over(enum err_code code)
{
    return code == ERR_FORMAT || code == ERR_TOO_LARGE ? ERR_NOT_FOUND : code;
}

static enum err_code read_stored(struct referrers *r, const struct current *now,
                                 struct surround_found *out, struct err *e)
{
    struct record_change c;
    struct bytes record;
    enum err_code code = store_log_get(r->batch->txn, now->change, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    if (code == ERR_OK)
        out->context.text = c.text;
    return passed_over(code);
}

/* Two versions of a resource are not in one transaction: what will be written
 * is one version on. */
static enum err_code read_now(struct surround_walk *w,
                              const struct include_reference *to,
                              uint64_t version, struct surround_found *out,
                              struct err *e)
{
    struct referrers *r = w->source->ctx;
    const struct command *part = later_part(r, to->type, to->id);
    struct current now = {0};
    enum err_code code =
        to->id.n > 64 ? ERR_NOT_FOUND
                      : batch_current(r->batch, to->type, to->id, &now, e);

    (void)version;
    if (code != ERR_OK && code != ERR_NOT_FOUND)
        return passed_over(code);
    if (part) {
        out->context.version = now.version + 1;
        out->values = part->values;
        return part->values ? ERR_OK : ERR_NOT_FOUND;
    }
    if (code == ERR_NOT_FOUND || now.deleted)
        return ERR_NOT_FOUND;
    out->context.version = now.version;
    return read_stored(r, &now, out, e);
}

/* ---- what refers to one ---- */

struct looking {
    struct surround_walk *walk;
    const struct include_reverse *reverse;
    const struct include_reference *to;
    struct gather ids;
    size_t seen;
};

static enum err_code add(const struct looking *x, struct bytes id,
                         struct err *e)
{
    const struct surround_meeting m = {
        .reference = {bytes_of(x->reverse->source), id}, .refers = true};

    return surround_walk_add(x->walk, &m, e);
}

static enum err_code look_ahead(const struct looking *x, struct err *e)
{
    const struct referrers *r = x->walk->source->ctx;
    enum err_code code = ERR_OK;

    for (const struct command *c = r->later; c && code == ERR_OK; c = c->next)
        if (c->values && include_refers(x->reverse, c->values, x->to))
            code = add(x, c->id, e);
    return code;
}

static bool visit(void *ctx, struct bytes key)
{
    struct looking *x = ctx;
    struct bytes id = index_key_id(key);

    gather_add(&x->ids, id);
    return ++x->seen < KEYS_MAX && !gather_is_beyond(&x->ids, id);
}

static enum err_code walk_index(struct looking *x, struct err *e)
{
    struct referrers *r = x->walk->source->ctx;
    const struct search_reference to = {.type = x->to->type, .id = x->to->id};
    const struct index_space space = {.type = x->reverse->source};
    struct index_walk index = {r->batch->state, NULL, true};
    struct index_head head;
    struct bytes key;
    enum err_code code =
        store_cursor_open(r->batch->txn, VIEW_INDEX, &index.cursor, e);

    index_head_u64(INDEX_HASH, space, index_hash_reference(&to), &head);
    key = bytes_make(head.bytes, head.n);
    if (code == ERR_OK)
        code = index_walk_keys(&index, key, key, visit, x, e);
    store_cursor_close(&index.cursor);
    return code;
}

/* A key is only a hint: what the resource says decides. */
static enum err_code refers(const struct looking *x,
                            const struct surround_found *candidate, bool *out,
                            struct err *e)
{
    struct surround_walk *w = x->walk;
    struct search_values *values = NULL;
    struct bytes text = candidate->context.text;
    enum err_code code;

    arena_reset(&w->scratch);
    code = search_values_read(text, w->base_url, &w->scratch, &values, e);
    if (code == ERR_OK)
        *out = include_refers(x->reverse, values, x->to);
    return passed_over(code);
}

static enum err_code look_at(const struct looking *x, struct bytes id,
                             struct err *e)
{
    struct referrers *r = x->walk->source->ctx;
    const struct include_reference it = {bytes_of(x->reverse->source), id};
    struct surround_found candidate = {.refers = true};
    bool does = false;
    enum err_code code;

    if (later_part(r, it.type, it.id))
        return ERR_OK;
    r->looks++;
    code = read_now(x->walk, &it, 0, &candidate, e);
    if (code == ERR_OK)
        code = refers(x, &candidate, &does, e);
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    return code == ERR_OK && does ? add(x, id, e) : code;
}

static enum err_code look_back(struct looking *x, struct err *e)
{
    struct referrers *r = x->walk->source->ctx;
    enum err_code code;

    if (!index_types_has(&r->batch->state->indexed,
                         bytes_of(x->reverse->source)))
        return ERR_OK;
    gather_init(&x->ids, bytes_of(""), REFERRERS_LOOKS_MAX);
    code = walk_index(x, e);
    if (code == ERR_OK && !gather_finish(&x->ids))
        code = err_nomem(e);
    for (size_t i = 0;
         code == ERR_OK && i < x->ids.n && r->looks < REFERRERS_LOOKS_MAX &&
         x->walk->count < SURROUND_MAX;
         i++)
        code = look_at(x, x->ids.items[i], e);
    gather_fini(&x->ids);
    return code;
}

static enum err_code refer(struct surround_walk *w,
                           const struct include_reference *to, bool focus,
                           struct err *e)
{
    struct include_reverse all[INCLUDE_REVERSES_MAX];
    const struct include_to from = {w->focus.type, to->type, focus};
    size_t n = include_reverse_of(w->topic, &from, all, INCLUDE_REVERSES_MAX);
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < n; i++) {
        struct looking x = {.walk = w, .reverse = &all[i], .to = to};

        code = look_ahead(&x, e);
        if (code == ERR_OK)
            code = look_back(&x, e);
    }
    return code;
}

/* ---- the whole ---- */

static void write_found(struct referrers *r, const struct surround_walk *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->count; i++)
        n += w->found[i].refers;
    if (n == 0)
        return;
    surround_record_topic(&r->record, topic_url(w->topic), n);
    for (size_t i = 0; i < w->count; i++) {
        const struct event_context *c = &w->found[i].context;
        const struct surround_item item = {c->type, c->id, c->version};

        if (w->found[i].refers)
            surround_record_item(&r->record, &item);
    }
}

/* Only what iterates needs to know what else is included. */
static enum err_code walk(struct surround_walk *w,
                          const struct referrers_focus *focus, struct err *e)
{
    const struct surround_found from = {.values = focus->values};

    return include_reverses_on(w->topic, focus->type)
               ? surround_walk_run(w, &from, e)
               : refer(w, &w->focus, true, e);
}

static enum err_code find_for(struct referrers *r, const struct topic *t,
                              const struct referrers_focus *focus,
                              struct err *e)
{
    const struct surround_source source = {read_now, refer, r, true};
    struct surround_walk w = {.source = &source,
                              .topic = t,
                              .base_url = r->batch->state->base_url,
                              .focus = {focus->type, focus->id},
                              .arena = &r->arena};
    enum err_code code;

    r->looks = 0;
    arena_reset(&r->arena);
    code = surround_walk_init(&w, e);
    if (code == ERR_OK)
        code = walk(&w, focus, e);
    if (code == ERR_OK)
        write_found(r, &w);
    surround_walk_fini(&w);
    return code;
}

enum err_code referrers_find(struct referrers *r,
                             const struct referrers_focus *focus,
                             struct bytes *out, struct err *e)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && focus->values && i < r->topic_count;
         i++)
        code = find_for(r, r->topics[i], focus, e);
    if (code == ERR_OK)
        code = buf_check(&r->record, e);
    *out = buf_bytes(&r->record);
    return code;
}
