#include "fhir/topic/basic.h"

#include <stdio.h>
#include <string.h>

#define R4B "http://hl7.org/fhir/4.3/StructureDefinition/"
#define R5 "http://hl7.org/fhir/5.0/StructureDefinition/"
#define PREFIX "extension-SubscriptionTopic."
#define KEY_BYTES 64

/* How an element stands in an extension: its value[x], or parts of its own. */
struct element {
    const char *name;
    const char *value; /* "valueUri"; NULL: it has parts */
    bool many;
    const struct element *parts;
};

#define END                     \
    {                           \
        NULL, NULL, false, NULL \
    }

static const struct element criteria_parts[] = {
    {"previous", "valueString", false, NULL},
    {"resultForCreate", "valueCode", false, NULL},
    {"current", "valueString", false, NULL},
    {"resultForDelete", "valueCode", false, NULL},
    {"requireBoth", "valueBoolean", false, NULL},
    END};

static const struct element trigger_parts[] = {
    {"description", "valueMarkdown", false, NULL},
    {"resource", "valueUri", false, NULL},
    {"supportedInteraction", "valueCode", true, NULL},
    {"queryCriteria", NULL, false, criteria_parts},
    {"fhirPathCriteria", "valueString", false, NULL},
    END};

static const struct element event_parts[] = {
    {"description", "valueMarkdown", false, NULL},
    {"event", "valueCodeableConcept", false, NULL},
    {"resource", "valueUri", false, NULL},
    END};

static const struct element filter_parts[] = {
    {"description", "valueMarkdown", false, NULL},
    {"resource", "valueUri", false, NULL},
    {"filterParameter", "valueString", false, NULL},
    {"filterDefinition", "valueUri", false, NULL},
    {"comparator", "valueCode", true, NULL},
    {"modifier", "valueCode", true, NULL},
    END};

static const struct element shape_parts[] = {
    {"resource", "valueUri", false, NULL},
    {"include", "valueString", true, NULL},
    {"revInclude", "valueString", true, NULL},
    END};

static const struct element topic_elements[] = {
    {"url", "valueUri", false, NULL},
    {"identifier", "valueIdentifier", true, NULL},
    {"version", "valueString", false, NULL},
    {"versionAlgorithmString", "valueString", false, NULL},
    {"versionAlgorithmCoding", "valueCoding", false, NULL},
    {"name", "valueString", false, NULL},
    {"title", "valueString", false, NULL},
    {"derivedFrom", "valueCanonical", true, NULL},
    {"status", "valueCode", false, NULL},
    {"experimental", "valueBoolean", false, NULL},
    {"date", "valueDateTime", false, NULL},
    {"publisher", "valueString", false, NULL},
    {"contact", "valueContactDetail", true, NULL},
    {"description", "valueMarkdown", false, NULL},
    {"useContext", "valueUsageContext", true, NULL},
    {"jurisdiction", "valueCodeableConcept", true, NULL},
    {"purpose", "valueMarkdown", false, NULL},
    {"copyright", "valueMarkdown", false, NULL},
    {"copyrightLabel", "valueString", false, NULL},
    {"approvalDate", "valueDate", false, NULL},
    {"lastReviewDate", "valueDate", false, NULL},
    {"effectivePeriod", "valuePeriod", false, NULL},
    {"resourceTrigger", NULL, true, trigger_parts},
    {"eventTrigger", NULL, true, event_parts},
    {"canFilterBy", NULL, true, filter_parts},
    {"notificationShape", NULL, true, shape_parts},
    END};

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool text_is(const cJSON *object, const char *name, const char *value)
{
    const char *text = text_of(object, name);

    return text && strcmp(text, value) == 0;
}

bool basic_is_topic(const cJSON *resource)
{
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(resource, "code");
    const cJSON *coding;

    if (!text_is(resource, "resourceType", "Basic"))
        return false;
    cJSON_ArrayForEach(coding, cJSON_GetObjectItemCaseSensitive(code, "coding"))
    {
        if (text_is(coding, "system", BASIC_TOPIC_SYSTEM) &&
            text_is(coding, "code", BASIC_TOPIC_CODE))
            return true;
    }
    return false;
}

/* ---- Basic to topic ---- */

static const struct element *find(const struct element *list, const char *name)
{
    for (; list->name; list++)
        if (strcmp(list->name, name) == 0)
            return list;
    return NULL;
}

/* The element that a url of either version names; NULL for any other url. */
static const char *local_name(const char *url)
{
    size_t n = strlen(R5);

    if (strncmp(url, R5, n) != 0 && strncmp(url, R4B, n) != 0)
        return NULL;
    url += n;
    n = strlen(PREFIX);
    return strncmp(url, PREFIX, n) == 0 ? url + n : NULL;
}

struct place {
    char path[ERR_EXPRESSION_BYTES];
    struct issues *issues;
};

static void step(const struct place *from, const char *member, size_t index,
                 struct place *out)
{
    out->issues = from->issues;
    if (snprintf(out->path, sizeof out->path, "%s.%s[%zu]", from->path, member,
                 index) < 0)
        out->path[0] = '\0';
}

