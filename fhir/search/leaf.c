#include "fhir/search/leaf.h"

#include "storage/base/instant.h"

#define FIRST_CAPACITY 32

/* --- the sink --- */

static bool grow(struct leaf_sink *sink)
{
    size_t capacity = sink->capacity ? sink->capacity * 2 : FIRST_CAPACITY;
    struct search_value *values =
        arena_calloc(sink->arena, capacity, sizeof *values);

    if (!values) {
        sink->failed = ERR_NOMEM;
        return false;
    }
    if (sink->count)
        memcpy(values, sink->values, sink->count * sizeof *values);
    sink->values = values;
    sink->capacity = capacity;
    return true;
}

static void add(struct leaf_sink *sink, struct search_value value)
{
    if (sink->failed)
        return;
    if (sink->count == SEARCH_VALUES_MAX) {
        sink->failed = ERR_TOO_LARGE;
        return;
    }
    if (sink->count == sink->capacity && !grow(sink))
        return;
    sink->values[sink->count++] = value;
}

/* A copy of the text of a JSON string; empty for anything else. */
static struct bytes text_of(struct leaf_sink *sink, const cJSON *node)
{
    struct bytes copy = {NULL, 0};

    if (sink->failed || !node || !cJSON_IsString(node) || !node->valuestring[0])
        return copy;
    copy = arena_copy(sink->arena, bytes_of(node->valuestring));
    if (!copy.p)
        sink->failed = ERR_NOMEM;
    return copy;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* --- tokens --- */

static void add_token(struct leaf_sink *sink, const cJSON *system,
                      const cJSON *code)
{
    struct search_value value = {
        .token = {text_of(sink, system), text_of(sink, code)}};

    if (value.token.system.n > 0 || value.token.code.n > 0)
        add(sink, value);
}

static void read_boolean(struct leaf_sink *sink, const cJSON *element)
{
    struct search_value value = {0};

    if (!cJSON_IsBool(element))
        return;
    value.token.code = bytes_of(cJSON_IsTrue(element) ? "true" : "false");
    add(sink, value);
}

static void read_primitive(struct leaf_sink *sink, const cJSON *element)
{
    add_token(sink, NULL, element);
}

static void read_coding(struct leaf_sink *sink, const cJSON *element)
{
    add_token(sink, member(element, "system"), member(element, "code"));
}

static void read_concept(struct leaf_sink *sink, const cJSON *element)
{
    const cJSON *codings = member(element, "coding");
    const cJSON *coding;

    if (!cJSON_IsArray(codings))
        return;
    cJSON_ArrayForEach(coding, codings)
    {
        read_coding(sink, coding);
    }
}

static void read_identifier(struct leaf_sink *sink, const cJSON *element)
{
    add_token(sink, member(element, "system"), member(element, "value"));
}

/* The table gives a ContactPoint no system: its "system" says phone or
 * email. */
static void read_contact(struct leaf_sink *sink, const cJSON *element)
{
    add_token(sink, NULL, member(element, "value"));
}

/* --- references --- */

static void read_reference(struct leaf_sink *sink, const cJSON *element)
{
    struct bytes text = text_of(sink, member(element, "reference"));
    struct search_value value = {0};

    if (search_reference_parse(text, sink->base_url, &value.reference))
        add(sink, value);
}

static void read_canonical(struct leaf_sink *sink, const cJSON *element)
{
    struct bytes text = text_of(sink, element);
    struct search_value value = {0};

    if (search_reference_parse_canonical(text, &value.reference))
        add(sink, value);
}

static void read_reference_uri(struct leaf_sink *sink, const cJSON *element)
{
    struct search_value value = {.reference = {.id = text_of(sink, element)}};

    if (value.reference.id.n > 0)
        add(sink, value);
}

/* where(resolve() is X), as far as the reference alone says what it points
 * at: by its text or by its type. */
static bool is_to_target(const struct leaf_sink *sink,
                         const struct search_parameter *p, const cJSON *element)
{
    const cJSON *text = member(element, "reference");
    const cJSON *type = member(element, "type");
    struct search_reference reference;
    struct bytes named = {NULL, 0};

    if (cJSON_IsString(text) &&
        search_reference_parse(bytes_of(text->valuestring), sink->base_url,
                               &reference))
        named = search_reference_type(&reference);
    if (named.n == 0 && cJSON_IsString(type))
        named = bytes_of(type->valuestring);
    return named.n > 0 && search_parameter_targets(p, named);
}

/* --- dates --- */

static bool read_range(const cJSON *text, struct search_range *range)
{
    return cJSON_IsString(text) &&
           instant_parse_range(bytes_of(text->valuestring), &range->from_ms,
                               &range->to_ms);
}

static void add_range(struct leaf_sink *sink, struct search_range range)
{
    if (range.from_ms < range.to_ms)
        add(sink, (struct search_value){.range = range});
}

static void read_date(struct leaf_sink *sink, const cJSON *element)
{
    struct search_range range;

    if (read_range(element, &range))
        add_range(sink, range);
}

/* False when the Period has neither boundary or one that is no date. */
static bool period_range(const cJSON *period, struct search_range *range)
{
    const cJSON *start = member(period, "start");
    const cJSON *end = member(period, "end");
    struct search_range first = {INT64_MIN, 0};
    struct search_range last = {0, INT64_MAX};

    if ((!start && !end) || (start && !read_range(start, &first)) ||
        (end && !read_range(end, &last)))
        return false;
    *range = (struct search_range){first.from_ms, last.to_ms};
    return true;
}

static void read_period(struct leaf_sink *sink, const cJSON *element)
{
    struct search_range range;

    if (period_range(element, &range))
        add_range(sink, range);
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
    const cJSON *events = member(element, "event");
    const cJSON *bounds = member(member(element, "repeat"), "boundsPeriod");
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

/* --- dispatch --- */

typedef void leaf_reader(struct leaf_sink *sink, const cJSON *element);

static leaf_reader *const readers[] = {
    [SEARCH_LEAF_BOOLEAN] = read_boolean,
    [SEARCH_LEAF_CANONICAL] = read_canonical,
    [SEARCH_LEAF_CODE] = read_primitive,
    [SEARCH_LEAF_CODEABLE_CONCEPT] = read_concept,
    [SEARCH_LEAF_CODING] = read_coding,
    [SEARCH_LEAF_CONTACT_POINT] = read_contact,
    [SEARCH_LEAF_DATE] = read_date,
    [SEARCH_LEAF_DATETIME] = read_date,
    [SEARCH_LEAF_ID] = read_primitive,
    [SEARCH_LEAF_IDENTIFIER] = read_identifier,
    [SEARCH_LEAF_INSTANT] = read_date,
    [SEARCH_LEAF_PERIOD] = read_period,
    [SEARCH_LEAF_REFERENCE] = read_reference,
    [SEARCH_LEAF_REFERENCE_TO_TARGET] = read_reference,
    [SEARCH_LEAF_STRING] = read_primitive,
    [SEARCH_LEAF_TIMING] = read_timing,
    [SEARCH_LEAF_URI] = read_primitive,
};

bool leaf_read(struct leaf_sink *sink, const struct search_parameter *p,
               enum search_leaf leaf, const cJSON *element)
{
    if (cJSON_IsNull(element) || (leaf == SEARCH_LEAF_REFERENCE_TO_TARGET &&
                                  !is_to_target(sink, p, element)))
        return false;
    if (leaf == SEARCH_LEAF_URI && p->type == SEARCH_REFERENCE)
        read_reference_uri(sink, element);
    else
        readers[leaf](sink, element);
    return true;
}
