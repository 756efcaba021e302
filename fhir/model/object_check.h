/* object_check: what an object must have once all of it was read: content,
 * its required elements, "name" and "_name" that fit, codes of its required
 * binding.
 * Owns:   nothing.
 * Thread: one at a time. */
#ifndef BELFRY_FHIR_MODEL_OBJECT_CHECK_H
#define BELFRY_FHIR_MODEL_OBJECT_CHECK_H

#include "fhir/model/walk.h"

/* Judges the object in the top frame, read up to w->at. */
void object_check(struct walk *w);

/* Reports a code that is not in the value set, with the codes there are when
 * they are few. */
void object_refuse_code(struct walk *w, struct bytes name,
                        const struct model_value_set *set, struct bytes code);

#endif
