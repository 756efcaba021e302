/* node: a compiled expression as a tree.
 * Owns:   nothing; nodes and texts are in the arena of the expression.
 * Thread: immutable once compiled, so any. */
#ifndef BELFRY_FHIR_FHIRPATH_NODE_H
#define BELFRY_FHIR_FHIRPATH_NODE_H

#include "fhir/fhirpath/value.h"

struct fhirpath_function;
struct model_element;

enum node_kind {
    NODE_LITERAL,
    NODE_EMPTY, /* {} */
    NODE_THIS,
    NODE_INDEX,
    NODE_TOTAL,
    NODE_EXTERNAL, /* %name */
    NODE_MEMBER,   /* left.name, or name */
    NODE_FUNCTION, /* left.name(...), or name(...) */
    NODE_INDEXER,  /* left[right] */
    NODE_POLARITY, /* -right, +right */
    NODE_BINARY,   /* left op right */
    NODE_TYPE_IS,  /* left is T */
    NODE_TYPE_AS   /* left as T */
};

enum node_operator {
    OPERATOR_IMPLIES,
    OPERATOR_OR,
    OPERATOR_XOR,
    OPERATOR_AND,
    OPERATOR_IN,
    OPERATOR_CONTAINS,
    OPERATOR_EQUAL,
    OPERATOR_EQUIVALENT,
    OPERATOR_NOT_EQUAL,
    OPERATOR_NOT_EQUIVALENT,
    OPERATOR_LESS,
    OPERATOR_LESS_OR_EQUAL,
    OPERATOR_GREATER,
    OPERATOR_GREATER_OR_EQUAL,
    OPERATOR_UNION,
    OPERATOR_PLUS,
    OPERATOR_MINUS,
    OPERATOR_CONCATENATE,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE,
    OPERATOR_DIV,
    OPERATOR_MOD
};

/* A type by its name. "Quantity" is one of System's and one of FHIR's, so
 * that both may be set; neither is when nobody knows the name. */
struct node_type {
    struct bytes name;              /* as written, for messages */
    const char *system;             /* "Integer"; NULL: none of System's */
    const struct model_type *model; /* NULL: none of FHIR's */
    bool is_foreign; /* System.Patient: no such type, so that nothing is it */
};

struct node {
    enum node_kind kind;
    enum node_operator op;
    uint32_t offset; /* in the expression's text */
    unsigned short height;
    unsigned short arg_count;
    bool negative;   /* POLARITY */
    bool descending; /* an argument of sort(): desc */
    bool negated;    /* an argument of sort(): -key, of strings as well */
    struct node *left;
    struct node *right;
    struct node **args;
    struct bytes name;
    const struct fhirpath_function *function;
    struct node_type type;
    struct fhirpath_item literal;
    /* What the member is in the type that the checker found for its left
     * side; a guess that saves the lookup where it comes true. */
    const struct model_type *known_type;
    const struct model_element *known_element;
};

#endif
