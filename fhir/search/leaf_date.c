#include "fhir/search/leaf_sink.h"
#include "storage/base/instant.h"

static bool read_range(struct leaf_sink *sink, uint32_t text,
                       struct search_range *range)
{
    return leaf_first(sink, text) == '"' &&
           instant_parse_range(leaf_text(sink, text), &range->from_ms,
                               &range->to_ms);
}

static void add_range(struct leaf_sink *sink, struct search_range range)
{
    if (range.from_ms < range.to_ms)
        leaf_add(sink, (struct search_value){.range = range});
}

/* False when the Period has neither boundary or one that is no date. */
static bool period_range(struct leaf_sink *sink, uint32_t period,
                         struct search_range *range)
{
    uint32_t start = leaf_member(sink, period, "start");
    uint32_t end = leaf_member(sink, period, "end");
    struct search_range first = {INT64_MIN, 0};
    struct search_range last = {0, INT64_MAX};

    if ((start == JSON_NONE && end == JSON_NONE) ||
        (start != JSON_NONE && !read_range(sink, start, &first)) ||
        (end != JSON_NONE && !read_range(sink, end, &last)))
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
static void read_timing(struct leaf_sink *sink, uint32_t element)
{
    uint32_t events = leaf_member(sink, element, "event");
    uint32_t bounds =
        leaf_member(sink, leaf_member(sink, element, "repeat"), "boundsPeriod");
    struct search_range outer = {INT64_MAX, INT64_MIN};
    struct search_range inner;
    uint32_t end = leaf_first(sink, events) == '['
                       ? json_token(sink->tokens, events)->next
                       : 0;

    for (uint32_t i = events + 1; i < end;
         i = json_token(sink->tokens, i)->next)
        if (read_range(sink, i, &inner))
            widen(&outer, inner);
    if (bounds != JSON_NONE && period_range(sink, bounds, &inner))
        widen(&outer, inner);
    add_range(sink, outer);
}

void leaf_read_date(struct leaf_sink *sink, const struct search_path *path,
                    uint32_t element)
{
    struct search_range range;

    switch ((int)path->leaf) {
    case SEARCH_LEAF_PERIOD:
        if (period_range(sink, element, &range))
            add_range(sink, range);
        break;
    case SEARCH_LEAF_TIMING:
        read_timing(sink, element);
        break;
    default:
        if (read_range(sink, element, &range))
            add_range(sink, range);
        break;
    }
}
