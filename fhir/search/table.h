/* table: the search parameters of profiles/r4 as constant data, with the
 * JSON paths that their values stand at.
 * Owns:   nothing; all of it is constant.
 * Thread: any.
 * Bounds: no path has more than SEARCH_PATH_DEPTH_MAX steps. */
#ifndef BELFRY_FHIR_SEARCH_TABLE_H
#define BELFRY_FHIR_SEARCH_TABLE_H

#include "fhir/search/parameter.h"

#define SEARCH_PATH_DEPTH_MAX 6
#define SEARCH_COMPONENTS_MAX 3

/* The FHIR type of what a path ends at. REFERENCE_TO_TARGET is a Reference
 * that counts only when it points at one of the parameter's targets: FHIRPath
 * where(resolve() is Patient). RESOURCE is a resource inside another, such as
 * a Bundle's Composition. DECEASED is R4's one expression that is no path.
 * LAST_UPDATED stands for what the server sets: search_values_stamp(). */
enum search_leaf {
    SEARCH_LEAF_ADDRESS,
    SEARCH_LEAF_BOOLEAN,
    SEARCH_LEAF_CANONICAL,
    SEARCH_LEAF_CODE,
    SEARCH_LEAF_CODEABLE_CONCEPT,
    SEARCH_LEAF_CODING,
    SEARCH_LEAF_CONTACT_POINT,
    SEARCH_LEAF_DATE,
    SEARCH_LEAF_DATETIME,
    SEARCH_LEAF_DECEASED,
    SEARCH_LEAF_HUMAN_NAME,
    SEARCH_LEAF_ID,
    SEARCH_LEAF_IDENTIFIER,
    SEARCH_LEAF_INSTANT,
    SEARCH_LEAF_LAST_UPDATED,
    SEARCH_LEAF_MONEY,
    SEARCH_LEAF_NUMBER,
    SEARCH_LEAF_PERIOD,
    SEARCH_LEAF_QUANTITY,
    SEARCH_LEAF_RANGE,
    SEARCH_LEAF_REFERENCE,
    SEARCH_LEAF_REFERENCE_TO_TARGET,
    SEARCH_LEAF_RESOURCE,
    SEARCH_LEAF_SAMPLED_DATA,
    SEARCH_LEAF_STRING,
    SEARCH_LEAF_TIMING,
    SEARCH_LEAF_URI
};

struct search_path {
    enum search_leaf leaf;
    const char *steps;  /* path.h */
    const char *system; /* what a code or boolean implies, else NULL */
};

struct search_parameter {
    const char *code;
    enum search_type type;
    const char *targets; /* resource types with spaces between, "*" is any */
    const struct search_path *paths;
    size_t path_count;
    /* of a composite: paths of the elements whose parts belong together, with
     * '|' between them, and the parts, whose paths start there */
    const char *contexts;
    const struct search_parameter *components;
    size_t component_count;
};

/* The parameters of one resource type, sorted by code. */
struct search_base {
    const char *type;
    const struct search_parameter *parameters;
    size_t count;
};

/* NULL when type is no concrete resource type. */
const struct search_base *search_base_find(struct bytes type);

/* The parameters that every type has, such as _id. */
const struct search_base *search_base_common(void);

/* NULL when the base has no such parameter. */
const struct search_parameter *
search_base_parameter(const struct search_base *base, struct bytes code);

/* A number that no other parameter of the table has; not for a component. */
size_t search_parameter_ordinal(const struct search_parameter *p);

/* True when the parameter's codes have a system, said or implied. */
bool search_parameter_has_system(const struct search_parameter *p);

/* True when a value of the parameter may stand at such a leaf. */
bool search_parameter_has_leaf(const struct search_parameter *p,
                               enum search_leaf leaf);

/* True when the parameter may point at the resource type. */
bool search_parameter_targets(const struct search_parameter *p,
                              struct bytes type);

#endif
