#include "fhir/fhirpath/functions.h"

#include "fhir/fhirpath/navigate.h"
#include "fhir/fhirpath/types.h"
#include "fhir/model/element.h"
#include "fhir/model/value_set.h"
#include "fhir/model/xhtml.h"

#define STRUCTURES "http://hl7.org/fhir/StructureDefinition/"
#define URL_SHOWN 120

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static struct bytes text_of(const cJSON *json)
{
    return cJSON_IsString(json) ? bytes_of(json->valuestring)
                                : bytes_make(NULL, 0);
}

static int shown(struct bytes text)
{
    return (int)(text.n < URL_SHOWN ? text.n : URL_SHOWN);
}

/* --- types --- */

bool function_is(struct evaluation *ev, const struct call *call,
                 struct fhirpath_collection *out)
{
    return types_is(ev, call->node, call->focus, out);
}

bool function_as(struct evaluation *ev, const struct call *call,
                 struct fhirpath_collection *out)
{
    return types_as(ev, call->node, call->focus, out);
}

bool function_of_type(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    return types_filter(ev, call->node, call->focus, out);
}

bool function_type(struct evaluation *ev, const struct call *call,
                   struct fhirpath_collection *out)
{
    for (size_t i = 0; i < call->focus->n; i++) {
        struct fhirpath_type *type = eval_alloc(ev, sizeof *type);
        bool is_system;

        if (!type)
            return false;
        type->name = fhirpath_type_name(&call->focus->items[i], &is_system);
        type->space = bytes_of(is_system ? "System" : "FHIR");
        if (!eval_add(
                ev, out,
                (struct fhirpath_item){.kind = FHIRPATH_TYPE, .type = type}))
            return false;
    }
    return true;
}

/* --- values and extensions (R4 fhirpath.html, "Additional functions") --- */

static bool has_value(struct evaluation *ev, const struct call *call,
                      struct fhirpath_item *out)
{
    const struct fhirpath_item *item = call->focus->items;

    if (call->focus->n != 1)
        return false;
    if (item->kind == FHIRPATH_NODE &&
        (cJSON_IsObject(item->node.json) || cJSON_IsArray(item->node.json)))
        return false;
    return eval_value(ev, item, out);
}

bool function_has_value(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    struct fhirpath_item value;

    return eval_add_boolean(ev, out, has_value(ev, call, &value));
}

bool function_get_value(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    struct fhirpath_item value;

    return !has_value(ev, call, &value) || eval_add(ev, out, value);
}

static bool add_extensions(struct evaluation *ev,
                           const struct fhirpath_item *item, struct bytes url,
                           struct fhirpath_collection *out)
{
    struct fhirpath_collection all = {NULL, 0, 0};

    if (!navigate_named(ev, item, "extension", &all))
        return false;
    for (size_t i = 0; i < all.n; i++)
        if (bytes_equal(text_of(member(all.items[i].node.json, "url")), url) &&
            !eval_add(ev, out, all.items[i]))
            return false;
    return true;
}

bool function_extension(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    struct fhirpath_item url;
    bool present;

    if (!eval_argument(ev, call, 0, FHIRPATH_STRING, &url, &present))
        return false;
    for (size_t i = 0; present && i < call->focus->n; i++)
        if (!add_extensions(ev, &call->focus->items[i], url.string, out))
            return false;
    return true;
}

/* Of the XHTML of a narrative: is it what R4 allows (txt-1, txt-2)? */
bool function_html_checks(struct evaluation *ev, const struct call *call,
                          struct fhirpath_collection *out)
{
    struct fhirpath_item text;
    bool present;

    if (!eval_one_of(ev, call->node, call->focus, FHIRPATH_STRING, &text,
                     &present))
        return false;
    return !present ||
           eval_add_boolean(ev, out, xhtml_problem(text.string) == NULL);
}

/* --- resolve() --- */

static const cJSON *root_of(const struct evaluation *ev)
{
    return ev->input->root ? ev->input->root : ev->input->resource;
}

static const cJSON *find_contained(const cJSON *root, struct bytes id)
{
    const cJSON *resource;

    if (id.n == 0)
        return root;
    cJSON_ArrayForEach(
        resource,
        member(root,
               "contained")) if (bytes_equal(text_of(member(resource, "id")),
                                             id)) return resource;
    return NULL;
}

/* The full URL itself, or "Type/id" at its end. */
static bool is_entry(struct bytes url, struct bytes reference)
{
    if (bytes_equal(url, reference))
        return url.n > 0;
    return url.n > reference.n && reference.n > 0 &&
           url.p[url.n - reference.n - 1] == '/' &&
           bytes_equal(bytes_from(url, url.n - reference.n), reference);
}

