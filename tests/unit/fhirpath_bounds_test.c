#include "tests/unit/fhirpath_table.h"

#include <pthread.h>

#define TEXT_BYTES 40000

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p\",\"active\":true,"
    "\"name\":[{\"given\":[\"a\",\"b\"]}],\"birthDate\":\"1974-12-25\"}";

static cJSON *parsed(void)
{
    cJSON *tree = NULL;

    assert_int_equal(json_tree_parse(bytes_of(patient), &tree, NULL), ERR_OK);
    return tree;
}

/* --- errors say where --- */

static void is_refused_at(const char *expression, const char *place)
{
    struct fhirpath_options options = {.context = "Patient", .strict = true};
    struct fhirpath *f = NULL;
    struct err e = {.code = ERR_OK};

    if (fhirpath_compile(bytes_of(expression), &options, &f, &e) == ERR_OK)
        fail_msg("%s was accepted", expression);
    assert_null(f);
    if (strncmp(e.message, place, strlen(place)) != 0)
        fail_msg("%s: %s", expression, e.message);
}

static void a_refusal_names_line_and_column(void **state)
{
    (void)state;
    is_refused_at("1 +", "line 1, column 4: ");
    is_refused_at("name.\n  given1", "line 2, column 3: HumanName has no ");
    is_refused_at("'\xC3\xA9' + nothing()", "line 1, column 7: nothing()");
    is_refused_at("1 = 'open", "line 1, column 5: ");
    is_refused_at("name.given)", "line 1, column 11: ");
    is_refused_at("name.children().first()", "line 1, column 17: ");
}

static void a_failure_names_line_and_column(void **state)
{
    cJSON *tree = parsed();
    struct fhirpath_run run;

    (void)state;
    assert_string_equal(fhirpath_run(&run, "1 |\nname.given.single()", tree),
                        "failed");
    assert_int_equal(strncmp(run.e.message, "line 2, column 12: ", 19), 0);
    fhirpath_run_fini(&run);
    cJSON_Delete(tree);
}

static void what_must_fail_is_known_before(void **state)
{
    static const char *const doomed[] = {"active is nothing",
                                         "name.ofType(nothing)", "%nothing",
                                         "active as System.Patient"};
    struct fhirpath *f = NULL;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof doomed / sizeof doomed[0]; i++) {
        assert_int_equal(fhirpath_compile(bytes_of(doomed[i]), NULL, &f, &e),
                         ERR_OK);
        assert_int_equal(fhirpath_check(f, &e), ERR_INVALID);
        assert_true(strstr(e.message, "there is no ") != NULL);
        fhirpath_free(f);
    }
    assert_int_equal(
        fhirpath_compile(bytes_of("defineVariable('x', 1).select(%x)"), NULL,
                         &f, &e),
        ERR_OK);
    assert_int_equal(fhirpath_check(f, &e), ERR_OK);
    fhirpath_free(f);
}

/* --- bounds --- */

static enum err_code compile_repeated(const char *begin, const char *part,
                                      size_t times, const char *end)
{
    static char text[TEXT_BYTES];
    size_t n = strlen(begin);
    struct fhirpath *f = NULL;
    struct err e;
    enum err_code code;

    memcpy(text, begin, n);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + n, part, strlen(part));
        n += strlen(part);
    }
    memcpy(text + n, end, strlen(end));
    n += strlen(end);
    code = fhirpath_compile(bytes_make(text, n), NULL, &f, &e);
    fhirpath_free(f);
    return code;
}

static void expressions_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(compile_repeated("1", "+1", 100, ""), ERR_OK);
    assert_int_equal(compile_repeated("1", "+1", 500, ""), ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("", "(", 50, ""), ERR_SYNTAX);
    assert_int_equal(compile_repeated("", "(", 500, ""), ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("", "-", 500, "1"), ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("a", ".a", 500, ""), ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("a", "[0]", 500, ""), ERR_TOO_LARGE);
    assert_int_equal(compile_repeated("coalesce(1", ",1", 40, ")"), ERR_SYNTAX);
    assert_int_equal(compile_repeated("'", "a", FHIRPATH_TEXT_BYTES, "'"),
                     ERR_TOO_LARGE);
}

static void evaluations_are_bounded(void **state)
{
    static const char *const endless[] = {
        "(1).repeatAll($this)",
        "(1 | 2).repeatAll($this | $this + 1)",
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'.matches('^(a+)+$')",
        "'abcdefgh'.repeatAll($this & $this)",
    };
    struct fhirpath_run run;

    (void)state;
    for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
        assert_string_equal(fhirpath_run(&run, endless[i], NULL), "failed");
        assert_int_equal(run.e.code, ERR_TOO_LARGE);
        fhirpath_run_fini(&run);
    }
}

