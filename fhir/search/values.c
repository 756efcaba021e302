#include "fhir/search/values.h"

#include "fhir/json/gate.h"
#include "fhir/search/leaf.h"
#include "fhir/search/path.h"

#include <stdlib.h>

/* One parameter being extracted. */
struct extraction {
    struct leaf_sink *sink;
    const struct search_parameter *parameter;
    const struct search_path *path;
    bool present;
};

/* --- one parameter --- */

static void read_leaf(void *ctx, uint32_t element)
{
    struct extraction *x = ctx;

    if (leaf_read(x->sink, x->parameter, x->path, element))
        x->present = true;
}

/* The resource's own id, which what it will be stored under stands for. */
static bool is_own_id(const struct extraction *x)
{
    return x->sink->id.n > 0 && x->path->leaf == SEARCH_LEAF_ID &&
           strcmp(x->path->steps, "id") == 0;
}

static void walk_path(struct extraction *x, uint32_t from)
{
    struct bytes steps = bytes_of(x->path->steps);

    /* from the resource, wherever the rest of the parameter stands */
    if (bytes_starts(steps, "^")) {
        steps = bytes_from(steps, 1);
        from = JSON_ROOT;
    }
    if (is_own_id(x))
        read_leaf(x, JSON_ROOT);
    else
        path_walk(x->sink->tokens, from, steps, read_leaf, x);
}

static void walk_paths(struct extraction *x, uint32_t from)
{
    for (size_t i = 0; i < x->parameter->path_count; i++) {
        x->path = &x->parameter->paths[i];
        walk_path(x, from);
    }
}

/* --- composites --- */

static bool read_part(const struct extraction *x, size_t index,
                      uint32_t context, struct search_slot *slot)
{
    struct leaf_sink sink = {.tokens = x->sink->tokens,
                             .arena = x->sink->arena,
                             .base_url = x->sink->base_url,
                             .failed = x->sink->failed};
    struct extraction part = {.sink = &sink,
                              .parameter = &x->parameter->components[index]};

    walk_paths(&part, context);
    *slot = (struct search_slot){sink.values, sink.count, part.present};
    x->sink->failed = sink.failed;
    return sink.count > 0;
}

/* An element counts when each of the parts has a value there. */
static void read_context(void *ctx, uint32_t context)
{
    struct extraction *x = ctx;
    size_t n = x->parameter->component_count;
    struct search_slot *parts;
    bool complete = true;

    parts = arena_calloc(x->sink->arena, n, sizeof *parts);
    if (!parts) {
        x->sink->failed = ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < n && complete; i++)
        complete = read_part(x, i, context, &parts[i]);
    if (!complete)
        return;
    x->present = true;
    leaf_add(x->sink, (struct search_value){.parts = parts});
}

static void walk_contexts(struct extraction *x)
{
    struct bytes rest = bytes_of(x->parameter->contexts);
    bool more;

    do {
        size_t at = bytes_find(rest, '|');

        more = at < rest.n;
        path_walk(x->sink->tokens, JSON_ROOT, bytes_make(rest.p, at),
                  read_context, x);
        rest = bytes_from(rest, at + 1);
    } while (more);
}

/* --- all parameters --- */

static struct search_slot *extract_base(struct leaf_sink *sink,
                                        const struct search_base *base,
                                        struct search_slot *slot)
{
    for (size_t i = 0; i < base->count; i++, slot++) {
        struct extraction x = {.sink = sink, .parameter = &base->parameters[i]};
        size_t before = sink->count;

        if (x.parameter->type == SEARCH_COMPOSITE)
            walk_contexts(&x);
        else
            walk_paths(&x, JSON_ROOT);
        slot->present = x.present;
        slot->count = sink->count - before;
    }
    return slot;
}

/* The sink's array has moved while it grew; its values are in slot order. */
static void place_slots(struct search_values *v, size_t slot_count,
                        const struct search_value *values)
{
    for (size_t i = 0; i < slot_count; i++) {
        v->slots[i].values = values;
        if (v->slots[i].count > 0)
            values += v->slots[i].count;
    }
}

/* --- keys --- */

static void add_key(struct search_values *v, const struct search_parameter *p,
                    const struct search_value *value)
{
    if (p->type == SEARCH_REFERENCE && !value->by_identifier)
        v->keys[v->key_count++] = search_key_reference(p, &value->reference);
    else if (p->type == SEARCH_TOKEN && value->token.code.n > 0)
        v->keys[v->key_count++] = search_key_token(p, value->token.code);
    else if (p->type == SEARCH_URI)
        v->keys[v->key_count++] = search_key_uri(p, value->text);
}

