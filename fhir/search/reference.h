/* reference: what the text of a reference or a canonical points at, in the
 * form in which two of them can be compared.
 * Owns:   nothing; the parts point into the text.
 * Thread: any. */
#ifndef BELFRY_FHIR_SEARCH_REFERENCE_H
#define BELFRY_FHIR_SEARCH_REFERENCE_H

#include "storage/base/bytes.h"

/* On this server: type and id. Elsewhere: type is empty and id is the whole
 * URI. A canonical may have a version, the part behind its '|'. */
struct search_reference {
    struct bytes type;
    struct bytes id;
    struct bytes version;
    bool versioned; /* a "/_history/..." was cut off */
};

static inline bool search_reference_is_local(const struct search_reference *r)
{
    return r->type.n > 0;
}

/* Reads "Type/id", an absolute URI (one below base_url counts as "Type/id")
 * or "urn:...". False for a contained "#id" and for anything else. */
bool search_reference_parse(struct bytes text, struct bytes base_url,
                            struct search_reference *out);

/* Splits "url|version". False for an empty url and for "#id". */
bool search_reference_parse_canonical(struct bytes text,
                                      struct search_reference *out);

/* The resource type that it names: its own, or the one in front of the id of
 * an absolute URL; empty when the text does not say. */
struct bytes search_reference_type(const struct search_reference *r);

#endif
