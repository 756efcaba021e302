#include "fhir/model/element.h"

#include "fhir/model/name.h"
#include "fhir/model/value_set.h"

/* The JSON name of an element or, for the FHIR name of a choice, no type. */
struct model_member {
    const char *name;
    unsigned short element; /* index in the type's own */
    unsigned short type;    /* enum model_type_id */
};

static const struct model_type types[MODEL_TYPE_COUNT];

#define ONE false
#define MANY true
#define USE(id, targets, simple)                 \
    {                                            \
        &types[MODEL_TYPE_##id], targets, simple \
    }
#define TYPE(id) USE(id, NULL, false)
#define TYPE_TO(id, targets) USE(id, targets, false)
#define TYPE_SIMPLE(id) USE(id, NULL, true)
#define USES(...)                   \
    (const struct model_type_use[]) \
    {                               \
        __VA_ARGS__                 \
    }
#define ROW(name, min, many, choice, set, ...)               \
    {name,                                                   \
     USES(__VA_ARGS__),                                      \
     sizeof(USES(__VA_ARGS__)) / sizeof(*USES(__VA_ARGS__)), \
     min,                                                    \
     many,                                                   \
     choice,                                                 \
     MODEL_VALUE_SET_##set},
#define MODEL_TYPE(...)
#define MODEL_ELEMENT(name, min, many, set, ...) \
    ROW(name, min, many, false, set, __VA_ARGS__)
#define MODEL_CHOICE(name, min, many, set, ...) \
    ROW(name, min, many, true, set, __VA_ARGS__)
static const struct model_element elements[] = {
#include "profiles/r4/elements.inc"
};
#undef MODEL_TYPE
#undef MODEL_ELEMENT
#undef MODEL_CHOICE
#undef ROW
#undef USES
#undef TYPE_SIMPLE
#undef TYPE_TO
#undef TYPE
#undef USE
#undef MANY
#undef ONE

#define MODEL_MEMBER(name, element, type) {name, element, MODEL_TYPE_##type},
static const struct model_member members[] = {
#include "profiles/r4/members.inc"
};
#undef MODEL_MEMBER

#define BASE(id) \
    (MODEL_TYPE_##id == MODEL_TYPE_NONE ? NULL : &types[MODEL_TYPE_##id])
#define MODEL_TYPE(id, name, kind, base, first_element, element_count, \
                   required, first_member, member_count)               \
    {name,                                                             \
     MODEL_TYPE_##id,                                                  \
     MODEL_##kind,                                                     \
     BASE(base),                                                       \
     elements + (first_element),                                       \
     element_count,                                                    \
     required,                                                         \
     members + (first_member),                                         \
     member_count},
#define MODEL_ELEMENT(...)
#define MODEL_CHOICE(...)
static const struct model_type types[MODEL_TYPE_COUNT] = {
#include "profiles/r4/elements.inc"
};
#undef MODEL_TYPE
#undef MODEL_ELEMENT
#undef MODEL_CHOICE
#undef BASE

const struct model_type *model_type_of(enum model_type_id id)
{
    return id < MODEL_TYPE_COUNT ? &types[id] : NULL;
}

const struct model_type *model_type_find(struct bytes name)
{
    size_t low = 0, high = MODEL_TYPE_COUNT;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = model_name_order(name, types[middle].name);

        if (order == 0)
            return &types[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool model_type_is(const struct model_type *type,
                   const struct model_type *ancestor)
{
    while (type && type != ancestor)
        type = type->base;
    return type != NULL;
}

bool model_type_is_abstract(const struct model_type *type)
{
    return type->id == MODEL_TYPE_Element ||
           type->id == MODEL_TYPE_BackboneElement ||
           type->id == MODEL_TYPE_Resource ||
           type->id == MODEL_TYPE_DomainResource;
}

static const struct model_member *find_own(const struct model_type *type,
                                           struct bytes name)
{
    size_t low = 0, high = type->member_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = model_name_order(name, type->members[middle].name);

        if (order == 0)
            return &type->members[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* The member and, in *type, the type that it is an own member of. */
static const struct model_member *find_member(const struct model_type **type,
                                              struct bytes name)
{
    const struct model_member *found = NULL;

    while (*type && !(found = find_own(*type, name)))
        *type = (*type)->base;
    return found;
}

const struct model_element *model_type_element(const struct model_type *type,
                                               struct bytes name)
{
    const struct model_member *found = find_member(&type, name);
    const struct model_element *element;

    if (!found)
        return NULL;
    element = &type->elements[found->element];
    /* "valueQuantity" finds the choice too, but is not its name */
    return model_name_order(name, element->name) == 0 ? element : NULL;
}

bool model_type_member(const struct model_type *type, struct bytes name,
                       struct model_found *out)
{
    const struct model_member *found = find_member(&type, name);

    if (!found || found->type == MODEL_TYPE_NONE)
        return false;
    out->element = &type->elements[found->element];
    out->type = &types[found->type];
    return true;
}

const struct model_type_use *
model_element_use(const struct model_element *element,
                  const struct model_type *type)
{
    for (size_t i = 0; i < element->type_count; i++)
        if (element->types[i].type == type)
            return &element->types[i];
    return NULL;
}

bool model_use_targets(const struct model_type_use *use, struct bytes type)
{
    struct bytes rest = bytes_of(use->targets);

    if (bytes_is(rest, "*"))
        return true;
    while (rest.n > 0)
        if (bytes_equal(bytes_split(rest, ' ', &rest), type))
            return true;
    return false;
}
