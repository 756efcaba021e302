#include "fhir/search/leaf_sink.h"
#include "storage/base/instant.h"

static bool read_range(const cJSON *text, struct search_range *range)
{
    return cJSON_IsString(text) &&
           instant_parse_range(bytes_of(text->valuestring), &range->from_ms,
                               &range->to_ms);
}

static void add_range(struct leaf_sink *sink, struct search_range range)
{
    if (range.from_ms < range.to_ms)
        leaf_add(sink, (struct search_value){.range = range});
}

/* False when the Period has neither boundary or one that is no date. */
static bool period_range(const cJSON *period, struct search_range *range)
{
    const cJSON *start = leaf_member(period, "start");
    const cJSON *end = leaf_member(period, "end");
    struct search_range first = {INT64_MIN, 0};
    struct search_range last = {0, INT64_MAX};

    if ((!start && !end) || (start && !read_range(start, &first)) ||
        (end && !read_range(end, &last)))
        return false;
    *range = (struct search_range){first.from_ms, last.to_ms};
    return true;
}

static void widen(struct search_range *outer, struct search_range inner)
{
    if (inner.from_ms < outer->from_ms)
        outer->from_ms = inner.from_ms;
    if (inner.to_ms > outer->to_ms)
        outer->to_ms = inner.to_ms;
}

/* Only the outer limits of a Timing matter. */
static void read_timing(struct leaf_sink *sink, const cJSON *element)
{
    const cJSON *events = leaf_member(element, "event");
    const cJSON *bounds =
        leaf_member(leaf_member(element, "repeat"), "boundsPeriod");
    struct search_range outer = {INT64_MAX, INT64_MIN};
    struct search_range inner;
    const cJSON *event;

    cJSON_ArrayForEach(event, events)
    {
        if (read_range(event, &inner))
            widen(&outer, inner);
    }
    if (bounds && period_range(bounds, &inner))
        widen(&outer, inner);
    add_range(sink, outer);
}

void leaf_read_date(struct leaf_sink *sink, const struct search_path *path,
                    const cJSON *element)
{
    struct search_range range;

    switch ((int)path->leaf) {
    case SEARCH_LEAF_PERIOD:
        if (period_range(element, &range))
            add_range(sink, range);
        break;
    case SEARCH_LEAF_TIMING:
        read_timing(sink, element);
        break;
    default:
        if (read_range(element, &range))
            add_range(sink, range);
        break;
    }
}
