/* value: how search_values keeps what it extracted, for the matcher.
 * Owns:   nothing; all of it is in the arena of the values.
 * Thread: immutable once extracted. */
#ifndef BELFRY_FHIR_SEARCH_VALUE_H
#define BELFRY_FHIR_SEARCH_VALUE_H

#include "fhir/search/reference.h"
#include "fhir/search/table.h"
#include "fhir/search/values.h"

/* One of an Identifier's types, for ":of-type". */
struct search_token_type {
    struct bytes system;
    struct bytes code;
    const struct search_token_type *next;
};

/* An absent system or code is empty. A text alone is what ":text" finds. */
struct search_token {
    struct bytes system;
    struct bytes code;
    struct bytes text;
    const struct search_token_type *types;
    bool implied; /* the element has no system, its definition says one */
};

/* [from_ms, to_ms); INT64_MIN and INT64_MAX where a Period is open. */
struct search_range {
    int64_t from_ms;
    int64_t to_ms;
};

/* low <= x <= high, infinite where it is open; a plain number has no units. */
struct search_quantity {
    double low;
    double high;
    struct bytes system;
    struct bytes code;
    struct bytes unit;
    /* in base units; without a dimension (unit.h) they are not used */
    double base_low;
    double base_high;
    uint64_t dimension;
};

struct search_slot;

struct search_value {
    union {
        struct search_token token;
        struct search_range range;
        struct search_quantity quantity;
        struct bytes text; /* of a string or uri */
        /* a composite's: one slot for each component */
        const struct search_slot *parts;
        struct {
            struct search_reference reference;
            /* the reference's identifier: type is its system, id its value */
            bool by_identifier;
        };
    };
};

/* What the resource says to one parameter. present is true when an element
 * stands there at all, even one that yields no value. */
struct search_slot {
    const struct search_value *values;
    size_t count;
    bool present;
};

struct search_values {
    const struct search_base *base;
    struct search_slot *slots; /* base's parameters, then the common ones */
    struct search_value *last_updated; /* search_values_stamp() */
    uint64_t *keys;
    size_t key_count;
};

/* Where in slots a parameter of the base, or a common one, has its values. */
size_t search_slot_index(const struct search_base *base,
                         const struct search_parameter *p);

/* The key of a token with this code, whatever its system, and of a reference
 * to this id, whatever its type: where they differ in those, the match is left
 * to the evaluation. */
uint64_t search_key_uri(const struct search_parameter *p, struct bytes uri);
uint64_t search_key_token(const struct search_parameter *p, struct bytes code);
uint64_t search_key_reference(const struct search_parameter *p,
                              const struct search_reference *r);

#endif
