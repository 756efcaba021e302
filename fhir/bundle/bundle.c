#include "fhir/bundle/bundle.h"

#include <stdio.h>

#include "fhir/json/unescape.h"
#include "fhir/model/types.h"

enum err_code bundle_refuse(struct err *e, enum err_code code, size_t index,
                            const char *element, const char *text)
{
    char expression[ERR_EXPRESSION_BYTES];

    (void)snprintf(expression, sizeof expression, "Bundle.entry[%zu]%s%s",
                   index, element[0] ? "." : "", element);
    return err_set_at(e, code, expression, "%s", text);
}

/* The text of a string value, without escapes; {NULL, 0} when the member is
 * missing. False when it is no string, or without memory. */
static bool string_member(struct bytes text, struct json_span object,
                          const char *name, struct arena *arena,
                          struct bytes *out)
{
    struct json_item item;
    struct bytes raw;
    char *p;

    *out = bytes_make(NULL, 0);
    if (!json_member(text, object, name, &item))
        return true;
    raw = json_text(text, item.value);
    if (raw.n < 2 || raw.p[0] != '"')
        return false;
    raw = bytes_make(raw.p + 1, raw.n - 2);
    p = arena_alloc(arena, raw.n + 1);
    if (!p)
        return false;
    *out = bytes_make(p, json_unescape(raw, p));
    return true;
}

