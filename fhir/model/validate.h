/* validate: is a resource what R4 says that one of its type is?
 * Owns:   nothing.
 * Thread: any.
 * Bounds: the gate's depth and sizes; ISSUES_MAX issues; scratch memory in
 *         proportion to the text's escapes and local references.
 * Errors: ERR_NOMEM. What is wrong with the resource is in the issues.
 *
 * Checked: the names and JSON shapes of all elements, cardinality, formats of
 * primitives, choices, required bindings whose codes R4 lists, the form and
 * the targets of references, contained resources, XHTML, "_name" beside
 * "name", and the invariants in rule.c. Not checked: profiles, extensions'
 * definitions, other bindings, whether a reference's target exists. */
#ifndef BELFRY_FHIR_MODEL_VALIDATE_H
#define BELFRY_FHIR_MODEL_VALIDATE_H

#include "fhir/outcome/issues.h"
#include "storage/base/arena.h"
#include "storage/base/bytes.h"

/* Adds what is wrong with the resource in text, which passed json_gate() or is
 * an object in one that did. */
MUST_CHECK enum err_code model_validate(struct bytes text,
                                        struct arena *scratch,
                                        struct issues *issues, struct err *e);

#endif
