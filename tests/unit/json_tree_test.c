#include "fhir/json/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fhir/json/gate.h"

static cJSON *parsed(const char *text)
{
    cJSON *tree = NULL;

    assert_int_equal(json_gate(bytes_of(text), NULL), ERR_OK);
    assert_int_equal(json_tree_parse(bytes_of(text), &tree, NULL), ERR_OK);
    return tree;
}

static const cJSON *at(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void is_number(const cJSON *item, const char *want)
{
    struct bytes text = json_tree_number(item);

    if (!bytes_is(text, want))
        fail_msg("%.*s is not %s", BYTES_ARG(text), want);
}

static void numbers_keep_their_text(void **state)
{
    cJSON *tree =
        parsed("{\"a\":1.10,\"b\":-0.0,\"c\":1e2,\"d\":100000000000001}");

    (void)state;
    is_number(at(tree, "a"), "1.10");
    is_number(at(tree, "b"), "-0.0");
    is_number(at(tree, "c"), "1e2");
    is_number(at(tree, "d"), "100000000000001");
    cJSON_Delete(tree);
}

static void digits_elsewhere_are_no_numbers(void **state)
{
    cJSON *tree =
        parsed("{\"1\":\"2\\\"3\",\"k-4\":[true,\"-5\",null,6,{\"x7\":8.0}"
               ",[9]],\"e\":{},\"f\":[],\"g\":10 }");
    const cJSON *list = at(tree, "k-4");

    (void)state;
    is_number(cJSON_GetArrayItem(list, 3), "6");
    is_number(at(cJSON_GetArrayItem(list, 4), "x7"), "8.0");
    is_number(cJSON_GetArrayItem(list, 5)->child, "9");
    is_number(at(tree, "g"), "10");
    is_number(at(tree, "1"), "");
    cJSON_Delete(tree);
}

static void a_tree_of_another_parser_has_no_texts(void **state)
{
    cJSON *tree = cJSON_Parse("{\"a\":1.10}");

    (void)state;
    is_number(at(tree, "a"), "");
    is_number(NULL, "");
    cJSON_Delete(tree);
}

static void the_deepest_nesting_is_walked(void **state)
{
    char text[512];
    cJSON *tree;
    const cJSON *item;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < JSON_DEPTH_MAX; i++) {
        memcpy(text + n, "{\"a\":", 5);
        n += 5;
    }
    text[n++] = '7';
    memset(text + n, '}', JSON_DEPTH_MAX);
    text[n + JSON_DEPTH_MAX] = '\0';
    tree = parsed(text);
    item = tree;
    while (item && !cJSON_IsNumber(item))
        item = item->child;
    is_number(item, "7");
    cJSON_Delete(tree);
}

static void what_is_no_json_is_refused(void **state)
{
    cJSON *tree = NULL;
    struct err e = {.code = ERR_OK};

    (void)state;
    assert_int_equal(json_tree_parse(bytes_of("{\"a\":"), &tree, &e),
                     ERR_SYNTAX);
    assert_null(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_keep_their_text),
        cmocka_unit_test(digits_elsewhere_are_no_numbers),
        cmocka_unit_test(a_tree_of_another_parser_has_no_texts),
        cmocka_unit_test(the_deepest_nesting_is_walked),
        cmocka_unit_test(what_is_no_json_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
