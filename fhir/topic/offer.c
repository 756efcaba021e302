#include "fhir/topic/offer.h"

#include "fhir/search/parameter.h"

#include <stdio.h>
#include <stdlib.h>

#define CODES_MAX 32
#define PROBE_BYTES 256

static const char *const OFFER_MEMBERS[] = {
    "id",       "extension",       "description",      "resource", "comparator",
    "modifier", "filterParameter", "filterDefinition", NULL};

/* http://hl7.org/fhir/search-comparator */
static const char *const COMPARATORS[] = {"eq", "ne", "gt", "lt", "ge",
                                          "le", "sa", "eb", "ap", NULL};

/* http://hl7.org/fhir/search-modifier-code */
static const char *const MODIFIERS[] = {
    "missing",   "exact",         "contains", "not",  "text",       "in",
    "not-in",    "below",         "above",    "type", "identifier", "of-type",
    "code-text", "text-advanced", "iterate",  NULL};

/* The code's bit in the list, 0 when it is not there. */
static uint32_t bit_of(const char *code, const char *const list[])
{
    for (unsigned i = 0; list[i]; i++)
        if (strcmp(code, list[i]) == 0)
            return (uint32_t)1 << i;
    return 0;
}

static const struct search_parameter *parameter(const char *type,
                                                const char *code)
{
    return search_parameter_find(bytes_of(type), bytes_of(code));
}

bool offer_covers(const struct offer *o, const char *type, const char *code)
{
    if (!o->code || strcmp(o->code, code) != 0)
        return false;
    return o->type ? strcmp(o->type, type) == 0 : parameter(type, code) != NULL;
}

bool offer_permits(const struct offer *o, struct query_term term)
{
    const char *modifier = term.modifier;

    if (modifier[0]) {
        if (topic_type_find(bytes_of(modifier)))
            modifier = "type";
        return (o->modifiers & bit_of(modifier, MODIFIERS)) != 0;
    }
    if (!term.comparator[0])
        return true;
    if (!o->comparators)
        return strcmp(term.comparator, "eq") == 0;
    return (o->comparators & bit_of(term.comparator, COMPARATORS)) != 0;
}

struct reading {
    struct offer *offer;
    const char *const *types;
    size_t type_count;
};

/* A value that is right for the modifier or the parameter's type. */
static const char *probe_value(const char *modifier, enum search_type type)
{
    if (strcmp(modifier, "missing") == 0)
        return "true";
    if (strcmp(modifier, "identifier") == 0)
        return "urn:x|1";
    if (strcmp(modifier, "of-type") == 0)
        return "urn:x|1|1";
    return type == SEARCH_DATE ? "2020-01-01" : "1";
}

/* The one authority on what can be evaluated is query_compile(). */
static bool probe(const char *type, const char *code, const char *modifier,
                  const char *comparator, struct err *e)
{
    enum search_type kind = search_parameter_type(parameter(type, code));
    const char *suffix = strcmp(modifier, "type") == 0 ? "Patient" : modifier;
    struct query *q = NULL;
    char text[PROBE_BYTES];
    int n =
        snprintf(text, sizeof text, "%s%s%s=%s%s", code, suffix[0] ? ":" : "",
                 suffix, comparator, probe_value(modifier, kind));

    if (n < 0 || (size_t)n >= sizeof text)
        return false;
    if (kind != SEARCH_DATE && comparator[0]) {
        (void)err_set(e, ERR_UNPROCESSABLE,
                      "'%s' compares dates; %s of %s is a %s", comparator, code,
                      type, search_type_name(kind));
        return false;
    }
    if (query_compile(bytes_of(type), bytes_make(text, (size_t)n),
                      bytes_make(NULL, 0), &q, e) != ERR_OK)
        return false;
    query_free(q);
    return true;
}

/* Each type that the offer is for must be able to do it. */
static void check_evaluable(const struct topic_node *n, const struct reading *r,
                            const char *modifier, const char *comparator)
{
    struct err e = {0};

    if (!r->offer->code)
        return;
    for (size_t i = 0; i < r->type_count; i++)
        if (offer_covers(r->offer, r->types[i], r->offer->code) &&
            !probe(r->types[i], r->offer->code, modifier, comparator, &e)) {
            topic_node_refuse_err(n, &e);
            return;
        }
}

static void read_comparator(const struct topic_node *n, const struct reading *r,
                            const char *code)
{
    /* R4B's list has "=" beside "eq" */
    const char *name = strcmp(code, "=") == 0 ? "eq" : code;

    r->offer->comparators |= bit_of(name, COMPARATORS);
    if (strcmp(name, "eq") != 0)
        check_evaluable(n, r, "", name);
}

