#include "fhir/search/parameter.h"

#include "fhir/search/table.h"

const struct search_parameter *search_parameter_find(struct bytes resource_type,
                                                     struct bytes code)
{
    const struct search_base *base = search_base_find(resource_type);
    const struct search_parameter *found;

    if (!base)
        return NULL;
    found = search_base_parameter(base, code);
    return found ? found : search_base_parameter(search_base_common(), code);
}

enum search_type search_parameter_type(const struct search_parameter *p)
{
    return p->type;
}

const char *search_parameter_code(const struct search_parameter *p)
{
    return p->code;
}

const char *search_type_name(enum search_type type)
{
    static const char *const names[] = {
        [SEARCH_TOKEN] = "token",   [SEARCH_REFERENCE] = "reference",
        [SEARCH_DATE] = "date",     [SEARCH_STRING] = "string",
        [SEARCH_NUMBER] = "number", [SEARCH_QUANTITY] = "quantity",
        [SEARCH_URI] = "uri",       [SEARCH_COMPOSITE] = "composite",
    };

    return names[type];
}

bool search_type_compares(enum search_type type)
{
    return type == SEARCH_DATE || type == SEARCH_NUMBER ||
           type == SEARCH_QUANTITY;
}
