/* rule: R4's invariants on which elements an object may and must have
 * together, and a few on their values.
 * Owns:   nothing.
 * Thread: one at a time. */
#ifndef BELFRY_FHIR_MODEL_RULE_H
#define BELFRY_FHIR_MODEL_RULE_H

#include "fhir/model/walk.h"

/* Judges the object in the top frame, read up to w->at. */
void rule_check(struct walk *w);

#endif
