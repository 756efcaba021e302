/* Any text as a search string: it is refused with a message or compiled, and
 * what is compiled can be asked everything. The first byte picks the resource
 * type; a resource of that type is matched, and a match must be found by its
 * anchor and by every plan for the index. The text is read as an order, too. */
#include "fhir/search/query.h"

#include <stdlib.h>

#include "fhir/model/types.h"
#include "fhir/search/index_plan.h"
#include "fhir/search/order.h"

#define BASE "http://host/fhir"
#define ARENA_BYTES (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char body[] =
    ",\"id\":\"1\",\"status\":\"final\",\"active\":true,"
    "\"identifier\":[{\"system\":\"s\",\"value\":\"1\"}],"
    "\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"a\"}]},"
    "\"subject\":{\"reference\":\"Patient/1\"},"
    "\"patient\":{\"reference\":\"http://host/fhir/Patient/1\"},"
    "\"questionnaire\":\"http://q|1\",\"date\":\"2024\","
    "\"period\":{\"start\":\"2024-01-01\"},"
    "\"name\":[{\"family\":\"a\",\"given\":[\"b\"]}],\"url\":\"http://a/b\","
    "\"valueQuantity\":{\"value\":1,\"code\":\"a\"},"
    "\"component\":[{\"code\":{\"coding\":[{\"code\":\"a\"}]},"
    "\"valueQuantity\":{\"value\":-1.5,\"comparator\":\"<\"}}],"
    "\"effectiveDateTime\":\"2024-03-10T10:00:00+01:00\"}";

static bool is_found(const struct query *q, const struct search_values *v)
{
    uint64_t anchors[QUERY_ANCHORS_MAX];
    size_t anchor_count = query_anchor(q, anchors);
    size_t key_count;
    const uint64_t *keys = search_values_keys(v, &key_count);

    for (size_t i = 0; i < anchor_count; i++)
        for (size_t k = 0; k < key_count; k++)
            if (anchors[i] == keys[k])
                return true;
    return anchor_count == 0;
}

static bool is_in_range(struct bytes key, const struct index_range *r)
{
    size_t n = key.n < r->stop.n ? key.n : r->stop.n;

    return index_key_compare(key, bytes_make(r->start.bytes, r->start.n)) >=
               0 &&
           memcmp(key.p, r->stop.bytes, n) <= 0;
}

static bool plan_finds(const struct index_plan *p, const struct bytes *keys,
                       size_t n)
{
    for (size_t i = 0; i < p->id_count; i++)
        if (bytes_is(p->ids[i], "1"))
            return true;
    for (size_t i = 0; i < p->range_count; i++)
        for (size_t k = 0; k < n; k++)
            if (is_in_range(keys[k], &p->ranges[i]))
                return true;
    return false;
}

static void check_plans(const struct query *q, const struct search_values *v,
                        struct arena *arena)
{
    struct index_plan *plans;
    struct bytes *keys;
    size_t plan_count, key_count;
    bool matches = query_matches(q, v);

    if (index_plans(q, arena, &plans, &plan_count, NULL) != ERR_OK ||
        index_keys(v, bytes_of("1"), arena, &keys, &key_count, NULL) != ERR_OK)
        abort();
    for (size_t i = 0; matches && i < plan_count; i++)
        if (!plan_finds(&plans[i], keys, key_count))
            abort();
}

static void match(const struct query *q, const char *type)
{
    struct arena arena;
    struct search_values *v;
    char text[sizeof body + 64] = "{\"resourceType\":\"";
    size_t used = strlen(text);

    memcpy(text + used, type, strlen(type));
    used += strlen(type);
    text[used++] = '"';
    memcpy(text + used, body, sizeof body);
    arena_init(&arena, ARENA_BYTES);
    if (search_values_read(bytes_of(text), bytes_of(BASE), &arena, &v, NULL) !=
        ERR_OK)
        abort();
    search_values_stamp(v, 1700000000000);
    if (query_matches(q, v) && !is_found(q, v))
        abort();
    check_plans(q, v, &arena);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {(const char *)data, size};
    struct err e = {0};
    struct query *q = NULL;
    struct order order;
    const char *type;

    if (size == 0)
        return 0;
    type = model_resource_type(data[0] % model_resource_type_count());
    if (order_read(bytes_of(type), bytes_from(text, 1), &order, &e) != ERR_OK &&
        e.message[0] == '\0')
        abort();
    if (query_compile(bytes_of(type), bytes_from(text, 1), bytes_of(BASE), &q,
                      &e) != ERR_OK) {
        if (q || e.code == ERR_OK || e.message[0] == '\0')
            abort();
        return 0;
    }
    for (size_t i = 0; i < query_term_count(q); i++)
        if (query_term_at(q, i).code[0] == '\0')
            abort();
    match(q, type);
    query_free(q);
    return 0;
}
