/* The names of R4's resource types and the form of an id. */
#include "fhir/model/types.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool is_type(const char *name)
{
    return model_is_resource_type(bytes_of(name));
}

static bool is_id(const char *text)
{
    return model_is_id(bytes_of(text));
}

static void concrete_types_are_known(void **state)
{
    (void)state;
    assert_true(is_type("Account"));
    assert_true(is_type("MedicationRequest"));
    assert_true(is_type("Bundle"));
    assert_true(is_type("Parameters"));
    assert_true(is_type("VisionPrescription"));
}

static void other_names_are_no_types(void **state)
{
    (void)state;
    assert_false(is_type("Resource"));
    assert_false(is_type("DomainResource"));
    assert_false(is_type("SubscriptionTopic"));
    assert_false(is_type("patient"));
    assert_false(is_type("Patien"));
    assert_false(is_type("Patients"));
    assert_false(is_type(""));
    assert_false(model_is_resource_type(bytes_make(NULL, 0)));
    assert_false(model_is_resource_type(bytes_make("Patient\0x", 9)));
    assert_false(model_is_resource_type(bytes_make("Patient\0", 8)));
}

static void a_type_may_be_part_of_a_longer_text(void **state)
{
    (void)state;
    assert_true(model_is_resource_type(bytes_make("Patient/1", 7)));
    assert_false(model_is_resource_type(bytes_make("Patient/1", 8)));
}

static void every_listed_type_is_known_and_in_order(void **state)
{
    (void)state;
    assert_int_equal(model_resource_type_count(), 146);
    for (size_t i = 0; i < model_resource_type_count(); i++) {
        assert_true(is_type(model_resource_type(i)));
        if (i > 0)
            assert_true(
                strcmp(model_resource_type(i - 1), model_resource_type(i)) < 0);
    }
    assert_null(model_resource_type(model_resource_type_count()));
}

static void ids_have_their_characters_and_length(void **state)
{
    char longest[66];

    (void)state;
    memset(longest, 'a', sizeof longest);
    assert_true(model_is_id(bytes_make(longest, 64)));
    assert_false(model_is_id(bytes_make(longest, 65)));
    assert_true(is_id("A-b.9"));
    assert_true(is_id("d23f0824-128b-2f33-0c5c-7fd0a6a3a450"));
    assert_false(is_id(""));
    assert_false(is_id("a_b"));
    assert_false(is_id("a/b"));
    assert_false(is_id("a b"));
    assert_false(is_id("\xc3\xa9"));
    assert_false(model_is_id(bytes_make("a\0b", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concrete_types_are_known),
        cmocka_unit_test(other_names_are_no_types),
        cmocka_unit_test(a_type_may_be_part_of_a_longer_text),
        cmocka_unit_test(every_listed_type_is_known_and_in_order),
        cmocka_unit_test(ids_have_their_characters_and_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
