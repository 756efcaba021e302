#include "fhir/json/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fhir/json/gate.h"

struct bench {
    struct arena arena;
    struct json_editor editor;
    struct json_span root;
};

static void begin(struct bench *b, const char *text)
{
    assert_int_equal(json_gate(bytes_of(text), NULL), ERR_OK);
    arena_init(&b->arena, 1U << 20);
    json_editor_init(&b->editor, bytes_of(text), &b->arena);
    b->root = json_root(bytes_of(text));
}

static struct json_span value_of(const struct bench *b, const char *key)
{
    struct json_item item;

    assert_true(json_member(b->editor.text, b->root, key, &item));
    return item.value;
}

static void becomes(struct bench *b, const char *want)
{
    struct buf out;
    struct err e;

    buf_init(&out, 1U << 20);
    assert_int_equal(json_editor_apply(&b->editor, &out, &e), ERR_OK);
    if (!bytes_is(buf_bytes(&out), want))
        fail_msg("%.*s\nis not\n%s", (int)out.n, out.p, want);
    assert_int_equal(json_gate(buf_bytes(&out), NULL), ERR_OK);
    buf_fini(&out);
    arena_fini(&b->arena);
}

static void fails_with(struct bench *b, enum err_code code)
{
    struct buf out;
    struct err e;

    buf_init(&out, 1U << 20);
    assert_int_equal(json_editor_apply(&b->editor, &out, &e), code);
    assert_int_equal(e.code, code);
    buf_fini(&out);
    arena_fini(&b->arena);
}

static void add(struct bench *b, struct json_span span, const char *key,
                const char *value)
{
    json_edit_add_member(&b->editor, span, key, bytes_of(value));
}

static void remove_two(const char *text, const char *first, const char *second,
                       const char *want)
{
    struct bench b;

    begin(&b, text);
    json_edit_remove_member(&b.editor, b.root, first);
    json_edit_remove_member(&b.editor, b.root, second);
    becomes(&b, want);
}

static void no_edit_changes_no_byte(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, " { \"a\" : 1.10 }\n");
    becomes(&b, " { \"a\" : 1.10 }\n");
}

static void a_replacement_leaves_all_else(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"a\" : 1.10 ,\n \"b\":[1, 2]}");
    json_edit_replace(&b.editor, value_of(&b, "b"), bytes_of("\"x\""));
    json_edit_replace(&b.editor, value_of(&b, "a"), bytes_of("2.00"));
    becomes(&b, "{\"a\" : 2.00 ,\n \"b\":\"x\"}");
}

static void a_replacement_text_is_copied(void **state)
{
    struct bench b;
    char text[] = "1";

    (void)state;
    begin(&b, "{\"a\":0}");
    json_edit_replace(&b.editor, value_of(&b, "a"), bytes_of(text));
    text[0] = '?';
    becomes(&b, "{\"a\":1}");
}

static void additions_come_first_and_keep_their_order(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{ \"z\":0}");
    add(&b, b.root, "a", "1");
    add(&b, b.root, "b", "2");
    becomes(&b, "{\"a\":1,\"b\":2, \"z\":0}");
}

static void additions_to_an_empty_object_need_no_last_comma(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"o\":{ }}");
    add(&b, value_of(&b, "o"), "a", "1");
    becomes(&b, "{\"o\":{\"a\":1 }}");
    begin(&b, "{}");
    add(&b, b.root, "a", "1");
    add(&b, b.root, "b", "2");
    becomes(&b, "{\"a\":1,\"b\":2}");
}

static void an_added_key_is_escaped(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{}");
    add(&b, b.root, "a\"b\\", "1");
    becomes(&b, "{\"a\\\"b\\\\\":1}");
}

