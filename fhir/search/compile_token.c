#include "fhir/search/compilation.h"
#include "fhir/search/escape.h"

static enum err_code refuse_bars(const struct compilation *c, const char *forms)
{
    return err_set(c->e, ERR_INVALID,
                   "'%.*s' has a value of another form; accepted are %s",
                   BYTES_ARG(c->name), forms);
}

static enum err_code check_token(const struct compilation *c,
                                 const struct predicate_token *t)
{
    if (t->code.n == 0 && t->system.n == 0)
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' has a value without code and system; accepted "
                       "are code, system|code, |code and system|",
                       BYTES_ARG(c->name));
    /* such a filter would never match */
    if (t->form == TOKEN_WITH_SYSTEM && c->how == HOW_PLAIN &&
        !search_parameter_has_system(c->parameter))
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "the values of '%.*s' carry no system that belfry could "
                       "compare; give the code alone",
                       BYTES_ARG(c->name));
    return ERR_OK;
}

/* ":of-type": the system and code of the identifier's type, its value. */
static enum err_code compile_of_type(const struct compilation *c, char *text,
                                     size_t n, struct predicate_value *out)
{
    static const char form[] = "system|code|value";
    struct predicate_token *t = &out->token;
    size_t first = escape_find(bytes_make(text, n), '|');
    size_t code_at = first < n ? first + 1 : n;
    size_t second =
        code_at + escape_find(bytes_make(text + code_at, n - code_at), '|');
    size_t value_at = second < n ? second + 1 : n;

    t->form = TOKEN_WITH_SYSTEM;
    t->system.n = first;
    t->code.n = second - code_at;
    t->value.n = n - value_at;
    if (first == 0 || t->code.n == 0 || t->value.n == 0 ||
        escape_find(bytes_make(text + value_at, t->value.n), '|') < t->value.n)
        return refuse_bars(c, form);
    if (!compilation_unescape(text, &t->system) ||
        !compilation_unescape(text + code_at, &t->code) ||
        !compilation_unescape(text + value_at, &t->value))
        return compilation_refuse_escape(c);
    return ERR_OK;
}

static enum err_code compile_code(const struct compilation *c, char *text,
                                  size_t n, struct predicate_value *out)
{
    struct predicate_token *t = &out->token;
    size_t bar = escape_find(bytes_make(text, n), '|');
    size_t code_at = bar < n ? bar + 1 : 0;

    t->form = bar == n   ? TOKEN_ANY_SYSTEM
              : bar == 0 ? TOKEN_NO_SYSTEM
                         : TOKEN_WITH_SYSTEM;
    t->system.n = bar < n ? bar : 0;
    t->code.n = n - code_at;
    if (escape_find(bytes_make(text + code_at, n - code_at), '|') < n - code_at)
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' has a value with more than one '|'; accepted "
                       "are code, system|code, |code and system|",
                       BYTES_ARG(c->name));
    if (!compilation_unescape(text, &t->system) ||
        !compilation_unescape(text + code_at, &t->code))
        return compilation_refuse_escape(c);
    return check_token(c, t);
}

/* ":in": what belfry knows the codes of are the value sets that R4's required
 * bindings name. */
static enum err_code compile_set(const struct compilation *c, char *text,
                                 size_t n, struct predicate_value *out)
{
    struct bytes canonical = {text, n};

    if (!compilation_unescape(text, &canonical))
        return compilation_refuse_escape(c);
    out->set = model_value_set_find(canonical);
    if (!out->set || !model_value_set_is_listed(out->set))
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "belfry does not have the codes of a value set that "
                       "'%.*s' names; it has those that R4's required bindings "
                       "name, such as "
                       "http://hl7.org/fhir/ValueSet/observation-status",
                       BYTES_ARG(c->name));
    return ERR_OK;
}

enum err_code compile_token(const struct compilation *c, char *text, size_t n,
                            struct predicate_value *out)
{
    if (c->how == HOW_IN)
        return compile_set(c, text, n, out);
    if (c->how == HOW_TEXT)
        return compilation_fold(c, text, n, &out->text);
    return c->how == HOW_OF_TYPE ? compile_of_type(c, text, n, out)
                                 : compile_code(c, text, n, out);
}
