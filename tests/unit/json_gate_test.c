#include "fhir/json/gate.h"
#include "fhir/json/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/base/buf.h"

/* The gate sees an exact copy on the heap, so that the sanitizers catch a read
 * past the end. */
static enum err_code gate_bytes(const char *p, size_t n, struct err *e)
{
    char *copy = malloc(n ? n : 1);
    enum err_code code;

    assert_non_null(copy);
    if (n)
        memcpy(copy, p, n);
    *e = (struct err){0};
    code = json_gate(bytes_make(copy, n), e);
    free(copy);
    return code;
}

static void passes(const char *text)
{
    struct err e;

    if (gate_bytes(text, strlen(text), &e) != ERR_OK)
        fail_msg("refused: %s: %s", text, e.message);
}

static void refused(const char *text)
{
    struct err e;

    if (gate_bytes(text, strlen(text), &e) != ERR_SYNTAX)
        fail_msg("not refused: %s", text);
    assert_int_equal(e.code, ERR_SYNTAX);
    assert_true(strncmp(e.message, "line ", 5) == 0);
    assert_true(e.expression[0] != '\0');
}

static void refused_at(const char *text, const char *where,
                       const char *expression)
{
    struct err e;

    assert_int_equal(gate_bytes(text, strlen(text), &e), ERR_SYNTAX);
    if (strncmp(e.message, where, strlen(where)) != 0)
        fail_msg("%s: says %s", text, e.message);
    assert_string_equal(e.expression, expression);
}

static void objects_of_every_kind_pass(void **state)
{
    (void)state;
    passes("{}");
    passes(" \t\r\n{ } \n");
    passes("{\"a\":1}");
    passes("{\"a\":[],\"b\":{},\"c\":[[],{}],\"d\":[1,2 , 3]}");
    passes("{\"a\":true,\"b\":false,\"c\":null,\"d\":\"\"}");
    passes("{\"\":0}");
    passes("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}");
    passes("{\"long\":\"a string of more than eight plain characters\"}");
}

static void a_text_that_is_no_object_is_refused(void **state)
{
    (void)state;
    refused("");
    refused("  \n");
    refused("[]");
    refused("\"a\"");
    refused("1");
    refused("null");
    refused("\xef\xbb\xbf{}");
    refused("x{}");
}

static void an_unfinished_text_is_refused_at_every_length(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2.5e+3,\"b\\u00e4\\ud83d\\ude00\\n\xc3\xa4\","
        "{\"c\":null}],\"d\":true}";
    struct err e;

    (void)state;
    passes(text);
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_int_equal(gate_bytes(text, n, &e), ERR_SYNTAX);
}

static void text_behind_the_object_is_refused(void **state)
{
    (void)state;
    refused("{}{}");
    refused("{},");
    refused("{} x");
    refused("{}]");
}

static void broken_structure_is_refused(void **state)
{
    (void)state;
    refused("{\"a\":1,}");
    refused("{,\"a\":1}");
    refused("{\"a\" 1}");
    refused("{\"a\"}");
    refused("{\"a\":}");
    refused("{\"a\":1 \"b\":2}");
    refused("{a:1}");
    refused("{'a':1}");
    refused("{1:1}");
    refused("{\"a\":[1,]}");
    refused("{\"a\":[,1]}");
    refused("{\"a\":[1 2]}");
    refused("{\"a\":[1}");
    refused("{\"a\":{1]}");
    refused("{\"a\":1]");
    refused("{\"a\"::1}");
    refused("{\"a\":1}}");
    refused("{\"a\":1/**/}");
    refused("{\"a\":1}//");
    refused("{\"a\":\f1}");
}

