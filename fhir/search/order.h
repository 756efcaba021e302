/* order: the order that a search asks for with _sort, as keys of bytes.
 * Owns:   nothing.
 * Thread: any.
 * Bounds: ORDER_KEYS_MAX parameters; texts are compared by their first
 *         ORDER_VALUE_BYTES bytes.
 * Errors: ERR_NOT_SUPPORTED and ERR_INVALID name the parameter. */
#ifndef BELFRY_FHIR_SEARCH_ORDER_H
#define BELFRY_FHIR_SEARCH_ORDER_H

#include "fhir/search/values.h"

#define ORDER_KEYS_MAX 3
#define ORDER_VALUE_BYTES 64
/* a byte says that there is a value: without one comes last either way */
#define ORDER_BYTES_MAX (ORDER_KEYS_MAX * (ORDER_VALUE_BYTES + 1))

struct search_parameter;

struct order {
    struct order_part {
        const struct search_parameter *parameter;
        bool down;
    } parts[ORDER_KEYS_MAX];
    size_t n;
};

/* "code,-date". */
MUST_CHECK enum err_code order_read(struct bytes resource_type,
                                    struct bytes text, struct order *out,
                                    struct err *e);

/* Of several values the first in the order counts. */
struct bytes order_key(const struct order *o, const struct search_values *v,
                       char out[ORDER_BYTES_MAX]);

/* The time in a key whose only part is -_lastUpdated. */
int64_t order_time(struct bytes key);

#endif
