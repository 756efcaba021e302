/* What passes the gate must be readable by all that looks at it afterwards,
 * and what is made of it must pass the gate again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "fhir/json/edit.h"
#include "fhir/json/gate.h"
#include "fhir/json/span.h"
#include "fhir/json/stored.h"

#define ARENA_BYTES (1U << 20)
#define TRIES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void check_refusal(const struct err *e)
{
    require(e->code == ERR_SYNTAX, "a refusal is ERR_SYNTAX");
    require(strncmp(e->message, "line ", 5) == 0, "a refusal says where");
    require(e->expression[0] != '\0', "a refusal has an expression");
}

/* Every member and element, each by each: a stack of containers. */
struct walk {
    struct json_span spans[JSON_DEPTH_MAX];
    size_t positions[JSON_DEPTH_MAX];
    size_t depth;
};

static bool is_container(struct bytes text, struct json_span span)
{
    return text.p[span.begin] == '{' || text.p[span.begin] == '[';
}

static void check_item(struct bytes text, struct json_span outer,
                       const struct json_item *item)
{
    struct bytes value = json_text(text, item->value);
    cJSON *parsed;

    require(item->value.begin > outer.begin && item->value.end < outer.end &&
                item->value.begin < item->value.end,
            "an item stands inside its container");
    require((text.p[outer.begin] == '[') == (item->key.begin == item->key.end),
            "members have keys, elements have none");
    if (is_container(text, item->value))
        return;
    parsed = cJSON_ParseWithLength(value.p, value.n);
    require(parsed != NULL, "a value's span is one value");
    cJSON_Delete(parsed);
}

static void walk_all(struct bytes text)
{
    struct walk w = {.depth = 1};
    struct json_item item;

    w.spans[0] = json_root(text);
    w.positions[0] = 0;
    while (w.depth > 0) {
        size_t top = w.depth - 1;

        if (!json_next(text, w.spans[top], &w.positions[top], &item)) {
            w.depth--;
            continue;
        }
        check_item(text, w.spans[top], &item);
        if (is_container(text, item.value)) {
            require(w.depth < JSON_DEPTH_MAX, "depth is bounded");
            w.spans[w.depth] = item.value;
            w.positions[w.depth++] = 0;
        }
    }
}

/* Keys and order as another parser sees them. */
static void check_members(struct bytes text, const cJSON *object)
{
    struct json_span root = json_root(text);
    struct json_item item, found;
    const cJSON *member = object->child;
    size_t position = 0;

    for (; member; member = member->next) {
        require(json_next(text, root, &position, &item), "no member is lost");
        require(json_string_is(text, item.key, member->string),
                "keys are read alike");
        if (position < TRIES_MAX)
            require(json_member(text, root, member->string, &found) &&
                        found.value.begin == item.value.begin,
                    "each member is found by its name");
    }
    require(!json_next(text, root, &position, &item), "no member is added");
}

static void check_cjson(struct bytes text)
{
    cJSON *parsed = cJSON_ParseWithLength(text.p, text.n);

    require(parsed != NULL, "cJSON reads what the gate passes");
    check_members(text, parsed);
    cJSON_Delete(parsed);
}

/* Of the root's members some are removed, some set, some extended, by the
 * bits of choice. */
static void edit_members(struct json_editor *ed, struct json_span root,
                         uint32_t choice)
{
    struct json_item item;
    size_t position = 0;
    char key[256];

    for (int i = 0; i < JSON_EDITS_MAX / 2 - 4; i++) {
        if (!json_next(ed->text, root, &position, &item))
            break;
        choice = choice * 1664525U + 1013904223U;
        switch (choice >> 29) {
        case 0:
        case 1:
            if (item.key.end - item.key.begin - 2 >= sizeof key)
                break;
            memcpy(key, ed->text.p + item.key.begin + 1,
                   item.key.end - item.key.begin - 2);
            key[item.key.end - item.key.begin - 2] = '\0';
            json_edit_remove_member(ed, root, key);
            break;
        case 2:
            json_edit_replace(ed, item.value, bytes_of("[1.10]"));
            break;
        case 3:
            if (ed->text.p[item.value.begin] == '[')
                json_edit_append(ed, item.value, bytes_of("\"last\""));
            break;
        default:
            break;
        }
    }
}

static void check_gate(struct bytes text, const char *what)
{
    struct err e = {0};

    if (json_gate(text, &e) == ERR_OK)
        return;
    (void)fprintf(stderr, "%s: %.*s\n", e.message, BYTES_ARG(text));
    require(false, what);
}

static void check_edit(struct bytes text, uint32_t choice)
{
    struct arena arena;
    struct json_editor ed;
    struct buf out;
    struct err e = {0};

    arena_init(&arena, ARENA_BYTES);
    buf_init(&out, text.n + 4096);
    json_editor_init(&ed, text, &arena);
    edit_members(&ed, json_root(text), choice);
    if (choice & 1)
        json_edit_add_member(&ed, json_root(text),
                             "a key that \"no\" input has", bytes_of("{}"));
    if (choice & 2)
        json_edit_add_member(&ed, json_root(text), "nor \\this one",
                             bytes_of("null"));
    require(json_editor_apply(&ed, &out, &e) == ERR_OK, "the edits apply");
    check_gate(buf_bytes(&out), "an edited text passes the gate");
    buf_fini(&out);
    arena_fini(&arena);
}

static void check_filled(const struct stored_text *t)
{
    uint64_t version = 4711;
    size_t n = stored_text_size(t, version);
    char *filled = malloc(n);
    struct bytes text = bytes_make(filled, n);
    struct json_item id, meta, item;

    require(filled != NULL, "there is memory");
    stored_text_fill(t, version, 0, filled);
    check_gate(text, "a stored text passes the gate");
    require(json_member(text, json_root(text), "id", &id) &&
                json_string_is(text, id.value, "x-1"),
            "the id is in place");
    require(json_member(text, json_root(text), "meta", &meta) &&
                json_member(text, meta.value, "versionId", &item) &&
                json_string_is(text, item.value, "4711") &&
                json_member(text, meta.value, "lastUpdated", &item) &&
                json_string_is(text, item.value, "1970-01-01T00:00:00.000Z"),
            "version and time are in place");
    free(filled);
}

static void check_stored(struct bytes text)
{
    struct json_tokens tokens = {.count = 0};
    struct stored_text t;
    struct err e = {0};
    enum err_code code;

    require(json_gate_read(text, &tokens, &e) == ERR_OK,
            "what passes the gate passes it with tokens");
    code = stored_text_make(&tokens, bytes_of("x-1"), &t, &e);
    if (code == ERR_OK)
        check_filled(&t);
    else
        require(code == ERR_INVALID && e.expression[0] != '\0',
                "only the shape of id and meta is refused");
    stored_text_fini(&t);
    json_tokens_fini(&tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_make((const char *)data, size);
    struct err e = {0};
    uint32_t choice = (uint32_t)size * 2654435761U;

    if (json_gate(text, &e) != ERR_OK) {
        check_refusal(&e);
        return 0;
    }
    for (size_t i = 0; i < size && i < TRIES_MAX; i++)
        choice = choice * 31 + data[i];
    check_cjson(text);
    walk_all(text);
    check_edit(text, choice);
    check_stored(text);
    return 0;
}
