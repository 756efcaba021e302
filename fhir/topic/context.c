#include "fhir/topic/context.h"

#include "fhir/search/parameter.h"
#include "storage/base/bytes.h"

#include <stdlib.h>

#define RELATED_QUERY                                \
    "http://hl7.org/fhir/uv/subscriptions-backport/" \
    "StructureDefinition/backport-related-query"

static const char *const CONTEXT_MEMBERS[] = {
    "id",      "extension",  "description", "resource",
    "include", "revInclude", NULL};

static void refuse_memory(const struct topic_node *n)
{
    issues_add(n->issues, ERR_NOMEM, n->path, "out of memory");
}

static char *copy(const struct topic_node *n, struct bytes text)
{
    char *p = strndup(text.p, text.n);

    if (!p)
        refuse_memory(n);
    return p;
}

/* ---- includes ---- */

/* The next part of "Type:parameter:Target"; published topics also write
 * "Type.parameter". */
static struct bytes take_part(struct bytes *text)
{
    size_t n = 0;
    struct bytes part;

    while (n < text->n && text->p[n] != ':' && text->p[n] != '.')
        n++;
    part = bytes_make(text->p, n);
    *text = bytes_from(*text, n + 1);
    return part;
}

/* "_include=", "_include:iterate=" and "iterate=" in front of a directive. */
static bool strip_name(struct bytes *text, bool *iterate)
{
    struct bytes rest;
    struct bytes name = bytes_split(*text, '=', &rest);

    if (name.n == text->n)
        return true;
    *text = rest;
    if (bytes_is(name, "iterate") || bytes_is(name, "_include:iterate")) {
        *iterate = true;
        return true;
    }
    return bytes_is(name, "_include");
}

static bool is_reference(const char *type, struct bytes code)
{
    const struct search_parameter *p =
        search_parameter_find(bytes_of(type), code);

    return p && search_parameter_type(p) == SEARCH_REFERENCE;
}

/* Why the directive cannot be followed; NULL when it can. */
static const char *parse(struct bytes text, const struct context *c,
                         struct context_include *out, struct bytes *code)
{
    struct bytes target;

    *out = (struct context_include){.iterate = false};
    if (!strip_name(&text, &out->iterate))
        return "it is not of the form Type:parameter";
    out->source = topic_type_find(take_part(&text));
    *code = take_part(&text);
    if (bytes_is(*code, "iterate") && text.n) {
        out->iterate = true;
        *code = take_part(&text);
    }
    target = text;
    if (!out->source)
        return "it does not begin with an R4 resource type";
    if (!out->iterate && !context_covers(c, out->source))
        return "it is for another resource type than the shape";
    if (!is_reference(out->source, *code))
        return "its type has no reference parameter of that name that belfry "
               "can evaluate";
    if (target.n && !(out->target = topic_type_find(target)))
        return "its target is no R4 resource type";
    return NULL;
}

static void read_directive(const struct topic_node *n, struct bytes text,
                           struct context *c)
{
    struct context_include include;
    struct bytes code;
    const char *why = parse(text, c, &include, &code);

    if (!why && c->include_count == CONTEXT_INCLUDES_MAX)
        why = "belfry follows no more than 32 of them";
    if (why) {
        topic_node_warn(n, "'%.*s' is left out: %s", topic_quote_bytes(text),
                        text.p, why);
        return;
    }
    include.code = copy(n, code);
    if (include.code)
        c->includes[c->include_count++] = include;
}

static void read_include(const struct topic_node *n, struct context *c)
{
    struct bytes rest = bytes_of(topic_node_own_text(n));

    while (rest.n) {
        struct bytes part = bytes_split(rest, '&', &rest);

        read_directive(n, part, c);
    }
}

static void read_includes(const struct topic_node *n, struct context *c)
{
    struct topic_node array;
    struct topic_node item;
    size_t index = 0;

    if (!topic_node_array(n, "include", CONTEXT_INCLUDES_MAX, &array))
        return;
    c->includes = calloc(CONTEXT_INCLUDES_MAX, sizeof *c->includes);
    if (!c->includes) {
        refuse_memory(n);
        return;
    }
    for (const cJSON *j = array.json->child; j; j = j->next) {
        topic_node_item(&array, j, index++, &item);
        read_include(&item, c);
    }
}

