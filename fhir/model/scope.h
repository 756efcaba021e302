/* scope: the contained resources of one resource and what refers to them
 * (R4 references.html#contained; dom-3, ref-1).
 * Owns:   nothing; lists are in the walk's scratch arena.
 * Thread: one at a time.
 * Bounds: SCOPE_CONTAINED_MAX contained resources in one: each is looked for
 *         once for each local reference. */
#ifndef BELFRY_FHIR_MODEL_SCOPE_H
#define BELFRY_FHIR_MODEL_SCOPE_H

#include "fhir/model/walk.h"

#define SCOPE_CONTAINED_MAX 500

/* A scope without contained resources; NULL without memory. */
struct scope *scope_new(struct walk *w);

/* The text of Reference.reference (called name in the top frame, which is the
 * Reference): its form, its target, and for "#id" a note. */
void scope_check_reference(struct walk *w, struct bytes name,
                           struct bytes text);

/* A uri, url or canonical that begins with '#' may refer to a contained
 * resource. */
void scope_note_uri(struct walk *w, struct bytes text);

/* At the begin of a contained resource, and at its end, when it is in the top
 * frame. */
void scope_begin_contained(struct scope *scope);
void scope_end_contained(struct walk *w);

/* At the end of the resource that the scope is of: what refers to nothing, and
 * what nothing refers to. */
void scope_finish(struct walk *w, const struct scope *scope);

#endif
