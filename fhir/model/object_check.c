#include "fhir/model/object_check.h"

#include <stdio.h>

#include "fhir/model/rule.h"

#define CODES_SHOWN_MAX 12
#define CODE_SHOWN_BYTES 40

static const struct bytes no_name = {NULL, 0};

/* ---- required elements ---- */

static void check_required_of(struct walk *w, const struct model_type *type)
{
    for (size_t i = 0; i < type->element_count; i++) {
        const struct model_element *element = &type->elements[i];

        if (element->min > 0 && !walk_has(walk_top(w), element))
            walk_report(w, ERR_UNPROCESSABLE_REQUIRED, bytes_of(element->name),
                        "%s%s is required", element->name,
                        element->choice ? "[x]" : "");
    }
}

static void check_required(struct walk *w)
{
    const struct model_type *type = walk_top(w)->type;

    for (; type; type = type->base)
        if (type->required_count > 0)
            check_required_of(w, type);
}

/* ---- "name" and "_name" ---- */

struct sides {
    const char *name; /* of the element, in expressions */
    bool has_values;
    bool has_companions;
    struct json_span values;
    struct json_span companions;
};

static bool is_null(const struct walk *w, struct json_span span)
{
    return w->text.p[span.begin] == 'n';
}

/* An Element with no more than an id. */
static bool has_extension(const struct walk *w, struct json_span companion)
{
    struct json_item item;

    return json_member(w->text, companion, "extension", &item);
}

static void report_item(struct walk *w, const char *name, size_t index,
                        const char *problem)
{
    char step[128];
    int n = snprintf(step, sizeof step, "%s[%zu]", name, index);

    walk_report(
        w, ERR_UNPROCESSABLE_STRUCTURE,
        bytes_make(step, n > 0 && (size_t)n < sizeof step ? (size_t)n : 0),
        "%s", problem);
}

/* Each item must have a value or an extension on one side. */
static void check_item(struct walk *w, const struct sides *s, size_t i,
                       const struct json_item *value,
                       const struct json_item *companion)
{
    bool valued = value && !is_null(w, value->value);
    bool extended = companion && has_extension(w, companion->value);

    if (!valued && !extended)
        report_item(w, s->name, i,
                    "null stands only where the other of the two arrays has "
                    "something at the same place");
}

/* The nulls at the end of "_name" may be left off; what is longer than "name"
 * has nothing that it belongs to. */
static void check_arrays(struct walk *w, const struct sides *s)
{
    size_t at_value = 0, at_companion = 0;
    struct json_item value, companion;

    for (size_t i = 0;; i++) {
        bool left =
            s->has_values && json_next(w->text, s->values, &at_value, &value);
        bool right = s->has_companions && json_next(w->text, s->companions,
                                                    &at_companion, &companion);

        if (!left && !right)
            return;
        if (s->has_values && !left)
            break;
        check_item(w, s, i, left ? &value : NULL, right ? &companion : NULL);
    }
    walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, bytes_of(s->name),
                "_%s has more items than %s", s->name, s->name);
}

static bool is_array(const struct walk *w, bool there, struct json_span span)
{
    return !there || w->text.p[span.begin] == '[';
}

static void check_pair(struct walk *w, const struct walk_pair *pair)
{
    const struct walk_frame *f = walk_top(w);
    struct sides s = {.name = pair->found.element->name};
    char key[128];
    int n = snprintf(key, sizeof key, "_%.*s", BYTES_ARG(pair->name));

    if (n < 0 || (size_t)n >= sizeof key)
        return;
    s.has_values = walk_member(w, f, key + 1, &s.values);
    s.has_companions = walk_member(w, f, key, &s.companions);
    if (!pair->found.element->many) {
        /* a companion of another shape was refused where it stands */
        if (!s.has_values && w->text.p[s.companions.begin] == '{' &&
            !has_extension(w, s.companions))
            walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, bytes_of(s.name),
                        "must have a value or an extension");
    } else if (is_array(w, s.has_values, s.values) &&
               is_array(w, s.has_companions, s.companions)) {
        check_arrays(w, &s);
    }
}

