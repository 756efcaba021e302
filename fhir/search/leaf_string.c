#include "fhir/search/leaf_sink.h"

static void add_text(struct leaf_sink *sink, uint32_t node)
{
    struct bytes text = leaf_text(sink, node);

    if (text.n > 0)
        leaf_add(sink, (struct search_value){.text = text});
}

/* One string or each of an array of them. */
static void add_texts(struct leaf_sink *sink, uint32_t node)
{
    const struct json_tokens *t = sink->tokens;

    if (leaf_first(sink, node) != '[') {
        add_text(sink, node);
        return;
    }
    for (uint32_t i = node + 1; i < json_token(t, node)->next;
         i = json_token(t, i)->next)
        add_text(sink, i);
}

/* R4 search.html, string: the parts that a name or an address is searched
 * by. */
static void add_parts(struct leaf_sink *sink, uint32_t element,
                      const char *const parts[])
{
    for (size_t i = 0; parts[i]; i++)
        add_texts(sink, leaf_member(sink, element, parts[i]));
}

void leaf_read_string(struct leaf_sink *sink, const struct search_path *path,
                      uint32_t element)
{
    static const char *const of_name[] = {"family", "given", "prefix",
                                          "suffix", "text",  NULL};
    static const char *const of_address[] = {"line",  "city",    "district",
                                             "state", "country", "postalCode",
                                             "text",  NULL};

    switch ((int)path->leaf) {
    case SEARCH_LEAF_HUMAN_NAME:
        add_parts(sink, element, of_name);
        break;
    case SEARCH_LEAF_ADDRESS:
        add_parts(sink, element, of_address);
        break;
    default:
        add_text(sink, element);
        break;
    }
}
