#include "server/engine/index_types.h"

#include <assert.h>

#include "fhir/model/types.h"
#include "fhir/search/index_key.h"

/* Its index in the table, which is in order, or the number of types. */
static size_t find(struct bytes type)
{
    size_t low = 0, high = model_resource_type_count();

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order =
            index_key_compare(type, bytes_of(model_resource_type(middle)));

        if (order == 0)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return model_resource_type_count();
}

enum err_code index_types_read(const char *text, struct index_types *out,
                               struct err *e)
{
    struct bytes rest = bytes_of(text ? text : "all");
    size_t n = model_resource_type_count();
    bool all = bytes_is(rest, "all");

    assert(n <= INDEX_TYPES_MAX);
    *out = (struct index_types){{false}};
    for (size_t i = 0; i < n; i++)
        out->has[i] = all;
    if (all || bytes_is(rest, "none"))
        return ERR_OK;
    do {
        struct bytes type = bytes_split(rest, ',', &rest);
        size_t at = find(type);

        if (at == n)
            return err_set(e, ERR_INVALID,
                           "'%.*s' is no resource type; accepted are all, none "
                           "and types with commas between them",
                           BYTES_ARG(type));
        out->has[at] = true;
    } while (rest.n > 0);
    return ERR_OK;
}

bool index_types_has(const struct index_types *t, struct bytes type)
{
    size_t at = find(type);

    return at < model_resource_type_count() && t->has[at];
}

static uint64_t mix(uint64_t form, struct bytes text)
{
    const uint64_t seed[2] = {form, INDEX_FORM};

    return bytes_hash(text, seed);
}

static uint64_t mix_parameter(uint64_t form, const struct search_parameter *p)
{
    form = mix(form, bytes_of(p->code));
    for (size_t i = 0; i < p->path_count; i++) {
        form = mix(form, bytes_of(p->paths[i].steps));
        form += (uint64_t)p->paths[i].leaf;
    }
    for (size_t i = 0; i < p->component_count; i++)
        form = mix(form, bytes_of(p->components[i].code));
    return form;
}

static uint64_t mix_base(uint64_t form, const struct search_base *base)
{
    for (size_t i = 0; i < base->count; i++)
        form = mix_parameter(form, &base->parameters[i]);
    return form;
}

uint64_t index_types_form(const struct index_types *t)
{
    uint64_t form = mix_base(INDEX_FORM, search_base_common());

    for (size_t i = 0; i < model_resource_type_count(); i++) {
        struct bytes type = bytes_of(model_resource_type(i));

        form = mix(form, bytes_of(t->has[i] ? "+" : "-"));
        form = mix_base(form, search_base_find(type));
    }
    return form ? form : 1;
}
