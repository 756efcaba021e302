#include "fhir/search/leaf.h"

/* where(resolve() is X), as far as the reference alone says what it points
 * at: by its text or by its type. */
static bool is_to_target(const struct leaf_sink *sink,
                         const struct search_parameter *p, const cJSON *element)
{
    const cJSON *text = leaf_member(element, "reference");
    const cJSON *type = leaf_member(element, "type");
    struct search_reference reference;
    struct bytes named = {NULL, 0};

    if (cJSON_IsString(text) &&
        search_reference_parse(bytes_of(text->valuestring), sink->base_url,
                               &reference))
        named = search_reference_type(&reference);
    if (named.n == 0 && cJSON_IsString(type))
        named = bytes_of(type->valuestring);
    return named.n > 0 && search_parameter_targets(p, named);
}

static bool is_of_target(const struct search_parameter *p, const cJSON *element)
{
    const cJSON *type = leaf_member(element, "resourceType");

    return cJSON_IsString(type) &&
           search_parameter_targets(p, bytes_of(type->valuestring));
}

static bool counts(const struct leaf_sink *sink,
                   const struct search_parameter *p, enum search_leaf leaf,
                   const cJSON *element)
{
    switch ((int)leaf) {
    case SEARCH_LEAF_REFERENCE_TO_TARGET:
        return is_to_target(sink, p, element);
    case SEARCH_LEAF_RESOURCE:
        return is_of_target(p, element);
    case SEARCH_LEAF_LAST_UPDATED:
        return false;
    default:
        return !cJSON_IsNull(element);
    }
}

bool leaf_read(struct leaf_sink *sink, const struct search_parameter *p,
               const struct search_path *path, const cJSON *element)
{
    static leaf_reader *const readers[] = {
        [SEARCH_TOKEN] = leaf_read_token,
        [SEARCH_REFERENCE] = leaf_read_reference,
        [SEARCH_DATE] = leaf_read_date,
        [SEARCH_STRING] = leaf_read_string,
        [SEARCH_NUMBER] = leaf_read_number,
        [SEARCH_QUANTITY] = leaf_read_number,
        [SEARCH_URI] = leaf_read_string,
    };

    if (!counts(sink, p, path->leaf, element))
        return false;
    readers[p->type](sink, path, element);
    return true;
}
