/* The sample of HL7's FHIRPath cases for R4, where it lies beside the source
 * tree; what it says is compared to the letter. */
#include "tests/unit/fhirpath_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define FOLDER BELFRY_SOURCE_DIR "/../shared/fhirpath/"
#define SAMPLE_BYTES ((size_t)8 << 20)
#define PATH_BYTES 512

static bool read_file(const char *path, struct buf *out)
{
    FILE *in = fopen(path, "rb");
    char part[4096];
    size_t n;

    if (!in)
        return false;
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        buf_add(out, bytes_make(part, n));
    (void)fclose(in);
    return true;
}

static const char *text_at(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* --- what a case expects --- */

static bool same(const cJSON *want, const char *have)
{
    return cJSON_IsNull(want) || strcmp(want->valuestring, have) == 0;
}

static bool item_is(struct fhirpath_run *run, const struct fhirpath_item *item,
                    const cJSON *output)
{
    struct bytes type = arena_copy(&run->arena, print_type(item));
    struct bytes value =
        arena_copy(&run->arena, print_value(item, &run->arena));

    return same(cJSON_GetArrayItem(output, 0), type.p) &&
           same(cJSON_GetArrayItem(output, 1), value.p);
}

static bool result_is(struct fhirpath_run *run, const cJSON *test)
{
    const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(test, "outputs");
    const cJSON *output = outputs ? outputs->child : NULL;

    if (text_at(test, "predicate"))
        return (run->result.n > 0) ==
               (strcmp(cJSON_GetArrayItem(output, 1)->valuestring, "true") ==
                0);
    if ((size_t)cJSON_GetArraySize(outputs) != run->result.n)
        return false;
    for (size_t i = 0; i < run->result.n; i++, output = output->next)
        if (!item_is(run, &run->result.items[i], output))
            return false;
    return true;
}

static bool ends_as_expected(struct fhirpath_run *run, const cJSON *test)
{
    const char *invalid = text_at(test, "invalid");

    if (!invalid)
        return strcmp(run->text.p, "refused") != 0 &&
               strcmp(run->text.p, "failed") != 0 && result_is(run, test);
    return strcmp(run->text.p,
                  strcmp(invalid, "execution") == 0 ? "failed" : "refused") ==
           0;
}

/* --- one case --- */

static bool passes(const cJSON *test)
{
    const char *input = text_at(test, "input");
    struct fhirpath_run run;
    struct buf text;
    char path[PATH_BYTES];
    cJSON *resource = NULL;
    bool ok;

    buf_init(&text, SAMPLE_BYTES);
    if (input) {
        (void)snprintf(path, sizeof path, FOLDER "inputs/%s", input);
        assert_true(read_file(path, &text));
        assert_int_equal(json_tree_parse(buf_bytes(&text), &resource, NULL),
                         ERR_OK);
    }
    (void)fhirpath_run(&run, text_at(test, "expression"), resource);
    ok = ends_as_expected(&run, test);
    if (!ok)
        print_message("%s: %s: %s %s\n", text_at(test, "name"),
                      text_at(test, "expression"), run.text.p, run.e.message);
    fhirpath_run_fini(&run);
    cJSON_Delete(resource);
    buf_fini(&text);
    return ok;
}

static void every_case_of_the_sample_passes(void **state)
{
    struct buf text;
    cJSON *tests = NULL;
    const cJSON *test;
    size_t failed = 0;

    (void)state;
    buf_init(&text, SAMPLE_BYTES);
    if (!read_file(FOLDER "r4-sample.json", &text)) {
        buf_fini(&text);
        skip();
    }
    assert_int_equal(json_tree_parse(buf_bytes(&text), &tests, NULL), ERR_OK);
    cJSON_ArrayForEach(test, tests) failed += !passes(test);
    cJSON_Delete(tests);
    buf_fini(&text);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_sample_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
