/* cJSON's memory within a scope, with the hooks installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/base/json_scope.h"

#define TEXT "{\"a\":[1,2,{\"b\":\"text\"}],\"c\":\"\\u00e9\"}"

static cJSON *parse(const char *text)
{
    cJSON *tree = cJSON_Parse(text);

    assert_non_null(tree);
    return tree;
}

static void check(const cJSON *tree)
{
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(tree, "a");

    assert_int_equal(cJSON_GetArraySize(a), 3);
    assert_string_equal(
        cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(a, 2), "b")
            ->valuestring,
        "text");
}

static void a_tree_lives_in_its_scope(void **state)
{
    struct json_scope scope;
    cJSON *tree;

    (void)state;
    json_scope_enter(&scope, strlen(TEXT) * 4);
    tree = parse(TEXT);
    check(tree);
    json_scope_delete(&scope, tree);
    json_scope_leave(&scope);
}

/* The sanitizers tell of what is not freed, or freed twice. */
static void what_does_not_fit_is_freed_too(void **state)
{
    struct json_scope scope;
    cJSON *tree;

    (void)state;
    json_scope_enter(&scope, 24);
    tree = parse(TEXT);
    check(tree);
    json_scope_delete(&scope, tree);
    json_scope_leave(&scope);
}

static void scopes_nest_and_trees_outside_are_left_alone(void **state)
{
    cJSON *before = parse(TEXT), *outer, *inner;
    struct json_scope a, b;

    (void)state;
    json_scope_enter(&a, strlen(TEXT) * 4);
    outer = parse(TEXT);
    json_scope_enter(&b, strlen(TEXT) * 4);
    inner = parse(TEXT);
    cJSON_Delete(before);
    json_scope_delete(&b, inner);
    json_scope_leave(&b);
    check(outer);
    json_scope_delete(&a, outer);
    json_scope_leave(&a);
    outer = parse(TEXT);
    check(outer);
    cJSON_Delete(outer);
}

static void a_refused_text_leaves_nothing(void **state)
{
    struct json_scope scope;

    (void)state;
    json_scope_enter(&scope, 64);
    assert_null(cJSON_Parse("{\"a\":[1,2,"));
    json_scope_delete(&scope, NULL);
    json_scope_leave(&scope);
}

static int install(void **state)
{
    (void)state;
    json_scope_install();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_lives_in_its_scope),
        cmocka_unit_test(what_does_not_fit_is_freed_too),
        cmocka_unit_test(scopes_nest_and_trees_outside_are_left_alone),
        cmocka_unit_test(a_refused_text_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, install, NULL);
}
