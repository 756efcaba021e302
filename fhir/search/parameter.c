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
    switch (type) {
    case SEARCH_TOKEN:
        return "token";
    case SEARCH_REFERENCE:
        return "reference";
    case SEARCH_DATE:
        return "date";
    }
    return "";
}
