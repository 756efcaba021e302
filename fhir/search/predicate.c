#include "fhir/search/predicate.h"

#include "fhir/model/types.h"
#include "fhir/search/compilation.h"
#include "fhir/search/escape.h"

#include <stdlib.h>

#define NAME_SHOWN_MAX 64
#define LIST_BYTES 160

/* --- names --- */

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c && strchr("_-.:$", c));
}

/* What a stranger wrote is repeated only when it could be a name. */
static struct bytes shown(struct bytes name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_name_character(name.p[i]))
            return bytes_of("(unprintable)");
    return bytes_make(name.p,
                      name.n < NAME_SHOWN_MAX ? name.n : NAME_SHOWN_MAX);
}

/* The codes of the base's parameters, as many as fit. */
static void list_codes(const struct search_base *base, char out[LIST_BYTES])
{
    const struct search_base *common = search_base_common();
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < base->count + common->count; i++) {
        const char *code = i < base->count
                               ? base->parameters[i].code
                               : common->parameters[i - base->count].code;
        size_t n = strlen(code);

        if (used + 2 + n + sizeof ", ..." > LIST_BYTES) {
            memcpy(out + used, ", ...", sizeof ", ...");
            return;
        }
        if (used > 0) {
            memcpy(out + used, ", ", 2);
            used += 2;
        }
        memcpy(out + used, code, n + 1);
        used += n;
    }
}

static enum err_code refuse_unknown(const struct compilation *c)
{
    char codes[LIST_BYTES];

    list_codes(c->context->base, codes);
    return err_set(c->e, ERR_NOT_SUPPORTED,
                   "belfry cannot evaluate the search parameter '%.*s' of %s; "
                   "it can evaluate: %s",
                   BYTES_ARG(c->name), c->context->base->type, codes);
}

static enum err_code refuse_chain(const struct compilation *c)
{
    return err_set(c->e, ERR_NOT_SUPPORTED,
                   "belfry follows no chains, so '%.*s' cannot be "
                   "evaluated; give a parameter of %s itself",
                   BYTES_ARG(c->name), c->context->base->type);
}

static enum err_code find_parameter(struct compilation *c, struct predicate *p,
                                    struct bytes code)
{
    const struct search_base *base = c->context->base;
    const struct search_parameter *found;

    if (bytes_find(code, '.') < code.n)
        return refuse_chain(c);
    found = search_parameter_find(bytes_of(base->type), code);
    if (!found)
        return refuse_unknown(c);
    c->parameter = p->parameter = found;
    p->slot = search_slot_index(base, found);
    return ERR_OK;
}

/* --- modifiers --- */

static const char *modifiers_of(enum search_type type)
{
    switch (type) {
    case SEARCH_TOKEN:
        return "not, text, in, not-in, of-type and missing";
    case SEARCH_REFERENCE:
        return "identifier, missing and the type of the target";
    case SEARCH_STRING:
        return "exact, contains and missing";
    case SEARCH_URI:
        return "above, below and missing";
    case SEARCH_DATE:
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
    case SEARCH_COMPOSITE:
        return "missing";
    }
    return "";
}

/* ":Patient"; chains end in a dot and a name, and are refused by name. */
static enum err_code set_target(struct compilation *c, struct predicate *p,
                                const struct search_base *target)
{
    if (!search_parameter_targets(p->parameter, bytes_of(target->type)))
        return err_set(c->e, ERR_INVALID, "'%.*s' can point at: %s; not at %s",
                       BYTES_ARG(c->name), p->parameter->targets, target->type);
    c->target = p->modifier = p->target = target->type;
    return ERR_OK;
}

/* A modifier, the type it is for, and what it changes. */
struct modifier {
    const char *name;
    enum search_type type;
    enum predicate_op op;
    enum predicate_how how;
};

static const struct modifier modifiers[] = {
    {"not", SEARCH_TOKEN, PREDICATE_NONE_OF, HOW_PLAIN},
    {"text", SEARCH_TOKEN, PREDICATE_ANY_OF, HOW_TEXT},
    {"in", SEARCH_TOKEN, PREDICATE_ANY_OF, HOW_IN},
    {"not-in", SEARCH_TOKEN, PREDICATE_NONE_OF, HOW_IN},
    {"of-type", SEARCH_TOKEN, PREDICATE_ANY_OF, HOW_OF_TYPE},
    {"identifier", SEARCH_REFERENCE, PREDICATE_ANY_OF, HOW_IDENTIFIER},
    {"exact", SEARCH_STRING, PREDICATE_ANY_OF, HOW_EXACT},
    {"contains", SEARCH_STRING, PREDICATE_ANY_OF, HOW_CONTAINS},
    {"above", SEARCH_URI, PREDICATE_ANY_OF, HOW_ABOVE},
    {"below", SEARCH_URI, PREDICATE_ANY_OF, HOW_BELOW},
};

