#include "fhir/subscription/shape.h"

#include "fhir/json/gate.h"
#include "fhir/subscription/extension.h"

#include <stdio.h>

#define PATH_BYTES 512

enum json_type {
    JSON_STRING,
    JSON_NUMBER,
    JSON_OBJECT,
    JSON_OBJECTS, /* an array of objects */
    JSON_STRINGS  /* an array of strings */
};

struct member {
    const char *name;
    enum json_type type;
    bool required;
};

struct object_shape {
    const struct member *members;
    size_t n;
};

static const struct member root_members[] = {
    {"resourceType", JSON_STRING, true}, {"id", JSON_STRING, false},
    {"meta", JSON_OBJECT, false},        {"implicitRules", JSON_STRING, false},
    {"language", JSON_STRING, false},    {"text", JSON_OBJECT, false},
    {"contained", JSON_OBJECTS, false},  {"status", JSON_STRING, true},
    {"contact", JSON_OBJECTS, false},    {"end", JSON_STRING, false},
    {"reason", JSON_STRING, true},       {"criteria", JSON_STRING, true},
    {"error", JSON_STRING, false},       {"channel", JSON_OBJECT, true},
};

static const struct member channel_members[] = {
    {"id", JSON_STRING, false},       {"type", JSON_STRING, true},
    {"endpoint", JSON_STRING, false}, {"payload", JSON_STRING, false},
    {"header", JSON_STRINGS, false},
};

static const struct member contact_members[] = {
    {"id", JSON_STRING, false},    {"system", JSON_STRING, false},
    {"value", JSON_STRING, false}, {"use", JSON_STRING, false},
    {"rank", JSON_NUMBER, false},  {"period", JSON_OBJECT, false},
};

#define SHAPE_OF(table)                          \
    {                                            \
        (table), sizeof(table) / sizeof *(table) \
    }

static const struct object_shape root_shape = SHAPE_OF(root_members);
static const struct object_shape channel_shape = SHAPE_OF(channel_members);
static const struct object_shape contact_shape = SHAPE_OF(contact_members);

/* ---- members and types ---- */

static const char *const type_names[] = {
    [JSON_STRING] = "a string that is not empty",
    [JSON_NUMBER] = "a number",
    [JSON_OBJECT] = "an object",
    [JSON_OBJECTS] = "an array of objects",
    [JSON_STRINGS] = "an array of strings"};

/* FHIR strings hold at least one visible character. */
static bool is_text(const cJSON *value)
{
    return cJSON_IsString(value) &&
           value->valuestring[strspn(value->valuestring, " \t\r\n")];
}

/* The array's first element of the wrong type, its length if all are right. */
static int first_wrong(const cJSON *array, cJSON_bool (*is)(const cJSON *))
{
    const cJSON *item;
    int i = 0;

    cJSON_ArrayForEach(item, array)
    {
        if (!is(item) && !cJSON_IsNull(item))
            return i;
        i++;
    }
    return i;
}

static void check_elements(const cJSON *array, enum json_type type,
                           const char *path, struct issues *issues)
{
    bool strings = type == JSON_STRINGS;
    int n = cJSON_GetArraySize(array);
    int wrong = first_wrong(array, strings ? cJSON_IsString : cJSON_IsObject);
    char where[PATH_BYTES];

    if (wrong == n)
        return;
    (void)snprintf(where, sizeof where, "%s[%d]", path, wrong);
    issues_add(issues, ERR_UNPROCESSABLE, where, "must be %s",
               strings ? "a string" : "an object");
}

static bool has_type(const cJSON *value, enum json_type type)
{
    switch (type) {
    case JSON_STRING:
        return is_text(value);
    case JSON_NUMBER:
        return cJSON_IsNumber(value);
    case JSON_OBJECT:
        return cJSON_IsObject(value);
    case JSON_OBJECTS:
    case JSON_STRINGS:
        return cJSON_IsArray(value);
    }
    return false;
}

static const struct member *find_member(const struct object_shape *shape,
                                        const char *name)
{
    for (size_t i = 0; i < shape->n; i++) {
        if (strcmp(shape->members[i].name, name) == 0)
            return &shape->members[i];
    }
    return NULL;
}