static void refuse(const struct place *p, const char *why)
{
    issues_add(p->issues, ERR_UNPROCESSABLE, p->path, "%s", why);
}

static bool put(cJSON *to, const struct element *e, cJSON *value,
                const struct place *p)
{
    cJSON *array = cJSON_GetObjectItemCaseSensitive(to, e->name);
    bool twice = !e->many && array;
    bool added;

    if (e->many && !array)
        array = cJSON_AddArrayToObject(to, e->name);
    added = value && !twice &&
            (e->many ? cJSON_AddItemToArray(array, value)
                     : cJSON_AddItemToObject(to, e->name, value));
    if (twice)
        refuse(p, "is there more than once");
    else if (!added)
        issues_add(p->issues, ERR_NOMEM, p->path, "out of memory");
    if (!added)
        cJSON_Delete(value);
    return added;
}

static void take_value(const cJSON *extension, const struct element *e,
                       cJSON *to, const struct place *p)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(extension, e->value);
    /* a string-like value may be typed string, markdown, uri or canonical */
    static const char *const alike[] = {"valueString",    "valueMarkdown",
                                        "valueUri",       "valueUrl",
                                        "valueCanonical", "valueCode"};

    for (size_t i = 0; !value && i < sizeof alike / sizeof *alike; i++)
        value = cJSON_GetObjectItemCaseSensitive(extension, alike[i]);
    if (!value)
        issues_add(p->issues, ERR_UNPROCESSABLE, p->path, "needs a %s",
                   e->value);
    else
        (void)put(to, e, cJSON_Duplicate(value, true), p);
}

/* Three levels: the topic, a backbone element, queryCriteria. */
static void take_criteria(const cJSON *extension, const struct element *e,
                          cJSON *to, const struct place *p)
{
    cJSON *object = cJSON_CreateObject();
    const cJSON *part;
    size_t index = 0;

    if (!put(to, e, object, p))
        return;
    cJSON_ArrayForEach(part,
                       cJSON_GetObjectItemCaseSensitive(extension, "extension"))
    {
        const char *url = text_of(part, "url");
        const struct element *known = url ? find(e->parts, url) : NULL;
        struct place at;

        step(p, "extension", index++, &at);
        if (known)
            take_value(part, known, object, &at);
        else
            refuse(&at, "is no part of queryCriteria");
    }
}

/* What is no part of the element is an extension of it. */
static void keep_extension(const cJSON *part, cJSON *to, const struct place *p)
{
    static const struct element extension = {"extension", NULL, true, NULL};

    (void)put(to, &extension, cJSON_Duplicate(part, true), p);
}

static void take_parts(const cJSON *extension, const struct element *parts,
                       cJSON *to, const struct place *p)
{
    const cJSON *part;
    size_t index = 0;

    cJSON_ArrayForEach(part,
                       cJSON_GetObjectItemCaseSensitive(extension, "extension"))
    {
        const char *url = text_of(part, "url");
        const struct element *e = url ? find(parts, url) : NULL;
        struct place at;

        step(p, "extension", index++, &at);
        if (!url)
            refuse(&at, "needs a url");
        else if (e && e->parts)
            take_criteria(part, e, to, &at);
        else if (e)
            take_value(part, e, to, &at);
        else if (strstr(url, "://"))
            keep_extension(part, to, &at);
        else
            refuse(&at, "belfry knows no such part of a SubscriptionTopic");
    }
}

static void take_element(const cJSON *extension, cJSON *to,
                         const struct place *p)
{
    const char *url = text_of(extension, "url");
    const char *name = url ? local_name(url) : NULL;
    const struct element *e = name ? find(topic_elements, name) : NULL;
    cJSON *object;

    if (!name)
        return; /* an extension of the Basic, not of the topic */
    if (!e) {
        refuse(p, "belfry knows no such element of a SubscriptionTopic");
    } else if (!e->parts) {
        take_value(extension, e, to, p);
    } else {
        object = cJSON_CreateObject();
        if (put(to, e, object, p))
            take_parts(extension, e->parts, object, p);
    }
}

static bool is_status(const cJSON *extension)
{
    const char *url = text_of(extension, "url");
    const char *name = url ? local_name(url) : NULL;

    return name && strcmp(name, "status") == 0;
}

static void take_list(const cJSON *basic, const char *member, cJSON *to,
                      struct issues *issues)
{
    struct place root = {"Basic", issues};
    const cJSON *extension;
    size_t index = 0;

    cJSON_ArrayForEach(extension,
                       cJSON_GetObjectItemCaseSensitive(basic, member))
    {
        struct place at;

        step(&root, member, index++, &at);
        if (strcmp(member, "modifierExtension") == 0 && !is_status(extension))
            refuse(&at, "is a modifier extension that belfry does not know");
        else
            take_element(extension, to, &at);
    }
}