static const struct modifier *find_modifier(enum search_type type,
                                            struct bytes name)
{
    for (size_t i = 0; i < sizeof modifiers / sizeof *modifiers; i++)
        if (modifiers[i].type == type && bytes_is(name, modifiers[i].name))
            return &modifiers[i];
    return NULL;
}

/* Where the elements of a parameter have not what a modifier looks at, it
 * would never match. */
static bool has_object(const struct search_parameter *p, enum predicate_how how)
{
    switch ((int)how) {
    case HOW_TEXT:
        return search_parameter_has_leaf(p, SEARCH_LEAF_CODING) ||
               search_parameter_has_leaf(p, SEARCH_LEAF_CODEABLE_CONCEPT) ||
               search_parameter_has_leaf(p, SEARCH_LEAF_IDENTIFIER);
    case HOW_IN:
        return search_parameter_has_leaf(p, SEARCH_LEAF_CODING) ||
               search_parameter_has_leaf(p, SEARCH_LEAF_CODEABLE_CONCEPT) ||
               search_parameter_has_leaf(p, SEARCH_LEAF_CODE);
    case HOW_OF_TYPE:
        return search_parameter_has_leaf(p, SEARCH_LEAF_IDENTIFIER);
    case HOW_IDENTIFIER:
        return search_parameter_has_leaf(p, SEARCH_LEAF_REFERENCE) ||
               search_parameter_has_leaf(p, SEARCH_LEAF_REFERENCE_TO_TARGET);
    default:
        return true;
    }
}

static enum err_code set_modifier(struct compilation *c, struct predicate *p,
                                  struct bytes name)
{
    enum search_type type = p->parameter->type;
    const struct search_base *target = search_base_find(name);
    const struct modifier *m = find_modifier(type, name);

    if (type == SEARCH_REFERENCE && target)
        return set_target(c, p, target);
    if (bytes_is(name, "missing")) {
        p->op = PREDICATE_MISSING;
        p->modifier = "missing";
        return ERR_OK;
    }
    if (!m || !has_object(p->parameter, m->how))
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "belfry cannot evaluate the modifier of '%.*s'; a %s "
                       "parameter accepts: %s%s",
                       BYTES_ARG(c->name), search_type_name(type),
                       modifiers_of(type),
                       m ? ", where its elements have what that looks at" : "");
    p->op = m->op;
    c->how = p->how = m->how;
    p->modifier = m->name;
    return ERR_OK;
}

static enum err_code compile_name(struct compilation *c, struct predicate *p,
                                  struct bytes name)
{
    size_t colon = bytes_find(name, ':');
    struct bytes modifier = bytes_from(name, colon + 1);
    enum err_code rc;

    if (bytes_starts(name, "_has:") || bytes_find(modifier, '.') < modifier.n)
        return refuse_chain(c);
    rc = find_parameter(c, p, bytes_make(name.p, colon));
    if (rc || colon == name.n)
        return rc;
    return set_modifier(c, p, modifier);
}

/* --- values --- */

bool compilation_unescape(char *text, struct bytes *out)
{
    out->p = text;
    return escape_remove(text, &out->n);
}

enum err_code compilation_refuse_escape(const struct compilation *c)
{
    return err_set(c->e, ERR_INVALID,
                   "a value of '%.*s' has a backslash that escapes nothing; "
                   "accepted are \\, \\| \\$ and \\\\",
                   BYTES_ARG(c->name));
}

static value_compiler compile_composite;

static value_compiler *const compilers[] = {
    [SEARCH_TOKEN] = compile_token,   [SEARCH_REFERENCE] = compile_reference,
    [SEARCH_DATE] = compile_date,     [SEARCH_STRING] = compile_string,
    [SEARCH_NUMBER] = compile_number, [SEARCH_QUANTITY] = compile_quantity,
    [SEARCH_URI] = compile_uri,       [SEARCH_COMPOSITE] = compile_composite,
};

static enum err_code refuse_empty(const struct compilation *c)
{
    return err_set(c->e, ERR_INVALID, "'%.*s' has an empty value",
                   BYTES_ARG(c->name));
}

