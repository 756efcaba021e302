#include "fhir/json/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fhir/json/gate.h"
#include "fhir/json/number.h"

static const char *const texts[] = {
    "{}",
    " { \"a\" : [ ] , \"b\" : { } }\n",
    "{\"a\":[1,-2,[3,[{}]],{\"b\":[true,false,null]}],\"c\":\"d\"}",
    "{\"\":\"\",\"long enough for a step of sixteen\":\"0123456789abcdef0\"}",
    "{\"a\\\"b\":\"\\\\\",\"c\\u00e9\":\"\\ud83d\\ude00 \\n\\t\\/\",\"d\":"
    "\"quote \\\" and slash \\\\\\\\\"}",
    "{\"n\":[0,-0,0.0,-0.0,1.10,0.1,2.675,123456789012345,1234567890123456,"
    "0.00000000000001,99999999999.999,1e2,1E+2,-1.5e-7,1e400,2147483647,"
    "2147483648,-2147483648,-2147483649,3.14159265358979323846]}",
    "{\"\xc3\xa9\":\"\xe2\x82\xac\",\"x\":[[],[[]],{}]}",
};

#define TEXT_COUNT (sizeof texts / sizeof *texts)

static void must_be_same(const cJSON *a, const cJSON *b, const cJSON *parent)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->valueint, b->valueint);
    assert_memory_equal(&a->valuedouble, &b->valuedouble, sizeof(double));
    assert_int_equal(a->string != NULL, b->string != NULL);
    if (a->string)
        assert_string_equal(a->string, b->string);
    assert_int_equal(a->valuestring != NULL, b->valuestring != NULL);
    if (a->valuestring)
        assert_string_equal(a->valuestring, b->valuestring);
    assert_int_equal(a->child != NULL, b->child != NULL);
    assert_int_equal(a->next != NULL, b->next != NULL);
    if (a->next)
        assert_ptr_equal(a->next->prev, a);
    else if (parent)
        assert_ptr_equal(parent->child->prev, a);
}

/* Both trees side by side, children first. */
static void compare(const cJSON *a, const cJSON *b, const cJSON *parent)
{
    for (; a; a = a->next, b = b->next) {
        must_be_same(a, b, parent);
        if (a->child)
            compare(a->child, b->child, a);
    }
}

static void the_tree_is_that_of_cjson(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        struct bytes text = bytes_of(texts[i]);
        cJSON *want = cJSON_ParseWithLength(text.p, text.n);
        cJSON *have = json_parse(text);

        assert_int_equal(json_gate(text, NULL), ERR_OK);
        assert_non_null(want);
        assert_non_null(have);
        compare(have, want, NULL);
        cJSON_Delete(want);
        cJSON_Delete(have);
    }
}

static void a_text_cut_short_has_no_tree(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        size_t whole = bytes_of(texts[i]).n;

        for (size_t n = 0; n + 2 < whole; n++) {
            char *copy = malloc(n ? n : 1);

            assert_non_null(copy);
            memcpy(copy, texts[i], n);
            assert_null(json_parse(bytes_make(copy, n)));
            free(copy);
        }
    }
}

static void a_number_past_the_bound_has_no_tree(void **state)
{
    char text[128] = "{\"a\":1.";
    size_t n = 7;
    cJSON *tree;

    (void)state;
    while (n < 5 + JSON_NUMBER_BYTES_MAX)
        text[n++] = '0';
    memcpy(text + n, "}", 2);
    tree = json_parse(bytes_of(text));
    assert_non_null(tree);
    cJSON_Delete(tree);
    memcpy(text + n, "0}", 3);
    assert_null(json_parse(bytes_of(text)));
}

static int left;

static void *failing(size_t n)
{
    return left-- > 0 ? malloc(n) : NULL;
}

static void without_memory_nothing_is_lost(void **state)
{
    cJSON_Hooks hooks = {.malloc_fn = failing, .free_fn = free};
    int tried = 0;
    cJSON *tree = NULL;

    (void)state;
    cJSON_InitHooks(&hooks);
    while (!tree) {
        left = tried++;
        tree = json_parse(bytes_of(texts[2]));
    }
    assert_true(tried > 10);
    cJSON_Delete(tree);
    cJSON_InitHooks(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tree_is_that_of_cjson),
        cmocka_unit_test(a_text_cut_short_has_no_tree),
        cmocka_unit_test(a_number_past_the_bound_has_no_tree),
        cmocka_unit_test(without_memory_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