static void a_member_is_inserted_behind_another(void **state)
{
    struct bench b;
    struct json_item item;

    (void)state;
    begin(&b, "{\"a\":1 , \"c\":3 }");
    assert_true(json_member(b.editor.text, b.root, "a", &item));
    json_edit_insert_member(&b.editor, &item, "b", bytes_of("2"));
    assert_true(json_member(b.editor.text, b.root, "c", &item));
    json_edit_replace(&b.editor, item.value, bytes_of("33"));
    json_edit_insert_member(&b.editor, &item, "d", bytes_of("4"));
    json_edit_insert_member(&b.editor, &item, "e", bytes_of("5"));
    becomes(&b, "{\"a\":1,\"b\":2 , \"c\":33,\"d\":4,\"e\":5 }");
}

static void setting_replaces_or_adds(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"z\":0,\"\\u0061\": {\"x\":[]} }");
    json_edit_set_member(&b.editor, b.root, "a", bytes_of("1"));
    json_edit_set_member(&b.editor, b.root, "b", bytes_of("2"));
    becomes(&b, "{\"b\":2,\"z\":0,\"\\u0061\": 1 }");
}

static void a_removed_member_takes_its_comma(void **state)
{
    static const char text[] = "{ \"a\":1 , \"b\":2 , \"c\":3 }";

    (void)state;
    remove_two(text, "a", "?", "{ \"b\":2 , \"c\":3 }");
    remove_two(text, "b", "?", "{ \"a\":1 , \"c\":3 }");
    remove_two(text, "c", "?", "{ \"a\":1 , \"b\":2 }");
    remove_two("{\"a\":1}", "a", "?", "{}");
    remove_two("{}", "a", "?", "{}");
}

static void neighbours_are_removed_together(void **state)
{
    static const char text[] = "{ \"a\":1 , \"b\":2 , \"c\":3 }";

    (void)state;
    remove_two(text, "a", "b", "{ \"c\":3 }");
    remove_two(text, "b", "a", "{ \"c\":3 }");
    remove_two(text, "b", "c", "{ \"a\":1 }");
    remove_two(text, "c", "a", "{ \"b\":2 }");
    remove_two("{\"a\":1,\"b\":2}", "a", "b", "{}");
    remove_two("{\"a\":1,\"b\":2}", "b", "b", "{\"a\":1}");
}

static void a_member_can_take_the_place_of_the_only_one(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"a\":1}");
    json_edit_remove_member(&b.editor, b.root, "a");
    add(&b, b.root, "b", "2");
    becomes(&b, "{\"b\":2}");
}

static void additions_and_removals_mix(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}");
    json_edit_remove_member(&b.editor, b.root, "d");
    json_edit_remove_member(&b.editor, b.root, "a");
    add(&b, b.root, "x", "8");
    json_edit_set_member(&b.editor, b.root, "c", bytes_of("33"));
    add(&b, b.root, "y", "9");
    becomes(&b, "{\"x\":8,\"y\":9,\"b\":2,\"c\":33}");
}

static void elements_are_appended_in_order(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"a\":[ 1 ],\"b\":[ ]}");
    json_edit_append(&b.editor, value_of(&b, "a"), bytes_of("2"));
    json_edit_append(&b.editor, value_of(&b, "b"), bytes_of("\"x\""));
    json_edit_append(&b.editor, value_of(&b, "a"), bytes_of("3"));
    json_edit_append(&b.editor, value_of(&b, "b"), bytes_of("{}"));
    becomes(&b, "{\"a\":[ 1,2,3 ],\"b\":[\"x\",{} ]}");
}

static void edits_reach_into_nested_objects(void **state)
{
    struct bench b;
    struct json_span outer;

    (void)state;
    begin(&b, "{\"o\":{\"k\":1}}");
    outer = value_of(&b, "o");
    add(&b, b.root, "a", "0");
    add(&b, outer, "b", "0");
    json_edit_set_member(&b.editor, outer, "k", bytes_of("2"));
    becomes(&b, "{\"a\":0,\"o\":{\"b\":0,\"k\":2}}");
}

