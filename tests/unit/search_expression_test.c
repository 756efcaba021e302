/* The compiled paths of the search parameters against the FHIRPath expressions
 * that R4 defines them by: both must find the same elements. */
#include "fhir/search/table.h"

#include "fhir/fhirpath/fhirpath.h"
#include "fhir/json/gate.h"
#include "fhir/json/tree.h"
#include "fhir/search/path.h"
#include "storage/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ELEMENTS_MAX 64
#define TEXT_BYTES ((size_t)16384)
#define ARENA_BYTES ((size_t)1 << 20)

struct row {
    const char *base;
    const char *code;
    const char *expression;
};

#define SEARCH_EXPRESSION(base, code, expression) {#base, code, expression},
static const struct row rows[] = {
#include "profiles/r4/search-expressions.inc"
};
#undef SEARCH_EXPRESSION

/* --- a resource with an element at the end of a path --- */

/* What stands at a leaf: % is a type, # a number of its own, because a union
 * takes equal values only once. */
static const char *const samples[] = {
    [SEARCH_LEAF_ADDRESS] = "{\"city\":\"x#\"}",
    [SEARCH_LEAF_BOOLEAN] = "true",
    [SEARCH_LEAF_CANONICAL] = "\"http://c/#|1\"",
    [SEARCH_LEAF_CODE] = "\"x#\"",
    [SEARCH_LEAF_CODEABLE_CONCEPT] = "{\"text\":\"x#\"}",
    [SEARCH_LEAF_CODING] = "{\"code\":\"x#\"}",
    [SEARCH_LEAF_CONTACT_POINT] = "{\"value\":\"x#\"}",
    [SEARCH_LEAF_DATE] = "\"20#-01-01\"",
    [SEARCH_LEAF_DATETIME] = "\"20#-01-01\"",
    [SEARCH_LEAF_DECEASED] = "{}",
    [SEARCH_LEAF_HUMAN_NAME] = "{\"family\":\"x#\"}",
    [SEARCH_LEAF_ID] = "\"x#\"",
    [SEARCH_LEAF_IDENTIFIER] = "{\"value\":\"x#\"}",
    [SEARCH_LEAF_INSTANT] = "\"20#-01-01T00:00:00Z\"",
    [SEARCH_LEAF_MONEY] = "{\"value\":#}",
    [SEARCH_LEAF_NUMBER] = "#",
    [SEARCH_LEAF_PERIOD] = "{\"start\":\"20#\"}",
    [SEARCH_LEAF_QUANTITY] = "{\"value\":#}",
    [SEARCH_LEAF_RANGE] = "{\"low\":{\"value\":#}}",
    [SEARCH_LEAF_REFERENCE] = "{\"reference\":\"%/#\"}",
    [SEARCH_LEAF_REFERENCE_TO_TARGET] = "{\"reference\":\"%/#\"}",
    [SEARCH_LEAF_RESOURCE] = "{\"resourceType\":\"%\",\"id\":\"#\"}",
    [SEARCH_LEAF_SAMPLED_DATA] = "{\"data\":\"#\"}",
    [SEARCH_LEAF_STRING] = "\"x#\"",
    [SEARCH_LEAF_TIMING] = "{\"event\":[\"20#\"]}",
    [SEARCH_LEAF_URI] = "\"urn:x#\"",
};

static unsigned written;

static void add_sample(struct buf *out, const struct search_parameter *p,
                       enum search_leaf leaf)
{
    struct bytes rest, target = bytes_split(bytes_of(p->targets), ' ', &rest);

    if (target.n == 0 || bytes_is(target, "*"))
        target = bytes_of("Patient");
    for (const char *c = samples[leaf]; *c; c++) {
        if (*c == '%')
            buf_add(out, target);
        else if (*c == '#')
            buf_add_u64(out, 10 + ++written % 80);
        else
            buf_add_char(out, *c);
    }
}

/* "key=value" of a condition, as a member in front of an object's others. */
static void add_condition(struct buf *out, struct bytes condition)
{
    struct bytes value, key = bytes_split(condition, '=', &value);

    if (value.n > 0) {
        buf_add_json_string(out, key);
        buf_add_char(out, ':');
        buf_add_json_string(out, bytes_make(value.p, value.n - 1));
        buf_add_char(out, ',');
    }
}

/* One copy of what stands behind a step. The last step of a path with a
 * condition ends at an object. */
static void add_rest(struct buf *out, const struct search_parameter *p,
                     const struct search_path *path, struct bytes steps,
                     bool twice);

static void add_below(struct buf *out, const struct search_parameter *p,
                      const struct search_path *path, struct bytes condition,
                      struct bytes rest, bool twice)
{
    struct buf below;