static void numbers_follow_the_grammar(void **state)
{
    static const char *const good[] = {
        "0",     "-0",   "1",      "10",      "123456789012345678901234567890",
        "1.10",  "0.0",  "-0.5e7", "1E+2",    "1e-2",
        "1e999", "12e3", "0e0",    "1.0E-10", "3.1400000000000000000000001"};
    static const char *const bad[] = {
        "01",   "-01", "00",  "1.",  ".5",       "-",     "+1",    "1e",
        "1e+",  "1.e", "0x1", "1_0", "1e5.5",    "--1",   "-.5",   "NaN",
        "-NaN", "inf", "1,5", "1f",  "Infinity", "1.2.3", "0.1e-", "- 1"};
    char text[80];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(snprintf(text, sizeof text, "{\"a\":%s}", good[i]) > 0);
        passes(text);
        assert_true(snprintf(text, sizeof text, "{\"a\":[%s ]}", good[i]) > 0);
        passes(text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(snprintf(text, sizeof text, "{\"a\":%s}", bad[i]) > 0);
        refused(text);
    }
}

static void misspelt_literals_are_refused(void **state)
{
    (void)state;
    refused("{\"a\":True}");
    refused("{\"a\":tru}");
    refused("{\"a\":nul}");
    refused("{\"a\":falsey}");
    refused("{\"a\":nulll}");
    refused("{\"a\":undefined}");
}

static void escapes_of_json_pass_and_no_others(void **state)
{
    (void)state;
    passes("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\uABCD\\uabcd\"}");
    passes("{\"a\":\"\\u0001\\u001f\\u007f\\ufffd\\uffff\"}");
    refused("{\"a\":\"\\a\"}");
    refused("{\"a\":\"\\x41\"}");
    refused("{\"a\":\"\\'\"}");
    refused("{\"a\":\"\\u12\"}");
    refused("{\"a\":\"\\u123g\"}");
    refused("{\"a\":\"\\U00410041\"}");
    refused("{\"a\":\"\\\"}");
    refused("{\"a\":\"\\");
}

static void the_character_nul_is_refused_in_every_form(void **state)
{
    struct err e;

    (void)state;
    refused("{\"a\":\"\\u0000\"}");
    refused("{\"\\u0000\":1}");
    assert_int_equal(gate_bytes("{\"a\":\"\0\"}", 9, &e), ERR_SYNTAX);
    assert_int_equal(gate_bytes("{\"a\":\"\\\0\"}", 10, &e), ERR_SYNTAX);
    assert_int_equal(gate_bytes("{\"a\":1\0}", 8, &e), ERR_SYNTAX);
    assert_int_equal(gate_bytes("{}\0", 3, &e), ERR_SYNTAX);
    assert_int_equal(gate_bytes("\0{}", 3, &e), ERR_SYNTAX);
}

static void every_raw_control_character_in_a_string_is_refused(void **state)
{
    char text[] = "{\"a\":\"123456789?\"}";
    char long_text[] = "{\"a\":\"12?456789abcdefgh\"}";

    (void)state;
    for (char c = 1; c < 0x20; c++) {
        text[sizeof text - 4] = c;
        refused(text);
        long_text[8] = c;
        refused(long_text);
    }
    text[sizeof text - 4] = 0x7f;
    passes(text);
    long_text[8] = ' ';
    passes(long_text);
}

static void surrogates_must_be_complete_pairs(void **state)
{
    (void)state;
    passes("{\"a\":\"\\ud83d\\ude00\\uD800\\uDC00\\udbff\\udfff\"}");
    refused("{\"a\":\"\\ud83d\"}");
    refused("{\"a\":\"\\ude00\"}");
    refused("{\"a\":\"\\udc00\\udfff\"}");
    refused("{\"a\":\"\\ud800\"}");
    refused("{\"a\":\"\\ud800\\ue000\"}");
    passes("{\"a\":\"\\ud7ff\\ue000\"}");
    refused("{\"a\":\"\\ud83dx\\ude00\"}");
    refused("{\"a\":\"\\ud83d\\ud83d\"}");
    refused("{\"a\":\"\\ud83d\\u0041\"}");
    refused("{\"a\":\"\\ude00\\ud83d\"}");
    refused("{\"a\":\"\\ud83d\\n\"}");
}

