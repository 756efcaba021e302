#include "fhir/fhirpath/functions.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT 1000000
#define HEAP_LIMIT_KB 4096
#define OUTPUT_MAX ((size_t)1 << 20)

/* A compiled pattern and what it is used on. */
struct pattern {
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_match_data *match;
};

static void pattern_fini(struct pattern *p)
{
    pcre2_match_data_free(p->match);
    pcre2_match_context_free(p->context);
    pcre2_code_free(p->code);
}

/* FHIRPath's flags: i, and m; without m "." takes line ends as well and the
 * text is one line (FHIRPath 2.0, matches()). */
static uint32_t options_of(struct bytes flags, bool whole)
{
    uint32_t options = PCRE2_UTF | PCRE2_DOTALL | PCRE2_NO_UTF_CHECK;

    for (size_t i = 0; i < flags.n; i++) {
        if (flags.p[i] == 'i')
            options |= PCRE2_CASELESS;
        if (flags.p[i] == 'm')
            options |= PCRE2_MULTILINE;
    }
    return whole ? options | PCRE2_ANCHORED | PCRE2_ENDANCHORED : options;
}

static bool pattern_init(struct evaluation *ev, const struct call *call,
                         struct bytes text, uint32_t options,
                         struct pattern *out)
{
    int error;
    PCRE2_SIZE offset;

    *out = (struct pattern){NULL, NULL, NULL};
    out->code = pcre2_compile((PCRE2_SPTR)text.p, text.n, options, &error,
                              &offset, NULL);
    if (!out->code)
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "no regular expression, at its character %zu",
                         (size_t)offset + 1);
    out->context = pcre2_match_context_create(NULL);
    out->match = pcre2_match_data_create_from_pattern(out->code, NULL);
    if (!out->context || !out->match) {
        pattern_fini(out);
        return eval_nomem(ev);
    }
    (void)pcre2_set_match_limit(out->context, MATCH_LIMIT);
    (void)pcre2_set_heap_limit(out->context, HEAP_LIMIT_KB);
    return true;
}

static bool check_flags(struct evaluation *ev, const struct call *call,
                        struct bytes flags)
{
    for (size_t i = 0; i < flags.n; i++)
        if (flags.p[i] != 'i' && flags.p[i] != 'm')
            return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                             "the flags are i and m");
    return true;
}

static bool refuse_match(struct evaluation *ev, const struct call *call)
{
    return eval_fail(ev, call->node, ERR_TOO_LARGE,
                     "this regular expression takes too long on this text");
}

/* --- arguments --- */

struct texts {
    struct bytes subject;
    struct bytes pattern;
    struct bytes other; /* the flags, or the substitution */
    struct bytes flags;
    bool present; /* none of the needed ones is missing */
};

static bool take_text(struct evaluation *ev, const struct call *call, size_t i,
                      bool needed, struct texts *t, struct bytes *out)
{
    struct fhirpath_item item;
    bool present;

    *out = bytes_make("", 0);
    if (!eval_argument(ev, call, i, FHIRPATH_STRING, &item, &present))
        return false;
    if (present)
        *out = item.string;
    else if (needed)
        t->present = false;
    return true;
}

static bool take_subject(struct evaluation *ev, const struct call *call,
                         struct texts *t)
{
    struct fhirpath_item item;

    if (!eval_one_of(ev, call->node, call->focus, FHIRPATH_STRING, &item,
                     &t->present))
        return false;
    t->subject = t->present ? item.string : bytes_make("", 0);
    return eval_step(ev, t->subject.n + 1);
}

/* --- matches() --- */

static bool matches(struct evaluation *ev, const struct call *call, bool whole,
                    struct fhirpath_collection *out)
{
    struct pattern p;
    struct texts t;
    int found;

    if (!take_subject(ev, call, &t) ||
        !take_text(ev, call, 0, true, &t, &t.pattern) ||
        !take_text(ev, call, 1, false, &t, &t.flags) ||
        !check_flags(ev, call, t.flags))
        return false;
    if (!t.present)
        return true;
    if (!pattern_init(ev, call, t.pattern, options_of(t.flags, whole), &p))
        return false;
    found = pcre2_match(p.code, (PCRE2_SPTR)t.subject.p, t.subject.n, 0, 0,
                        p.match, p.context);
    pattern_fini(&p);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH)
        return refuse_match(ev, call);
    return eval_add_boolean(ev, out, found >= 0);
}

bool function_matches(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    return matches(ev, call, false, out);
}

bool function_matches_full(struct evaluation *ev, const struct call *call,
                           struct fhirpath_collection *out)
{
    return matches(ev, call, true, out);
}

/* --- replaceMatches() --- */

/* Twice: once to learn how much room it takes. */
static bool substitute(struct evaluation *ev, const struct call *call,
                       const struct texts *t, const struct pattern *p,
                       struct fhirpath_collection *out)
{
    const uint32_t options =
        PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY |
        PCRE2_SUBSTITUTE_UNKNOWN_UNSET | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH;
    PCRE2_SIZE n = 0;
    PCRE2_UCHAR none[1];
    PCRE2_UCHAR *room;
    int done = pcre2_substitute(p->code, (PCRE2_SPTR)t->subject.p, t->subject.n,
                                0, options, p->match, p->context,
                                (PCRE2_SPTR)t->other.p, t->other.n, none, &n);

    if (done == PCRE2_ERROR_BADREPLACEMENT || done == PCRE2_ERROR_BADREPESCAPE)
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "this is no substitution");
    if ((done < 0 && done != PCRE2_ERROR_NOMEMORY) || n > OUTPUT_MAX)
        return refuse_match(ev, call);
    if (!eval_step(ev, n))
        return false;
    n += 1;
    room = eval_alloc(ev, n);
    if (!room)
        return false;
    done = pcre2_substitute(p->code, (PCRE2_SPTR)t->subject.p, t->subject.n, 0,
                            options, p->match, p->context,
                            (PCRE2_SPTR)t->other.p, t->other.n, room, &n);
    if (done < 0)
        return refuse_match(ev, call);
    return eval_add_text(ev, out, bytes_make((const char *)room, n));
}

bool function_replace_matches(struct evaluation *ev, const struct call *call,
                              struct fhirpath_collection *out)
{
    struct pattern p;
    struct texts t;
    bool ok;

    if (!take_subject(ev, call, &t) ||
        !take_text(ev, call, 0, true, &t, &t.pattern) ||
        !take_text(ev, call, 1, true, &t, &t.other) ||
        !take_text(ev, call, 2, false, &t, &t.flags) ||
        !check_flags(ev, call, t.flags))
        return false;
    if (!t.present)
        return true;
    if (t.pattern.n == 0)
        return eval_add_text(ev, out, t.subject);
    if (!pattern_init(ev, call, t.pattern, options_of(t.flags, false), &p))
        return false;
    ok = substitute(ev, call, &t, &p, out);
    pattern_fini(&p);
    return ok;
}
