#include "fhir/search/table.h"

#include "fhir/model/name.h"

#define PATH(leaf, steps)               \
    {                                   \
        SEARCH_LEAF_##leaf, steps, NULL \
    }
#define CODED(leaf, steps, system)        \
    {                                     \
        SEARCH_LEAF_##leaf, steps, system \
    }
#define PATHS(...)               \
    (const struct search_path[]) \
    {                            \
        __VA_ARGS__              \
    }
#define COUNT(...) (sizeof(__VA_ARGS__) / sizeof *(__VA_ARGS__))
#define COMPONENT(code, kind, targets, ...)               \
    {                                                     \
        code, SEARCH_##kind, targets, PATHS(__VA_ARGS__), \
            COUNT(PATHS(__VA_ARGS__)), NULL, NULL, 0      \
    }
#define COMPONENTS(...)               \
    (const struct search_parameter[]) \
    {                                 \
        __VA_ARGS__                   \
    }
#define SEARCH_PARAMETER(base, code, kind, targets, ...) \
    COMPONENT(code, kind, targets, __VA_ARGS__),
#define SEARCH_COMPOSITE(base, code, contexts, ...) \
    {code,                                          \
     SEARCH_COMPOSITE,                              \
     "",                                            \
     NULL,                                          \
     0,                                             \
     contexts,                                      \
     COMPONENTS(__VA_ARGS__),                       \
     COUNT(COMPONENTS(__VA_ARGS__))},
#define SEARCH_BASE(type, first, count)
static const struct search_parameter parameters[] = {
#include "profiles/r4/search-parameters.inc"
};
#undef SEARCH_BASE
#undef SEARCH_COMPOSITE
#undef SEARCH_PARAMETER

#define SEARCH_BASE(type, first, count) {#type, parameters + (first), count},
#define SEARCH_PARAMETER(...)
#define SEARCH_COMPOSITE(...)
static const struct search_base bases[] = {
#include "profiles/r4/search-parameters.inc"
};
#undef SEARCH_COMPOSITE
#undef SEARCH_PARAMETER
#undef SEARCH_BASE

#define BASE_COUNT (sizeof bases / sizeof *bases)
#define COMMON_BASE "Resource"

static const struct search_base *find_base(struct bytes type)
{
    size_t low = 0, high = BASE_COUNT;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = model_name_order(type, bases[middle].type);

        if (order == 0)
            return &bases[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* A NUL would end the comparison before the text does. */
static bool is_name(struct bytes text)
{
    return text.n > 0 && memchr(text.p, '\0', text.n) == NULL;
}

const struct search_base *search_base_find(struct bytes type)
{
    return is_name(type) && !bytes_is(type, COMMON_BASE) ? find_base(type)
                                                         : NULL;
}

const struct search_base *search_base_common(void)
{
    return find_base(bytes_of(COMMON_BASE));
}

const struct search_parameter *
search_base_parameter(const struct search_base *base, struct bytes code)
{
    size_t low = 0, high = base->count;

    while (is_name(code) && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = model_name_order(code, base->parameters[middle].code);

        if (order == 0)
            return &base->parameters[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t search_parameter_ordinal(const struct search_parameter *p)
{
    return (size_t)(p - parameters);
}

bool search_parameter_has_system(const struct search_parameter *p)
{
    for (size_t i = 0; i < p->path_count; i++)
        if (p->paths[i].system || p->paths[i].leaf == SEARCH_LEAF_CODING ||
            p->paths[i].leaf == SEARCH_LEAF_CODEABLE_CONCEPT ||
            p->paths[i].leaf == SEARCH_LEAF_IDENTIFIER)
            return true;
    return false;
}

bool search_parameter_has_leaf(const struct search_parameter *p,
                               enum search_leaf leaf)
{
    for (size_t i = 0; i < p->path_count; i++)
        if (p->paths[i].leaf == leaf)
            return true;
    return false;
}

bool search_parameter_targets(const struct search_parameter *p,
                              struct bytes type)
{
    struct bytes rest = bytes_of(p->targets);

    if (bytes_is(rest, "*"))
        return true;
    while (rest.n > 0)
        if (bytes_equal(bytes_split(rest, ' ', &rest), type))
            return true;
    return false;
}
