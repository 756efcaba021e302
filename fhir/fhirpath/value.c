#include "fhir/fhirpath/value.h"

#include "fhir/json/tree.h"
#include "fhir/model/element.h"

/* Most collections have one item. */
#define SECOND_CAPACITY 4
#define UCUM "http://unitsofmeasure.org"

bool fhirpath_collection_add(struct arena *arena, struct fhirpath_collection *c,
                             struct fhirpath_item item)
{
    if (c->n == c->capacity) {
        size_t capacity = c->capacity ? c->capacity * 2 : 1;
        struct fhirpath_item *items = NULL;

        if (capacity == 2)
            capacity = SECOND_CAPACITY;
        if (c->n < FHIRPATH_ITEMS_MAX)
            items = arena_calloc(arena, capacity, sizeof *items);
        if (!items)
            return false;
        if (c->n)
            memcpy(items, c->items, c->n * sizeof *items);
        c->items = items;
        c->capacity = capacity;
    }
    c->items[c->n++] = item;
    return true;
}

/* --- FHIR's primitives as FHIRPath's values (R4 fhirpath.html, "Use of
 * FHIR's types") --- */

static struct bytes text_of(const cJSON *json)
{
    if (cJSON_IsString(json))
        return bytes_of(json->valuestring);
    return json_tree_number(json);
}

static bool moment_item(struct arena *arena, struct bytes text,
                        enum moment_kind kind, struct fhirpath_item *out)
{
    struct moment m;
    struct moment *kept;

    if (!moment_parse(text, kind, &m))
        return false;
    kept = arena_alloc(arena, sizeof *kept);
    if (!kept)
        return false;
    *kept = m;
    *out = (struct fhirpath_item){.kind = FHIRPATH_MOMENT, .moment = kept};
    return true;
}

static bool decimal_item(struct arena *arena, struct bytes text,
                         struct fhirpath_item *out)
{
    struct decimal d;
    struct decimal *kept;

    if (!decimal_parse(text, &d))
        return false;
    kept = arena_alloc(arena, sizeof *kept);
    if (!kept)
        return false;
    *kept = d;
    *out = (struct fhirpath_item){.kind = FHIRPATH_DECIMAL, .decimal = kept};
    return true;
}

static bool integer_item(struct bytes text, struct fhirpath_item *out)
{
    struct decimal d;
    int64_t value;

    if (!decimal_parse(text, &d) || !decimal_to_i64(&d, &value) ||
        value > INT32_MAX || value < INT32_MIN)
        return false;
    *out = fhirpath_integer((int32_t)value);
    return true;
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* A value with a comparator ("< 5") is no number that could be compared. */
static bool quantity_item(struct arena *arena, const cJSON *json,
                          struct fhirpath_item *out)
{
    const cJSON *system = member(json, "system");
    const cJSON *unit = member(json, "unit");
    struct fhirpath_quantity *q;
    struct decimal value;

    if (member(json, "comparator") ||
        !decimal_parse(json_tree_number(member(json, "value")), &value))
        return false;
    q = arena_alloc(arena, sizeof *q);
    if (!q)
        return false;
    q->value = value;
    q->unit = bytes_of("1");
    if (cJSON_IsString(unit))
        q->unit = bytes_of(unit->valuestring);
    if (cJSON_IsString(system) && cJSON_IsString(member(json, "code")) &&
        strcmp(system->valuestring, UCUM) == 0)
        q->unit = bytes_of(member(json, "code")->valuestring);
    *out = (struct fhirpath_item){.kind = FHIRPATH_QUANTITY, .quantity = q};
    return true;
}

static bool untyped_item(struct arena *arena, const cJSON *json,
                         struct fhirpath_item *out)
{
    if (cJSON_IsString(json)) {
        *out = fhirpath_string(bytes_of(json->valuestring));
        return true;
    }
    if (cJSON_IsBool(json)) {
        *out = fhirpath_boolean(cJSON_IsTrue(json));
        return true;
    }
    return integer_item(json_tree_number(json), out) ||
           decimal_item(arena, json_tree_number(json), out);
}

static bool typed_item(struct arena *arena, const struct fhirpath_node *node,
                       struct fhirpath_item *out)
{
    struct bytes text = text_of(node->json);

    switch ((int)node->type->id) {
    case MODEL_TYPE_boolean:
        break;
    case MODEL_TYPE_integer:
    case MODEL_TYPE_positiveInt:
    case MODEL_TYPE_unsignedInt:
        if (integer_item(text, out))
            return true;
        break;
    case MODEL_TYPE_decimal:
        if (decimal_item(arena, text, out))
            return true;
        break;
    case MODEL_TYPE_date:
        if (moment_item(arena, text, MOMENT_DATE, out))
            return true;
        break;
    case MODEL_TYPE_dateTime:
    case MODEL_TYPE_instant:
        if (moment_item(arena, text, MOMENT_DATETIME, out))
            return true;
        break;
    case MODEL_TYPE_time:
        if (moment_item(arena, text, MOMENT_TIME, out))
            return true;
        break;
    default:
        break;
    }
    return untyped_item(arena, node->json, out);
}

bool fhirpath_value_of(struct arena *arena, const struct fhirpath_item *item,
                       struct fhirpath_item *out)
{
    const struct fhirpath_node *node = &item->node;

    if (item->kind != FHIRPATH_NODE) {
        *out = *item;
        return true;
    }
    if (!node->json)
        return false;
    if (!node->type)
        return untyped_item(arena, node->json, out);
    if (node->type->kind == MODEL_PRIMITIVE)
        return typed_item(arena, node, out);
    if (model_type_is(node->type, model_type_of(MODEL_TYPE_Quantity)))
        return quantity_item(arena, node->json, out);
    return false;
}

/* --- names of types --- */

static struct bytes node_type_name(const struct fhirpath_node *node)
{
    if (!node->type)
        return bytes_of("Element");
    if (node->type->kind == MODEL_BACKBONE && node->type->base)
        return bytes_of(node->type->base->name);
    return bytes_of(node->type->name);
}

struct bytes fhirpath_type_name(const struct fhirpath_item *item,
                                bool *is_system)
{
    static const char *const moments[] = {"Date", "DateTime", "Time"};

    *is_system = item->kind != FHIRPATH_NODE;
    switch (item->kind) {
    case FHIRPATH_NODE:
        return node_type_name(&item->node);
    case FHIRPATH_BOOLEAN:
        return bytes_of("Boolean");
    case FHIRPATH_INTEGER:
        return bytes_of("Integer");
    case FHIRPATH_DECIMAL:
        return bytes_of("Decimal");
    case FHIRPATH_STRING:
        return bytes_of("String");
    case FHIRPATH_MOMENT:
        return bytes_of(moments[item->moment->kind]);
    case FHIRPATH_QUANTITY:
        return bytes_of("Quantity");
    case FHIRPATH_TYPE:
        break;
    }
    return bytes_of(bytes_is(item->type->space, "System") ? "SimpleTypeInfo"
                                                          : "ClassInfo");
}