static void well_formed_utf8_passes(void **state)
{
    (void)state;
    passes("{\"name\":\"M\xc3\xbcller\"}");
    passes("{\"\xe4\xb8\xad\":\"\xe2\x82\xac\"}");
    passes("{\"a\":\"\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\"}");
    passes("{\"a\":\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\"}");
    passes("{\"a\":\"\xef\xbb\xbf inside a string it is a character\"}");
}

static void malformed_utf8_is_refused(void **state)
{
    (void)state;
    refused("{\"a\":\"\x80\"}");
    refused("{\"a\":\"\xc3\"}");
    refused("{\"a\":\"\xc3(\"}");
    refused("{\"a\":\"\xc0\xaf\"}");
    refused("{\"a\":\"\xc1\xbf\"}");
    refused("{\"a\":\"\xe0\x80\xaf\"}");
    refused("{\"a\":\"\xe0\x9f\xbf\"}");
    refused("{\"a\":\"\xed\xa0\x80\"}");
    refused("{\"a\":\"\xed\xbf\xbf\"}");
    refused("{\"a\":\"\xf0\x8f\xbf\xbf\"}");
    refused("{\"a\":\"\xf4\x90\x80\x80\"}");
    refused("{\"a\":\"\xf5\x80\x80\x80\"}");
    refused("{\"a\":\"\xfe\"}");
    refused("{\"a\":\"\xe2\x82\"}");
    refused("{\"a\":\"\xf0\x9f\x98\"}");
    refused("{\"caf\xe9\":1}");
    refused("{\"a\":\xc3\xa4}");
}

static void a_repeated_key_is_refused(void **state)
{
    (void)state;
    refused("{\"a\":1,\"a\":1}");
    refused("{\"a\":1,\"b\":{\"c\":[{\"d\":1,\"d\":2}]}}");
    refused("{\"\":1,\"\":2}");
    refused("{\"a\":{\"x\":1},\"b\":2,\"a\":3}");
}

static void keys_are_compared_after_unescaping(void **state)
{
    (void)state;
    refused("{\"a\":1,\"\\u0061\":2}");
    refused("{\"\\u0061\":1,\"a\":2}");
    refused("{\"\\u00e4\":1,\"\xc3\xa4\":2}");
    refused("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}");
    refused("{\"\\/\":1,\"/\":2}");
    refused("{\"\\t\":1,\"\\u0009\":2}");
    refused("{\"\\u004a\":1,\"\\u004A\":2}");
    passes("{\"a\":1,\"A\":2}");
    passes("{\"\\\\u0061\":1,\"a\":2}");
    passes("{\"\\n\":1,\"n\":2}");
}

/* count members, the one at changed (if any) with the key given. */
static void big_object(struct buf *b, size_t count, size_t changed,
                       const char *key)
{
    buf_init(b, 1U << 24);
    buf_add_text(b, "{\"big\":{");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(b, ',');
        if (i == changed)
            buf_add_format(b, "\n\"%s\":0", key);
        else
            buf_add_format(b, "\"key%zu\":{\"x\":%zu}", i, i);
    }
    buf_add_text(b, "}}");
    assert_int_equal(b->failed, ERR_OK);
}

static void repeated_keys_are_found_in_objects_of_every_size(void **state)
{
    static const size_t sizes[] = {2,  31, 32,  33,  34,
                                   64, 65, 129, 500, JSON_MEMBERS_MAX};
    struct buf b;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        big_object(&b, sizes[i], SIZE_MAX, "");
        assert_int_equal(gate_bytes(b.p, b.n, &e), ERR_OK);
        buf_fini(&b);
        big_object(&b, sizes[i], sizes[i] - 1, "\\u006bey0");
        assert_int_equal(gate_bytes(b.p, b.n, &e), ERR_SYNTAX);
        assert_non_null(strstr(e.message, "line 2, column 1: the object has"));
        assert_string_equal(e.expression, "$this.big.`\\u006bey0`");
        buf_fini(&b);
    }
}

