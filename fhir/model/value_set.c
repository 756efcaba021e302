#include "fhir/model/value_set.h"

#include "fhir/model/name.h"

#define CODES(url, ...)                                                 \
    {                                                                   \
        url, (const char *const[]){__VA_ARGS__},                        \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *) \
    }
#define SYSTEMS(...)             \
    (const struct model_codes[]) \
    {                            \
        __VA_ARGS__              \
    }
#define MODEL_VALUE_SET(id, url, ...) \
    {url, SYSTEMS(__VA_ARGS__),       \
     sizeof(SYSTEMS(__VA_ARGS__)) / sizeof(struct model_codes)},
#define MODEL_VALUE_SET_OPEN(id, url) {url, NULL, 0},
static const struct model_value_set value_sets[] = {
#include "profiles/r4/value-sets.inc"
};
#undef MODEL_VALUE_SET_OPEN
#undef MODEL_VALUE_SET
#undef SYSTEMS
#undef CODES

const struct model_value_set *model_value_set_of(enum model_value_set_id id)
{
    return id < MODEL_VALUE_SET_NONE ? &value_sets[id] : NULL;
}

const struct model_value_set *model_value_set_find(struct bytes canonical)
{
    struct bytes version;
    struct bytes url = bytes_split(canonical, '|', &version);
    size_t low = 0, high = MODEL_VALUE_SET_NONE;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = model_name_order(url, value_sets[middle].canonical);

        if (order == 0)
            return &value_sets[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool model_value_set_is_listed(const struct model_value_set *set)
{
    return set->system_count > 0;
}

static bool has_code(const struct model_codes *list, struct bytes code)
{
    return model_name_is_among(code, list->codes, list->count);
}

bool model_value_set_has_code(const struct model_value_set *set,
                              struct bytes code)
{
    for (size_t i = 0; i < set->system_count; i++)
        if (has_code(&set->systems[i], code))
            return true;
    return false;
}

bool model_value_set_has_coding(const struct model_value_set *set,
                                struct bytes system, struct bytes code)
{
    for (size_t i = 0; i < set->system_count; i++)
        if (bytes_is(system, set->systems[i].system) &&
            has_code(&set->systems[i], code))
            return true;
    return false;
}
