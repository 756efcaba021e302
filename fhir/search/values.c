#include "fhir/search/values.h"

#include "fhir/search/leaf.h"
#include "fhir/search/path.h"

#include <stdlib.h>

/* One parameter being extracted. */
struct extraction {
    struct leaf_sink *sink;
    const cJSON *resource;
    const struct search_parameter *parameter;
    const struct search_path *path;
    bool present;
};

/* --- one parameter --- */

static void read_leaf(void *ctx, const cJSON *element)
{
    struct extraction *x = ctx;

    if (leaf_read(x->sink, x->parameter, x->path, element))
        x->present = true;
}

/* "^" in front of the steps: from the resource, wherever the rest stands. */
static void walk_paths(struct extraction *x, const cJSON *from)
{
    for (size_t i = 0; i < x->parameter->path_count; i++) {
        struct bytes steps = bytes_of(x->parameter->paths[i].steps);

        x->path = &x->parameter->paths[i];
        if (bytes_starts(steps, "^"))
            path_walk(x->resource, bytes_from(steps, 1), read_leaf, x);
        else
            path_walk(from, steps, read_leaf, x);
    }
}

/* --- composites --- */

static bool read_part(const struct extraction *x, size_t index,
                      const cJSON *context, struct search_slot *slot)
{
    struct leaf_sink sink = {.arena = x->sink->arena,
                             .base_url = x->sink->base_url,
                             .failed = x->sink->failed};
    struct extraction part = {.sink = &sink,
                              .resource = x->resource,
                              .parameter = &x->parameter->components[index]};

    walk_paths(&part, context);
    *slot = (struct search_slot){sink.values, sink.count, part.present};
    x->sink->failed = sink.failed;
    return sink.count > 0;
}

/* An element counts when each of the parts has a value there. */
static void read_context(void *ctx, const cJSON *context)
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
        path_walk(x->resource, bytes_make(rest.p, at), read_context, x);
        rest = bytes_from(rest, at + 1);
    } while (more);
}

/* --- all parameters --- */

static struct search_slot *extract_base(struct leaf_sink *sink,
                                        const struct search_base *base,
                                        const cJSON *resource,
                                        struct search_slot *slot)
{
    for (size_t i = 0; i < base->count; i++, slot++) {
        struct extraction x = {.sink = sink,
                               .resource = resource,
                               .parameter = &base->parameters[i]};
        size_t before = sink->count;

        if (x.parameter->type == SEARCH_COMPOSITE)
            walk_contexts(&x);
        else
            walk_paths(&x, resource);
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

enum err_code search_values_extract(const cJSON *resource,
                                    struct bytes base_url, struct arena *arena,
                                    struct search_values **out, struct err *e)
{
    const cJSON *type =
        cJSON_GetObjectItemCaseSensitive(resource, "resourceType");
    const struct search_base *common = search_base_common();
    struct leaf_sink sink = {.arena = arena, .base_url = base_url};
    struct search_values *v = arena_alloc(arena, sizeof *v);
    size_t slot_count;

    if (!v)
        return err_nomem(e);
    v->base = cJSON_IsString(type)
                  ? search_base_find(bytes_of(type->valuestring))
                  : NULL;
    if (!v->base)
        return err_set(e, ERR_BUG, "search values of an unknown type");
    slot_count = v->base->count + common->count;
    v->slots = arena_calloc(arena, slot_count, sizeof *v->slots);
    if (!v->slots)
        return err_nomem(e);
    (void)extract_base(&sink, common, resource,
                       extract_base(&sink, v->base, resource, v->slots));
    if (sink.failed == ERR_TOO_LARGE)
        return err_set(e, ERR_TOO_LARGE,
                       "the resource has more than %d values to search by",
                       SEARCH_VALUES_MAX);
    v->keys = arena_calloc(arena, sink.count, sizeof *v->keys);
    if (sink.failed || !v->keys)
        return err_nomem(e);
    place_slots(v, slot_count, sink.values);
    fill_keys(v, common);
    v->last_updated = arena_alloc(arena, sizeof *v->last_updated);
    if (!v->last_updated)
        return err_nomem(e);
    *out = v;
    return ERR_OK;
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
