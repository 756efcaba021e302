#include "fhir/fhirpath/functions.h"

#include "fhir/fhirpath/letters.h"

/* --- the input as a string, and the arguments (FHIRPath 2.0, 5.6) --- */

static bool focus_string(struct evaluation *ev, const struct call *call,
                         struct bytes *out, bool *present)
{
    struct fhirpath_item item;

    if (!eval_one_of(ev, call->node, call->focus, FHIRPATH_STRING, &item,
                     present))
        return false;
    if (*present)
        *out = item.string;
    return !*present || eval_step(ev, item.string.n / 64);
}

static bool argument_string(struct evaluation *ev, const struct call *call,
                            size_t i, struct bytes *out, bool *present)
{
    struct fhirpath_item item;

    if (!eval_argument(ev, call, i, FHIRPATH_STRING, &item, present))
        return false;
    if (*present)
        *out = item.string;
    return true;
}

/* Both; *present is false when one of them is missing. */
static bool take_pair(struct evaluation *ev, const struct call *call,
                      struct bytes *text, struct bytes *arg, bool *present)
{
    bool has_arg;

    if (!focus_string(ev, call, text, present) ||
        !argument_string(ev, call, 0, arg, &has_arg))
        return false;
    *present = *present && has_arg;
    return true;
}

/* Offset of the first part at or behind from; text.n + 1 when there is none. */
static size_t find(struct bytes text, struct bytes part, size_t from)
{
    const char *at;

    if (part.n == 0)
        return from;
    if (from > text.n)
        return text.n + 1;
    at = memmem(text.p + from, text.n - from, part.p, part.n);
    return at ? (size_t)(at - text.p) : text.n + 1;
}

static size_t find_last(struct bytes text, struct bytes part)
{
    for (size_t at = part.n <= text.n ? text.n - part.n + 1 : 0; at-- > 0;)
        if (part.n == 0 || memcmp(text.p + at, part.p, part.n) == 0)
            return at;
    return text.n + 1;
}

static bool add_index(struct evaluation *ev, struct bytes text, size_t at,
                      struct fhirpath_collection *out)
{
    int32_t index = -1;

    if (at <= text.n)
        index = (int32_t)letters_count(bytes_make(text.p, at));
    return eval_add(ev, out, fhirpath_integer(index));
}

/* --- searching --- */

bool function_index_of(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes part;
    bool present;

    return take_pair(ev, call, &text, &part, &present) &&
           (!present || add_index(ev, text, find(text, part, 0), out));
}

bool function_last_index_of(struct evaluation *ev, const struct call *call,
                            struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes part;
    bool present;

    return take_pair(ev, call, &text, &part, &present) &&
           (!present || add_index(ev, text, find_last(text, part), out));
}

bool function_contains(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes part;
    bool present;

    return take_pair(ev, call, &text, &part, &present) &&
           (!present ||
            eval_add_boolean(ev, out, find(text, part, 0) <= text.n));
}

bool function_starts_with(struct evaluation *ev, const struct call *call,
                          struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes part;
    bool present;

    if (!take_pair(ev, call, &text, &part, &present))
        return false;
    return !present ||
           eval_add_boolean(ev, out,
                            text.n >= part.n &&
                                bytes_equal(bytes_make(text.p, part.n), part));
}

bool function_ends_with(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes part;
    bool present;

    if (!take_pair(ev, call, &text, &part, &present))
        return false;
    return !present ||
           eval_add_boolean(
               ev, out,
               text.n >= part.n &&
                   bytes_equal(bytes_from(text, text.n - part.n), part));
}

/* --- parts --- */

bool function_substring(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    struct fhirpath_item start;
    struct fhirpath_item length;
    struct bytes text;
    bool has_text;
    bool has_start;
    bool has_length;
    size_t begin;

    if (!focus_string(ev, call, &text, &has_text) ||
        !eval_argument(ev, call, 0, FHIRPATH_INTEGER, &start, &has_start) ||
        !eval_argument(ev, call, 1, FHIRPATH_INTEGER, &length, &has_length))
        return false;
    if (!has_text || !has_start || start.integer < 0)
        return true;
    begin = letters_skip(text, (size_t)start.integer);
    if (begin >= text.n)
        return true;
    text = bytes_from(text, begin);
    if (has_length)
        text.n =
            letters_skip(text, length.integer > 0 ? (size_t)length.integer : 0);
    return eval_add_text(ev, out, text);
}

bool function_length(struct evaluation *ev, const struct call *call,
                     struct fhirpath_collection *out)
{
    struct bytes text;
    bool present;

    return focus_string(ev, call, &text, &present) &&
           (!present ||
            eval_add(ev, out, fhirpath_integer((int32_t)letters_count(text))));
}

bool function_to_chars(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    struct bytes text;
    bool present;

    if (!focus_string(ev, call, &text, &present))
        return false;
    for (size_t at = 0; present && at < text.n;) {
        size_t begin = at;

        (void)letters_next(text, &at);
        if (!eval_add_text(ev, out, bytes_make(text.p + begin, at - begin)))
            return false;
    }
    return true;
}

