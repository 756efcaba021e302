#include "fhir/search/predicate.h"

#include "fhir/model/types.h"
#include "fhir/search/escape.h"
#include "storage/base/instant.h"

#include <stdlib.h>

#define NAME_SHOWN_MAX 64
#define LIST_BYTES 160

/* The predicate being compiled and what its messages need. */
struct compilation {
    const struct predicate_context *context;
    struct bytes name; /* fit to be shown */
    struct predicate *p;
    struct err *e;
};

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

static enum err_code find_parameter(struct compilation *c, struct bytes code)
{
    const struct search_base *base = c->context->base;
    const struct search_parameter *found;

    if (bytes_find(code, '.') < code.n)
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "belfry follows no chains, so '%.*s' cannot be "
                       "evaluated; give a parameter of %s itself",
                       BYTES_ARG(c->name), base->type);
    found = search_parameter_find(bytes_of(base->type), code);
    if (!found)
        return refuse_unknown(c);
    c->p->parameter = found;
    c->p->slot = search_slot_index(base, found);
    return ERR_OK;
}

/* --- modifiers --- */

static const char *modifiers_of(enum search_type type)
{
    switch (type) {
    case SEARCH_TOKEN:
        return "not, missing";
    case SEARCH_REFERENCE:
        return "missing and the type of the target";
    case SEARCH_DATE:
        return "missing";
    }
    return "";
}

/* ":Patient"; chains end in a dot and a name, and are refused by name. */
static enum err_code set_target(struct compilation *c,
                                const struct search_base *target)
{
    const struct search_parameter *p = c->p->parameter;

    if (!search_parameter_targets(p, bytes_of(target->type)))
        return err_set(c->e, ERR_INVALID, "'%.*s' can point at: %s; not at %s",
                       BYTES_ARG(c->name), p->targets, target->type);
    c->p->modifier = c->p->target = target->type;
    return ERR_OK;
}

static enum err_code set_modifier(struct compilation *c, struct bytes modifier)
{
    struct predicate *p = c->p;
    enum search_type type = p->parameter->type;
    const struct search_base *target = search_base_find(modifier);

    if (type == SEARCH_REFERENCE && target)
        return set_target(c, target);
    if (bytes_is(modifier, "missing")) {
        p->op = PREDICATE_MISSING;
        p->modifier = "missing";
    } else if (type == SEARCH_TOKEN && bytes_is(modifier, "not")) {
        p->op = PREDICATE_NONE_OF;
        p->modifier = "not";
    } else {
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "belfry cannot evaluate the modifier of '%.*s'; a %s "
                       "parameter accepts: %s",
                       BYTES_ARG(c->name), search_type_name(type),
                       modifiers_of(type));
    }
    return ERR_OK;
}

static enum err_code compile_name(struct compilation *c, struct bytes name)
{
    size_t colon = bytes_find(name, ':');
    struct bytes modifier = bytes_from(name, colon + 1);
    enum err_code rc;

    if (bytes_starts(name, "_has:") || bytes_find(modifier, '.') < modifier.n)
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "belfry follows no chains, so '%.*s' cannot be "
                       "evaluated; give a parameter of %s itself",
                       BYTES_ARG(c->name), c->context->base->type);
    rc = find_parameter(c, bytes_make(name.p, colon));
    if (rc || colon == name.n)
        return rc;
    return set_modifier(c, modifier);
}

/* --- tokens --- */

static bool has_system(const struct search_parameter *p)
{
    return search_parameter_has_leaf(p, SEARCH_LEAF_CODING) ||
           search_parameter_has_leaf(p, SEARCH_LEAF_CODEABLE_CONCEPT) ||
           search_parameter_has_leaf(p, SEARCH_LEAF_IDENTIFIER);
}

static enum err_code refuse_escape(const struct compilation *c)
{
    return err_set(c->e, ERR_INVALID,
                   "a value of '%.*s' has a backslash that escapes nothing; "
                   "accepted are \\, \\| \\$ and \\\\",
                   BYTES_ARG(c->name));
}

static bool unescape(char *text, struct bytes *out)
{
    out->p = text;
    return escape_remove(text, &out->n);
}

static enum err_code check_token(const struct compilation *c,
                                 const struct predicate_token *t)
{
    bool nothing = t->token.code.n == 0 && t->token.system.n == 0;

    if (nothing)
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' has a value without code and system; accepted "
                       "are code, system|code, |code and system|",
                       BYTES_ARG(c->name));
    /* a code element's system is implied by its binding, which the table does
     * not hold: such a filter would never match */
    if (t->form == TOKEN_WITH_SYSTEM && !has_system(c->p->parameter))
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "the values of '%.*s' carry no system that belfry could "
                       "compare; give the code alone",
                       BYTES_ARG(c->name));
    return ERR_OK;
}

