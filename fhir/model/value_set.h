/* value_set: the value sets of R4's required bindings as constant data.
 * Owns:   nothing; all of it is constant.
 * Thread: any. */
#ifndef BELFRY_FHIR_MODEL_VALUE_SET_H
#define BELFRY_FHIR_MODEL_VALUE_SET_H

#include "storage/base/bytes.h"

enum model_value_set_id {
#define MODEL_VALUE_SET(id, ...) MODEL_VALUE_SET_##id,
#define MODEL_VALUE_SET_OPEN(id, ...) MODEL_VALUE_SET_##id,
#include "profiles/r4/value-sets.inc"
#undef MODEL_VALUE_SET
#undef MODEL_VALUE_SET_OPEN
    MODEL_VALUE_SET_NONE
};

/* The codes of one system, in byte order. */
struct model_codes {
    const char *system;
    const char *const *codes;
    size_t count;
};

struct model_value_set {
    const char *canonical; /* without a version */
    const struct model_codes *systems;
    size_t system_count; /* 0: not listed by R4 (MIME types, UCUM) */
};

/* By canonical URL, with or without a version behind "|" (which is not
 * compared). NULL when it is not among the required ones. */
const struct model_value_set *model_value_set_find(struct bytes canonical);

/* NULL for MODEL_VALUE_SET_NONE. */
const struct model_value_set *model_value_set_of(enum model_value_set_id id);

/* True when R4's definitions list the codes. */
bool model_value_set_is_listed(const struct model_value_set *set);

/* True when a code of any of its systems is this one (for an element of type
 * code, which has no system). Case matters. False when they are not listed. */
bool model_value_set_has_code(const struct model_value_set *set,
                              struct bytes code);

/* As above, for a Coding with a system. */
bool model_value_set_has_coding(const struct model_value_set *set,
                                struct bytes system, struct bytes code);

#endif