/* With every limit of the arena the answer is the same, or a clean failure. */
static void an_evaluation_survives_any_limit_of_memory(void **state)
{
    static const char *const expressions[] = {
        "name.given.select($this & 'x').join(',')",
        "name.where(given.exists()).given.sort(-$this)",
        "(1 'mg' * 2 'm').toString() | birthDate + 1 year",
        "descendants().distinct().count()",
        "defineVariable('a', name.given).select(%a.first()).upper()",
        "1.5.power(0.5).round(3) | 'abc'.replaceMatches('b', 'x')",
    };
    cJSON *tree = parsed();
    struct fhirpath_input in = {.resource = tree};

    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++) {
        struct fhirpath *f = NULL;
        enum err_code code = ERR_TOO_LARGE;
        size_t limit = 0;

        assert_int_equal(
            fhirpath_compile(bytes_of(expressions[i]), NULL, &f, NULL), ERR_OK);
        for (; code && limit < 100000; limit += 16) {
            struct arena arena;
            struct fhirpath_collection c;
            struct err e = {.code = ERR_OK};

            arena_init(&arena, limit);
            code = fhirpath_evaluate(f, &in, &arena, &c, &e);
            if (code && code != ERR_TOO_LARGE && code != ERR_NOMEM)
                fail_msg("%s with %zu bytes: %s", expressions[i], limit,
                         e.message);
            else if (!code)
                assert_true(c.n > 0);
            arena_fini(&arena);
        }
        assert_true(limit > 16 && code == ERR_OK);
        fhirpath_free(f);
    }
    cJSON_Delete(tree);
}

/* --- criteria --- */

static void is_criterion(const char *expression, enum err_code want_code,
                         bool want)
{
    struct fhirpath_run run;
    bool value = !want;

    assert_string_not_equal(fhirpath_run(&run, expression, NULL), "failed");
    assert_int_equal(
        fhirpath_is_true(run.f, &run.result, &run.arena, &value, &run.e),
        want_code);
    if (!want_code)
        assert_int_equal(value, want);
    fhirpath_run_fini(&run);
}

static void a_collection_is_a_criterion(void **state)
{
    (void)state;
    is_criterion("true", ERR_OK, true);
    is_criterion("false", ERR_OK, false);
    is_criterion("{}", ERR_OK, false);
    is_criterion("'a'", ERR_OK, true);
    is_criterion("0", ERR_OK, true);
    is_criterion("true | false", ERR_UNPROCESSABLE, false);
}

static void an_expression_keeps_nothing_between_evaluations(void **state)
{
    cJSON *tree = parsed();
    struct fhirpath_input with = {.resource = tree};
    struct fhirpath_input without = {.resource = NULL};
    struct fhirpath *f = NULL;
    struct arena arena;
    struct fhirpath_collection c;

    (void)state;
    assert_int_equal(fhirpath_compile(bytes_of("name.given"), NULL, &f, NULL),
                     ERR_OK);
    assert_true(bytes_is(fhirpath_text(f), "name.given"));
    for (int i = 0; i < 3; i++) {
        arena_init(&arena, 10000);
        assert_int_equal(fhirpath_evaluate(f, &with, &arena, &c, NULL), ERR_OK);
        assert_int_equal(c.n, 2);
        arena_fini(&arena);
        arena_init(&arena, 10000);
        assert_int_equal(fhirpath_evaluate(f, &without, &arena, &c, NULL),
                         ERR_OK);
        assert_int_equal(c.n, 0);
        arena_fini(&arena);
    }
    fhirpath_free(f);
    cJSON_Delete(tree);
}

/* --- threads --- */

#define ROUNDS 200

struct worker {
    const struct fhirpath *f;
    const cJSON *resource;
    size_t right;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct fhirpath_input in = {.resource = w->resource};

    for (int i = 0; i < ROUNDS; i++) {
        struct arena arena;
        struct fhirpath_collection c;

        arena_init(&arena, 100000);
        if (fhirpath_evaluate(w->f, &in, &arena, &c, NULL) == ERR_OK)
            w->right += c.n == 2 && bytes_is(c.items[1].string, "bx");
        arena_fini(&arena);
    }
    return NULL;
}

static void threads_share_an_expression_and_a_resource(void **state)
{
    cJSON *tree = parsed();
    struct fhirpath *f = NULL;
    struct worker workers[3];
    pthread_t threads[3];

    (void)state;
    assert_int_equal(
        fhirpath_compile(
            bytes_of("name.given.select($this & 'x').where(matches('[ab]'))"),
            NULL, &f, NULL),
        ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        workers[i] = (struct worker){f, tree, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]),
                         0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].right, ROUNDS);
    }
    fhirpath_free(f);
    cJSON_Delete(tree);
}

static void search_parameters_may_filter_by_as(void **state)
{
    struct fhirpath_options options = {.as_filters = true};
    struct fhirpath_input in = {.resource = NULL};
    struct fhirpath *f = NULL;
    struct arena arena;
    struct fhirpath_collection c;

    (void)state;
    assert_int_equal(
        fhirpath_compile(
            bytes_of("((1 | 'a') as String) | (2 | 'b').as(Integer)"), &options,
            &f, NULL),
        ERR_OK);
    arena_init(&arena, 10000);
    assert_int_equal(fhirpath_evaluate(f, &in, &arena, &c, NULL), ERR_OK);
    assert_int_equal(c.n, 2);
    arena_fini(&arena);
    fhirpath_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_names_line_and_column),
        cmocka_unit_test(a_failure_names_line_and_column),
        cmocka_unit_test(what_must_fail_is_known_before),
        cmocka_unit_test(expressions_are_bounded),
        cmocka_unit_test(evaluations_are_bounded),
        cmocka_unit_test(an_evaluation_survives_any_limit_of_memory),
        cmocka_unit_test(a_collection_is_a_criterion),
        cmocka_unit_test(an_expression_keeps_nothing_between_evaluations),
        cmocka_unit_test(threads_share_an_expression_and_a_resource),
        cmocka_unit_test(search_parameters_may_filter_by_as),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