static void the_text_goes_behind_what_is_there(void **state)
{
    struct bench b;
    struct buf out;

    (void)state;
    begin(&b, "{}");
    buf_init(&out, 100);
    buf_add_text(&out, "before ");
    assert_int_equal(json_editor_apply(&b.editor, &out, NULL), ERR_OK);
    assert_true(bytes_is(buf_bytes(&out), "before {}"));
    buf_fini(&out);
    arena_fini(&b.arena);
}

static void overlapping_edits_are_an_error(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"a\":{\"b\":1}}");
    json_edit_replace(&b.editor, value_of(&b, "a"), bytes_of("1"));
    json_edit_set_member(&b.editor, value_of(&b, "a"), "b", bytes_of("2"));
    fails_with(&b, ERR_BUG);
    begin(&b, "{\"a\":1}");
    json_edit_replace(&b.editor, (struct json_span){5, 99}, bytes_of("1"));
    fails_with(&b, ERR_BUG);
}

static void a_member_of_what_is_no_object_is_an_error(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"a\":[1],\"n\":1}");
    add(&b, value_of(&b, "a"), "k", "1");
    fails_with(&b, ERR_BUG);
    begin(&b, "{\"a\":[1],\"n\":1}");
    json_edit_append(&b.editor, b.root, bytes_of("1"));
    fails_with(&b, ERR_BUG);
    begin(&b, "{\"a\":[1],\"n\":1}");
    json_edit_set_member(&b.editor, value_of(&b, "n"), "k", bytes_of("1"));
    fails_with(&b, ERR_BUG);
}

static void edits_are_bounded(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"a\":[]}");
    for (int i = 0; i < JSON_EDITS_MAX; i++)
        json_edit_append(&b.editor, value_of(&b, "a"), bytes_of("1"));
    assert_false(b.editor.failed);
    json_edit_append(&b.editor, value_of(&b, "a"), bytes_of("1"));
    assert_true(b.editor.failed);
    fails_with(&b, ERR_TOO_LARGE);
}

static void a_full_arena_is_reported(void **state)
{
    struct bench b;

    (void)state;
    begin(&b, "{\"a\":1}");
    b.arena.max = 64;
    json_edit_set_member(&b.editor, b.root, "a", bytes_of("2"));
    fails_with(&b, ERR_NOMEM);
}

static void a_result_past_the_buffer_is_reported(void **state)
{
    struct bench b;
    struct buf out;

    (void)state;
    begin(&b, "{\"a\":1}");
    buf_init(&out, 6);
    assert_int_equal(json_editor_apply(&b.editor, &out, NULL), ERR_TOO_LARGE);
    buf_fini(&out);
    arena_fini(&b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_edit_changes_no_byte),
        cmocka_unit_test(a_replacement_leaves_all_else),
        cmocka_unit_test(a_replacement_text_is_copied),
        cmocka_unit_test(additions_come_first_and_keep_their_order),
        cmocka_unit_test(additions_to_an_empty_object_need_no_last_comma),
        cmocka_unit_test(an_added_key_is_escaped),
        cmocka_unit_test(a_member_is_inserted_behind_another),
        cmocka_unit_test(setting_replaces_or_adds),
        cmocka_unit_test(a_removed_member_takes_its_comma),
        cmocka_unit_test(neighbours_are_removed_together),
        cmocka_unit_test(a_member_can_take_the_place_of_the_only_one),
        cmocka_unit_test(additions_and_removals_mix),
        cmocka_unit_test(elements_are_appended_in_order),
        cmocka_unit_test(edits_reach_into_nested_objects),
        cmocka_unit_test(the_text_goes_behind_what_is_there),
        cmocka_unit_test(overlapping_edits_are_an_error),
        cmocka_unit_test(a_member_of_what_is_no_object_is_an_error),
        cmocka_unit_test(edits_are_bounded),
        cmocka_unit_test(a_full_arena_is_reported),
        cmocka_unit_test(a_result_past_the_buffer_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
