#include "fhir/topic/topic_node.h"

#include "fhir/model/types.h"

#include <stdarg.h>
#include <stdio.h>

#define STRUCTURE_DEFINITION "http://hl7.org/fhir/StructureDefinition/"

#define QUOTE_BYTES_MAX 60

static void put_path(char out[ERR_EXPRESSION_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put_path(char out[ERR_EXPRESSION_BYTES], const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (vsnprintf(out, ERR_EXPRESSION_BYTES, format, ap) < 0)
        out[0] = '\0';
    va_end(ap);
}

void topic_node_init(struct topic_node *n, const cJSON *json, const char *path,
                     struct issues *issues, struct issues *warnings)
{
    n->json = json;
    n->issues = issues;
    n->warnings = warnings;
    put_path(n->path, "%s", path);
}

bool topic_node_member(const struct topic_node *n, const char *key,
                       struct topic_node *out)
{
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(n->json, key);

    if (!json)
        return false;
    out->json = json;
    out->issues = n->issues;
    out->warnings = n->warnings;
    put_path(out->path, "%s.%s", n->path, key);
    return true;
}

void topic_node_item(const struct topic_node *array, const cJSON *item,
                     size_t index, struct topic_node *out)
{
    out->json = item;
    out->issues = array->issues;
    out->warnings = array->warnings;
    put_path(out->path, "%s[%zu]", array->path, index);
}

void topic_node_refuse(const struct topic_node *n, const char *format, ...)
{
    char message[ERR_MESSAGE_BYTES];
    va_list ap;

    va_start(ap, format);
    if (vsnprintf(message, sizeof message, format, ap) < 0)
        message[0] = '\0';
    va_end(ap);
    issues_add(n->issues, ERR_UNPROCESSABLE, n->path, "%s", message);
}

void topic_node_warn(const struct topic_node *n, const char *format, ...)
{
    char message[ERR_MESSAGE_BYTES];
    va_list ap;

    va_start(ap, format);
    if (vsnprintf(message, sizeof message, format, ap) < 0)
        message[0] = '\0';
    va_end(ap);
    issues_add(n->warnings, ERR_NOT_SUPPORTED, n->path, "%s", message);
}

void topic_node_refuse_err(const struct topic_node *n, const struct err *e)
{
    enum err_code code = e->code == ERR_NOMEM ? ERR_NOMEM : ERR_UNPROCESSABLE;

    issues_add(n->issues, code, n->path, "%s", e->message);
}

static bool is_among(const char *name, const char *const names[])
{
    for (size_t i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

bool topic_node_only(const struct topic_node *n, const char *const names[])
{
    if (!cJSON_IsObject(n->json)) {
        topic_node_refuse(n, "must be an object");
        return false;
    }
    for (const cJSON *m = n->json->child; m; m = m->next) {
        /* "_title" carries the extensions of "title" */
        const char *name = m->string[0] == '_' ? m->string + 1 : m->string;
        struct topic_node member;

        if (is_among(name, names))
            continue;
        topic_node_init(&member, m, "", n->issues, n->warnings);
        put_path(member.path, "%s.%.*s", n->path, TOPIC_QUOTE(m->string));
        topic_node_refuse(&member, "belfry knows no such element here");
    }
    return true;
}

const char *topic_node_own_text(const struct topic_node *n)
{
    const char *text = cJSON_GetStringValue(n->json);

    if (!text || text[strspn(text, " \t\r\n")] == '\0') {
        topic_node_refuse(n, "must be a string that is not empty");
        return NULL;
    }
    return text;
}

/* The member, or an issue when it is needed. */
static bool find(const struct topic_node *n, const char *key,
                 enum topic_need need, struct topic_node *out)
{
    char path[ERR_EXPRESSION_BYTES];

    if (topic_node_member(n, key, out))
        return true;
    if (need == TOPIC_REQUIRED) {
        put_path(path, "%s.%s", n->path, key);
        issues_add(n->issues, ERR_UNPROCESSABLE_REQUIRED, path,
                   "%s is required", key);
    }
    return false;
}

const char *topic_node_text(const struct topic_node *n, const char *key,
                            enum topic_need need)
{
    struct topic_node member;

    return find(n, key, need, &member) ? topic_node_own_text(&member) : NULL;
}

size_t topic_node_array(const struct topic_node *n, const char *key, size_t max,
                        struct topic_node *out)
{
    size_t count = 0;

    if (!topic_node_member(n, key, out))
        return 0;
    if (cJSON_IsArray(out->json))
        for (const cJSON *item = out->json->child; item; item = item->next)
            count++;
    if (count == 0) {
        topic_node_refuse(out, "must be an array that is not empty");
        return 0;
    }
    if (count > max) {
        topic_node_refuse(out, "has %zu elements; belfry takes at most %zu",
                          count, max);
        return 0;
    }
    return count;
}

int topic_quote_bytes(struct bytes text)
{
    size_t n = text.n;

    if (n > QUOTE_BYTES_MAX) {
        n = QUOTE_BYTES_MAX;
        while (n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
            n--;
    }
    return (int)n;
}

const char *topic_type_find(struct bytes name)
{
    size_t count = model_resource_type_count();

    for (size_t i = 0; i < count; i++)
        if (bytes_is(name, model_resource_type(i)))
            return model_resource_type(i);
    return NULL;
}

enum topic_scope topic_node_scope(const struct topic_node *n, const char *key,
                                  enum topic_need need, const char **type)
{
    struct topic_node member;
    struct bytes name;
    const char *text;

    *type = NULL;
    if (!find(n, key, need, &member) || !(text = topic_node_own_text(&member)))
        return TOPIC_SCOPE_ABSENT;
    name = bytes_of(text);
    if (bytes_starts(name, STRUCTURE_DEFINITION))
        name = bytes_from(name, strlen(STRUCTURE_DEFINITION));
    if (bytes_is(name, "*") || bytes_is(name, "Resource"))
        return TOPIC_SCOPE_ALL;
    if (bytes_is(name, "DomainResource"))
        return TOPIC_SCOPE_DOMAIN;
    *type = topic_type_find(name);
    return *type ? TOPIC_SCOPE_TYPE : TOPIC_SCOPE_UNKNOWN;
}

bool topic_scope_has(enum topic_scope scope, const char *type)
{
    static const char *const bare[] = {"Bundle", "Parameters", "Binary"};

    if (strcmp(type, "Subscription") == 0)
        return false;
    for (size_t i = 0; scope == TOPIC_SCOPE_DOMAIN && i < 3; i++)
        if (strcmp(type, bare[i]) == 0)
            return false;
    return scope == TOPIC_SCOPE_DOMAIN || scope == TOPIC_SCOPE_ALL;
}