static void read_code(const struct topic_node *n, const struct reading *r,
                      bool modifiers_too)
{
    const char *code = topic_node_own_text(n);

    if (!code)
        return;
    if (strcmp(code, "=") == 0 || bit_of(code, COMPARATORS)) {
        read_comparator(n, r, code);
    } else if (modifiers_too && bit_of(code, MODIFIERS)) {
        r->offer->modifiers |= bit_of(code, MODIFIERS);
        check_evaluable(n, r, code, "");
    } else {
        topic_node_refuse(n, "'%.*s' is no search %s", TOPIC_QUOTE(code),
                          modifiers_too ? "modifier or comparator"
                                        : "comparator");
    }
}

static void read_codes(const struct topic_node *n, const char *key,
                       const struct reading *r)
{
    bool modifiers_too = strcmp(key, "modifier") == 0;
    struct topic_node array;
    struct topic_node item;
    size_t index = 0;

    if (!topic_node_array(n, key, CODES_MAX, &array))
        return;
    for (const cJSON *j = array.json->child; j; j = j->next) {
        topic_node_item(&array, j, index++, &item);
        read_code(&item, r, modifiers_too);
    }
}

static bool is_triggered(const struct reading *r, const char *type)
{
    for (size_t i = 0; i < r->type_count; i++)
        if (strcmp(r->types[i], type) == 0)
            return true;
    return false;
}

/* False when the element is there and was refused. */
static bool read_type(const struct topic_node *n, const struct reading *r)
{
    struct topic_node resource;

    if (!topic_node_member(n, "resource", &resource))
        return true;
    r->offer->type = topic_node_type(n, "resource", TOPIC_OPTIONAL);
    if (!r->offer->type)
        return false;
    if (!is_triggered(r, r->offer->type)) {
        topic_node_refuse(&resource, "no trigger of this topic is for %s",
                          r->offer->type);
        return false;
    }
    return true;
}

static bool can_evaluate(const struct reading *r, const char *code)
{
    if (r->offer->type)
        return parameter(r->offer->type, code) != NULL;
    for (size_t i = 0; i < r->type_count; i++)
        if (parameter(r->types[i], code))
            return true;
    return false;
}

static void read_parameter(const struct topic_node *n, const struct reading *r)
{
    const char *code = topic_node_text(n, "filterParameter", TOPIC_REQUIRED);
    struct topic_node member;

    if (!code || !topic_node_member(n, "filterParameter", &member))
        return;
    if (!can_evaluate(r, code)) {
        topic_node_refuse(&member,
                          "'%.*s' is no search parameter of %s that belfry "
                          "can evaluate",
                          TOPIC_QUOTE(code),
                          r->offer->type ? r->offer->type : "a trigger's type");
        return;
    }
    r->offer->code = strdup(code);
    if (!r->offer->code)
        issues_add(n->issues, ERR_NOMEM, n->path, "out of memory");
}

/* belfry evaluates the R4 parameter of that name, so a definition must be one
 * of that name: its last part is the code or ends in "-code"
 * (".../clinical-patient", ".../Resource-id" for _id). */
static void check_definition(const struct topic_node *n, const char *code)
{
    const char *url = topic_node_text(n, "filterDefinition", TOPIC_OPTIONAL);
    const char *name = code && code[0] == '_' ? code + 1 : code;
    struct topic_node member;
    size_t url_n;
    size_t n_name;

    if (!url || !name || !topic_node_member(n, "filterDefinition", &member))
        return;
    url_n = strcspn(url, "|");
    n_name = strlen(name);
    if (url_n <= n_name || memcmp(url + url_n - n_name, name, n_name) != 0 ||
        !strchr("-/", url[url_n - n_name - 1]))
        topic_node_refuse(&member,
                          "is not the definition of '%s' that belfry evaluates",
                          code);
}

void offer_read(const struct topic_node *n, const char *const types[],
                size_t type_count, struct offer *out)
{
    struct reading r = {out, types, type_count};

    *out = (struct offer){0};
    if (!topic_node_only(n, OFFER_MEMBERS))
        return;
    /* without a type that was understood, nothing more can be judged */
    if (read_type(n, &r) && type_count > 0)
        read_parameter(n, &r);
    check_definition(n, out->code);
    read_codes(n, "comparator", &r);
    read_codes(n, "modifier", &r);
}

void offer_fini(struct offer *o)
{
    free(o->code);
    *o = (struct offer){0};
}