static bool method_of(struct bytes text, enum bundle_method *out)
{
    static const struct {
        const char *name;
        enum bundle_method method;
    } known[] = {{"GET", BUNDLE_GET},
                 {"POST", BUNDLE_POST},
                 {"PUT", BUNDLE_PUT},
                 {"DELETE", BUNDLE_DELETE}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (bytes_is(text, known[i].name)) {
            *out = known[i].method;
            return true;
        }
    return false;
}

/* What stands behind the base URL and the '/' after it. */
static struct bytes relative_to(struct bytes url, struct bytes base_url)
{
    if (url.n > base_url.n && url.p[base_url.n] == '/' &&
        memcmp(url.p, base_url.p, base_url.n) == 0)
        return bytes_from(url, base_url.n + 1);
    return url;
}

static enum err_code read_method(struct bytes text, struct json_span request,
                                 struct arena *arena, struct bundle_entry *out,
                                 struct err *e)
{
    struct bytes method;

    if (!string_member(text, request, "method", arena, &method) || !method.p)
        return bundle_refuse(e, ERR_INVALID, out->index, "request.method",
                             "a method is needed");
    if (!method_of(method, &out->method))
        return bundle_refuse(e, ERR_NOT_SUPPORTED, out->index, "request.method",
                             "the method is not GET, POST, PUT or DELETE");
    return ERR_OK;
}

/* "Type?criteria" of an update or a delete. */
static enum err_code read_criteria(struct bytes url, struct bundle_entry *out,
                                   struct err *e)
{
    if (out->method != BUNDLE_PUT && out->method != BUNDLE_DELETE)
        return bundle_refuse(e, ERR_NOT_SUPPORTED, out->index, "request.url",
                             "a search is not supported here");
    out->type = bytes_split(url, '?', &out->criteria);
    if (!model_is_resource_type(out->type))
        return bundle_refuse(e, ERR_INVALID, out->index, "request.url",
                             "it does not begin with an R4 resource type");
    if (out->criteria.n == 0)
        return bundle_refuse(e, ERR_INVALID, out->index, "request.url",
                             "a resource type and an id are needed");
    return ERR_OK;
}

/* "Type", "Type/id", "Type/id/_history/version", as the method needs it. */
static enum err_code read_url(struct bytes text, struct json_span request,
                              struct bytes base_url, struct arena *arena,
                              struct bundle_entry *out, struct err *e)
{
    struct bytes url, rest, word;

    if (!string_member(text, request, "url", arena, &url) || !url.p)
        return bundle_refuse(e, ERR_INVALID, out->index, "request.url",
                             "a URL is needed");
    url = relative_to(url, base_url);
    if (bytes_find(url, '?') < url.n)
        return read_criteria(url, out, e);
    out->type = bytes_split(url, '/', &rest);
    out->id = bytes_split(rest, '/', &rest);
    word = bytes_split(rest, '/', &rest);
    out->version = bytes_split(rest, '/', &rest);
    if (!model_is_resource_type(out->type))
        return bundle_refuse(e, ERR_INVALID, out->index, "request.url",
                             "it does not begin with an R4 resource type");
    if (out->method == BUNDLE_POST ? out->id.n > 0 : !model_is_id(out->id))
        return bundle_refuse(e, ERR_INVALID, out->index, "request.url",
                             out->method == BUNDLE_POST
                                 ? "a POST has a resource type alone"
                                 : "a resource type and an id are needed");
    if (rest.n > 0 ||
        (word.n > 0 && (out->method != BUNDLE_GET ||
                        !bytes_is(word, "_history") || out->version.n == 0)))
        return bundle_refuse(e, ERR_NOT_SUPPORTED, out->index, "request.url",
                             "this is not supported in a bundle");
    return ERR_OK;
}

static enum err_code read_conditions(struct bytes text,
                                     struct json_span request,
                                     struct arena *arena,
                                     struct bundle_entry *out, struct err *e)
{
    struct bytes unsupported, criteria;

    if (!string_member(text, request, "ifMatch", arena, &out->if_match))
        return bundle_refuse(e, ERR_INVALID, out->index, "request.ifMatch",
                             "this is no entity tag");
    if (!string_member(text, request, "ifNoneMatch", arena,
                       &out->if_none_match))
        return bundle_refuse(e, ERR_INVALID, out->index, "request.ifNoneMatch",
                             "this is no entity tag");
    if (!string_member(text, request, "ifNoneExist", arena, &criteria) ||
        (criteria.p && (criteria.n == 0 || out->method != BUNDLE_POST)))
        return bundle_refuse(e, ERR_INVALID, out->index, "request.ifNoneExist",
                             "it is the query part of a POST");
    if (criteria.p)
        out->criteria = criteria;
    if (!string_member(text, request, "ifModifiedSince", arena, &unsupported) ||
        unsupported.p)
        return bundle_refuse(e, ERR_NOT_SUPPORTED, out->index,
                             "request.ifModifiedSince",
                             "this is not supported in a bundle");
    return ERR_OK;
}

static enum err_code read_resource(struct bytes text, struct json_span entry,
                                   struct bundle_entry *out, struct err *e)
{
    bool wanted = out->method == BUNDLE_POST || out->method == BUNDLE_PUT;
    struct json_item item, type;
    char name[65];

    if (!json_member(text, entry, "resource", &item))
        return wanted ? bundle_refuse(e, ERR_INVALID, out->index, "resource",
                                      "a resource is needed")
                      : ERR_OK;
    if (!wanted)
        return bundle_refuse(e, ERR_INVALID, out->index, "resource",
                             "GET and DELETE have no resource");
    out->resource = item.value;
    (void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(out->type));
    if (text.p[item.value.begin] != '{' ||
        !json_member(text, item.value, "resourceType", &type) ||
        !json_string_is(text, type.value, name))
        return bundle_refuse(e, ERR_INVALID, out->index,
                             "resource.resourceType",
                             "it is not the type of the URL");
    return ERR_OK;
}

static enum err_code read_entry(struct bytes text, struct json_span span,
                                struct bytes base_url, struct arena *arena,
                                struct bundle_entry *out, struct err *e)
{
    struct json_item request;
    enum err_code code;

    if (text.p[span.begin] != '{' ||
        !json_member(text, span, "request", &request) ||
        text.p[request.value.begin] != '{')
        return bundle_refuse(e, ERR_INVALID, out->index, "request",
                             "an entry has a request");
    if (!string_member(text, span, "fullUrl", arena, &out->full_url))
        return bundle_refuse(e, ERR_INVALID, out->index, "fullUrl",
                             "this is no URL");
    code = read_method(text, request.value, arena, out, e);
    if (code == ERR_OK)
        code = read_url(text, request.value, base_url, arena, out, e);
    if (code == ERR_OK)
        code = read_conditions(text, request.value, arena, out, e);
    return code == ERR_OK ? read_resource(text, span, out, e) : code;
}

/* Of a batch the error is the entry's own. */
static enum err_code keep_refusal(const struct bundle *b, struct arena *arena,
                                  struct bundle_entry *entry,
                                  const struct err *why, struct err *e)
{
    entry->refused = why->code;
    entry->err = arena_alloc(arena, sizeof *entry->err);
    if (!entry->err)
        return err_nomem(e);
    *entry->err = *why;
    if (b->kind == BUNDLE_BATCH)
        return ERR_OK;
    *e = *why;
    return why->code;
}

static enum err_code read_entries(struct bytes text, struct json_span list,
                                  struct bytes base_url, struct arena *arena,
                                  struct bundle *out, struct err *e)
{
    struct json_item item;
    size_t position = 0, n = 0;

    while (json_next(text, list, &position, &item))
        n++;
    if (n > BUNDLE_ENTRIES_MAX)
        return err_set_at(e, ERR_TOO_LARGE, "Bundle.entry",
                          "a bundle has at most %d entries",
                          BUNDLE_ENTRIES_MAX);
    out->entries = arena_calloc(arena, n ? n : 1, sizeof *out->entries);
    if (!out->entries)
        return err_nomem(e);
    position = 0;
    while (json_next(text, list, &position, &item)) {
        struct bundle_entry *entry = &out->entries[out->count];
        struct err why;
        enum err_code code;

        entry->index = out->count++;
        code = read_entry(text, item.value, base_url, arena, entry, &why);
        if (code != ERR_OK)
            code = keep_refusal(out, arena, entry, &why, e);
        if (code != ERR_OK)
            return code;
    }
    return arena_failed(arena) ? err_nomem(e) : ERR_OK;
}

enum err_code bundle_read(struct bytes text, struct bytes base_url,
                          struct arena *arena, struct bundle *out,
                          struct err *e)
{
    struct json_span root = json_root(text);
    struct json_item item;

    *out = (struct bundle){.kind = BUNDLE_BATCH};
    if (!json_member(text, root, "resourceType", &item) ||
        !json_string_is(text, item.value, "Bundle"))
        return err_set_at(e, ERR_INVALID, "Bundle.resourceType",
                          "a POST to the base takes a Bundle");
    if (!json_member(text, root, "type", &item) ||
        (!json_string_is(text, item.value, "batch") &&
         !json_string_is(text, item.value, "transaction")))
        return err_set_at(e, ERR_INVALID, "Bundle.type",
                          "the type is not batch or transaction");
    if (json_string_is(text, item.value, "transaction"))
        out->kind = BUNDLE_TRANSACTION;
    if (!json_member(text, root, "entry", &item))
        return ERR_OK;
    if (text.p[item.value.begin] != '[')
        return err_set_at(e, ERR_INVALID, "Bundle.entry", "this is no list");
    return read_entries(text, item.value, base_url, arena, out, e);
}
