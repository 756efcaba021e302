/* element: R4's types and their elements as constant data.
 * Owns:   nothing; all of it is constant.
 * Thread: any.
 * Lookups are binary searches in sorted tables, the base types' included. */
#ifndef BELFRY_FHIR_MODEL_ELEMENT_H
#define BELFRY_FHIR_MODEL_ELEMENT_H

#include "fhir/model/type_id.h"
#include "fhir/model/value_set.h"
#include "storage/base/bytes.h"

enum model_kind {
    MODEL_PRIMITIVE, /* string, code, xhtml */
    MODEL_COMPLEX,   /* Quantity, and the abstract Element, BackboneElement */
    MODEL_BACKBONE,  /* Patient.contact, Timing.repeat */
    MODEL_RESOURCE   /* and the abstract Resource, DomainResource */
};

/* One of the types that an element may have. */
struct model_type_use {
    const struct model_type *type;
    /* of a Reference or canonical: resource types with spaces between, "*" is
     * any; otherwise NULL */
    const char *targets;
    bool simple; /* SimpleQuantity: a Quantity without a comparator */
};

struct model_element {
    const char *name; /* as in FHIRPath: "value", never "valueQuantity" */
    const struct model_type_use *types;
    unsigned char type_count;
    unsigned char min;                /* 0 or 1 */
    bool many;                        /* max is *: a JSON array */
    bool choice;                      /* value[x] */
    enum model_value_set_id required; /* NONE: no required binding */
};

struct model_member;

struct model_type {
    const char *name; /* "Patient", "Patient.contact", "string" */
    enum model_type_id id;
    enum model_kind kind;
    const struct model_type *base;        /* NULL: Element, Resource */
    const struct model_element *elements; /* its own, in R4's order */
    size_t element_count;
    size_t required_count;              /* of its own with min 1 */
    const struct model_member *members; /* by JSON name; see below */
    size_t member_count;
};

/* A name in a JSON object, resolved. */
struct model_found {
    const struct model_element *element;
    const struct model_type *type; /* of the value: Quantity */
};

/* By name: "Patient", "Patient.contact", "Quantity", "code". NULL when R4 has
 * no such type. */
const struct model_type *model_type_find(struct bytes name);

const struct model_type *model_type_of(enum model_type_id id);

/* True for the type itself and for all that derive from ancestor. */
bool model_type_is(const struct model_type *type,
                   const struct model_type *ancestor);

/* True for Element, BackboneElement, Resource and DomainResource. */
bool model_type_is_abstract(const struct model_type *type);

/* The element by its FHIR name ("value"), inherited ones included. NULL when
 * there is none. */
const struct model_element *model_type_element(const struct model_type *type,
                                               struct bytes name);

/* The element by its JSON name ("valueQuantity"), inherited ones included.
 * False when JSON has no such name: "value" of a choice is none. */
bool model_type_member(const struct model_type *type, struct bytes name,
                       struct model_found *out);

/* How the element allows the type; NULL when it does not. */
const struct model_type_use *
model_element_use(const struct model_element *element,
                  const struct model_type *type);

/* True when a reference of this use may point at the resource type. */
bool model_use_targets(const struct model_type_use *use, struct bytes type);

#endif