static const cJSON *find_entry(const cJSON *root, struct bytes reference)
{
    const cJSON *entry;

    if (!bytes_is(text_of(member(root, "resourceType")), "Bundle"))
        return NULL;
    cJSON_ArrayForEach(
        entry,
        member(root,
               "entry")) if (is_entry(text_of(member(entry, "fullUrl")),
                                      reference)) return member(entry,
                                                                "resource");
    return NULL;
}

static const cJSON *find_resource(struct evaluation *ev, struct bytes reference)
{
    const cJSON *found;

    if (bytes_starts(reference, "#"))
        return find_contained(root_of(ev), bytes_from(reference, 1));
    found = find_entry(root_of(ev), reference);
    if (!found && ev->input->resolve)
        found = ev->input->resolve(ev->input->resolve_ctx, reference);
    return found;
}

bool function_resolve(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    for (size_t i = 0; i < call->focus->n; i++) {
        const struct fhirpath_item *item = &call->focus->items[i];
        struct fhirpath_item value;
        struct bytes reference = {NULL, 0};
        const cJSON *found;

        if (item->kind == FHIRPATH_NODE && cJSON_IsObject(item->node.json))
            reference = text_of(member(item->node.json, "reference"));
        else if (eval_value(ev, item, &value) && value.kind == FHIRPATH_STRING)
            reference = value.string;
        if (!eval_step(ev, 10))
            return false;
        found = reference.n > 0 ? find_resource(ev, reference) : NULL;
        if (found && !eval_add(ev, out, fhirpath_resource(found)))
            return false;
    }
    return true;
}

/* --- conformsTo() and memberOf() --- */

static bool take_url(struct evaluation *ev, const struct call *call,
                     struct bytes *url, bool *present)
{
    struct fhirpath_item item;

    if (!eval_argument(ev, call, 0, FHIRPATH_STRING, &item, present))
        return false;
    if (*present)
        *url = item.string;
    return true;
}

/* belfry has R4's own types and no other profiles. */
bool function_conforms_to(struct evaluation *ev, const struct call *call,
                          struct fhirpath_collection *out)
{
    const struct model_type *type = NULL;
    const struct fhirpath_item *item = call->focus->items;
    struct bytes url;
    bool present;

    if (!take_url(ev, call, &url, &present))
        return false;
    if (!present || call->focus->n == 0)
        return true;
    if (call->focus->n > 1)
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "conformsTo() of %zu items", call->focus->n);
    if (bytes_starts(url, STRUCTURES))
        type = model_type_find(bytes_from(url, strlen(STRUCTURES)));
    if (!type)
        return eval_fail(ev, call->node, ERR_NOT_SUPPORTED,
                         "there is no definition of %.*s here", shown(url),
                         url.p);
    return eval_add_boolean(ev, out,
                            item->kind == FHIRPATH_NODE && item->node.type &&
                                model_type_is(item->node.type, type));
}

static bool has_coding(const struct model_value_set *set, const cJSON *coding)
{
    return model_value_set_has_coding(set, text_of(member(coding, "system")),
                                      text_of(member(coding, "code")));
}

static bool is_member(struct evaluation *ev, const struct model_value_set *set,
                      const struct fhirpath_item *item)
{
    const cJSON *json = item->kind == FHIRPATH_NODE ? item->node.json : NULL;
    struct fhirpath_item value;
    const cJSON *coding;

    if (cJSON_IsObject(json) && cJSON_IsArray(member(json, "coding"))) {
        cJSON_ArrayForEach(
            coding,
            member(json, "coding")) if (has_coding(set, coding)) return true;
        return false;
    }
    if (cJSON_IsObject(json))
        return has_coding(set, json);
    return eval_value(ev, item, &value) && value.kind == FHIRPATH_STRING &&
           model_value_set_has_code(set, value.string);
}

bool function_member_of(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    const struct model_value_set *set;
    struct bytes url;
    bool present;

    if (!take_url(ev, call, &url, &present))
        return false;
    if (!present || call->focus->n == 0)
        return true;
    if (call->focus->n > 1)
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "memberOf() of %zu items", call->focus->n);
    set = model_value_set_find(url);
    if (!set || !model_value_set_is_listed(set))
        return eval_fail(ev, call->node, ERR_NOT_SUPPORTED,
                         "there is no list of the codes of %.*s here",
                         shown(url), url.p);
    return eval_add_boolean(ev, out,
                            is_member(ev, set, &call->focus->items[0]));
}
