/* walk: where a validation stands in the text, as a stack of the objects and
 * arrays that are open.
 * Owns:   nothing; lists are in the caller's arena.
 * Thread: one at a time.
 * Bounds: JSON_DEPTH_MAX open containers, as the gate allows. */
#ifndef BELFRY_FHIR_MODEL_WALK_H
#define BELFRY_FHIR_MODEL_WALK_H

#include "fhir/json/gate.h"
#include "fhir/json/span.h"
#include "fhir/model/element.h"
#include "fhir/outcome/issues.h"
#include "storage/base/arena.h"

/* A type and its bases: Patient, DomainResource, Resource. */
#define WALK_LEVELS 3
/* Choices of one type; ElementDefinition has the most. */
#define WALK_CHOICES_MAX 8

struct scope;

/* A primitive element that needs a look at both "name" and "_name". */
struct walk_pair {
    struct walk_pair *next;
    struct model_found found;
    struct bytes name; /* without '_' */
};

struct walk_choice {
    const struct model_element *element;
    const struct model_type *type;
};

struct walk_frame {
    const struct model_type *type;       /* of the object or of the items */
    const struct model_element *element; /* whose value it is; NULL: the root */
    struct bytes name;                   /* empty for an item of an array */
    struct bytes key;                    /* of an array: its name in JSON */
    size_t begin;                        /* offset of its bracket */
    size_t count;                        /* members or items so far */
    bool array;
    bool companion; /* the value of "_name" */
    /* objects only */
    bool has_id;
    size_t next; /* the own element behind the last one that was there */
    bool contained;
    struct scope *scope;
    struct scope *own_scope; /* when it is a resource of its own */
    uint64_t seen[WALK_LEVELS];
    struct walk_pair *pairs;
    size_t choice_count;
    struct walk_choice choices[WALK_CHOICES_MAX];
};

struct walk {
    struct bytes text; /* passed the gate */
    size_t at;
    struct arena *scratch;
    struct issues *issues;
    bool failed; /* no memory */
    size_t depth;
    struct walk_frame frames[JSON_DEPTH_MAX + 1];
};

static inline struct walk_frame *walk_top(struct walk *w)
{
    return &w->frames[w->depth - 1];
}

/* Opens the container at w->at. NULL past the bound (the gate's). */
struct walk_frame *walk_push(struct walk *w);

/* The first byte of the next value or key, behind white space, commas and
 * colons; NUL at the end of the text. */
static inline char walk_peek(struct walk *w)
{
    while (w->at < w->text.n) {
        char c = w->text.p[w->at];

        if (c != ' ' && c != '\n' && c != '\r' && c != '\t' && c != ',' &&
            c != ':')
            return c;
        w->at++;
    }
    return '\0';
}

/* The value at w->at, which is moved behind it. */
struct json_span walk_skip(struct walk *w);

/* The string at w->at as it means, in the scratch arena where it has escapes;
 * w->at is moved behind it. */
struct bytes walk_take_string(struct walk *w);

/* The string at span as it means, in the scratch arena where it has escapes. */
struct bytes walk_string(struct walk *w, struct json_span span);

/* Adds an issue on the element called name of the top frame, or on the top
 * frame itself when name is empty. */
void walk_report(struct walk *w, enum err_code code, struct bytes name,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The FHIRPath of the same element in the scratch arena; NULL without
 * memory. */
const char *walk_expression(struct walk *w, struct bytes name);

/* Marks the element as there, and asks whether it is. */
void walk_mark(struct walk_frame *f, const struct model_element *element);
bool walk_has(const struct walk_frame *f, const struct model_element *element);

/* As walk_has(), by name; false when the type has no such element. */
bool walk_has_named(const struct walk_frame *f, const char *name);

/* The value of a member of the object that f has open, read up to w->at. */
bool walk_member(const struct walk *w, const struct walk_frame *f,
                 const char *name, struct json_span *out);

#endif
