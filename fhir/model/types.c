#include "fhir/model/types.h"

#include "fhir/model/name.h"

static const char *const types[] = {
#define RESOURCE_TYPE(name) #name,
#include "profiles/r4/resource-types.inc"
#undef RESOURCE_TYPE
};

#define TYPE_COUNT (sizeof types / sizeof *types)
#define ID_BYTES_MAX 64

bool model_is_resource_type(struct bytes name)
{
    return model_name_is_among(name, types, TYPE_COUNT);
}

size_t model_resource_type_count(void)
{
    return TYPE_COUNT;
}

const char *model_resource_type(size_t index)
{
    return index < TYPE_COUNT ? types[index] : NULL;
}

static bool is_id_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool model_is_id(struct bytes text)
{
    if (text.n == 0 || text.n > ID_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (!is_id_character(text.p[i]))
            return false;
    return true;
}