static bool is_primitive(const struct member *m)
{
    return m->type == JSON_STRING || m->type == JSON_NUMBER ||
           m->type == JSON_STRINGS;
}

/* "_name": id and extensions of the primitive `name` (R4 json.html). */
static void check_sibling(const cJSON *value, const struct member *m,
                          const char *path, struct issues *issues)
{
    if (m->type == JSON_STRINGS) {
        if (!cJSON_IsArray(value))
            issues_add(issues, ERR_UNPROCESSABLE, path,
                       "_%s must be an array of objects", m->name);
        else
            check_elements(value, JSON_OBJECTS, path, issues);
        return;
    }
    if (!cJSON_IsObject(value)) {
        issues_add(issues, ERR_UNPROCESSABLE, path, "_%s must be an object",
                   m->name);
    }
}

/* Nulls, modifiers and extensions are the walk's to report. */
static void check_member(const cJSON *value, const struct object_shape *shape,
                         const char *path, struct issues *issues)
{
    bool sibling = value->string[0] == '_';
    const char *name = value->string + (sibling ? 1 : 0);
    const struct member *m = find_member(shape, name);
    char where[PATH_BYTES];

    (void)snprintf(where, sizeof where, "%s.%s", path, name);
    if (strcmp(value->string, "modifierExtension") == 0 ||
        strcmp(value->string, "extension") == 0 || cJSON_IsNull(value))
        return;
    if (!m || (sibling && !is_primitive(m))) {
        issues_add(issues, ERR_UNPROCESSABLE, where,
                   "%s is not an element here", value->string);
        return;
    }
    if (sibling)
        check_sibling(value, m, where, issues);
    else if (!has_type(value, m->type))
        issues_add(issues, ERR_UNPROCESSABLE, where, "must be %s",
                   type_names[m->type]);
    else if (cJSON_IsArray(value))
        check_elements(value, m->type, where, issues);
}

static void check_object(const cJSON *object, const struct object_shape *shape,
                         const char *path, struct issues *issues)
{
    const cJSON *value;
    char where[PATH_BYTES];

    cJSON_ArrayForEach(value, object)
    {
        check_member(value, shape, path, issues);
    }
    for (size_t i = 0; i < shape->n; i++) {
        const struct member *m = &shape->members[i];

        if (!m->required || cJSON_GetObjectItemCaseSensitive(object, m->name))
            continue;
        (void)snprintf(where, sizeof where, "%s.%s", path, m->name);
        issues_add(issues, ERR_UNPROCESSABLE_REQUIRED, where,
                   "the element is required");
    }
}

static void check_contacts(const cJSON *contacts, struct issues *issues)
{
    const cJSON *contact;
    char where[PATH_BYTES];
    int i = 0;

    cJSON_ArrayForEach(contact, contacts)
    {
        (void)snprintf(where, sizeof where, "Subscription.contact[%d]", i++);
        if (cJSON_IsObject(contact))
            check_object(contact, &contact_shape, where, issues);
    }
}

/* ---- the walk over every value ---- */

struct level {
    const cJSON *value; /* the object or array */
    const cJSON *next;  /* its child to visit next */
    size_t path_n;      /* length of its path */
    int index;          /* of `next` */
    bool extensions;    /* the array of an `extension` member */
    bool nulls;         /* below "_x": null keeps a place in the array */
};

struct walk {
    struct level levels[JSON_DEPTH_MAX + 1];
    size_t depth;
    char path[PATH_BYTES];
    struct issues *issues;
};

static size_t capped(int n, size_t at)
{
    size_t end = at + (n > 0 ? (size_t)n : 0);

    return end < PATH_BYTES ? end : PATH_BYTES - 1;
}

/* Makes the path that of the level's child; "_x" shares its path with "x". */
static size_t set_path(struct walk *w, const struct level *l,
                       const cJSON *child)
{
    char *at = w->path + l->path_n;
    size_t room = PATH_BYTES - l->path_n;

    if (cJSON_IsArray(l->value))
        return capped(snprintf(at, room, "[%d]", l->index), l->path_n);
    return capped(snprintf(at, room, ".%s",
                           child->string + (child->string[0] == '_' ? 1 : 0)),
                  l->path_n);
}

