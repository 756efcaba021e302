#include "fhir/search/values.h"

#include "fhir/search/leaf.h"

#include <assert.h>
#include <stdlib.h>

/* --- walking a path --- */

/* One step of the walk: the element it stands at and, when that is one of an
 * array, where to go on. */
struct level {
    const cJSON *element;
    bool in_array;
    struct bytes rest; /* the steps below it */
};

static const cJSON *member(const cJSON *object, struct bytes name)
{
    const cJSON *child;

    if (!cJSON_IsObject(object))
        return NULL;
    cJSON_ArrayForEach(child, object)
    {
        if (child->string && strncmp(child->string, name.p, name.n) == 0 &&
            child->string[name.n] == '\0')
            return child;
    }
    return NULL;
}

static struct level enter(const cJSON *object, struct bytes steps)
{
    struct level level;
    struct bytes name = bytes_split(steps, '.', &level.rest);
    const cJSON *found = member(object, name);

    level.in_array = cJSON_IsArray(found);
    level.element = level.in_array ? found->child : found;
    return level;
}

static bool walk_path(struct leaf_sink *sink, const struct search_parameter *p,
                      const struct search_path *path, const cJSON *resource)
{
    struct level stack[SEARCH_PATH_DEPTH_MAX];
    size_t depth = 1;
    bool present = false;

    assert(path->steps);
    stack[0] = enter(resource, bytes_of(path->steps));
    while (depth > 0) {
        struct level *top = &stack[depth - 1];
        const cJSON *element = top->element;

        if (!element) {
            depth--;
            continue;
        }
        top->element = top->in_array ? element->next : NULL;
        if (top->rest.n == 0) {
            if (leaf_read(sink, p, path->leaf, element))
                present = true;
        } else {
            assert(depth < SEARCH_PATH_DEPTH_MAX);
            stack[depth++] = enter(element, top->rest);
        }
    }
    return present;
}

/* --- all parameters --- */

static struct search_slot *extract_base(struct leaf_sink *sink,
                                        const struct search_base *base,
                                        const cJSON *resource,
                                        struct search_slot *slot)
{
    for (size_t i = 0; i < base->count; i++, slot++) {
        const struct search_parameter *p = &base->parameters[i];
        size_t before = sink->count;

        for (size_t k = 0; k < p->path_count; k++)
            if (walk_path(sink, p, &p->paths[k], resource))
                slot->present = true;
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

static void add_keys(struct search_values *v, const struct search_parameter *p,
                     const struct search_slot *slot)
{
    for (size_t i = 0; i < slot->count; i++) {
        const struct search_value *value = &slot->values[i];

        if (p->type == SEARCH_REFERENCE)
            v->keys[v->key_count++] =
                search_key_reference(p, &value->reference);
        else if (p->type == SEARCH_TOKEN && value->token.code.n > 0)
            v->keys[v->key_count++] = search_key_token(p, value->token.code);
    }
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
    *out = v;
    return ERR_OK;
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