static void an_object_with_too_many_members_is_refused(void **state)
{
    struct buf b;
    struct err e;

    (void)state;
    big_object(&b, JSON_MEMBERS_MAX + 1, SIZE_MAX, "");
    assert_int_equal(gate_bytes(b.p, b.n, &e), ERR_SYNTAX);
    assert_non_null(strstr(e.message, "too many members"));
    assert_string_equal(e.expression, "$this.big");
    buf_fini(&b);
}

static enum err_code gate_nested(size_t depth, struct err *e)
{
    struct buf b;
    enum err_code code;

    buf_init(&b, 1U << 24);
    buf_add_text(&b, "{\"a\":");
    for (size_t i = 1; i < depth; i++)
        buf_add_text(&b, i % 2 ? "[" : "{\"a\":");
    buf_add_char(&b, '1');
    for (size_t i = depth - 1; i > 0; i--)
        buf_add_char(&b, i % 2 ? ']' : '}');
    buf_add_char(&b, '}');
    code = gate_bytes(b.p, b.n, e);
    buf_fini(&b);
    return code;
}

static void nesting_is_bounded(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(gate_nested(JSON_DEPTH_MAX, &e), ERR_OK);
    assert_int_equal(gate_nested(JSON_DEPTH_MAX + 1, &e), ERR_SYNTAX);
    assert_non_null(strstr(e.message, "nesting is too deep"));
    assert_int_equal(gate_nested(1000000, &e), ERR_SYNTAX);
}

static enum err_code gate_key(size_t key_bytes, struct err *e)
{
    struct buf b;
    enum err_code code;

    buf_init(&b, 1U << 20);
    buf_add_text(&b, "{\"");
    for (size_t i = 0; i < key_bytes; i++)
        buf_add_char(&b, 'k');
    buf_add_text(&b, "\":1}");
    code = gate_bytes(b.p, b.n, e);
    buf_fini(&b);
    return code;
}

static void keys_are_bounded(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(gate_key(JSON_KEY_BYTES_MAX, &e), ERR_OK);
    assert_int_equal(gate_key(JSON_KEY_BYTES_MAX + 1, &e), ERR_SYNTAX);
    assert_int_equal(gate_key(100000, &e), ERR_SYNTAX);
    assert_string_equal(e.expression, "$this");
}

static void a_refusal_says_line_column_and_path(void **state)
{
    (void)state;
    refused_at("", "line 1, column 1: ", "$this");
    refused_at("{\"a\":x}", "line 1, column 6: ", "$this.a");
    refused_at("{\n  \"resourceType\": \"Patient\",\n  \"name\": [\n"
               "    {\"given\": [\"A\", 01]}]}",
               "line 4, column 21: ", "Patient.name[0].given[1]");
    refused_at("{\"resourceType\":\"Patient\",\"name\":[{},{\"use\":tru}]}",
               "line 1, column 45: ", "Patient.name[1].use");
    refused_at("{\"name\":[{\"use\":?}],\"resourceType\":\"Patient\"}",
               "line 1, column 17: ", "$this.name[0].use");
    refused_at("{\"resourceType\":\"Patient\",\"id\":\"a\",\"id\":\"b\"}",
               "line 1, column 36: the object has this key twice",
               "Patient.id");
    refused_at("{\"contained\":[{\"resourceType\":\"Patient\",\"x\":}]}",
               "line 1, column 45: ", "$this.contained[0].x");
}

static void columns_count_characters(void **state)
{
    (void)state;
    refused_at("{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\",x}",
               "line 1, column 12: ", "$this");
}

