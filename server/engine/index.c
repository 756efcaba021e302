#include "server/engine/index.h"

#include <assert.h>
#include <stdlib.h>

#include "fhir/search/index_key.h"
#include "server/engine/core.h"
#include "server/engine/record.h"

/* Bounds the values and keys of one version; see SEARCH_VALUES_MAX. */
#define SCRATCH_BYTES ((size_t)64 << 20)
/* --- the keys of a version --- */

/* All keys but that of _lastUpdated, when the values are not stamped. */
static enum err_code keys_of_values(const struct search_values *v,
                                    struct bytes id, struct arena *arena,
                                    struct index_list *out, struct err *e)
{
    *out = (struct index_list){NULL, 0};
    return index_keys(v, id, arena, &out->items, &out->n, e);
}

enum err_code index_of_record(const struct state *s,
                              const struct record_change *c,
                              struct arena *arena, struct index_list *out,
                              struct err *e)
{
    struct search_values *values = NULL;
    enum err_code code;

    *out = (struct index_list){NULL, 0};
    if (c->text.n == 0 || !c->text.p)
        return ERR_OK;
    code = search_values_read(c->text, s->base_url, arena, &values, e);
    if (code != ERR_OK)
        return code;
    search_values_stamp(values, c->time_ms);
    return keys_of_values(values, c->id, arena, out, e);
}

static enum err_code keys_of_change(const struct state *s, struct store_txn *t,
                                    uint64_t change, struct arena *arena,
                                    struct index_list *out, struct err *e)
{
    struct bytes record;
    struct record_change c;
    enum err_code code = store_log_get(t, change, &record, e);

    if (code == ERR_OK)
        code = record_change_read(record, &c, e);
    return code == ERR_OK ? index_of_record(s, &c, arena, out, e) : code;
}

/* --- preparing --- */

/* The keys of a that are not in b; both sorted. Copies go to the arena when
 * there is one. */
static bool subtract(struct index_list a, struct index_list b,
                     struct arena *arena, struct bytes **out, size_t *n)
{
    size_t k = 0;

    *n = 0;
    *out = arena_calloc(arena, a.n + 1, sizeof **out);
    if (!*out)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        int order = 1;

        while (k < b.n &&
               (order = index_key_compare(b.items[k], a.items[i])) < 0)
            k++;
        if (k < b.n && order == 0)
            continue;
        (*out)[(*n)++] = arena_copy(arena, a.items[i]);
    }
    return !arena_failed(arena);
}

/* The version that the command would follow, as of now. */
static enum err_code read_current(struct engine *g, const struct command *c,
                                  struct arena *scratch, uint64_t *upon,
                                  struct index_list *keys, struct err *e)
{
    struct store_txn *t = NULL;
    char raw[STATE_KEY_BYTES];
    struct current current = {0};
    struct bytes value = {NULL, 0};
    enum err_code code;

    state_lock_to_read(&g->state);
    code = store_begin_read(g->state.store, &t, e);
    if (code == ERR_OK)
        code =
            state_view_get(&g->state, t, VIEW_CURRENT,
                           state_current_key(c->type, c->id, raw), &value, e);
    if (code == ERR_OK)
        code = state_current_decode(value, &current, e);
    state_unlock(&g->state);
    *upon = current.change;
    if (code == ERR_OK)
        code = keys_of_change(&g->state, t, current.change, scratch, keys, e);
    store_abort(&t);
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static enum err_code prepare_one(struct engine *g, struct command *c,
                                 struct arena *scratch, struct err *e)
{
    struct index_list before = {NULL, 0}, after = {NULL, 0};
    struct index_change *x = arena_alloc(&c->arena, sizeof *x);
    enum err_code code = ERR_OK;

