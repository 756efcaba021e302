#include "fhir/model/types.h"

static const char *const types[] = {
#define RESOURCE_TYPE(name) #name,
#include "profiles/r4/resource-types.inc"
#undef RESOURCE_TYPE
};

#define TYPE_COUNT (sizeof types / sizeof *types)
#define ID_BYTES_MAX 64

/* The order of strcmp() for a text without a NUL behind it. */
static int compare(struct bytes name, const char *type)
{
    int order = strncmp(name.p, type, name.n);

    return order != 0 ? order : type[name.n] == '\0' ? 0 : -1;
}

bool model_is_resource_type(struct bytes name)
{
    size_t low = 0, high = TYPE_COUNT;

    /* a NUL would end the comparison before the name does */
    if (name.n == 0 || memchr(name.p, '\0', name.n))
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(name, types[middle]);

        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
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