/* ---- codes ---- */

static size_t code_count(const struct model_value_set *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->system_count; i++)
        n += set->systems[i].count;
    return n;
}

static void list_codes(const struct model_value_set *set, char *out,
                       size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < set->system_count; i++)
        for (size_t k = 0; k < set->systems[i].count; k++) {
            int n = snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                             set->systems[i].codes[k]);

            if (n < 0 || (size_t)n >= size - used)
                return;
            used += (size_t)n;
        }
}

void object_refuse_code(struct walk *w, struct bytes name,
                        const struct model_value_set *set, struct bytes code)
{
    char codes[ERR_MESSAGE_BYTES / 2];

    if (code.n > CODE_SHOWN_BYTES)
        code.n = CODE_SHOWN_BYTES;
    if (code_count(set) <= CODES_SHOWN_MAX) {
        list_codes(set, codes, sizeof codes);
        walk_report(w, ERR_UNPROCESSABLE_CODE, name,
                    "\"%.*s\" is not one of the codes: %s", BYTES_ARG(code),
                    codes);
    } else {
        walk_report(w, ERR_UNPROCESSABLE_CODE, name,
                    "\"%.*s\" is not in the required value set %s",
                    BYTES_ARG(code), set->canonical);
    }
}

static struct bytes string_member(struct walk *w, struct json_span object,
                                  const char *name)
{
    struct json_item item;

    if (!json_member(w->text, object, name, &item) ||
        w->text.p[item.value.begin] != '"')
        return no_name;
    return walk_string(w, item.value);
}

static bool coding_fits(struct walk *w, struct json_span coding,
                        const struct model_value_set *set)
{
    return model_value_set_has_coding(set, string_member(w, coding, "system"),
                                      string_member(w, coding, "code"));
}

static bool some_coding_fits(struct walk *w, struct json_span codings,
                             const struct model_value_set *set)
{
    struct json_item item;
    size_t position = 0;

    while (json_next(w->text, codings, &position, &item))
        if (coding_fits(w, item.value, set))
            return true;
    return false;
}

/* R4 terminologies.html#required: of a CodeableConcept one coding must be from
 * the value set, unless an extension says why there is none. */
static void check_concept(struct walk *w, const struct model_value_set *set)
{
    const struct walk_frame *f = walk_top(w);
    struct json_span codings;
    bool coded = walk_member(w, f, "coding", &codings);

    if (!coded && walk_has_named(f, "extension"))
        return;
    if (!coded || !some_coding_fits(w, codings, set))
        walk_report(w, ERR_UNPROCESSABLE_CODE, no_name,
                    "needs a coding of the required value set %s",
                    set->canonical);
}

static void check_binding(struct walk *w)
{
    const struct walk_frame *f = walk_top(w);
    const struct model_value_set *set =
        f->element ? model_value_set_of(f->element->required) : NULL;

    if (set && model_value_set_is_listed(set) &&
        f->type->id == MODEL_TYPE_CodeableConcept)
        check_concept(w, set);
}

/* ele-1: an id alone is no content. */
static bool has_content(const struct walk_frame *f)
{
    return f->companion || f->type->kind == MODEL_RESOURCE ||
           f->count > (f->has_id ? 1U : 0U);
}

void object_check(struct walk *w)
{
    const struct walk_frame *f = walk_top(w);

    if (f->count == 0) {
        walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, no_name,
                    "must not be an empty object");
        return;
    }
    if (!has_content(f))
        walk_report(w, ERR_UNPROCESSABLE_INVARIANT, no_name,
                    "ele-1: must have more than an id");
    check_required(w);
    for (const struct walk_pair *pair = f->pairs; pair; pair = pair->next)
        check_pair(w, pair);
    rule_check(w);
    check_binding(w);
}
