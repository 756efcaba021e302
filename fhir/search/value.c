#include "fhir/search/value.h"

enum key_form { KEY_TOKEN, KEY_LOCAL_REFERENCE, KEY_URI };

static uint64_t key(const struct search_parameter *p, enum key_form form,
                    struct bytes text)
{
    const uint64_t seed[2] = {search_parameter_ordinal(p), form};

    return bytes_hash(text, seed);
}

size_t search_slot_index(const struct search_base *base,
                         const struct search_parameter *p)
{
    const struct search_base *common = search_base_common();
    size_t own = search_parameter_ordinal(p);
    size_t first =
        base->count ? search_parameter_ordinal(base->parameters) : own + 1;

    if (own >= first && own - first < base->count)
        return own - first;
    return base->count + (size_t)(p - common->parameters);
}

uint64_t search_key_uri(const struct search_parameter *p, struct bytes uri)
{
    return key(p, KEY_URI, uri);
}

uint64_t search_key_token(const struct search_parameter *p, struct bytes code)
{
    return key(p, KEY_TOKEN, code);
}

uint64_t search_key_reference(const struct search_parameter *p,
                              const struct search_reference *r)
{
    return key(p, search_reference_is_local(r) ? KEY_LOCAL_REFERENCE : KEY_URI,
               r->id);
}
