/* Parts of resources: members stay byte for byte or go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fhir/model/subset.h"

#define META "\"meta\":{\"versionId\":\"1\"}"
#define TAGGED                                                                \
    "\"meta\":{\"tag\":[{\"system\":\"http://terminology.hl7.org/"            \
    "CodeSystem/v3-ObservationValue\",\"code\":\"SUBSETTED\"}],\"versionId\"" \
    ":\"1\"}"

static struct subset of(const char *type, enum subset_kind kind)
{
    return (struct subset){.kind = kind,
                           .type = model_type_find(bytes_of(type))};
}

static void expect(const struct subset *s, const char *text,
                   const char *expected)
{
    struct arena arena;
    struct buf out;
    struct err e = {0};

    arena_init(&arena, (size_t)1 << 20);
    buf_init(&out, (size_t)1 << 20);
    assert_int_equal(subset_write(s, bytes_of(text), &arena, &out, &e), ERR_OK);
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, expected);
    buf_fini(&out);
    arena_fini(&arena);
}

static void members_stay_as_they_were_sent(void **state)
{
    struct subset s = of("Observation", SUBSET_ELEMENTS);
    struct err e;

    (void)state;
    assert_int_equal(subset_read_elements(&s, bytes_of("value,status"), &e),
                     ERR_OK);
    expect(&s,
           "{ \"resourceType\" : \"Observation\",\n" META
           ", \"_status\":{\"id\":\"x\"},\"status\":\"final\",\"code\":{},"
           "\"valueQuantity\":{\"value\" : 1.10},\"note\":[]}",
           "{\"resourceType\":\"Observation\"," TAGGED
           ",\"_status\":{\"id\":\"x\"},\"status\":\"final\",\"code\":{},"
           "\"valueQuantity\":{\"value\" : 1.10}}");
}

static void a_summary_goes_into_parts(void **state)
{
    const struct subset s = of("Observation", SUBSET_SUMMARY);

    (void)state;
    expect(&s,
           "{\"resourceType\":\"Observation\"," META
           ",\"component\":[{\"code\":1,\"interpretation\":2},"
           "{\"interpretation\":3},{\"valueString\":\"v\"}]}",
           "{\"resourceType\":\"Observation\"," TAGGED
           ",\"component\":[{\"code\":1},{\"interpretation\":3},"
           "{\"valueString\":\"v\"}]}");
}

static void parts_of_parts_follow_their_own_rule(void **state)
{
    const struct subset s = of("Consent", SUBSET_SUMMARY);

    (void)state;
    expect(&s,
           "{\"resourceType\":\"Consent\"," META
           ",\"provision\":{\"id\":\"x\",\"type\":\"deny\",\"data\":[{"
           "\"extension\":[],\"meaning\":\"instance\"}],\"provision\":[{"
           "\"type\":\"permit\"}]}}",
           "{\"resourceType\":\"Consent\"," TAGGED
           ",\"provision\":{\"id\":\"x\",\"type\":\"deny\",\"data\":[{"
           "\"meaning\":\"instance\"}]}}");
}

static void what_the_model_does_not_know_goes_with_all_but_data(void **state)
{
    const struct subset summary = of("Patient", SUBSET_SUMMARY);
    const struct subset data = of("Patient", SUBSET_DATA);
    static const char text[] =
        "{\"resourceType\":\"Patient\"," META ",\"stranger\":1,\"text\":{}}";

    (void)state;
    expect(&summary, text, "{\"resourceType\":\"Patient\"," TAGGED "}");
    expect(&data, text,
           "{\"resourceType\":\"Patient\"," TAGGED ",\"stranger\":1}");
}

static void an_unknown_element_is_named(void **state)
{
    struct subset s = of("Patient", SUBSET_ELEMENTS);
    struct err e = {0};
    char many[600] = "";

    (void)state;
    assert_int_equal(subset_read_elements(&s, bytes_of("active,frob"), &e),
                     ERR_INVALID);
    assert_non_null(strstr(e.message, "'frob'"));
    assert_int_equal(subset_read_elements(&s, bytes_of(","), &e), ERR_OK);
    s.element_count = 0;
    assert_int_equal(subset_read_elements(&s, bytes_of(","), &e), ERR_INVALID);
    for (size_t i = 0; i <= SUBSET_ELEMENTS_MAX; i++)
        memcpy(many + i * 7, "active,", 8);
    assert_int_equal(subset_read_elements(&s, bytes_of(many), &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "more than 64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_stay_as_they_were_sent),
        cmocka_unit_test(a_summary_goes_into_parts),
        cmocka_unit_test(parts_of_parts_follow_their_own_rule),
        cmocka_unit_test(what_the_model_does_not_know_goes_with_all_but_data),
        cmocka_unit_test(an_unknown_element_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