static void add_keys(struct search_values *v, const struct search_parameter *p,
                     const struct search_slot *slot)
{
    for (size_t i = 0; i < slot->count; i++)
        add_key(v, p, &slot->values[i]);
}

static int compare_keys(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void make_keys_distinct(struct search_values *v)
{
    size_t kept = 0;

    if (v->key_count == 0)
        return;
    qsort(v->keys, v->key_count, sizeof *v->keys, compare_keys);
    for (size_t i = 1; i < v->key_count; i++)
        if (v->keys[i] != v->keys[kept])
            v->keys[++kept] = v->keys[i];
    v->key_count = kept + 1;
}

static void fill_keys(struct search_values *v, const struct search_base *common)
{
    const struct search_slot *slot = v->slots;

    for (size_t i = 0; i < v->base->count; i++)
        add_keys(v, &v->base->parameters[i], slot++);
    for (size_t i = 0; i < common->count; i++)
        add_keys(v, &common->parameters[i], slot++);
    make_keys_distinct(v);
}

/* --- interface --- */

static enum err_code extract(struct leaf_sink *sink, struct search_values *v,
                             struct err *e)
{
    const struct search_base *common = search_base_common();
    size_t slot_count = v->base->count + common->count;

    v->slots = arena_calloc(sink->arena, slot_count, sizeof *v->slots);
    if (!v->slots)
        return err_nomem(e);
    (void)extract_base(sink, common, extract_base(sink, v->base, v->slots));
    if (sink->failed == ERR_TOO_LARGE)
        return err_set(e, ERR_TOO_LARGE,
                       "the resource has more than %d values to search by",
                       SEARCH_VALUES_MAX);
    v->keys = arena_calloc(sink->arena, sink->count, sizeof *v->keys);
    v->last_updated = arena_alloc(sink->arena, sizeof *v->last_updated);
    if (sink->failed || !v->keys || !v->last_updated)
        return err_nomem(e);
    place_slots(v, slot_count, sink->values);
    fill_keys(v, common);
    return ERR_OK;
}

enum err_code search_values_extract(const struct search_source *source,
                                    struct arena *arena,
                                    struct search_values **out, struct err *e)
{
    struct json_tokens tokens = *source->tokens;
    struct leaf_sink sink = {
        .tokens = &tokens, .arena = arena, .base_url = source->base_url};
    struct search_values *v = arena_alloc(arena, sizeof *v);
    enum err_code code;
    uint32_t type;

    /* one copy of the text, which the values point into */
    tokens.text = arena_copy(arena, tokens.text);
    sink.id = arena_copy(arena, source->id);
    if (!v || !tokens.text.p || !sink.id.p)
        return err_nomem(e);
    type = json_token_member(&tokens, JSON_ROOT, bytes_of("resourceType"));
    v->base = search_base_find(leaf_text(&sink, type));
    if (!v->base)
        return err_set(e, ERR_BUG, "search values of an unknown type");
    code = extract(&sink, v, e);
    if (code == ERR_OK)
        *out = v;
    return code;
}

/* Both were refused when the text came. */
static enum err_code take_for_damage(enum err_code code, struct err *e)
{
    return code == ERR_SYNTAX || code == ERR_BUG
               ? err_set(e, ERR_FORMAT, "a stored text is no resource of R4")
               : code;
}

enum err_code search_values_read(struct bytes text, struct bytes base_url,
                                 struct arena *arena,
                                 struct search_values **out, struct err *e)
{
    struct json_tokens tokens = {.count = 0};
    struct search_source source = {.tokens = &tokens, .base_url = base_url};
    enum err_code code = json_gate_read(text, &tokens, e);
    uint32_t id;

    if (code == ERR_OK) {
        id = json_token_member(&tokens, JSON_ROOT, bytes_of("id"));
        if (id != JSON_NONE && json_token_first(&tokens, id) == '"')
            source.id = json_token_string(&tokens, id, arena);
        code = search_values_extract(&source, arena, out, e);
    }
    json_tokens_fini(&tokens);
    return take_for_damage(code, e);
}

void search_values_stamp(struct search_values *v, int64_t time_ms)
{
    const struct search_parameter *p =
        search_base_parameter(search_base_common(), bytes_of("_lastUpdated"));

    *v->last_updated = (struct search_value){.range = {time_ms, time_ms + 1}};
    v->slots[search_slot_index(v->base, p)] =
        (struct search_slot){v->last_updated, 1, true};
}

struct bytes search_values_type(const struct search_values *v)
{
    return bytes_of(v->base->type);
}

const uint64_t *search_values_keys(const struct search_values *v, size_t *n)
{
    *n = v->key_count;
    return v->keys;
}
