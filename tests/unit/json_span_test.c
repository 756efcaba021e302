#include "fhir/json/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fhir/json/gate.h"

static struct bytes gated(const char *text)
{
    assert_int_equal(json_gate(bytes_of(text), NULL), ERR_OK);
    return bytes_of(text);
}

static void is(struct bytes text, struct json_span span, const char *want)
{
    struct bytes found = json_text(text, span);

    if (!bytes_is(found, want))
        fail_msg("%.*s is not %s", BYTES_ARG(found), want);
}

static void the_root_leaves_white_space_out(void **state)
{
    struct bytes text = gated(" \n\t{ \"a\" : [ 1 ] }\r\n ");

    (void)state;
    is(text, json_root(text), "{ \"a\" : [ 1 ] }");
    text = gated("{}");
    is(text, json_root(text), "{}");
}

static void members_are_walked_in_their_order(void **state)
{
    struct bytes text =
        gated("{ \"a\" : 1.10 , \"b\":\"x,}\\\"]\\\\\",\"c\":{\"d\":[1,{}]},"
              "\"e\" : [ ] ,\"f\":true\n}");
    static const char *const keys[] = {"\"a\"", "\"b\"", "\"c\"", "\"e\"",
                                       "\"f\""};
    static const char *const values[] = {"1.10", "\"x,}\\\"]\\\\\"",
                                         "{\"d\":[1,{}]}", "[ ]", "true"};
    struct json_item item;
    size_t position = 0;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_true(json_next(text, json_root(text), &position, &item));
        is(text, item.key, keys[i]);
        is(text, item.value, values[i]);
    }
    assert_false(json_next(text, json_root(text), &position, &item));
    assert_false(json_next(text, json_root(text), &position, &item));
}

static void elements_are_walked_in_their_order(void **state)
{
    struct bytes text = gated("{\"a\":[ 1,\"]\" ,[2,3],{\"k\":4}, null ]}");
    static const char *const values[] = {"1", "\"]\"", "[2,3]", "{\"k\":4}",
                                         "null"};
    struct json_item array, item;
    size_t position = 0;

    (void)state;
    assert_true(json_member(text, json_root(text), "a", &array));
    for (size_t i = 0; i < 5; i++) {
        assert_true(json_next(text, array.value, &position, &item));
        assert_int_equal(item.key.begin, item.key.end);
        is(text, item.value, values[i]);
    }
    assert_false(json_next(text, array.value, &position, &item));
}

static void nothing_is_walked_in_what_has_no_parts(void **state)
{
    struct bytes text = gated("{\"a\":{},\"b\":[ ],\"c\":\"{\",\"d\":12}");
    static const char *const keys[] = {"a", "b", "c", "d"};
    struct json_item value, item;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        size_t position = 0;

        assert_true(json_member(text, json_root(text), keys[i], &value));
        assert_false(json_next(text, value.value, &position, &item));
        assert_false(json_member(text, value.value, "a", &item));
    }
}

static void a_member_is_found_by_its_exact_name(void **state)
{
    struct bytes text =
        gated("{\"Id\":1,\"idx\":2,\"i\":3,\"n\":{\"id\":4},\"id\":5}");
    struct json_item item;

    (void)state;
    assert_true(json_member(text, json_root(text), "id", &item));
    is(text, item.value, "5");
    assert_false(json_member(text, json_root(text), "ID", &item));
    assert_false(json_member(text, json_root(text), "", &item));
}

static void a_member_that_is_not_there_leaves_the_item_alone(void **state)
{
    struct bytes text = gated("{\"a\":1}");
    struct json_item item = {.value = {7, 9}};

    (void)state;
    assert_false(json_member(text, json_root(text), "b", &item));
    assert_int_equal(item.value.begin, 7);
    assert_int_equal(item.value.end, 9);
}

static void escaped_keys_are_found_by_their_text(void **state)
{
    struct bytes text = gated("{\"\\u006deta\":1,\"\\ud83d\\ude00\":2,"
                              "\"a\\/b\\n\":3,\"\":4}");
    struct json_item item;

    (void)state;
    assert_true(json_member(text, json_root(text), "meta", &item));
    is(text, item.value, "1");
    assert_true(json_member(text, json_root(text), "\xf0\x9f\x98\x80", &item));
    is(text, item.value, "2");
    assert_true(json_member(text, json_root(text), "a/b\n", &item));
    is(text, item.value, "3");
    assert_true(json_member(text, json_root(text), "", &item));
    is(text, item.value, "4");
    assert_false(json_member(text, json_root(text), "\\u006deta", &item));
}

static bool first_string_is(const char *json, const char *want)
{
    struct bytes text = gated(json);
    struct json_item item;

    assert_true(json_member(text, json_root(text), "s", &item));
    return json_string_is(text, item.value, want);
}

static void strings_are_compared_after_unescaping(void **state)
{
    (void)state;
    assert_true(first_string_is("{\"s\":\"abc\"}", "abc"));
    assert_true(first_string_is("{\"s\":\"\"}", ""));
    assert_true(first_string_is("{\"s\":\"a\\u0062c\"}", "abc"));
    assert_true(
        first_string_is("{\"s\":\"\\u20AC\\u00e4\"}", "\xe2\x82\xac\xc3\xa4"));
    assert_true(first_string_is("{\"s\":\"\\\"\\\\\\b\\f\\n\\r\\t\"}",
                                "\"\\\b\f\n\r\t"));
    assert_false(first_string_is("{\"s\":\"abc\"}", "ab"));
    assert_false(first_string_is("{\"s\":\"abc\"}", "abcd"));
    assert_false(first_string_is("{\"s\":\"a\\u0062c\"}", "ab"));
    assert_false(first_string_is("{\"s\":\"a\\u0062c\"}", "abcd"));
    assert_false(first_string_is("{\"s\":\"a\\u0062\"}", "aB"));
}

static void what_is_no_string_equals_no_text(void **state)
{
    (void)state;
    assert_false(first_string_is("{\"s\":12}", "12"));
    assert_false(first_string_is("{\"s\":12}", ""));
    assert_false(first_string_is("{\"s\":null}", "null"));
    assert_false(first_string_is("{\"s\":[]}", ""));
    assert_false(first_string_is("{\"s\":[\"a\"]}", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_leaves_white_space_out),
        cmocka_unit_test(members_are_walked_in_their_order),
        cmocka_unit_test(elements_are_walked_in_their_order),
        cmocka_unit_test(nothing_is_walked_in_what_has_no_parts),
        cmocka_unit_test(a_member_is_found_by_its_exact_name),
        cmocka_unit_test(a_member_that_is_not_there_leaves_the_item_alone),
        cmocka_unit_test(escaped_keys_are_found_by_their_text),
        cmocka_unit_test(strings_are_compared_after_unescaping),
        cmocka_unit_test(what_is_no_string_equals_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