    buf_init(&below, TEXT_BYTES);
    if (rest.n == 0)
        add_sample(&below, p, path->leaf);
    else
        add_rest(&below, p, path, rest, twice);
    assert_int_equal(below.failed, ERR_OK);
    if (condition.n > 0) {
        assert_int_equal(below.p[0], '{');
        buf_add_char(out, '{');
        add_condition(out, condition);
        buf_add(out, bytes_from(buf_bytes(&below), 1));
    } else {
        buf_add(out, buf_bytes(&below));
    }
    buf_fini(&below);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as a path */
static void add_rest(struct buf *out, const struct search_parameter *p,
                     const struct search_path *path, struct bytes steps,
                     bool twice)
{
    struct bytes rest, condition, step = bytes_split(steps, '.', &rest);
    struct bytes name = bytes_split(step, '[', &condition);

    buf_add_char(out, '{');
    buf_add_json_string(out, name);
    buf_add_text(out, twice ? ":[" : ":");
    add_below(out, p, path, condition, rest, twice);
    if (twice) {
        buf_add_char(out, ',');
        add_below(out, p, path, condition, rest, twice);
        buf_add_char(out, ']');
    }
    buf_add_char(out, '}');
}

static char *write_resource(const char *base, const struct search_parameter *p,
                            const struct search_path *path, bool twice)
{
    struct buf out, members;
    size_t n;
    char *text;

    buf_init(&out, TEXT_BYTES);
    buf_init(&members, TEXT_BYTES);
    add_rest(&members, p, path, bytes_of(path->steps), twice);
    buf_add_text(&out, "{\"resourceType\":\"");
    buf_add_text(&out, strcmp(base, "Resource") == 0 ? "Patient" : base);
    buf_add_text(&out, "\",");
    buf_add(&out, bytes_from(buf_bytes(&members), 1));
    buf_fini(&members);
    text = buf_take(&out, &n);
    assert_non_null(text);
    return text;
}

/* --- both ways --- */

struct elements {
    const cJSON *items[ELEMENTS_MAX];
    size_t n;
};

static void collect(struct elements *e, const cJSON *element)
{

    for (size_t i = 0; i < e->n; i++)
        if (e->items[i] == element)
            return;
    assert_true(e->n < ELEMENTS_MAX);
    e->items[e->n++] = element;
}

/* A walk over the tokens of a text, told in the nodes of its tree. */
struct telling {
    const cJSON *root;
    struct elements *out;
};

/* The node that so many stand before, in the order of the text. */
static const cJSON *node_at(const cJSON *node, uint32_t *before)
{
    const cJSON *child, *found = NULL;

    if ((*before)-- == 0)
        return node;
    cJSON_ArrayForEach(child, node)
    {
        found = node_at(child, before);
        if (found)
            break;
    }
    return found;
}

static void tell(void *ctx, uint32_t element)
{
    const struct telling *telling = ctx;

    collect(telling->out, node_at(telling->root, &element));
}

/* What a reference points at, as far as its text tells. */
static const cJSON *resolve(void *ctx, struct bytes reference)
{
    cJSON **made = ctx;
    struct bytes id, type = bytes_split(reference, '/', &id);
    char name[64];

    cJSON_Delete(*made);
    *made = cJSON_CreateObject();
    assert_true(type.n < sizeof name);
    memcpy(name, type.p, type.n);
    name[type.n] = '\0';
    assert_non_null(cJSON_AddStringToObject(*made, "resourceType", name));
    return *made;
}

static void evaluate(const struct row *row, const cJSON *json,
                     struct elements *out)
{
    struct fhirpath_options options = {.as_filters = true};
    cJSON *resolved = NULL;
    struct fhirpath_input input = {
        .resource = json, .resolve = resolve, .resolve_ctx = &resolved};
    struct fhirpath_collection found = {0};
    struct fhirpath *f = NULL;
    struct arena arena;
    struct err e = {0};

    arena_init(&arena, ARENA_BYTES);
    if (fhirpath_compile(bytes_of(row->expression), &options, &f, &e) !=
            ERR_OK ||
        fhirpath_evaluate(f, &input, &arena, &found, &e) != ERR_OK)
        fail_msg("%s.%s: %s", row->base, row->code, e.message);
    out->n = 0;
    for (size_t i = 0; i < found.n; i++) {
        assert_int_equal(found.items[i].kind, FHIRPATH_NODE);
        collect(out, found.items[i].node.json);
    }
    fhirpath_free(f);
    arena_fini(&arena);
    cJSON_Delete(resolved);
}

static bool is_same(const struct elements *a, const struct elements *b)
{
    size_t common = 0;

    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++)
            common += a->items[i] == b->items[k];
    return a->n == b->n && common == a->n;
}

static void check(const struct row *row, const struct search_parameter *p,
                  const struct search_path *path, bool twice)
{
    char *text = write_resource(row->base, p, path, twice);
    struct elements by_path = {.n = 0}, by_expression = {.n = 0};
    struct err e = {0};
    struct json_tokens tokens = {.count = 0};
    struct telling telling = {.out = &by_path};
    cJSON *json;

    assert_int_equal(json_tree_parse(bytes_of(text), &json, &e), ERR_OK);
    assert_int_equal(json_gate_read(bytes_of(text), &tokens, &e), ERR_OK);
    telling.root = json;
    for (size_t i = 0; i < p->path_count; i++)
        path_walk(&tokens, JSON_ROOT, bytes_of(p->paths[i].steps), tell,
                  &telling);
    json_tokens_fini(&tokens);
    evaluate(row, json, &by_expression);
    if (by_path.n == 0 || !is_same(&by_path, &by_expression))
        fail_msg("%s.%s: %zu elements by path, %zu by %s: %s", row->base,
                 row->code, by_path.n, by_expression.n, row->expression, text);
    cJSON_Delete(json);
    free(text);
}

static void paths_find_what_the_expressions_find(void **state)
{
    size_t count = sizeof rows / sizeof *rows;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct search_base *base =
            strcmp(rows[i].base, "Resource") == 0
                ? search_base_common()
                : search_base_find(bytes_of(rows[i].base));
        const struct search_parameter *p =
            search_base_parameter(base, bytes_of(rows[i].code));

        assert_non_null(p);
        for (size_t k = 0; k < p->path_count; k++) {
            if (p->paths[k].leaf == SEARCH_LEAF_DECEASED)
                continue;
            check(&rows[i], p, &p->paths[k], false);
            /* there are but two booleans, and equal ones count once */
            if (p->paths[k].leaf != SEARCH_LEAF_BOOLEAN)
                check(&rows[i], p, &p->paths[k], true);
        }
    }
    assert_true(count > 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_what_the_expressions_find),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
