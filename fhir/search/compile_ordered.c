#include "fhir/search/compilation.h"
#include "fhir/search/escape.h"
#include "fhir/search/unit.h"
#include "storage/base/instant.h"

/* --- prefixes --- */

static const char *const prefixes[] = {
    [PREFIX_EQ] = "eq", [PREFIX_NE] = "ne", [PREFIX_GT] = "gt",
    [PREFIX_LT] = "lt", [PREFIX_GE] = "ge", [PREFIX_LE] = "le",
    [PREFIX_SA] = "sa", [PREFIX_EB] = "eb", [PREFIX_AP] = "ap",
};

#define PREFIX_COUNT (sizeof prefixes / sizeof *prefixes)

const char *predicate_prefix_name(enum predicate_prefix prefix)
{
    return prefixes[prefix];
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A value begins with a digit, a sign or a point. */
static bool is_value(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.';
}

/* *text loses its prefix; without one it is eq. */
static enum err_code take_prefix(const struct compilation *c,
                                 struct bytes *text, enum predicate_prefix *out)
{
    struct bytes prefix = {text->p, 2};

    *out = PREFIX_EQ;
    if (text->n < 3 || !is_letter(text->p[0]) || !is_letter(text->p[1]) ||
        !is_value(text->p[2]))
        return ERR_OK;
    for (size_t i = 0; i < PREFIX_COUNT; i++)
        if (bytes_is(prefix, prefixes[i])) {
            *out = (enum predicate_prefix)i;
            *text = bytes_from(*text, 2);
            return ERR_OK;
        }
    return err_set(c->e, ERR_NOT_SUPPORTED,
                   "belfry cannot evaluate the prefix '%.*s' of '%.*s'; "
                   "accepted are eq, ne, gt, lt, ge, le, sa, eb and ap",
                   BYTES_ARG(prefix), BYTES_ARG(c->name));
}

/* --- dates --- */

/* R4: within a tenth of the time between now and the value. */
static enum err_code widen(const struct compilation *c,
                           struct predicate_date *d)
{
    int64_t now = c->context->now_ms, margin;

    if (!c->context->has_now)
        return err_set(c->e, ERR_NOT_SUPPORTED,
                       "belfry cannot evaluate the prefix 'ap' of '%.*s' here: "
                       "what is approximately the same date depends on the "
                       "time of asking",
                       BYTES_ARG(c->name));
    margin = (now < d->range.from_ms ? d->range.from_ms - now
              : now > d->range.to_ms ? now - d->range.to_ms
                                     : 0) /
             10;
    d->range.from_ms -= margin;
    d->range.to_ms += margin;
    return ERR_OK;
}

/* Of a '+' that was not escaped in a URL a space is left, and no date has one:
 * "10:00:00 02:00" can only be the zone +02:00. */
static void restore_zone(char *text, size_t n)
{
    if (n > sizeof " 02:00" && text[n - 6] == ' ' && text[n - 3] == ':')
        text[n - 6] = '+';
}

enum err_code compile_date(const struct compilation *c, char *text, size_t n,
                           struct predicate_value *out)
{
    struct predicate_date *d = &out->date;
    struct bytes rest = {text, n};
    enum err_code rc = take_prefix(c, &rest, &d->prefix);

    if (rc)
        return rc;
    restore_zone(text, n);
    if (!instant_parse_range(rest, &d->range.from_ms, &d->range.to_ms))
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' has a value that is no date; accepted are "
                       "YYYY, YYYY-MM, YYYY-MM-DD and "
                       "YYYY-MM-DDThh:mm[:ss[.sss]][zone]",
                       BYTES_ARG(c->name));
    return d->prefix == PREFIX_AP ? widen(c, d) : ERR_OK;
}

/* --- numbers and quantities --- */

enum err_code compile_number(const struct compilation *c, char *text, size_t n,
                             struct predicate_value *out)
{
    struct predicate_number *w = &out->number;
    struct bytes rest = {text, n};
    enum err_code rc = take_prefix(c, &rest, &w->prefix);

    if (rc)
        return rc;
    if (!number_parse(rest, &w->number))
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' has a value that is no number of at most %d "
                       "digits, such as 5, -0.20 or 1e3",
                       BYTES_ARG(c->name), NUMBER_DIGITS_MAX);
    if (w->prefix == PREFIX_AP)
        number_approximate(w->number.value, &w->number.low, &w->number.high);
    return ERR_OK;
}

/* "|system|code" and "||code", behind the number. */
static enum err_code compile_units(const struct compilation *c, char *text,
                                   size_t n, struct predicate_number *out)
{
    size_t bar = escape_find(bytes_make(text, n), '|');
    size_t code_at = bar < n ? bar + 1 : n;

    out->form = bar == 0 ? TOKEN_NO_SYSTEM : TOKEN_WITH_SYSTEM;
    out->system.n = bar;
    out->code.n = n - code_at;
    if (bar == n || out->code.n == 0 ||
        escape_find(bytes_make(text + code_at, out->code.n), '|') < out->code.n)
        return err_set(c->e, ERR_INVALID,
                       "'%.*s' has a quantity of another form; accepted are "
                       "number, number|system|code and number||code",
                       BYTES_ARG(c->name));
    if (!compilation_unescape(text, &out->system) ||
        !compilation_unescape(text + code_at, &out->code))
        return compilation_refuse_escape(c);
    return ERR_OK;
}

static void find_base(struct predicate_number *w)
{
    struct unit unit = {.dimension = 0};

    if (w->form == TOKEN_WITH_SYSTEM)
        unit = unit_find(w->system, w->code);
    w->dimension = unit.dimension;
    if (!unit.dimension)
        return;
    w->base = (struct number){unit_to_base(&unit, w->number.value),
                              unit_to_base(&unit, w->number.low),
                              unit_to_base(&unit, w->number.high)};
}

enum err_code compile_quantity(const struct compilation *c, char *text,
                               size_t n, struct predicate_value *out)
{
    size_t bar = escape_find(bytes_make(text, n), '|');
    enum err_code rc = compile_number(c, text, bar, out);

    out->number.form = TOKEN_ANY_SYSTEM;
    if (rc || bar == n)
        return rc;
    rc = compile_units(c, text + bar + 1, n - bar - 1, &out->number);
    if (!rc)
        find_base(&out->number);
    return rc;
}
