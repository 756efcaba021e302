#include "fhir/json/number.h"
#include "fhir/search/leaf_sink.h"

#include <math.h>
#include <stdlib.h>

#include "fhir/search/unit.h"

/* --- numbers --- */

static bool read_value(const struct leaf_sink *sink, uint32_t number,
                       double *out)
{
    char first = leaf_first(sink, number);

    if (first != '-' && (first < '0' || first > '9'))
        return false;
    return json_number_read(json_token_text(sink->tokens, number), out) &&
           isfinite(*out);
}

static void read_number(struct leaf_sink *sink, const struct search_path *path,
                        uint32_t element)
{
    struct search_value value = {0};

    (void)path;
    if (!read_value(sink, element, &value.quantity.low))
        return;
    value.quantity.high = value.quantity.low;
    leaf_add(sink, value);
}

/* --- quantities --- */

static void read_units(struct leaf_sink *sink, uint32_t quantity,
                       struct search_quantity *out)
{
    out->system = leaf_text(sink, leaf_member(sink, quantity, "system"));
    out->code = leaf_text(sink, leaf_member(sink, quantity, "code"));
    out->unit = leaf_text(sink, leaf_member(sink, quantity, "unit"));
}

static void find_base(struct search_quantity *q)
{
    struct unit unit = unit_find(q->system, q->code);

    q->dimension = unit.dimension;
    if (!unit.dimension)
        return;
    q->base_low = unit_to_base(&unit, q->low);
    q->base_high =
        q->high == q->low ? q->base_low : unit_to_base(&unit, q->high);
}

/* "<5" is anything below 5, and so on. */
static void apply_comparator(struct bytes comparator, double *low, double *high)
{
    bool equal = bytes_starts(bytes_from(comparator, 1), "=");

    if (bytes_starts(comparator, "<")) {
        if (!equal)
            *high = nextafter(*high, -HUGE_VAL);
        *low = -HUGE_VAL;
    } else if (bytes_starts(comparator, ">")) {
        if (!equal)
            *low = nextafter(*low, HUGE_VAL);
        *high = HUGE_VAL;
    }
}

static void read_quantity(struct leaf_sink *sink,
                          const struct search_path *path, uint32_t element)
{
    struct bytes comparator =
        leaf_text(sink, leaf_member(sink, element, "comparator"));
    struct search_value value = {0};
    struct search_quantity *q = &value.quantity;

    (void)path;
    if (!read_value(sink, leaf_member(sink, element, "value"), &q->low))
        return;
    q->high = q->low;
    read_units(sink, element, q);
    find_base(q);
    apply_comparator(comparator, &q->low, &q->high);
    apply_comparator(comparator, &q->base_low, &q->base_high);
    leaf_add(sink, value);
}

static void read_money(struct leaf_sink *sink, const struct search_path *path,
                       uint32_t element)
{
    struct search_value value = {
        .quantity = {.system = bytes_of("urn:iso:std:iso:4217")}};

    (void)path;
    if (!read_value(sink, leaf_member(sink, element, "value"),
                    &value.quantity.low))
        return;
    value.quantity.high = value.quantity.low;
    value.quantity.code = value.quantity.unit =
        leaf_text(sink, leaf_member(sink, element, "currency"));
    leaf_add(sink, value);
}

/* Without one of its ends a Range goes on for ever. */
static void read_range(struct leaf_sink *sink, const struct search_path *path,
                       uint32_t element)
{
    uint32_t low = leaf_member(sink, element, "low");
    uint32_t high = leaf_member(sink, element, "high");
    struct search_value value = {
        .quantity = {.low = -HUGE_VAL, .high = HUGE_VAL}};
    bool has_low =
        read_value(sink, leaf_member(sink, low, "value"), &value.quantity.low);
    bool has_high = read_value(sink, leaf_member(sink, high, "value"),
                               &value.quantity.high);

    (void)path;
    if ((!has_low && !has_high) || value.quantity.low > value.quantity.high)
        return;
    read_units(sink, has_low ? low : high, &value.quantity);
    find_base(&value.quantity);
    leaf_add(sink, value);
}

/* --- sampled data --- */

/* The least and greatest of the numbers in "data", where "E", "U" and "L"
 * stand for no number. */
static bool sample_range(const char *data, double *low, double *high)
{
    bool any = false;

    while (*data) {
        char *end;
        double number = strtod(data, &end);

        if (end == data) {
            data++;
            continue;
        }
        data = end;
        if (!isfinite(number))
            continue;
        *low = any && *low < number ? *low : number;
        *high = any && *high > number ? *high : number;
        any = true;
    }
    return any;
}

static void read_samples(struct leaf_sink *sink, const struct search_path *path,
                         uint32_t element)
{
    uint32_t origin = leaf_member(sink, element, "origin");
    struct bytes data = leaf_text(sink, leaf_member(sink, element, "data"));
    const char *numbers = arena_copy(sink->arena, data).p; /* ends with NUL */
    struct search_value value = {0};
    double low = 0, high = 0, offset, factor = 1;

    (void)path;
    if (!numbers)
        sink->failed = ERR_NOMEM;
    if (!numbers ||
        !read_value(sink, leaf_member(sink, origin, "value"), &offset) ||
        !sample_range(numbers, &low, &high))
        return;
    if (!read_value(sink, leaf_member(sink, element, "factor"), &factor))
        factor = 1;
    value.quantity.low = offset + factor * (factor < 0 ? high : low);
    value.quantity.high = offset + factor * (factor < 0 ? low : high);
    read_units(sink, origin, &value.quantity);
    find_base(&value.quantity);
    leaf_add(sink, value);
}

void leaf_read_number(struct leaf_sink *sink, const struct search_path *path,
                      uint32_t element)
{
    static leaf_reader *const readers[SEARCH_LEAF_URI + 1] = {
        [SEARCH_LEAF_MONEY] = read_money,
        [SEARCH_LEAF_NUMBER] = read_number,
        [SEARCH_LEAF_QUANTITY] = read_quantity,
        [SEARCH_LEAF_RANGE] = read_range,
        [SEARCH_LEAF_SAMPLED_DATA] = read_samples,
    };

    if (readers[path->leaf])
        readers[path->leaf](sink, path, element);
}
