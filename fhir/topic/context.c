#include "fhir/topic/context.h"

#include "fhir/search/table.h"
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

/* One list of directives, of either direction. */
struct reading {
    const struct topic_node *node;
    struct context *context;
    const char *name; /* of the search parameter: "_include" */
    bool reverse;
    struct context_include *out; /* room for CONTEXT_INCLUDES_MAX */
    size_t count;
};

/* "_include=", "_include:iterate=" and "iterate=" in front of a directive. */
static bool strip_name(const struct reading *r, struct bytes *text,
                       bool *iterate)
{
    struct bytes rest;
    struct bytes name = bytes_split(*text, '=', &rest);
    size_t n = strlen(r->name);

    if (name.n == text->n)
        return true;
    *text = rest;
    if (bytes_is(name, "iterate")) {
        *iterate = true;
        return true;
    }
    if (name.n < n || memcmp(name.p, r->name, n) != 0)
        return false;
    name = bytes_from(name, n);
    *iterate = bytes_is(name, ":iterate");
    return *iterate || name.n == 0;
}

static const struct search_parameter *reference(const char *type,
                                                struct bytes code)
{
    const struct search_parameter *p =
        search_parameter_find(bytes_of(type), code);

    return p && search_parameter_type(p) == SEARCH_REFERENCE ? p : NULL;
}

static bool may_refer(const struct reading *r, const struct search_parameter *p)
{
    const struct context *c = r->context;

    return c->scope != TOPIC_SCOPE_TYPE ||
           search_parameter_targets(p, bytes_of(c->type));
}

/* Why the ends of a directive do not fit the shape. */
static const char *judge(const struct reading *r,
                         const struct search_parameter *p,
                         const struct context_include *d)
{
    if (d->iterate)
        return NULL;
    if (!r->reverse)
        return context_covers(r->context, d->source)
                   ? NULL
                   : "it is for another resource type than the shape";
    if (d->target && !context_covers(r->context, d->target))
        return "it is about another resource type than the shape";
    return may_refer(r, p) ? NULL
                           : "its parameter never refers to the shape's type";
}

/* Why the directive cannot be followed; NULL when it can. */
static const char *parse(const struct reading *r, struct bytes text,
                         struct context_include *out, struct bytes *code)
{
    const struct search_parameter *p;

    *out = (struct context_include){.iterate = false};
    if (!strip_name(r, &text, &out->iterate))
        return "it is not of the form Type:parameter";
    out->source = topic_type_find(take_part(&text));
    *code = take_part(&text);
    if (bytes_is(*code, "iterate") && text.n) {
        out->iterate = true;
        *code = take_part(&text);
    }
    if (bytes_is(text, "iterate")) {
        out->iterate = true;
        text = bytes_from(text, text.n);
    }
    if (!out->source)
        return "it does not begin with an R4 resource type";
    p = reference(out->source, *code);
    if (!p)
        return "its type has no reference parameter of that name that belfry "
               "can evaluate";
    if (text.n && !(out->target = topic_type_find(text)))
        return "its target is no R4 resource type";
    return judge(r, p, out);
}

static void read_directive(struct reading *r, const struct topic_node *n,
                           struct bytes text)
{
    struct context_include include;
    struct bytes code;
    const char *why = parse(r, text, &include, &code);

    if (!why && r->count == CONTEXT_INCLUDES_MAX)
        why = "belfry follows no more than 32 of them";
    if (why) {
        topic_node_warn(n, "'%.*s' is left out: %s", topic_quote_bytes(text),
                        text.p, why);
        return;
    }
    include.code = copy(n, code);
    if (include.code)
        r->out[r->count++] = include;
}

static void read_item(struct reading *r, const struct topic_node *n)
{
    struct bytes rest = bytes_of(topic_node_own_text(n));

    while (rest.n) {
        struct bytes part = bytes_split(rest, '&', &rest);

        read_directive(r, n, part);
    }
}

static void read_list(struct reading *r, const char *member)
{
    struct topic_node array;
    struct topic_node item;
    size_t index = 0;

    if (!topic_node_array(r->node, member, CONTEXT_INCLUDES_MAX, &array))
        return;
    r->out = calloc(CONTEXT_INCLUDES_MAX, sizeof *r->out);
    if (!r->out) {
        refuse_memory(r->node);
        return;
    }
    for (const cJSON *j = array.json->child; j; j = j->next) {
        topic_node_item(&array, j, index++, &item);
        read_item(r, &item);
    }
}

static void read_includes(const struct topic_node *n, struct context *c)
{
    struct reading to = {.node = n, .context = c, .name = "_include"};
    struct reading from = {
        .node = n, .context = c, .name = "_revinclude", .reverse = true};

    read_list(&to, "include");
    c->includes = to.out;
    c->include_count = to.count;
    read_list(&from, "revInclude");
    c->reverses = from.out;
    c->reverse_count = from.count;
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
    read_queries(n, out);
}

void context_fini(struct context *c)
{
    for (size_t i = 0; i < c->include_count; i++)
        free(c->includes[i].code);
    for (size_t i = 0; i < c->reverse_count; i++)
        free(c->reverses[i].code);
    for (size_t i = 0; i < c->query_count; i++) {
        free(c->queries[i].system);
        free(c->queries[i].code);
        free(c->queries[i].display);
        free(c->queries[i].query);
    }
    free(c->includes);
    free(c->reverses);
    free(c->queries);
    *c = (struct context){0};
}

bool context_covers(const struct context *c, const char *type)
{
    if (c->scope == TOPIC_SCOPE_TYPE)
        return strcmp(c->type, type) == 0;
    return topic_scope_has(c->scope, type);
}
