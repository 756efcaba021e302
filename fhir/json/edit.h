/* edit: changes to a JSON text that leave every other byte as it was (P7).
 * Owns:   the list of edits and copies of the replacement texts.
 * Thread: one at a time.
 * Bounds: JSON_EDITS_MAX edits; the result's size is the output buffer's.
 * Edits are collected against the original offsets and applied once. */
#ifndef BELFRY_FHIR_JSON_EDIT_H
#define BELFRY_FHIR_JSON_EDIT_H

#include "fhir/json/span.h"
#include "storage/base/arena.h"
#include "storage/base/buf.h"

#define JSON_EDITS_MAX 64

struct json_edit;

struct json_editor {
    struct bytes text; /* passed the gate */
    struct arena *arena;
    struct json_edit *edits;
    size_t count;
    size_t room; /* a power of two up to JSON_EDITS_MAX */
    bool failed; /* too many edits, or no memory */
};

void json_editor_init(struct json_editor *ed, struct bytes text,
                      struct arena *arena);

/* Puts text (JSON, copied) in place of the span. */
void json_edit_replace(struct json_editor *ed, struct json_span span,
                       struct bytes with);

/* Adds `"key":value` as the first member of the object at container (with the
 * comma that an object with members needs). Several additions to one object
 * keep their order. */
void json_edit_add_member(struct json_editor *ed, struct json_span container,
                          const char *key, struct bytes value);

/* Adds `,"key":value` behind a member that stays. */
void json_edit_insert_member(struct json_editor *ed,
                             const struct json_item *before, const char *key,
                             struct bytes value);

/* Sets the member: replaces its value, or adds it as above. */
void json_edit_set_member(struct json_editor *ed, struct json_span container,
                          const char *key, struct bytes value);

/* Removes the member with the comma that belonged to it. */
void json_edit_remove_member(struct json_editor *ed, struct json_span container,
                             const char *key);

/* Adds value as the last element of the array at container. */
void json_edit_append(struct json_editor *ed, struct json_span container,
                      struct bytes value);

/* Writes the edited text behind what out holds. Overlapping edits, or a member
 * or element added to what is no object or array, are a programmers' error:
 * ERR_BUG. ERR_TOO_LARGE past JSON_EDITS_MAX or out's maximum. */
MUST_CHECK enum err_code json_editor_apply(struct json_editor *ed,
                                           struct buf *out, struct err *e);

#endif