static void odd_keys_are_quoted_in_the_path(void **state)
{
    (void)state;
    refused_at("{\"a b\":{\"c`d\":?}}",
               "line 1, column 15: ", "$this.`a b`.`c\\`d`");
    refused_at("{\"1a\":?}", "line 1, column 7: ", "$this.`1a`");
    refused_at("{\"\":?}", "line 1, column 5: ", "$this.``");
    refused_at("{\"resourceType\":\"a.b\",\"x\":?}",
               "line 1, column 27: ", "$this.x");
}

static void a_path_too_long_names_an_ancestor(void **state)
{
    struct buf b;
    struct err e;

    (void)state;
    buf_init(&b, 4096);
    buf_add_text(&b, "{\"outer\":{\"");
    for (size_t i = 0; i < ERR_EXPRESSION_BYTES; i++)
        buf_add_char(&b, 'k');
    buf_add_text(&b, "\":{\"inner\":?}}}");
    assert_int_equal(gate_bytes(b.p, b.n, &e), ERR_SYNTAX);
    assert_string_equal(e.expression, "$this.outer");
    buf_fini(&b);
}

static void special_bytes_are_seen_at_every_offset(void **state)
{
    char text[64];

    (void)state;
    for (size_t before = 0; before < 20; before++) {
        assert_true(snprintf(text, sizeof text, "{\"a\":\"%.*s\\u00e4%s\"}",
                             (int)before, "abcdefghijklmnopqrst", "tail") > 0);
        passes(text);
        text[6 + before + 1] = 'q';
        refused(text);
        text[6 + before] = '\x01';
        refused(text);
        text[6 + before] = '\xff';
        refused(text);
        text[6 + before] = '"';
        refused(text);
    }
}

static void a_number_of_many_digits_is_refused(void **state)
{
    char text[128] = "{\"a\":1.";
    size_t n = 7;

    (void)state;
    while (n < 5 + JSON_NUMBER_BYTES_MAX)
        text[n++] = '0';
    memcpy(text + n, "}", 2);
    passes(text);
    memcpy(text + n, "0}", 3);
    refused(text);
}

static void no_error_value_is_needed(void **state)
{
    (void)state;
    assert_int_equal(json_gate(bytes_of("{"), NULL), ERR_SYNTAX);
    assert_int_equal(json_gate(bytes_make(NULL, 0), NULL), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_of_every_kind_pass),
        cmocka_unit_test(a_text_that_is_no_object_is_refused),
        cmocka_unit_test(an_unfinished_text_is_refused_at_every_length),
        cmocka_unit_test(text_behind_the_object_is_refused),
        cmocka_unit_test(broken_structure_is_refused),
        cmocka_unit_test(numbers_follow_the_grammar),
        cmocka_unit_test(misspelt_literals_are_refused),
        cmocka_unit_test(escapes_of_json_pass_and_no_others),
        cmocka_unit_test(the_character_nul_is_refused_in_every_form),
        cmocka_unit_test(every_raw_control_character_in_a_string_is_refused),
        cmocka_unit_test(surrogates_must_be_complete_pairs),
        cmocka_unit_test(well_formed_utf8_passes),
        cmocka_unit_test(malformed_utf8_is_refused),
        cmocka_unit_test(a_repeated_key_is_refused),
        cmocka_unit_test(keys_are_compared_after_unescaping),
        cmocka_unit_test(repeated_keys_are_found_in_objects_of_every_size),
        cmocka_unit_test(an_object_with_too_many_members_is_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(keys_are_bounded),
        cmocka_unit_test(a_refusal_says_line_column_and_path),
        cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(odd_keys_are_quoted_in_the_path),
        cmocka_unit_test(a_path_too_long_names_an_ancestor),
        cmocka_unit_test(a_number_of_many_digits_is_refused),
        cmocka_unit_test(special_bytes_are_seen_at_every_offset),
        cmocka_unit_test(no_error_value_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
