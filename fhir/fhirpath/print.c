#include "fhir/fhirpath/print.h"

#include "fhir/fhirpath/quantity.h"
#include "fhir/json/gate.h"
#include "fhir/json/tree.h"
#include "fhir/model/element.h"

#define JSON_BYTES_MAX ((size_t)64 << 20)

struct bytes print_type(const struct fhirpath_item *item)
{
    static const char *const names[][2] = {
        {"Boolean", "boolean"}, {"Integer", "integer"},
        {"Decimal", "decimal"}, {"String", "string"},
        {"Date", "date"},       {"DateTime", "dateTime"},
        {"Time", "time"}};
    bool is_system;
    struct bytes name = fhirpath_type_name(item, &is_system);

    for (size_t i = 0; is_system && i < sizeof names / sizeof names[0]; i++)
        if (bytes_is(name, names[i][0]))
            return bytes_of(names[i][1]);
    return name;
}

/* --- trees, with their numbers as they were written --- */

static void add_scalar(const cJSON *json, struct buf *out)
{
    if (cJSON_IsString(json))
        buf_add_json_string(out, bytes_of(json->valuestring));
    else if (cJSON_IsNumber(json))
        buf_add(out, json_tree_number(json));
    else if (cJSON_IsBool(json))
        buf_add_text(out, cJSON_IsTrue(json) ? "true" : "false");
    else
        buf_add_text(out, "null");
}

static void open_json(const cJSON *json, struct buf *out)
{
    if (json->string && out->n > 0) {
        buf_add_json_string(out, bytes_of(json->string));
        buf_add_char(out, ':');
    }
    if (cJSON_IsObject(json) || cJSON_IsArray(json))
        buf_add_char(out, cJSON_IsObject(json) ? '{' : '[');
    else
        add_scalar(json, out);
}

static void close_json(const cJSON *json, struct buf *out)
{
    if (cJSON_IsObject(json) || cJSON_IsArray(json))
        buf_add_char(out, cJSON_IsObject(json) ? '}' : ']');
}

/* Without recursion: the open ones are on a stack as deep as JSON may be. */
static void add_tree(const cJSON *root, struct buf *out)
{
    const cJSON *open[JSON_DEPTH_MAX + 1];
    size_t depth = 0;
    const cJSON *at = root;

    while (at) {
        open_json(at, out);
        if (at->child && depth <= JSON_DEPTH_MAX) {
            open[depth++] = at;
            at = at->child;
            continue;
        }
        close_json(at, out);
        while (depth > 0 && !at->next) {
            at = open[--depth];
            close_json(at, out);
        }
        if (depth == 0)
            return;
        at = at->next;
        buf_add_char(out, ',');
    }
}

static struct bytes tree_text(const cJSON *json, struct arena *arena)
{
    struct buf text;
    struct bytes copy = {NULL, 0};

    buf_init(&text, JSON_BYTES_MAX);
    add_tree(json, &text);
    if (!text.failed)
        copy = arena_copy(arena, buf_bytes(&text));
    buf_fini(&text);
    return copy;
}

/* --- values --- */

/* What a literal of the type begins with. */
static const char *literal_mark(const struct model_type *type)
{
    if (!type)
        return "";
    switch ((int)type->id) {
    case MODEL_TYPE_date:
    case MODEL_TYPE_dateTime:
    case MODEL_TYPE_instant:
        return "@";
    case MODEL_TYPE_time:
        return "@T";
    default:
        return "";
    }
}

static struct bytes marked(const char *mark, const char *text,
                           struct arena *arena)
{
    size_t n = strlen(mark);
    size_t more = strlen(text);
    char *joined = arena_alloc(arena, n + more + 1);

    if (!joined)
        return bytes_make(NULL, 0);
    memcpy(joined, mark, n);
    memcpy(joined + n, text, more);
    return bytes_make(joined, n + more);
}

static struct bytes node_value(const struct fhirpath_node *node,
                               struct arena *arena)
{
    const cJSON *json = node->json;
    const char *mark = literal_mark(node->type);

    if (!json)
        return node->more ? tree_text(node->more, arena) : bytes_of("");
    if (cJSON_IsString(json) && mark[0])
        return marked(mark, json->valuestring, arena);
    if (cJSON_IsString(json))
        return bytes_of(json->valuestring);
    if (cJSON_IsNumber(json))
        return json_tree_number(json);
    if (cJSON_IsBool(json))
        return bytes_of(cJSON_IsTrue(json) ? "true" : "false");
    return tree_text(json, arena);
}

static struct bytes moment_value(const struct moment *m, struct arena *arena)
{
    char text[MOMENT_TEXT_BYTES + 2] = "@";
    size_t n = 1;

    if (m->kind == MOMENT_TIME)
        text[n++] = 'T';
    n += moment_format(m, text + n);
    return arena_copy(arena, bytes_make(text, n));
}

static struct bytes decimal_value(const struct decimal *d, struct arena *arena)
{
    char text[DECIMAL_TEXT_BYTES];

    return arena_copy(arena, bytes_make(text, decimal_format(d, text)));
}

static struct bytes type_value(const struct fhirpath_type *type,
                               struct arena *arena)
{
    struct buf text;
    struct bytes copy = {NULL, 0};

    buf_init(&text, 4096);
    buf_add_text(&text, "{\"namespace\":");
    buf_add_json_string(&text, type->space);
    buf_add_text(&text, ",\"name\":");
    buf_add_json_string(&text, type->name);
    buf_add_char(&text, '}');
    if (!text.failed)
        copy = arena_copy(arena, buf_bytes(&text));
    buf_fini(&text);
    return copy;
}

struct bytes print_value(const struct fhirpath_item *item, struct arena *arena)
{
    struct decimal d;

    switch (item->kind) {
    case FHIRPATH_NODE:
        return node_value(&item->node, arena);
    case FHIRPATH_BOOLEAN:
        return bytes_of(item->boolean ? "true" : "false");
    case FHIRPATH_INTEGER:
        d = decimal_of(item->integer);
        return decimal_value(&d, arena);
    case FHIRPATH_DECIMAL:
        return decimal_value(item->decimal, arena);
    case FHIRPATH_STRING:
        return item->string.p ? item->string : bytes_of("");
    case FHIRPATH_MOMENT:
        return moment_value(item->moment, arena);
    case FHIRPATH_QUANTITY:
        return quantity_format(arena, item->quantity);
    case FHIRPATH_TYPE:
        return type_value(item->type, arena);
    }
    return bytes_make(NULL, 0);
}

void print_collection(const struct fhirpath_collection *c, struct arena *arena,
                      struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < c->n; i++) {
        struct bytes value = print_value(&c->items[i], arena);

        if (!value.p)
            out->failed = ERR_NOMEM;
        buf_add_text(out, i > 0 ? ", {\"type\": " : "{\"type\": ");
        buf_add_json_string(out, print_type(&c->items[i]));
        buf_add_text(out, ", \"value\": ");
        buf_add_json_string(out, value);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}
