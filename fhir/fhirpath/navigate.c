#include "fhir/fhirpath/navigate.h"

#include <assert.h>

#include "fhir/model/element.h"

/* A name looked for among the members of one object. */
struct search {
    struct evaluation *ev;
    const struct model_type *parent;     /* NULL: not known */
    const struct model_element *element; /* NULL: not known */
    const char *name;
    size_t name_bytes;
    struct fhirpath_collection *out;
};

const struct model_type *navigate_resource_type(const cJSON *json)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "resourceType");

    return cJSON_IsString(name) ? model_type_find(bytes_of(name->valuestring))
                                : NULL;
}

static struct fhirpath_item make_node(const cJSON *json, const cJSON *more,
                                      const struct model_type *type)
{
    struct fhirpath_item item = {.kind = FHIRPATH_NODE,
                                 .node = {json, more, type}};

    if (cJSON_IsNull(json))
        item.node.json = NULL;
    if (more && !cJSON_IsObject(more))
        item.node.more = NULL;
    if (type && type->kind == MODEL_RESOURCE && cJSON_IsObject(json))
        item.node.type = navigate_resource_type(json);
    return item;
}

static bool add_node(struct evaluation *ev, const cJSON *json,
                     const cJSON *more, const struct model_type *type,
                     struct fhirpath_collection *out)
{
    struct fhirpath_item item = make_node(json, more, type);

    if (!item.node.json && !item.node.more)
        return true;
    return eval_add(ev, out, item);
}

/* value and _value pair up, element by element when they are arrays. */
static bool add_member(struct evaluation *ev, const cJSON *json,
                       const cJSON *more, const struct model_type *type,
                       struct fhirpath_collection *out)
{
    const cJSON *item = json && cJSON_IsArray(json) ? json->child : NULL;
    const cJSON *item_more = more && cJSON_IsArray(more) ? more->child : NULL;

    if (!cJSON_IsArray(json) && !cJSON_IsArray(more))
        return add_node(ev, json, more, type, out);
    while (item || item_more) {
        if (!eval_step(ev, 1) || !add_node(ev, item, item_more, type, out))
            return false;
        item = item ? item->next : NULL;
        item_more = item_more ? item_more->next : NULL;
    }
    return true;
}

/* Of a member of an object. */
static const char *name_of(const cJSON *member)
{
    return member->string ? member->string : "";
}

/* The member of the name, or the one of "_name" beside it. */
static const cJSON *find_name(const cJSON *object, bool beside,
                              const char *name)
{
    for (const cJSON *m = object->child; m; m = m->next) {
        const char *have = name_of(m);

        if ((have[0] == '_') == beside && have[beside] == name[0] &&
            strcmp(have + beside, name) == 0)
            return m;
    }
    return NULL;
}

static bool is_primitive(const struct model_type *type)
{
    return !type || type->kind == MODEL_PRIMITIVE;
}

/* --- by name --- */

static bool find_plain(const struct search *s, const cJSON *object,
                       const struct model_type *type)
{
    const cJSON *json = NULL;
    const cJSON *more = NULL;
    bool pairs = is_primitive(type);

    for (const cJSON *m = object->child; m; m = m->next) {
        const char *have = name_of(m);
        bool beside = have[0] == '_';

        if (have[beside] != s->name[0] || strcmp(have + beside, s->name) != 0)
            continue;
        if (!beside)
            json = m;
        else if (pairs)
            more = m;
        if (!pairs && json)
            break;
    }
    if (!json && !more)
        return true;
    return add_member(s->ev, json, more, type, s->out);
}

/* A choice: the member's name has the type behind the element's. */
static bool find_choice(const struct search *s, const cJSON *object)
{
    for (const cJSON *m = object->child; m; m = m->next) {
        bool beside = name_of(m)[0] == '_';
        const char *name = name_of(m) + beside;
        struct model_found found;
        const cJSON *json = beside ? NULL : m;
        const cJSON *more = beside ? m : NULL;

        if (name[0] != s->name[0] ||
            strncmp(name, s->name, s->name_bytes) != 0 ||
            !model_type_member(s->parent, bytes_of(name), &found) ||
            found.element != s->element)
            continue;
        if (beside && find_name(object, false, name))
            continue;
        if (!beside && is_primitive(found.type))
            more = find_name(object, true, name);
        if (!add_member(s->ev, json, more, found.type, s->out))
            return false;
    }
    return true;
}

static bool search_object(struct search *s, const cJSON *object)
{
    if (!cJSON_IsObject(object) || !object->child)
        return true;
    if (s->parent && !s->element)
        return true;
    if (!s->element)
        return find_plain(s, object, NULL);
    if (s->element->choice)
        return find_choice(s, object);
    return find_plain(s, object, s->element->types[0].type);
}

static bool search_item(struct search *s, const struct fhirpath_item *item)
{
    if (item->kind == FHIRPATH_TYPE) {
        bool space = strcmp(s->name, "namespace") == 0;

        if (!space && strcmp(s->name, "name") != 0)
            return true;
        return eval_add_text(s->ev, s->out,
                             space ? item->type->space : item->type->name);
    }
    if (item->kind != FHIRPATH_NODE)
        return true;
    if (!search_object(s, item->node.json))
        return false;
    return !item->node.more || search_object(s, item->node.more);
}

bool navigate_member(struct evaluation *ev, const struct node *n,
                     const struct fhirpath_item *item,
                     struct fhirpath_collection *out)
{
    struct search s = {
        .ev = ev, .name = n->name.p, .name_bytes = n->name.n, .out = out};

    assert(n->name.p); /* a member has a name */
    if (item->kind == FHIRPATH_NODE && item->node.type) {
        s.parent = item->node.type;
        s.element = n->known_type == s.parent
                        ? n->known_element
                        : model_type_element(s.parent, n->name);
    }
    return search_item(&s, item);
}

bool navigate_named(struct evaluation *ev, const struct fhirpath_item *item,
                    const char *name, struct fhirpath_collection *out)
{
    struct node n = {.kind = NODE_MEMBER, .name = bytes_of(name)};

    return navigate_member(ev, &n, item, out);
}

/* --- all of them --- */

static bool add_children(struct evaluation *ev, const struct model_type *parent,
                         const cJSON *object, struct fhirpath_collection *out)
{
    if (!cJSON_IsObject(object))
        return true;
    for (const cJSON *m = object->child; m; m = m->next) {
        bool beside = name_of(m)[0] == '_';
        const char *name = name_of(m) + beside;
        struct model_found found = {NULL, NULL};
        const cJSON *more = beside ? m : NULL;

        if (parent && !model_type_member(parent, bytes_of(name), &found))
            continue;
        if (beside && find_name(object, false, name))
            continue;
        if (!beside && is_primitive(found.type))
            more = find_name(object, true, name);
        if (!parent && strcmp(name, "resourceType") == 0)
            continue;
        if (!eval_step(ev, 1) ||
            !add_member(ev, beside ? NULL : m, more, found.type, out))
            return false;
    }
    return true;
}

bool navigate_children(struct evaluation *ev, const struct fhirpath_item *item,
                       struct fhirpath_collection *out)
{
    if (item->kind != FHIRPATH_NODE)
        return true;
    if (!add_children(ev, item->node.type, item->node.json, out))
        return false;
    return !item->node.more ||
           add_children(ev, item->node.type, item->node.more, out);
}
