/* tree: a JSON text as a cJSON tree whose numbers keep their text.
 * Owns:   nothing; the tree is the caller's (cJSON_Delete), its numbers borrow
 *         the text, which outlives it.
 * Thread: any; a tree may be read by several at once.
 * Errors: ERR_SYNTAX when cJSON refuses the text, ERR_NOMEM.
 * cJSON holds numbers as doubles, which forget that 1.10 is not 1.1. */
#ifndef BELFRY_FHIR_JSON_TREE_H
#define BELFRY_FHIR_JSON_TREE_H

#include <cjson/cJSON.h>

#include "storage/base/bytes.h"
#include "storage/base/err.h"

/* The text has passed json_gate(). */
MUST_CHECK enum err_code json_tree_parse(struct bytes text, cJSON **out,
                                         struct err *e);

/* A number as it was written: "1.10", "1e2". Empty when the item is no number
 * or does not come from json_tree_parse(). */
struct bytes json_tree_number(const cJSON *item);

#endif