static void check_extension(struct walk *w, const struct level *l,
                            const cJSON *child)
{
    struct extension_place place = {w->path, {w->path, 0}};

    if (l->index == SHAPE_EXTENSIONS_MAX)
        issues_add(w->issues, ERR_UNPROCESSABLE, w->path,
                   "more than %d extensions on one element",
                   SHAPE_EXTENSIONS_MAX);
    if (l->index >= SHAPE_EXTENSIONS_MAX || cJSON_IsNull(child))
        return;
    place.host.n = l->path_n - strlen(".extension");
    extension_check(child, &place, w->issues);
}

static void visit_member(struct walk *w, const cJSON *child)
{
    if (strcmp(child->string, "modifierExtension") == 0)
        issues_add(w->issues, ERR_UNPROCESSABLE, w->path,
                   "modifier extensions are not supported");
    if (strcmp(child->string, "extension") == 0 && !cJSON_IsArray(child) &&
        !cJSON_IsNull(child))
        issues_add(w->issues, ERR_UNPROCESSABLE, w->path,
                   "must be an array of objects");
}

static void visit(struct walk *w, const struct level *l, const cJSON *child)
{
    if (cJSON_IsNull(child) && !(l->nulls && cJSON_IsArray(l->value)))
        issues_add(w->issues, ERR_UNPROCESSABLE, w->path,
                   "null is not a value");
    if ((cJSON_IsObject(child) || cJSON_IsArray(child)) && !child->child)
        issues_add(w->issues, ERR_UNPROCESSABLE, w->path,
                   "objects and arrays must not be empty");
    if (cJSON_IsObject(l->value))
        visit_member(w, child);
    if (l->extensions)
        check_extension(w, l, child);
}

static void descend(struct walk *w, const struct level *l, const cJSON *child,
                    size_t path_n)
{
    bool in_object = cJSON_IsObject(l->value);

    if (!child->child)
        return;
    if (w->depth == sizeof w->levels / sizeof *w->levels) {
        issues_add(w->issues, ERR_UNPROCESSABLE, w->path,
                   "nested more than %d levels deep", JSON_DEPTH_MAX);
        return;
    }
    w->levels[w->depth++] =
        (struct level){.value = child,
                       .next = child->child,
                       .path_n = path_n,
                       .extensions = in_object && cJSON_IsArray(child) &&
                                     strcmp(child->string, "extension") == 0,
                       .nulls = in_object && child->string[0] == '_'};
}

static void walk_all(const cJSON *resource, struct issues *issues)
{
    struct walk w = {.depth = 1, .issues = issues};
    size_t n = strlen("Subscription");

    memcpy(w.path, "Subscription", n + 1);
    w.levels[0] =
        (struct level){.value = resource, .next = resource->child, .path_n = n};
    while (w.depth > 0) {
        struct level *l = &w.levels[w.depth - 1];
        const cJSON *child = l->next;
        size_t path_n;

        if (!child) {
            w.depth--;
            continue;
        }
        path_n = set_path(&w, l, child);
        visit(&w, l, child);
        l->next = child->next;
        descend(&w, l, child, path_n);
        l->index++;
    }
}

/* ---- public ---- */

void shape_check(const cJSON *subscription, bool needs_payload,
                 struct issues *issues)
{
    const cJSON *channel =
        cJSON_GetObjectItemCaseSensitive(subscription, "channel");

    walk_all(subscription, issues);
    check_object(subscription, &root_shape, "Subscription", issues);
    check_contacts(shape_array(subscription, "contact"), issues);
    if (!cJSON_IsObject(channel))
        return;
    check_object(channel, &channel_shape, "Subscription.channel", issues);
    if (needs_payload && !cJSON_GetObjectItemCaseSensitive(channel, "payload"))
        issues_add(issues, ERR_UNPROCESSABLE_REQUIRED,
                   "Subscription.channel.payload", "the element is required");
}

const char *shape_string(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);

    return is_text(value) ? value->valuestring : NULL;
}

const cJSON *shape_array(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsArray(value) ? value : NULL;
}

const cJSON *shape_extensions(const cJSON *object, const char *name)
{
    char key[32];

    (void)snprintf(key, sizeof key, "_%s", name);
    return shape_array(cJSON_GetObjectItemCaseSensitive(object, key),
                       "extension");
}