/* "part$part", each as a value of its own parameter. */
static enum err_code compile_composite(const struct compilation *c, char *text,
                                       size_t n, struct predicate_value *out)
{
    const struct search_parameter *p = c->parameter;
    struct compilation part = *c;

    out->parts = calloc(p->component_count, sizeof *out->parts);
    if (!out->parts)
        return err_nomem(c->e);
    for (size_t i = 0; i < p->component_count; i++) {
        size_t end = escape_find(bytes_make(text, n), '$');
        bool last = i + 1 == p->component_count;
        enum err_code rc;

        if (last != (end == n))
            return err_set(c->e, ERR_INVALID,
                           "a value of '%.*s' has %zu parts with '$' between "
                           "them",
                           BYTES_ARG(c->name), p->component_count);
        if (end == 0)
            return refuse_empty(c);
        part.parameter = &p->components[i];
        rc = compilers[part.parameter->type](&part, text, end, &out->parts[i]);
        if (rc)
            return rc;
        text += last ? n : end + 1;
        n -= last ? n : end + 1;
    }
    return ERR_OK;
}

static size_t count_values(struct bytes text)
{
    size_t count = 1, at;

    while ((at = escape_find(text, ',')) < text.n) {
        text = bytes_from(text, at + 1);
        count++;
    }
    return count;
}

static enum err_code compile_missing(const struct compilation *c,
                                     struct bytes value, struct predicate *p)
{
    p->missing = bytes_is(value, "true");
    if (!p->missing && !bytes_is(value, "false"))
        return err_set(c->e, ERR_INVALID, "'%.*s' accepts true or false",
                       BYTES_ARG(c->name));
    return ERR_OK;
}

static enum err_code compile_values(const struct compilation *c, char *text,
                                    size_t n, struct predicate *p)
{
    size_t count = count_values(bytes_make(text, n));

    if (count > c->context->values_max)
        return err_set(c->e, ERR_INVALID, "'%.*s' has more than %zu values",
                       BYTES_ARG(c->name), c->context->values_max);
    p->values = calloc(count, sizeof *p->values);
    if (!p->values)
        return err_nomem(c->e);
    while (p->count < count) {
        size_t end = escape_find(bytes_make(text, n), ',');
        enum err_code rc;

        if (end == 0)
            return refuse_empty(c);
        /* counted first, so that a part of it is freed as well */
        rc =
            compilers[p->parameter->type](c, text, end, &p->values[p->count++]);
        if (rc)
            return rc;
        text += end < n ? end + 1 : n;
        n -= end < n ? end + 1 : n;
    }
    return ERR_OK;
}

static enum err_code compile_value(const struct compilation *c,
                                   struct predicate_text text,
                                   struct predicate *out)
{
    enum err_code rc;

    if (text.value_bytes == 0)
        return refuse_empty(c);
    if (out->op == PREDICATE_MISSING)
        return compile_missing(c, bytes_make(text.value, text.value_bytes),
                               out);
    rc = compile_values(c, text.value, text.value_bytes, out);
    if (rc)
        predicate_fini(out);
    return rc;
}

enum err_code predicate_compile(const struct predicate_context *c,
                                struct predicate_text text,
                                struct predicate *out, struct err *e)
{
    struct compilation k = {.context = c, .name = shown(text.name), .e = e};
    enum err_code rc;

    *out = (struct predicate){.modifier = ""};
    rc = compile_name(&k, out, text.name);
    return rc ? rc : compile_value(&k, text, out);
}

enum err_code predicate_compile_like(const struct predicate_context *c,
                                     const struct predicate *like,
                                     struct predicate_text text,
                                     struct predicate *out, struct err *e)
{
    struct compilation k = {.context = c,
                            .name = text.name,
                            .parameter = like->parameter,
                            .how = like->how,
                            .target = like->target,
                            .e = e};

    *out = *like;
    out->values = NULL;
    out->count = 0;
    return compile_value(&k, text, out);
}

/* --- the end --- */

static bool is_folded(const struct search_parameter *p, enum predicate_how how)
{
    return (p->type == SEARCH_STRING && how != HOW_EXACT) ||
           (p->type == SEARCH_TOKEN && how == HOW_TEXT);
}

static void free_text(struct bytes text)
{
    union {
        const char *in;
        void *out;
    } p = {.in = text.p};

    free(p.out);
}

static void free_parts(const struct search_parameter *p,
                       struct predicate_value *parts)
{
    for (size_t i = 0; parts && i < p->component_count; i++)
        if (is_folded(&p->components[i], HOW_PLAIN))
            free_text(parts[i].text);
    free(parts);
}

void predicate_fini(struct predicate *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->parameter->type == SEARCH_COMPOSITE)
            free_parts(p->parameter, p->values[i].parts);
        else if (is_folded(p->parameter, p->how))
            free_text(p->values[i].text);
    }
    free(p->values);
    p->values = NULL;
    p->count = 0;
}