bool function_trim(struct evaluation *ev, const struct call *call,
                   struct fhirpath_collection *out)
{
    struct bytes text;
    bool present;

    if (!focus_string(ev, call, &text, &present))
        return false;
    if (!present)
        return true;
    while (text.n > 0 && letters_is_space((unsigned char)text.p[0]))
        text = bytes_from(text, 1);
    while (text.n > 0 && letters_is_space((unsigned char)text.p[text.n - 1]))
        text.n--;
    return eval_add_text(ev, out, text);
}

static bool add_parts(struct evaluation *ev, struct bytes text,
                      struct bytes separator, struct fhirpath_collection *out)
{
    size_t begin = 0;

    for (;;) {
        size_t end = find(text, separator, begin);

        if (end > text.n)
            return eval_add_text(ev, out, bytes_from(text, begin));
        if (!eval_add_text(ev, out, bytes_make(text.p + begin, end - begin)))
            return false;
        begin = end + separator.n;
    }
}

bool function_split(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes separator;
    bool present;

    if (!take_pair(ev, call, &text, &separator, &present))
        return false;
    if (!present)
        return true;
    if (separator.n == 0)
        return function_to_chars(ev, call, out);
    return add_parts(ev, text, separator, out);
}

/* --- changing --- */

bool function_upper(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    struct bytes text;
    bool present;

    if (!focus_string(ev, call, &text, &present))
        return false;
    if (!present)
        return true;
    text = letters_upper(ev->arena, text);
    return text.p ? eval_add_text(ev, out, text) : eval_nomem(ev);
}

bool function_lower(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    struct bytes text;
    bool present;

    if (!focus_string(ev, call, &text, &present))
        return false;
    if (!present)
        return true;
    text = letters_lower(ev->arena, text);
    return text.p ? eval_add_text(ev, out, text) : eval_nomem(ev);
}

/* Where the next replacement stands. Of nothing: before every character and
 * at the end. */
static size_t next_match(struct bytes text, struct bytes pattern, size_t from,
                         bool first)
{
    if (pattern.n > 0)
        return find(text, pattern, from);
    if (first)
        return from;
    if (from >= text.n)
        return text.n + 1;
    (void)letters_next(text, &from);
    return from;
}

/* Writes the text with its replacements, or only counts when to is NULL. */
static size_t replace_all(struct bytes text, struct bytes pattern,
                          struct bytes by, char *to)
{
    size_t begin = 0;
    size_t n = 0;
    size_t at = next_match(text, pattern, 0, true);

    for (; at <= text.n; at = next_match(text, pattern, begin, false)) {
        if (to) {
            memcpy(to + n, text.p + begin, at - begin);
            memcpy(to + n + (at - begin), by.p, by.n);
        }
        n += at - begin + by.n;
        begin = at + pattern.n;
    }
    if (to && begin < text.n)
        memcpy(to + n, text.p + begin, text.n - begin);
    return n + (text.n - begin);
}

bool function_replace(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    struct bytes text;
    struct bytes pattern;
    struct bytes by;
    bool present;
    bool has_by;
    size_t n;
    char *to;

    if (!take_pair(ev, call, &text, &pattern, &present) ||
        !argument_string(ev, call, 1, &by, &has_by))
        return false;
    if (!present || !has_by)
        return true;
    n = replace_all(text, pattern, by, NULL);
    to = eval_alloc(ev, n + 1);
    if (!to || !eval_step(ev, n / 16))
        return false;
    (void)replace_all(text, pattern, by, to);
    return eval_add_text(ev, out, bytes_make(to, n));
}

/* --- join() --- */

static bool text_of_item(struct evaluation *ev, const struct call *call,
                         size_t i, struct bytes *out)
{
    struct fhirpath_item item;

    if (!eval_value(ev, &call->focus->items[i], &item) ||
        item.kind != FHIRPATH_STRING)
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "join() needs strings");
    *out = item.string;
    return true;
}

bool function_join(struct evaluation *ev, const struct call *call,
                   struct fhirpath_collection *out)
{
    struct bytes separator = bytes_of("");
    struct bytes part = bytes_of("");
    bool present;
    size_t n = 0;
    char *to;

    if (!argument_string(ev, call, 0, &separator, &present))
        return false;
    for (size_t i = 0; i < call->focus->n; i++) {
        if (!text_of_item(ev, call, i, &part))
            return false;
        n += part.n + (i > 0 ? separator.n : 0);
    }
    to = eval_alloc(ev, n + 1);
    n = 0;
    for (size_t i = 0; to && i < call->focus->n; i++) {
        if (i > 0 && separator.n > 0) {
            memcpy(to + n, separator.p, separator.n);
            n += separator.n;
        }
        if (!text_of_item(ev, call, i, &part))
            return false;
        if (part.n)
            memcpy(to + n, part.p, part.n);
        n += part.n;
    }
    return to &&
           (call->focus->n == 0 || eval_add_text(ev, out, bytes_make(to, n)));
}