static enum err_code compile_token(const struct compilation *c, char *text,
                                   size_t n, struct predicate_value *out)
{
    struct predicate_token *t = &out->token;
    size_t bar = escape_find(bytes_make(text, n), '|');
    size_t code_at = bar < n ? bar + 1 : 0;

    t->form = bar == n   ? TOKEN_ANY_SYSTEM
              : bar == 0 ? TOKEN_NO_SYSTEM
                         : TOKEN_WITH_SYSTEM;
    t->token.system.n = bar < n ? bar : 0;
    t->token.code.n = n - code_at;
    if (escape_find(bytes_make(text + code_at, n - code_at), '|') < n - code_at)
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' has a value with more than one '|'; accepted "
                       "are code, system|code, |code and system|",
                       BYTES_ARG(c->name));
    if (!unescape(text, &t->token.system) ||
        !unescape(text + code_at, &t->token.code))
        return refuse_escape(c);
    return check_token(c, t);
}

/* --- references --- */

static bool is_canonical(const struct search_parameter *p)
{
    return !search_parameter_has_leaf(p, SEARCH_LEAF_REFERENCE) &&
           !search_parameter_has_leaf(p, SEARCH_LEAF_REFERENCE_TO_TARGET);
}

static enum err_code compile_canonical(const struct compilation *c, char *text,
                                       size_t n, struct predicate_value *out)
{
    struct search_reference *to = &out->reference.to;
    size_t bar = escape_find(bytes_make(text, n), '|');
    size_t version_at = bar < n ? bar + 1 : n;

    if (bar == 0 || version_at + (bar < n) > n || text[0] == '#')
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' holds canonical URLs; accepted are url and "
                       "url|version",
                       BYTES_ARG(c->name));
    to->id.n = bar;
    to->version.n = n - version_at;
    if (!unescape(text, &to->id) || !unescape(text + version_at, &to->version))
        return refuse_escape(c);
    return ERR_OK;
}

static enum err_code refuse_reference(const struct compilation *c)
{
    return err_set(c->e, ERR_INVALID,
                   "'%.*s' has a value that is no reference; accepted are "
                   "id, Type/id%s",
                   BYTES_ARG(c->name),
                   c->p->target ? "" : " and an absolute URL");
}

static enum err_code check_target(const struct compilation *c,
                                  const struct search_reference *to)
{
    const struct search_parameter *p = c->p->parameter;

    if (to->versioned)
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "belfry compares references without their version; "
                       "leave /_history/ out of the value of '%.*s'",
                       BYTES_ARG(c->name));
    if (!search_reference_is_local(to))
        return c->p->target ? refuse_reference(c) : ERR_OK;
    if (c->p->target && !bytes_is(to->type, c->p->target))
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' asks for a %s and its value names another type",
                       BYTES_ARG(c->name), c->p->target);
    if (!search_parameter_targets(p, to->type))
        return err_set(c->e, ERR_INVALID, "'%.*s' can point at: %s",
                       BYTES_ARG(c->name), p->targets);
    return ERR_OK;
}

static enum err_code compile_reference(const struct compilation *c, char *text,
                                       size_t n, struct predicate_value *out)
{
    struct predicate_reference *r = &out->reference;
    struct bytes whole = {text, n};

    if (is_canonical(c->p->parameter))
        return compile_canonical(c, text, n, out);
    if (!unescape(text, &whole))
        return refuse_escape(c);
    if (model_is_id(whole)) {
        r->any_target = c->p->target == NULL;
        r->to.type = bytes_of(r->any_target ? "*" : c->p->target);
        r->to.id = whole;
        return ERR_OK;
    }
    if (!search_reference_parse(whole, c->context->base_url, &r->to))
        return refuse_reference(c);
    return check_target(c, &r->to);
}

/* --- dates --- */

static const char *const prefixes[] = {
    [PREFIX_EQ] = "eq", [PREFIX_NE] = "ne", [PREFIX_GT] = "gt",
    [PREFIX_LT] = "lt", [PREFIX_GE] = "ge", [PREFIX_LE] = "le",
    [PREFIX_SA] = "sa", [PREFIX_EB] = "eb",
};

#define PREFIX_COUNT (sizeof prefixes / sizeof *prefixes)

