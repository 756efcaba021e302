/* index_types: the resource types that the search index holds.
 * Owns:   nothing.
 * Thread: immutable once read. */
#ifndef BELFRY_SERVER_ENGINE_INDEX_TYPES_H
#define BELFRY_SERVER_ENGINE_INDEX_TYPES_H

#include "storage/base/bytes.h"
#include "storage/base/err.h"

#define INDEX_TYPES_MAX 192

struct index_types {
    bool has[INDEX_TYPES_MAX]; /* by model_resource_type()'s index */
};

/* "all", "none" or resource types with commas between; NULL is "all".
 * ERR_INVALID names what is no type. */
MUST_CHECK enum err_code
index_types_read(const char *text, struct index_types *out, struct err *e);

bool index_types_has(const struct index_types *t, struct bytes type);

/* Differs when the same resources would get other keys: from another choice
 * of types or another table of search parameters. Never 0. */
uint64_t index_types_form(const struct index_types *t);

#endif
