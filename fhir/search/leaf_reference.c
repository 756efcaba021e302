#include "fhir/search/leaf_sink.h"

static void add(struct leaf_sink *sink, struct search_reference reference,
                bool by_identifier)
{
    if (reference.id.n > 0)
        leaf_add(sink, (struct search_value){.reference = reference,
                                             .by_identifier = by_identifier});
}

/* For ":identifier": its system stands where a type does else. */
static void read_identifier(struct leaf_sink *sink, uint32_t identifier)
{
    struct search_reference reference = {
        .type = leaf_text(sink, leaf_member(sink, identifier, "system")),
        .id = leaf_text(sink, leaf_member(sink, identifier, "value"))};

    add(sink, reference, true);
}

static void read_reference(struct leaf_sink *sink, uint32_t element)
{
    struct bytes text =
        leaf_text(sink, leaf_member(sink, element, "reference"));
    uint32_t identifier = leaf_member(sink, element, "identifier");
    struct search_reference reference;

    if (search_reference_parse(text, sink->base_url, &reference))
        add(sink, reference, false);
    if (identifier != JSON_NONE)
        read_identifier(sink, identifier);
}

static void read_canonical(struct leaf_sink *sink, uint32_t element)
{
    struct bytes text = leaf_text(sink, element);
    struct search_reference reference;

    if (search_reference_parse_canonical(text, &reference))
        add(sink, reference, false);
}

static void read_resource(struct leaf_sink *sink, uint32_t element)
{
    struct search_reference reference = {
        .type = leaf_text(sink, leaf_member(sink, element, "resourceType")),
        .id = leaf_text(sink, leaf_member(sink, element, "id"))};

    add(sink, reference, false);
}

void leaf_read_reference(struct leaf_sink *sink, const struct search_path *path,
                         uint32_t element)
{
    switch ((int)path->leaf) {
    case SEARCH_LEAF_REFERENCE:
    case SEARCH_LEAF_REFERENCE_TO_TARGET:
        read_reference(sink, element);
        break;
    case SEARCH_LEAF_CANONICAL:
        read_canonical(sink, element);
        break;
    case SEARCH_LEAF_RESOURCE:
        read_resource(sink, element);
        break;
    case SEARCH_LEAF_URI:
        add(sink, (struct search_reference){.id = leaf_text(sink, element)},
            false);
        break;
    default:
        break;
    }
}
