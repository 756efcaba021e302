/* value: the items that FHIRPath expressions yield, and collections of them.
 * Owns:   nothing; all of it is in the arena of an evaluation, or borrows the
 *         resource's tree.
 * Thread: one at a time.
 * Bounds: FHIRPATH_ITEMS_MAX items in a collection. */
#ifndef BELFRY_FHIR_FHIRPATH_VALUE_H
#define BELFRY_FHIR_FHIRPATH_VALUE_H

#include <cjson/cJSON.h>

#include "fhir/fhirpath/decimal.h"
#include "fhir/fhirpath/moment.h"
#include "storage/base/arena.h"
#include "storage/base/bytes.h"

struct model_type;

#define FHIRPATH_ITEMS_MAX 100000

enum fhirpath_kind {
    FHIRPATH_NODE, /* an element of a resource */
    FHIRPATH_BOOLEAN,
    FHIRPATH_INTEGER,
    FHIRPATH_DECIMAL,
    FHIRPATH_STRING,
    FHIRPATH_MOMENT, /* Date, DateTime, Time */
    FHIRPATH_QUANTITY,
    FHIRPATH_TYPE /* what type() yields */
};

/* A primitive is its value and its id and extensions in one. */
struct fhirpath_node {
    const cJSON *json;             /* NULL: it has extensions only */
    const cJSON *more;             /* of "_name", NULL when there is none */
    const struct model_type *type; /* NULL: not known to R4 */
};

struct fhirpath_quantity {
    struct decimal value;
    struct bytes unit; /* UCUM code, or the calendar unit's word */
    bool calendar;     /* 1 year, not 1 'a' */
};

struct fhirpath_type {
    struct bytes space; /* "System" or "FHIR" */
    struct bytes name;
};

struct fhirpath_item {
    enum fhirpath_kind kind;
    union {
        struct fhirpath_node node;
        bool boolean;
        int32_t integer;
        const struct decimal *decimal;
        struct bytes string;
        const struct moment *moment;
        const struct fhirpath_quantity *quantity;
        const struct fhirpath_type *type;
    };
};

struct fhirpath_collection {
    struct fhirpath_item *items;
    size_t n;
    size_t capacity;
};

/* False without room in the arena or past the bound. */
bool fhirpath_collection_add(struct arena *arena, struct fhirpath_collection *c,
                             struct fhirpath_item item);

static inline struct fhirpath_item fhirpath_boolean(bool value)
{
    return (struct fhirpath_item){.kind = FHIRPATH_BOOLEAN, .boolean = value};
}

static inline struct fhirpath_item fhirpath_integer(int32_t value)
{
    return (struct fhirpath_item){.kind = FHIRPATH_INTEGER, .integer = value};
}

static inline struct fhirpath_item fhirpath_string(struct bytes value)
{
    return (struct fhirpath_item){.kind = FHIRPATH_STRING, .string = value};
}

/* The value of a FHIR primitive as a value of FHIRPath's own, a FHIR Quantity
 * as a Quantity; *out is the item itself when it is one already. False for
 * elements that have none, and without memory (arena_failed()). */
bool fhirpath_value_of(struct arena *arena, const struct fhirpath_item *item,
                       struct fhirpath_item *out);

/* "Integer", "Patient"; of a backbone element "BackboneElement". */
struct bytes fhirpath_type_name(const struct fhirpath_item *item,
                                bool *is_system);

#endif