const char *predicate_prefix_name(enum date_prefix prefix)
{
    return prefixes[prefix];
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* *text loses its prefix; without one it is eq. */
static enum err_code take_prefix(const struct compilation *c,
                                 struct bytes *text, enum date_prefix *out)
{
    struct bytes prefix = {text->p, 2};

    *out = PREFIX_EQ;
    if (text->n < 3 || !is_letter(text->p[0]) || !is_letter(text->p[1]) ||
        text->p[2] < '0' || text->p[2] > '9')
        return ERR_OK;
    for (size_t i = 0; i < PREFIX_COUNT; i++)
        if (bytes_is(prefix, prefixes[i])) {
            *out = (enum date_prefix)i;
            *text = bytes_from(*text, 2);
            return ERR_OK;
        }
    return err_set(c->e, ERR_NOT_SUPPORTED,
                   "belfry cannot evaluate the prefix '%.*s' of '%.*s'; "
                   "accepted are eq, ne, gt, lt, ge, le, sa and eb",
                   BYTES_ARG(prefix), BYTES_ARG(c->name));
}

static enum err_code compile_date(const struct compilation *c, char *text,
                                  size_t n, struct predicate_value *out)
{
    struct predicate_date *d = &out->date;
    struct bytes rest = {text, n};
    enum err_code rc = take_prefix(c, &rest, &d->prefix);

    if (rc)
        return rc;
    if (!instant_parse_range(rest, &d->range.from_ms, &d->range.to_ms))
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' has a value that is no date; accepted are "
                       "YYYY, YYYY-MM, YYYY-MM-DD and "
                       "YYYY-MM-DDThh:mm[:ss[.sss]][zone]",
                       BYTES_ARG(c->name));
    return ERR_OK;
}

/* --- values --- */

typedef enum err_code value_compiler(const struct compilation *c, char *text,
                                     size_t n, struct predicate_value *out);

static value_compiler *const compilers[] = {
    [SEARCH_TOKEN] = compile_token,
    [SEARCH_REFERENCE] = compile_reference,
    [SEARCH_DATE] = compile_date,
};

static size_t count_values(struct bytes text)
{
    size_t count = 1, at;

    while ((at = escape_find(text, ',')) < text.n) {
        text = bytes_from(text, at + 1);
        count++;
    }
    return count;
}

static enum err_code compile_missing(struct compilation *c, struct bytes value)
{
    c->p->missing = bytes_is(value, "true");
    if (!c->p->missing && !bytes_is(value, "false"))
        return err_set(c->e, ERR_INVALID, "'%.*s' accepts true or false",
                       BYTES_ARG(c->name));
    return ERR_OK;
}

static enum err_code compile_values(struct compilation *c, char *text, size_t n)
{
    struct predicate *p = c->p;
    size_t count = count_values(bytes_make(text, n));

    if (count > QUERY_VALUES_MAX)
        return err_set(c->e, ERR_INVALID, "'%.*s' has more than %d values",
                       BYTES_ARG(c->name), QUERY_VALUES_MAX);
    p->values = calloc(count, sizeof *p->values);
    if (!p->values)
        return err_nomem(c->e);
    while (p->count < count) {
        size_t end = escape_find(bytes_make(text, n), ',');
        enum err_code rc;

        if (end == 0)
            return err_set(c->e, ERR_INVALID, "'%.*s' has an empty value",
                           BYTES_ARG(c->name));
        rc = compilers[p->parameter->type](c, text, end, &p->values[p->count]);
        if (rc)
            return rc;
        p->count++;
        text += end < n ? end + 1 : n;
        n -= end < n ? end + 1 : n;
    }
    return ERR_OK;
}

enum err_code predicate_compile(const struct predicate_context *c,
                                struct predicate_text text,
                                struct predicate *out, struct err *e)
{
    struct compilation k = {c, shown(text.name), out, e};
    enum err_code rc;

    *out = (struct predicate){.modifier = ""};
    rc = compile_name(&k, text.name);
    if (rc)
        return rc;
    if (text.value_bytes == 0)
        return err_set(e, ERR_INVALID, "'%.*s' has an empty value",
                       BYTES_ARG(k.name));
    if (out->op == PREDICATE_MISSING)
        return compile_missing(&k, bytes_make(text.value, text.value_bytes));
    rc = compile_values(&k, text.value, text.value_bytes);
    if (rc)
        predicate_fini(out);
    return rc;
}

void predicate_fini(struct predicate *p)
{
    free(p->values);
    p->values = NULL;
    p->count = 0;
}
