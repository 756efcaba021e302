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

static void read_primitive(struct leaf_sink *sink,
                           const struct search_path *path, const cJSON *element)
{
    add_plain(sink, path, leaf_text(sink, element));
}

static void read_boolean(struct leaf_sink *sink, const struct search_path *path,
                         const cJSON *element)
{
    if (cJSON_IsBool(element))
        add_plain(sink, path,
                  bytes_of(cJSON_IsTrue(element) ? "true" : "false"));
}

/* deceased.exists() and deceased != false */
static void read_deceased(struct leaf_sink *sink,
                          const struct search_path *path, const cJSON *element)
{
    bool dead = cJSON_IsTrue(leaf_member(element, "deceasedBoolean")) ||
                cJSON_IsString(leaf_member(element, "deceasedDateTime"));

    add_plain(sink, path, bytes_of(dead ? "true" : "false"));
}

static void read_coding(struct leaf_sink *sink, const struct search_path *path,
                        const cJSON *element)
{
    struct search_token token = {
        .system = leaf_text(sink, leaf_member(element, "system")),
        .code = leaf_text(sink, leaf_member(element, "code")),
        .text = leaf_text(sink, leaf_member(element, "display"))};

    (void)path;
    add_token(sink, token);
}

static void read_concept(struct leaf_sink *sink, const struct search_path *path,
                         const cJSON *element)
{
    const cJSON *codings = leaf_member(element, "coding");
    const cJSON *coding;

    if (cJSON_IsArray(codings))
        cJSON_ArrayForEach(coding, codings)
        {
            read_coding(sink, path, coding);
        }
    add_token(sink, (struct search_token){
                        .text = leaf_text(sink, leaf_member(element, "text"))});
}

/* The codings of Identifier.type, as a list. */
static const struct search_token_type *read_types(struct leaf_sink *sink,
                                                  const cJSON *type)
{
    const cJSON *coding, *codings = leaf_member(type, "coding");
    const struct search_token_type *list = NULL;

    if (!cJSON_IsArray(codings))
        return NULL;
    cJSON_ArrayForEach(coding, codings)
    {
        struct search_token_type *one = arena_alloc(sink->arena, sizeof *one);

        if (!one) {
            sink->failed = ERR_NOMEM;
            return NULL;
        }
        one->system = leaf_text(sink, leaf_member(coding, "system"));
        one->code = leaf_text(sink, leaf_member(coding, "code"));
        one->next = list;
        list = one;
    }
    return list;
}

static void read_identifier(struct leaf_sink *sink,
                            const struct search_path *path,
                            const cJSON *element)
{
    const cJSON *type = leaf_member(element, "type");
    struct search_token token = {
        .system = leaf_text(sink, leaf_member(element, "system")),
        .code = leaf_text(sink, leaf_member(element, "value")),
        .text = leaf_text(sink, leaf_member(type, "text")),
        .types = read_types(sink, type)};

    (void)path;
    add_token(sink, token);
}

/* R4's table gives a ContactPoint no system: its "system" says phone or
 * email. */
static void read_contact(struct leaf_sink *sink, const struct search_path *path,
                         const cJSON *element)
{
    read_primitive(sink, path, leaf_member(element, "value"));
}

void leaf_read_token(struct leaf_sink *sink, const struct search_path *path,
                     const cJSON *element)
{
    static leaf_reader *const readers[SEARCH_LEAF_URI + 1] = {
        [SEARCH_LEAF_BOOLEAN] = read_boolean,
        [SEARCH_LEAF_CODE] = read_primitive,
        [SEARCH_LEAF_CODEABLE_CONCEPT] = read_concept,
        [SEARCH_LEAF_CODING] = read_coding,
        [SEARCH_LEAF_CONTACT_POINT] = read_contact,
        [SEARCH_LEAF_DECEASED] = read_deceased,
        [SEARCH_LEAF_ID] = read_primitive,
        [SEARCH_LEAF_IDENTIFIER] = read_identifier,
        [SEARCH_LEAF_STRING] = read_primitive,
        [SEARCH_LEAF_URI] = read_primitive,
    };

    if (readers[path->leaf])
        readers[path->leaf](sink, path, element);
}
