#include "fhir/model/walk.h"

#include <stdarg.h>
#include <stdio.h>

#include "fhir/json/scan.h"
#include "fhir/json/unescape.h"

struct walk_frame *walk_push(struct walk *w)
{
    struct walk_frame *f;

    if (w->depth == sizeof w->frames / sizeof *w->frames)
        return NULL;
    f = &w->frames[w->depth++];
    /* the choices count up to choice_count only: no need to clear them */
    memset(f, 0, offsetof(struct walk_frame, choices));
    f->begin = w->at++;
    return f;
}

struct json_span walk_skip(struct walk *w)
{
    struct json_span span = {w->at, json_value_end(w->text, w->at)};

    w->at = span.end;
    return span;
}

struct bytes walk_take_string(struct walk *w)
{
    const char *begin = w->text.p + w->at + 1;
    const char *stop = scan_to_mark(begin, w->text.p + w->text.n);

    if (stop == w->text.p + w->text.n || *stop == '\\')
        return walk_string(w, walk_skip(w));
    w->at = (size_t)(stop + 1 - w->text.p);
    return bytes_make(begin, (size_t)(stop - begin));
}

struct bytes walk_string(struct walk *w, struct json_span span)
{
    struct bytes raw =
        bytes_make(w->text.p + span.begin + 1, span.end - span.begin - 2);
    char *out;

    if (bytes_find(raw, '\\') == raw.n)
        return raw;
    out = arena_alloc(w->scratch, raw.n + 1);
    if (!out) {
        w->failed = true;
        return bytes_make(NULL, 0);
    }
    return bytes_make(out, json_unescape(raw, out));
}

/* ---- expressions ---- */

struct path {
    char *text;
    size_t n;
    size_t size;
};

static void path_add(struct path *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What no longer fits is left off, so that an ancestor is named. */
static void path_add(struct path *p, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(p->text + p->n, p->size - p->n, format, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < p->size - p->n)
        p->n += (size_t)n;
    else
        p->size = p->n + 1;
    p->text[p->n] = '\0';
}

static void write_path(const struct walk *w, struct bytes name, char *out,
                       size_t size)
{
    struct path p = {out, 0, size};

    out[0] = '\0';
    for (size_t i = 0; i < w->depth; i++) {
        const struct walk_frame *f = &w->frames[i];

        if (f->name.n > 0)
            path_add(&p, "%s%.*s", i ? "." : "", BYTES_ARG(f->name));
        if (f->array && f->count > 0)
            path_add(&p, "[%zu]", f->count - 1);
    }
    if (name.n > 0)
        path_add(&p, ".%.*s", BYTES_ARG(name));
}

const char *walk_expression(struct walk *w, struct bytes name)
{
    char *text = arena_alloc(w->scratch, ERR_EXPRESSION_BYTES);

    if (!text) {
        w->failed = true;
        return NULL;
    }
    write_path(w, name, text, ERR_EXPRESSION_BYTES);
    return text;
}

void walk_report(struct walk *w, enum err_code code, struct bytes name,
                 const char *format, ...)
{
    char expression[ERR_EXPRESSION_BYTES];
    char message[ERR_MESSAGE_BYTES];
    va_list ap;
    int n;

    write_path(w, name, expression, sizeof expression);
    va_start(ap, format);
    n = vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    issues_add(w->issues, code, expression, "%s", n < 0 ? "" : message);
}

/* ---- which elements an object has ---- */

/* The element's bit and, in *level, the word of seen[] that has it; 0 when it
 * is not the type's. */
static uint64_t bit_of(const struct walk_frame *f,
                       const struct model_element *element, size_t *level)
{
    const struct model_type *t = f->type;

    for (*level = 0; t && *level < WALK_LEVELS; ++*level, t = t->base)
        if (element >= t->elements && element < t->elements + t->element_count)
            return (uint64_t)1 << (size_t)(element - t->elements);
    return 0;
}

void walk_mark(struct walk_frame *f, const struct model_element *element)
{
    size_t level;
    uint64_t bit = bit_of(f, element, &level);

    if (bit)
        f->seen[level] |= bit;
}

bool walk_has(const struct walk_frame *f, const struct model_element *element)
{
    size_t level;
    uint64_t bit = bit_of(f, element, &level);

    return bit && (f->seen[level] & bit);
}

/* Few elements are there: they are compared, not looked up. */
bool walk_has_named(const struct walk_frame *f, const char *name)
{
    const struct model_type *t = f->type;

    for (size_t level = 0; t && level < WALK_LEVELS; level++, t = t->base)
        for (uint64_t seen = f->seen[level]; seen; seen &= seen - 1) {
            const char *there = t->elements[__builtin_ctzll(seen)].name;

            if (there[0] == name[0] && strcmp(there, name) == 0)
                return true;
        }
    return false;
}

bool walk_member(const struct walk *w, const struct walk_frame *f,
                 const char *name, struct json_span *out)
{
    struct json_item item;

    if (!json_member(w->text, (struct json_span){f->begin, w->at}, name, &item))
        return false;
    *out = item.value;
    return true;
}
