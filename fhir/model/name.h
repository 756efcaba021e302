/* name: a text compared with the names of constant tables.
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_MODEL_NAME_H
#define BELFRY_FHIR_MODEL_NAME_H

#include "storage/base/bytes.h"

/* The order of strcmp() for a text without a NUL behind it; a NUL inside it
 * is a byte like any other. */
static inline int model_name_order(struct bytes text, const char *name)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char a = (unsigned char)text.p[i];
        unsigned char b = (unsigned char)name[i];

        if (b == '\0' || a > b)
            return 1;
        if (a < b)
            return -1;
    }
    return name[text.n] == '\0' ? 0 : -1;
}

/* True when it is one of names in strcmp()'s order. */
static inline bool model_name_is_among(struct bytes text,
                                       const char *const *names, size_t count)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = model_name_order(text, names[middle]);

        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

#endif
