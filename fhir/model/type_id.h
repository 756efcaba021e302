/* type_id: a number for each type of profiles/r4/elements.inc.
 * Owns:   nothing.
 * Thread: any.
 * Backbone elements have a type of their own, named by their path:
 * MODEL_TYPE_Timing_repeat is "Timing.repeat". */
#ifndef BELFRY_FHIR_MODEL_TYPE_ID_H
#define BELFRY_FHIR_MODEL_TYPE_ID_H

enum model_type_id {
#define MODEL_TYPE(id, ...) MODEL_TYPE_##id,
#define MODEL_ELEMENT(...)
#define MODEL_CHOICE(...)
#include "profiles/r4/elements.inc"
#undef MODEL_TYPE
#undef MODEL_ELEMENT
#undef MODEL_CHOICE
    MODEL_TYPE_COUNT,
    MODEL_TYPE_NONE = MODEL_TYPE_COUNT
};

#endif
