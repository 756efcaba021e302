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
    return o->type ? strcmp(o->type, type) == 0
                   : parameter(type, o->parameter) != NULL;
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
    if (strcmp(modifier, "in") == 0 || strcmp(modifier, "not-in") == 0)
        return "http://hl7.org/fhir/ValueSet/observation-status";
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
    if (!search_type_compares(kind) && comparator[0]) {
        (void)err_set(
            e, ERR_UNPROCESSABLE,
            "'%s' compares dates, numbers and quantities; %s of %s is "
            "a %s",
            comparator, code, type, search_type_name(kind));
        return false;
    }
    if (query_compile(bytes_of(type), bytes_make(text, (size_t)n),
                      bytes_make(NULL, 0), &q, e) != ERR_OK)
        return false;
    query_free(q);
    return true;
}

/* Each type that the offer is for must be able to do it. */
static bool is_evaluable(const struct topic_node *n, const struct reading *r,
                         const char *modifier, const char *comparator)
{
    const struct offer *o = r->offer;
    struct err e = {0};

    if (!o->code)
        return false;
    for (size_t i = 0; i < r->type_count; i++)
        if (offer_covers(o, r->types[i], o->code) &&
            !probe(r->types[i], o->parameter, modifier, comparator, &e)) {
            topic_node_warn(n, "is not offered: %s", e.message);
            return false;
        }
    return true;
}

static void read_comparator(const struct topic_node *n, const struct reading *r,
                            const char *code)
{
    /* R4B's list has "=" beside "eq" */
    const char *name = strcmp(code, "=") == 0 ? "eq" : code;

    if (strcmp(name, "eq") == 0 || is_evaluable(n, r, "", name))
        r->offer->comparators |= bit_of(name, COMPARATORS);
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
        if (is_evaluable(n, r, code, ""))
            r->offer->modifiers |= bit_of(code, MODIFIERS);
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

/* False when the offer is for no type that could be filtered. */
static bool read_type(const struct topic_node *n, const struct reading *r)
{
    const char *type;
    enum topic_scope scope =
        topic_node_scope(n, "resource", TOPIC_OPTIONAL, &type);

    if (scope == TOPIC_SCOPE_UNKNOWN)
        topic_node_warn(n, "is not offered: its resource is no R4 resource "
                           "type");
    else if (type && !is_triggered(r, type))
        topic_node_warn(n, "is not offered: no trigger of this topic is for %s",
                        type);
    else
        r->offer->type = type;
    return scope != TOPIC_SCOPE_UNKNOWN && r->offer->type == type;
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

#define CODE_BYTES 80

/* Published topics have names with blanks behind them. */
static bool copy_name(const char *text, char out[CODE_BYTES])
{
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == ' ')
        n--;
    if (n == 0 || n >= CODE_BYTES)
        return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

/* The parameter that the canonical of an R4 SearchParameter defines:
 * ".../Encounter-status" status, ".../clinical-patient" patient,
 * ".../Resource-id" _id. False for any other. */
static bool defined_code(const char *url, char out[CODE_BYTES])
{
    static const char R4[] = "http://hl7.org/fhir/SearchParameter/";
    static const char COMMON[] = "Resource-";
    size_t n = sizeof R4 - 1;
    const char *dash;
    int length;

    if (strncmp(url, R4, n) != 0 || !(dash = strchr(url + n, '-')))
        return false;
    length = snprintf(out, CODE_BYTES, "%s%.*s",
                      strncmp(url + n, COMMON, sizeof COMMON - 1) ? "" : "_",
                      (int)strcspn(dash + 1, "|"), dash + 1);
    return length > 0 && length < CODE_BYTES;
}

/* Whether the url ends in the name, as ".../name" or "...-name". */
static bool is_definition_of(const char *url, const char *code)
{
    const char *name = code[0] == '_' ? code + 1 : code;
    size_t n = strlen(name);
    size_t url_n = strcspn(url, "|");

    return url_n > n && memcmp(url + url_n - n, name, n) == 0 &&
           strchr("-/", url[url_n - n - 1]);
}

/* filterParameter names the filter, filterDefinition says what evaluates it;
 * each stands for both where the other is absent. */
static bool read_codes_of(const struct topic_node *n, char code[CODE_BYTES],
                          char evaluated[CODE_BYTES])
{
    const char *name = topic_node_text(n, "filterParameter", TOPIC_OPTIONAL);
    const char *url = topic_node_text(n, "filterDefinition", TOPIC_OPTIONAL);
    bool named = name && copy_name(name, code);
    bool defined = url && defined_code(url, evaluated);

    if (!named && !defined)
        return false;
    if (!named)
        memcpy(code, evaluated, CODE_BYTES);
    if (!defined && url && !is_definition_of(url, code))
        return false;
    if (!defined)
        memcpy(evaluated, code, CODE_BYTES);
    return true;
}

static void read_parameter(const struct topic_node *n, const struct reading *r)
{
    char code[CODE_BYTES];
    char evaluated[CODE_BYTES];

    if (!read_codes_of(n, code, evaluated)) {
        topic_node_warn(n, "is not offered: neither filterParameter nor "
                           "filterDefinition names a search parameter of R4");
        return;
    }
    if (!can_evaluate(r, evaluated)) {
        topic_node_warn(n,
                        "is not offered: '%.*s' is no search parameter of %s "
                        "that belfry can evaluate",
                        TOPIC_QUOTE(evaluated),
                        r->offer->type ? r->offer->type : "a trigger's type");
        return;
    }
    r->offer->code = strdup(code);
    r->offer->parameter = strdup(evaluated);
    if (!r->offer->code || !r->offer->parameter)
        issues_add(n->issues, ERR_NOMEM, n->path, "out of memory");
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
    read_codes(n, "comparator", &r);
    read_codes(n, "modifier", &r);
}

void offer_fini(struct offer *o)
{
    free(o->code);
    free(o->parameter);
    *o = (struct offer){0};
}