/* What refers to the focus would have to be known as of the event. */
static void warn_reverse(const struct topic_node *n)
{
    struct topic_node array;
    struct topic_node item;
    size_t index = 0;

    if (!topic_node_array(n, "revInclude", CONTEXT_INCLUDES_MAX, &array))
        return;
    for (const cJSON *j = array.json->child; j; j = j->next) {
        const char *text;

        topic_node_item(&array, j, index++, &item);
        text = topic_node_own_text(&item);
        if (text)
            topic_node_warn(&item,
                            "'%.*s' is left out: belfry follows no "
                            "references to the resource that changed",
                            TOPIC_QUOTE(text));
    }
}

/* ---- related queries ---- */

static const cJSON *part_of(const cJSON *extension, const char *url,
                            const char *value)
{
    const cJSON *part;

    cJSON_ArrayForEach(part,
                       cJSON_GetObjectItemCaseSensitive(extension, "extension"))
    {
        const char *name =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(part, "url"));

        if (name && strcmp(name, url) == 0)
            return cJSON_GetObjectItemCaseSensitive(part, value);
    }
    return NULL;
}

static char *copy_member(const struct topic_node *n, const cJSON *coding,
                         const char *name)
{
    const char *text =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(coding, name));

    return text ? copy(n, bytes_of(text)) : NULL;
}

static void read_query(const struct topic_node *n, struct context *c)
{
    const cJSON *type = part_of(n->json, "queryType", "valueCoding");
    const char *query =
        cJSON_GetStringValue(part_of(n->json, "query", "valueString"));
    struct context_query *q = &c->queries[c->query_count];

    if (!query || !query[0]) {
        topic_node_warn(n, "is left out: a related query needs a query");
        return;
    }
    if (c->query_count == CONTEXT_QUERIES_MAX) {
        topic_node_warn(n,
                        "is left out: belfry tells of no more than %d "
                        "related queries",
                        CONTEXT_QUERIES_MAX);
        return;
    }
    q->query = copy(n, bytes_of(query));
    q->system = copy_member(n, type, "system");
    q->code = copy_member(n, type, "code");
    q->display = copy_member(n, type, "display");
    c->query_count++;
}

static bool is_related_query(const cJSON *extension)
{
    const char *url = cJSON_GetStringValue(
        cJSON_GetObjectItemCaseSensitive(extension, "url"));

    return url && strcmp(url, RELATED_QUERY) == 0;
}

static void read_queries(const struct topic_node *n, struct context *c)
{
    struct topic_node array;
    struct topic_node item;
    size_t index = 0;

    if (!topic_node_member(n, "extension", &array) ||
        !cJSON_IsArray(array.json))
        return;
    c->queries = calloc(CONTEXT_QUERIES_MAX + 1, sizeof *c->queries);
    if (!c->queries) {
        refuse_memory(n);
        return;
    }
    for (const cJSON *j = array.json->child; j; j = j->next) {
        topic_node_item(&array, j, index++, &item);
        if (is_related_query(j))
            read_query(&item, c);
    }
}

/* ---- the whole ---- */

void context_read(const struct topic_node *n, struct context *out)
{
    *out = (struct context){.scope = TOPIC_SCOPE_ABSENT};
    if (!topic_node_only(n, CONTEXT_MEMBERS))
        return;
    out->scope = topic_node_scope(n, "resource", TOPIC_REQUIRED, &out->type);
    if (out->scope == TOPIC_SCOPE_UNKNOWN)
        topic_node_warn(n, "is left out: its resource is no R4 resource type");
    if (out->scope == TOPIC_SCOPE_UNKNOWN || out->scope == TOPIC_SCOPE_ABSENT)
        return;
    read_includes(n, out);
    warn_reverse(n);
    read_queries(n, out);
}

void context_fini(struct context *c)
{
    for (size_t i = 0; i < c->include_count; i++)
        free(c->includes[i].code);
    for (size_t i = 0; i < c->query_count; i++) {
        free(c->queries[i].system);
        free(c->queries[i].code);
        free(c->queries[i].display);
        free(c->queries[i].query);
    }
    free(c->includes);
    free(c->queries);
    *c = (struct context){0};
}

bool context_covers(const struct context *c, const char *type)
{
    if (c->scope == TOPIC_SCOPE_TYPE)
        return strcmp(c->type, type) == 0;
    return topic_scope_has(c->scope, type);
}
