
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fhir/json/gate.h"
#include "storage/base/instant.h"
#include "tests/base/stored_of.h"
#include "tests/base/stored_of.h"

#define TIME "2024-02-29T12:34:56.789Z"
#define TIME_MS 1709210096789LL
#define META(version) \
    "{\"versionId\":\"" version "\",\"lastUpdated\":\"" TIME "\"}"

static enum err_code make(const char *text, const char *id,
                          struct stored_text *out, struct err *e)
{
    return stored_of(text, bytes_of(id), out, e);
}

static void stored_as(const char *text, uint64_t version, const char *want)
{
    struct stored_text t;
    struct err e;
    char *filled;
    size_t n;

    assert_int_equal(make(text, "p1", &t, &e), ERR_OK);
    n = stored_text_size(&t, version);
    filled = malloc(n);
    assert_non_null(filled);
    stored_text_fill(&t, version, TIME_MS, filled);
    if (!bytes_is(bytes_make(filled, n), want))
        fail_msg("%.*s\nis not\n%s", (int)n, filled, want);
    assert_int_equal(json_gate(bytes_make(filled, n), NULL), ERR_OK);
    free(filled);
    stored_text_fini(&t);
}

static void refused(const char *text, const char *expression)
{
    struct stored_text t;
    struct err e;

    assert_int_equal(make(text, "p1", &t, &e), ERR_INVALID);
    assert_string_equal(e.expression, expression);
    assert_null(t.p);
}

static void missing_members_go_behind_the_resource_type(void **state)
{
    (void)state;
    stored_as("{\"resourceType\":\"Patient\",\"active\":true}", 1,
              "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"meta\":" META(
                  "1") ",\"active\":true}");
    stored_as("{ \"active\" : true ,\n\"resourceType\" : \"Patient\" }", 1,
              "{ \"active\" : true ,\n\"resourceType\" : \"Patient\","
              "\"id\":\"p1\",\"meta\":" META("1") " }");
}

static void a_text_without_a_type_gets_them_first(void **state)
{
    (void)state;
    stored_as("{}", 1, "{\"id\":\"p1\",\"meta\":" META("1") "}");
    stored_as("{ \"a\":1}", 1,
              "{\"id\":\"p1\",\"meta\":" META("1") ", \"a\":1}");
}

static void a_missing_meta_goes_behind_the_id(void **state)
{
    (void)state;
    stored_as(
        "{\"id\" : \"other\" , \"resourceType\":\"Patient\"}", 3,
        "{\"id\" : \"p1\",\"meta\":" META("3") " , "
                                               "\"resourceType\":\"Patient\"}");
}

static void a_missing_id_goes_behind_the_type_wherever_meta_is(void **state)
{
    (void)state;
    stored_as("{\"meta\":{},\"resourceType\":\"Patient\"}", 3,
              "{\"meta\":" META("3") ",\"resourceType\":\"Patient\","
                                     "\"id\":\"p1\"}");
}

static void what_the_client_had_is_replaced_in_place(void **state)
{
    (void)state;
    stored_as("{\"resourceType\":\"Patient\",\"meta\":{\"lastUpdated\":"
              "\"1999\",\"profile\":[\"http://example.org/p\"],"
              "\"versionId\":\"999\"},\"x\":1.10,\"id\":\"z\"}",
              12,
              "{\"resourceType\":\"Patient\",\"meta\":{\"lastUpdated\":\"" TIME
              "\",\"profile\":[\"http://example.org/p\"],"
              "\"versionId\":\"12\"},\"x\":1.10,\"id\":\"p1\"}");
}

static void version_and_time_of_any_shape_are_replaced(void **state)
{
    (void)state;
    stored_as("{\"id\":\"p1\",\"meta\":{\"versionId\":7,\"lastUpdated\":"
              "{\"a\":[1]}}}",
              2, "{\"id\":\"p1\",\"meta\":" META("2") "}");
    stored_as("{\"id\":\"p1\",\"meta\":{\"versionId\":null,\"lastUpdated\":"
              "null}}",
              2, "{\"id\":\"p1\",\"meta\":" META("2") "}");
}

static void a_meta_without_them_gets_them_first(void **state)
{
    (void)state;
    stored_as("{\"id\":\"p1\",\"meta\":{ \"source\":\"#1\" }}", 2,
              "{\"id\":\"p1\",\"meta\":{\"versionId\":\"2\",\"lastUpdated\":"
              "\"" TIME "\", \"source\":\"#1\" }}");
    stored_as("{\"id\":\"p1\",\"meta\":{\"versionId\":\"\",\"a\":1}}", 2,
              "{\"id\":\"p1\",\"meta\":{\"lastUpdated\":\"" TIME
              "\",\"versionId\":\"2\",\"a\":1}}");
}

static void all_other_bytes_stay(void **state)
{
    (void)state;
    stored_as(
        "\n{\t\"resourceType\": \"Observation\",\r\n \"id\": \"p1\",\n"
        " \"valueQuantity\": {\"value\": 1.10, \"e\": 1E+2, \"z\": -0},\n"
        " \"_id\": {\"extension\": []},\n"
        " \"note\": \"\\u00e4\xc3\xa4\\/\", \"meta\" : {}\n}\n ",
        5,
        "\n{\t\"resourceType\": \"Observation\",\r\n \"id\": \"p1\",\n"
        " \"valueQuantity\": {\"value\": 1.10, \"e\": 1E+2, \"z\": -0},\n"
        " \"_id\": {\"extension\": []},\n"
        " \"note\": \"\\u00e4\xc3\xa4\\/\", \"meta\" : " META("5") "\n}\n ");
}