    if (!x)
        return err_nomem(e);
    if (c->kind != COMMAND_CREATE)
        code = read_current(g, c, scratch, &x->upon, &before, e);
    if (code == ERR_FORMAT)
        return ERR_OK; /* it is damaged: the writer answers the command so */
    if (code == ERR_OK && c->kind != COMMAND_DELETE && c->values)
        code = keys_of_values(c->values, c->id, scratch, &after, e);
    if (code != ERR_OK)
        return code;
    if (!subtract(after, before, &c->arena, &x->added, &x->added_count) ||
        !subtract(before, after, &c->arena, &x->removed, &x->removed_count))
        return err_nomem(e);
    c->index = x;
    return ERR_OK;
}

static enum err_code prepare_part(struct engine *g, struct command *c,
                                  struct err *e)
{
    struct arena scratch;
    enum err_code code;

    c->index = NULL;
    if (!index_types_has(&g->state.indexed, c->type))
        return ERR_OK;
    arena_init(&scratch, SCRATCH_BYTES);
    code = prepare_one(g, c, &scratch, e);
    arena_fini(&scratch);
    return code;
}

enum err_code index_prepare(struct engine *g, struct command *c, struct err *e)
{
    enum err_code code = ERR_OK;

    if (!c->parts)
        return prepare_part(g, c, e);
    for (struct command *part = c->parts; part && code == ERR_OK;
         part = part->next)
        code = prepare_part(g, part, e);
    return code;
}

/* --- staging --- */

static enum err_code stage_keys(struct batch *b, const struct bytes *keys,
                                size_t n, bool removed, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!runs_stage(&b->state->young_index, keys[i], removed))
            return err_nomem(e);
    return ERR_OK;
}

static enum err_code stage_written(struct batch *b,
                                   const struct record_change *c, struct err *e)
{
    char type[64], raw[INDEX_KEY_BYTES_MAX];
    struct bytes key;

    if (c->interaction == INTERACTION_DELETE)
        return ERR_OK;
    assert(c->type.n < sizeof type);
    memcpy(type, c->type.p, c->type.n);
    type[c->type.n] = '\0';
    key = index_key_written(type, c->time_ms, c->id, raw);
    return stage_keys(b, &key, 1, false, e);
}

/* Without a fitting preparation: all keys of the version before go, all of
 * this one come; what is staged last counts. */
static enum err_code stage_all(struct batch *b,
                               const struct index_source *source,
                               struct arena *scratch, struct err *e)
{
    const struct record_change *c = source->change;
    struct index_list keys = {NULL, 0};
    enum err_code code = ERR_OK;

    if (source->before)
        code = keys_of_values(source->before, c->id, scratch, &keys, e);
    else if (c->previous != 0)
        code = keys_of_change(b->state, source->txn, c->previous, scratch,
                              &keys, e);
    if (code == ERR_OK)
        code = stage_keys(b, keys.items, keys.n, true, e);
    if (code != ERR_OK)
        return code;
    code = source->values
               ? keys_of_values(source->values, c->id, scratch, &keys, e)
               : index_of_record(b->state, c, scratch, &keys, e);
    return code == ERR_OK ? stage_keys(b, keys.items, keys.n, false, e) : code;
}

bool index_is_prepared(const struct index_source *source)
{
    return source->prepared &&
           source->prepared->upon == source->change->previous;
}

bool index_looks_back(const struct batch *b, const struct index_source *source)
{
    return source->change->previous != 0 && !index_is_prepared(source) &&
           index_types_has(&b->state->indexed, source->change->type);
}

enum err_code index_stage(struct batch *b, const struct index_source *source,
                          struct err *e)
{
    const struct index_change *x = source->prepared;
    const struct record_change *c = source->change;
    struct arena scratch;
    enum err_code code;

    if (!index_types_has(&b->state->indexed, c->type))
        return ERR_OK;
    if (index_is_prepared(source)) {
        code = stage_keys(b, x->removed, x->removed_count, true, e);
        if (code == ERR_OK)
            code = stage_keys(b, x->added, x->added_count, false, e);
    } else {
        arena_init(&scratch, SCRATCH_BYTES);
        code = stage_all(b, source, &scratch, e);
        arena_fini(&scratch);
    }
    return code == ERR_OK ? stage_written(b, c, e) : code;
}
