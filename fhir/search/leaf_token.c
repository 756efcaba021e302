#include "fhir/search/leaf_sink.h"

static void add_token(struct leaf_sink *sink, struct search_token token)
{
    if (token.system.n > 0 || token.code.n > 0 || token.text.n > 0)
        leaf_add(sink, (struct search_value){.token = token});
}

/* A code or boolean element has no system of its own: its definition may
 * imply one. */
static void add_plain(struct leaf_sink *sink, const struct search_path *path,
                      struct bytes code)
{
    struct search_token token = {
        .code = code, .system = bytes_of(path->system), .implied = true};

    if (code.n > 0)
        add_token(sink, token);
}

/* What stands in for the resource's own id counts before it is written. */
static void read_id(struct leaf_sink *sink, const struct search_path *path,
                    uint32_t element)
{
    add_plain(sink, path,
              element == JSON_ROOT ? sink->id : leaf_text(sink, element));
}

static void read_primitive(struct leaf_sink *sink,
                           const struct search_path *path, uint32_t element)
{
    add_plain(sink, path, leaf_text(sink, element));
}

static void read_boolean(struct leaf_sink *sink, const struct search_path *path,
                         uint32_t element)
{
    char first = leaf_first(sink, element);

    if (first == 't' || first == 'f')
        add_plain(sink, path, bytes_of(first == 't' ? "true" : "false"));
}

/* deceased.exists() and deceased != false */
static void read_deceased(struct leaf_sink *sink,
                          const struct search_path *path, uint32_t element)
{
    uint32_t said = leaf_member(sink, element, "deceasedBoolean");
    uint32_t time = leaf_member(sink, element, "deceasedDateTime");
    bool dead = leaf_first(sink, said) == 't' || leaf_first(sink, time) == '"';

    add_plain(sink, path, bytes_of(dead ? "true" : "false"));
}

static void read_coding(struct leaf_sink *sink, const struct search_path *path,
                        uint32_t element)
{
    struct search_token token = {
        .system = leaf_text(sink, leaf_member(sink, element, "system")),
        .code = leaf_text(sink, leaf_member(sink, element, "code")),
        .text = leaf_text(sink, leaf_member(sink, element, "display"))};

    (void)path;
    add_token(sink, token);
}

static void read_concept(struct leaf_sink *sink, const struct search_path *path,
                         uint32_t element)
{
    uint32_t codings = leaf_member(sink, element, "coding");
    const struct json_tokens *t = sink->tokens;

    if (leaf_first(sink, codings) == '[')
        for (uint32_t i = codings + 1; i < json_token(t, codings)->next;
             i = json_token(t, i)->next)
            read_coding(sink, path, i);
    add_token(sink,
              (struct search_token){
                  .text = leaf_text(sink, leaf_member(sink, element, "text"))});
}

/* The codings of Identifier.type, as a list. */
static const struct search_token_type *read_types(struct leaf_sink *sink,
                                                  uint32_t type)
{
    const struct json_tokens *t = sink->tokens;
    uint32_t codings = leaf_member(sink, type, "coding");
    const struct search_token_type *list = NULL;

    if (leaf_first(sink, codings) != '[')
        return NULL;
    for (uint32_t i = codings + 1; i < json_token(t, codings)->next;
         i = json_token(t, i)->next) {
        struct search_token_type *one = arena_alloc(sink->arena, sizeof *one);

        if (!one) {
            sink->failed = ERR_NOMEM;
            return NULL;
        }
        one->system = leaf_text(sink, leaf_member(sink, i, "system"));
        one->code = leaf_text(sink, leaf_member(sink, i, "code"));
        one->next = list;
        list = one;
    }
    return list;
}

static void read_identifier(struct leaf_sink *sink,
                            const struct search_path *path, uint32_t element)
{
    uint32_t type = leaf_member(sink, element, "type");
    struct search_token token = {
        .system = leaf_text(sink, leaf_member(sink, element, "system")),
        .code = leaf_text(sink, leaf_member(sink, element, "value")),
        .text = leaf_text(sink, leaf_member(sink, type, "text")),
        .types = read_types(sink, type)};

    (void)path;
    add_token(sink, token);
}

/* R4's table gives a ContactPoint no system: its "system" says phone or
 * email. */
static void read_contact(struct leaf_sink *sink, const struct search_path *path,
                         uint32_t element)
{
    read_primitive(sink, path, leaf_member(sink, element, "value"));
}

void leaf_read_token(struct leaf_sink *sink, const struct search_path *path,
                     uint32_t element)
{
    static leaf_reader *const readers[SEARCH_LEAF_URI + 1] = {
        [SEARCH_LEAF_BOOLEAN] = read_boolean,
        [SEARCH_LEAF_CODE] = read_primitive,
        [SEARCH_LEAF_CODEABLE_CONCEPT] = read_concept,
        [SEARCH_LEAF_CODING] = read_coding,
        [SEARCH_LEAF_CONTACT_POINT] = read_contact,
        [SEARCH_LEAF_DECEASED] = read_deceased,
        [SEARCH_LEAF_ID] = read_id,
        [SEARCH_LEAF_IDENTIFIER] = read_identifier,
        [SEARCH_LEAF_STRING] = read_primitive,
        [SEARCH_LEAF_URI] = read_primitive,
    };

    if (readers[path->leaf])
        readers[path->leaf](sink, path, element);
}