static void extension_siblings_are_left_alone(void **state)
{
    (void)state;
    stored_as("{\"_id\":{\"id\":\"e\"},\"meta\":{\"_versionId\":{},"
              "\"_lastUpdated\":{},\"versionId\":\"\",\"lastUpdated\":\"\"},"
              "\"id\":\"a\"}",
              5,
              "{\"_id\":{\"id\":\"e\"},\"meta\":{\"_versionId\":{},"
              "\"_lastUpdated\":{},\"versionId\":\"5\",\"lastUpdated\":"
              "\"" TIME "\"},\"id\":\"p1\"}");
}

static void ids_and_metas_further_inside_are_left_alone(void **state)
{
    (void)state;
    stored_as(
        "{\"contained\":[{\"id\":\"c\",\"meta\":{\"versionId\":\"1\"}}],"
        "\"resourceType\":\"Group\"}",
        1,
        "{\"contained\":[{\"id\":\"c\",\"meta\":{\"versionId\":\"1\"}}],"
        "\"resourceType\":\"Group\",\"id\":\"p1\",\"meta\":" META("1") "}");
}

static void escaped_keys_are_recognised(void **state)
{
    (void)state;
    stored_as("{\"\\u0069d\":\"a\",\"m\\u0065ta\":{\"version\\u0049d\":\"\","
              "\"l\\u0061stUpdated\":\"\"}}",
              1,
              "{\"\\u0069d\":\"p1\",\"m\\u0065ta\":{\"version\\u0049d\":\"1\","
              "\"l\\u0061stUpdated\":\"" TIME "\"}}");
}

static void versions_of_every_width_fit(void **state)
{
    (void)state;
    stored_as("{\"id\":\"\"}", 0, "{\"id\":\"p1\",\"meta\":" META("0") "}");
    stored_as("{\"id\":\"\"}", 9, "{\"id\":\"p1\",\"meta\":" META("9") "}");
    stored_as("{\"id\":\"\"}", 10, "{\"id\":\"p1\",\"meta\":" META("10") "}");
    stored_as("{\"id\":\"\"}", UINT64_MAX,
              "{\"id\":\"p1\",\"meta\":" META("18446744073709551615") "}");
}

static void one_text_can_be_filled_again(void **state)
{
    struct stored_text t;
    char first[200], second[200];

    (void)state;
    assert_int_equal(make("{\"resourceType\":\"Patient\"}", "p1", &t, NULL),
                     ERR_OK);
    assert_true(stored_text_size(&t, 10) == t.n + 2);
    stored_text_fill(&t, 10, 0, first);
    stored_text_fill(&t, 7, 5000, second);
    stored_text_fill(&t, 10, 0, second);
    assert_memory_equal(first, second, t.n + 2);
    stored_text_fini(&t);
}

static void a_meta_that_is_no_object_is_refused(void **state)
{
    (void)state;
    refused("{\"resourceType\":\"Patient\",\"meta\":[]}", "Patient.meta");
    refused("{\"meta\":\"x\",\"resourceType\":\"Patient\"}", "Patient.meta");
    refused("{\"resourceType\":\"Patient\",\"meta\":null}", "Patient.meta");
    refused("{\"meta\":1}", "$this.meta");
}

static void an_id_that_is_no_string_is_refused(void **state)
{
    (void)state;
    refused("{\"resourceType\":\"Patient\",\"id\":7}", "Patient.id");
    refused("{\"resourceType\":\"Patient\",\"id\":null}", "Patient.id");
    refused("{\"resourceType\":\"Patient\",\"id\":{}}", "Patient.id");
    refused("{\"resourceType\":7,\"id\":[\"a\"]}", "$this.id");
}

static void an_empty_one_can_be_freed(void **state)
{
    struct stored_text t = {0};

    (void)state;
    stored_text_fini(&t);
    stored_text_fini(&t);
    assert_null(t.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_members_go_behind_the_resource_type),
        cmocka_unit_test(a_text_without_a_type_gets_them_first),
        cmocka_unit_test(a_missing_meta_goes_behind_the_id),
        cmocka_unit_test(a_missing_id_goes_behind_the_type_wherever_meta_is),
        cmocka_unit_test(what_the_client_had_is_replaced_in_place),
        cmocka_unit_test(version_and_time_of_any_shape_are_replaced),
        cmocka_unit_test(a_meta_without_them_gets_them_first),
        cmocka_unit_test(all_other_bytes_stay),
        cmocka_unit_test(extension_siblings_are_left_alone),
        cmocka_unit_test(ids_and_metas_further_inside_are_left_alone),
        cmocka_unit_test(escaped_keys_are_recognised),
        cmocka_unit_test(versions_of_every_width_fit),
        cmocka_unit_test(one_text_can_be_filled_again),
        cmocka_unit_test(a_meta_that_is_no_object_is_refused),
        cmocka_unit_test(an_id_that_is_no_string_is_refused),
        cmocka_unit_test(an_empty_one_can_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
