#include "fhir/json/tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fhir/json/gate.h"
#include "fhir/json/span.h"

static const char *const texts[] = {
    "{}",
    " { \"a\" : [ ] , \"b\" : { } }\n",
    "{\"a\":[1,-2.50,[3,[{}]],{\"b\":[true,false,null]}],\"c\":\"d\"}",
    "{\"\":\"\",\"x\\\"y\":\"\\\\\",\"c\\u00e9\":\"\\ud83d\\ude00 \\n\"}",
    "{\"\xc3\xa9\":\"\xe2\x82\xac\",\"x\":[[],[[]],{}],\"z\":1e-3}",
    "{\"one\":{\"two\":{\"three\":[{\"four\":\"}]\"}]}},\"five\":5}",
};

#define TEXT_COUNT (sizeof texts / sizeof *texts)

struct fixture {
    struct json_tokens tokens;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.tokens = {.count = 0}};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    json_tokens_fini(&f->tokens);
    return 0;
}

static void read(struct fixture *f, const char *text)
{
    assert_int_equal(json_gate_read(bytes_of(text), &f->tokens, NULL), ERR_OK);
}

static void must_be_child(const struct json_tokens *t, uint32_t i,
                          const struct json_item *item)
{
    const struct json_token *token = json_token(t, i);
    struct bytes key = json_text(t->text, item->key);

    assert_int_equal(token->begin, item->value.begin);
    assert_int_equal(token->end, item->value.end);
    assert_int_equal(token->key != 0, key.n > 0);
    if (key.n == 0)
        return;
    key = bytes_make(key.p + 1, key.n - 2);
    assert_true(bytes_equal(json_token_raw_key(t, i), key));
    assert_int_equal(token->key_escaped, bytes_find(key, '\\') < key.n);
}

/* The children of each container, by tokens and by the text. */
static void must_agree(const struct json_tokens *t, uint32_t container)
{
    const struct json_token *token = json_token(t, container);
    struct json_span span = {token->begin, token->end};
    struct json_item item;
    size_t position = 0;
    uint32_t i = container + 1;

    while (json_next(t->text, span, &position, &item)) {
        assert_true(i < token->next);
        must_be_child(t, i, &item);
        must_agree(t, i);
        i = json_token(t, i)->next;
    }
    assert_int_equal(i, token->next);
}

static void tokens_stand_where_the_text_says(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < TEXT_COUNT; i++) {
        struct json_span root = json_root(bytes_of(texts[i]));

        read(f, texts[i]);
        assert_int_equal(json_token(&f->tokens, JSON_ROOT)->begin, root.begin);
        assert_int_equal(json_token(&f->tokens, JSON_ROOT)->end, root.end);
        assert_int_equal(json_token(&f->tokens, JSON_ROOT)->next,
                         f->tokens.count);
        must_agree(&f->tokens, JSON_ROOT);
    }
}

static void members_are_found_by_what_their_keys_mean(void **state)
{
    struct fixture *f = *state;
    struct json_tokens *t = &f->tokens;

    read(f, "{\"a\":{\"b\":1},\"\\u0062\":\"\\u0062\",\"c\":\"b\"}");
    assert_int_equal(json_token_member(t, JSON_ROOT, bytes_of("a")), 1);
    assert_int_equal(json_token_member(t, JSON_ROOT, bytes_of("b")), 3);
    assert_int_equal(json_token_member(t, 1, bytes_of("b")), 2);
    assert_int_equal(json_token_member(t, JSON_ROOT, bytes_of("")), JSON_NONE);
    assert_int_equal(json_token_member(t, 2, bytes_of("b")), JSON_NONE);
    assert_true(json_token_string_is(t, 3, bytes_of("b")));
    assert_true(json_token_string_is(t, 4, bytes_of("b")));
    assert_false(json_token_string_is(t, 4, bytes_of("c")));
    assert_false(json_token_string_is(t, 2, bytes_of("1")));
}

static void strings_are_what_they_mean(void **state)
{
    struct fixture *f = *state;
    struct arena arena, none;

    read(f, "{\"a\":\"plain\",\"b\":\"\\t\\u00e9\\\"\"}");
    arena_init(&arena, 1000);
    arena_init(&none, 0);
    assert_true(bytes_is(json_token_string(&f->tokens, 1, &none), "plain"));
    assert_true(
        bytes_is(json_token_string(&f->tokens, 2, &arena), "\t\xc3\xa9\""));
    assert_null(json_token_string(&f->tokens, 2, &none).p);
    arena_fini(&arena);
}

static void a_large_text_makes_the_array_grow(void **state)
{
    enum { COUNT = 5000 };
    struct fixture *f = *state;
    char *text = malloc(6 + 2 * COUNT);
    size_t n = 0;

    assert_non_null(text);
    memcpy(text, "{\"a\":[", 6);
    for (n = 6; n < 6 + 2 * COUNT; n += 2)
        memcpy(text + n, "1,", 2);
    memcpy(text + n - 1, "]", 1);
    text = realloc(text, n + 2);
    assert_non_null(text);
    memcpy(text + n, "}", 2);
    read(f, text);
    assert_int_equal(f->tokens.count, COUNT + 2);
    must_agree(&f->tokens, JSON_ROOT);
    free(text);
}

static void a_refused_text_has_no_tokens(void **state)
{
    struct fixture *f = *state;

    read(f, "{\"a\":1}");
    assert_int_equal(
        json_gate_read(bytes_of("{\"a\":1,\"a\":2}"), &f->tokens, NULL),
        ERR_SYNTAX);
    assert_int_equal(f->tokens.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens_stand_where_the_text_says, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            members_are_found_by_what_their_keys_mean, setup, teardown),
        cmocka_unit_test_setup_teardown(strings_are_what_they_mean, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_large_text_makes_the_array_grow,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_text_has_no_tokens, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