cJSON *basic_to_topic(const cJSON *basic, struct issues *issues)
{
    size_t before = issues->count + issues->dropped;
    const char *id = text_of(basic, "id");
    cJSON *topic = cJSON_CreateObject();
    bool made = topic && cJSON_AddStringToObject(topic, "resourceType",
                                                 BASIC_TOPIC_CODE);

    if (made && id)
        made = cJSON_AddStringToObject(topic, "id", id);
    if (made) {
        take_list(basic, "modifierExtension", topic, issues);
        take_list(basic, "extension", topic, issues);
        if (!cJSON_GetObjectItemCaseSensitive(topic, "status"))
            made = cJSON_AddStringToObject(topic, "status", "active");
    }
    if (!made)
        issues_add(issues, ERR_NOMEM, "Basic", "out of memory");
    if (issues->count + issues->dropped == before)
        return topic;
    cJSON_Delete(topic);
    return NULL;
}

/* ---- topic to Basic ---- */

/* An extension without a value yet, at the end of the array. */
static cJSON *add_extension(cJSON *array, const char *url)
{
    cJSON *extension = cJSON_CreateObject();

    if (!extension || !cJSON_AddStringToObject(extension, "url", url) ||
        !cJSON_AddItemToArray(array, extension)) {
        cJSON_Delete(extension);
        return NULL;
    }
    return extension;
}

static bool add_value(cJSON *array, const char *url, const struct element *e,
                      const cJSON *value)
{
    cJSON *extension = add_extension(array, url);
    cJSON *copy = extension ? cJSON_Duplicate(value, true) : NULL;

    if (copy && cJSON_AddItemToObject(extension, e->value, copy))
        return true;
    cJSON_Delete(copy);
    return false;
}

/* Each element of a list, or the one value, by the given writer. */
static bool add_each(cJSON *array, const char *url, const struct element *e,
                     const cJSON *value,
                     bool (*add)(cJSON *array, const char *url,
                                 const struct element *e, const cJSON *value))
{
    const cJSON *item;

    if (!e->many)
        return add(array, url, e, value);
    cJSON_ArrayForEach(item, value)
    {
        if (!add(array, url, e, item))
            return false;
    }
    return true;
}

static bool add_criteria(cJSON *array, const char *url, const struct element *e,
                         const cJSON *object)
{
    cJSON *extension = add_extension(array, url);
    cJSON *parts =
        extension ? cJSON_AddArrayToObject(extension, "extension") : NULL;

    for (const struct element *p = e->parts; parts && p->name; p++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, p->name);

        if (value && !add_value(parts, p->name, p, value))
            return false;
    }
    return parts != NULL;
}

static bool add_kept(cJSON *parts, const cJSON *object)
{
    const cJSON *item;

    cJSON_ArrayForEach(item,
                       cJSON_GetObjectItemCaseSensitive(object, "extension"))
    {
        cJSON *copy = cJSON_Duplicate(item, true);

        if (!copy || !cJSON_AddItemToArray(parts, copy)) {
            cJSON_Delete(copy);
            return false;
        }
    }
    return true;
}

static bool add_backbone(cJSON *array, const char *url, const struct element *e,
                         const cJSON *object)
{
    cJSON *extension = add_extension(array, url);
    cJSON *parts =
        extension ? cJSON_AddArrayToObject(extension, "extension") : NULL;

    for (const struct element *p = e->parts; parts && p->name; p++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, p->name);

        if (value && !add_each(parts, p->name, p, value,
                               p->parts ? add_criteria : add_value))
            return false;
    }
    return parts && add_kept(parts, object);
}

static bool add_elements(cJSON *basic, const cJSON *topic)
{
    cJSON *modifiers = cJSON_AddArrayToObject(basic, "modifierExtension");
    cJSON *extensions = cJSON_AddArrayToObject(basic, "extension");
    char url[sizeof R5 PREFIX + KEY_BYTES];

    for (const struct element *e = topic_elements; e->name; e++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(topic, e->name);
        bool status = strcmp(e->name, "status") == 0;

        if (!value)
            continue;
        if (snprintf(url, sizeof url, R5 PREFIX "%s", e->name) < 0 ||
            !add_each(status ? modifiers : extensions, url, e, value,
                      e->parts ? add_backbone : add_value))
            return false;
    }
    return modifiers && extensions;
}

static bool add_code(cJSON *basic)
{
    cJSON *code = cJSON_AddObjectToObject(basic, "code");
    cJSON *list = code ? cJSON_AddArrayToObject(code, "coding") : NULL;
    cJSON *coding = cJSON_CreateObject();

    if (!list || !coding || !cJSON_AddItemToArray(list, coding)) {
        cJSON_Delete(coding);
        return false;
    }
    return cJSON_AddStringToObject(coding, "system", BASIC_TOPIC_SYSTEM) &&
           cJSON_AddStringToObject(coding, "code", BASIC_TOPIC_CODE);
}

cJSON *basic_from_topic(const cJSON *topic)
{
    const char *id = text_of(topic, "id");
    cJSON *basic = cJSON_CreateObject();

    if (basic && cJSON_AddStringToObject(basic, "resourceType", "Basic") &&
        (!id || cJSON_AddStringToObject(basic, "id", id)) &&
        add_elements(basic, topic) && add_code(basic))
        return basic;
    cJSON_Delete(basic);
    return NULL;
}
