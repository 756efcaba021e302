#include "fhir/search/leaf.h"

/* where(resolve() is X), as far as the reference alone says what it points
 * at: by its text or by its type. */
static bool is_to_target(struct leaf_sink *sink,
                         const struct search_parameter *p, uint32_t element)
{
    uint32_t text = leaf_member(sink, element, "reference");
    uint32_t type = leaf_member(sink, element, "type");
    struct search_reference reference;
    struct bytes named = {NULL, 0};

    if (search_reference_parse(leaf_text(sink, text), sink->base_url,
                               &reference))
        named = search_reference_type(&reference);
    if (named.n == 0)
        named = leaf_text(sink, type);
    return named.n > 0 && search_parameter_targets(p, named);
}

static bool is_of_target(struct leaf_sink *sink,
                         const struct search_parameter *p, uint32_t element)
{
    struct bytes type =
        leaf_text(sink, leaf_member(sink, element, "resourceType"));

    return type.n > 0 && search_parameter_targets(p, type);
}

static bool counts(struct leaf_sink *sink, const struct search_parameter *p,
                   enum search_leaf leaf, uint32_t element)
{
    switch ((int)leaf) {
    case SEARCH_LEAF_REFERENCE_TO_TARGET:
        return is_to_target(sink, p, element);
    case SEARCH_LEAF_RESOURCE:
        return is_of_target(sink, p, element);
    case SEARCH_LEAF_LAST_UPDATED:
        return false;
    default:
        return leaf_first(sink, element) != 'n';
    }
}

bool leaf_read(struct leaf_sink *sink, const struct search_parameter *p,
               const struct search_path *path, uint32_t element)
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
