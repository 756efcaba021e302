/* R4's types, elements and required value sets, looked up. */
#include "fhir/model/element.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "fhir/model/types.h"

static const struct model_type *type(const char *name)
{
    const struct model_type *found = model_type_find(bytes_of(name));

    assert_non_null(found);
    return found;
}

static const struct model_element *element(const char *of, const char *name)
{
    return model_type_element(type(of), bytes_of(name));
}

static struct model_found member(const char *of, const char *name)
{
    struct model_found found = {NULL, NULL};

    assert_true(model_type_member(type(of), bytes_of(name), &found));
    return found;
}

static bool has_member(const char *of, const char *name)
{
    struct model_found found;

    return model_type_member(type(of), bytes_of(name), &found);
}

static void types_have_kind_and_base(void **state)
{
    (void)state;
    assert_int_equal(type("code")->kind, MODEL_PRIMITIVE);
    assert_int_equal(type("Quantity")->kind, MODEL_COMPLEX);
    assert_int_equal(type("Timing.repeat")->kind, MODEL_BACKBONE);
    assert_int_equal(type("Patient")->kind, MODEL_RESOURCE);
    assert_ptr_equal(type("code")->base, type("string"));
    assert_ptr_equal(type("Age")->base, type("Quantity"));
    assert_ptr_equal(type("Dosage")->base, type("BackboneElement"));
    assert_ptr_equal(type("Timing.repeat")->base, type("Element"));
    assert_ptr_equal(type("Bundle")->base, type("Resource"));
    assert_ptr_equal(type("Patient")->base, type("DomainResource"));
    assert_null(type("Element")->base);
    assert_null(type("Resource")->base);
    assert_ptr_equal(type("Patient.contact"),
                     model_type_of(MODEL_TYPE_Patient_contact));
    assert_null(model_type_of(MODEL_TYPE_NONE));
}

static void other_names_are_no_types(void **state)
{
    static const char *const names[] = {"",
                                        "patient",
                                        "Patient.",
                                        "MetadataResource",
                                        "SubscriptionStatus",
                                        "Patient.name"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_null(model_type_find(bytes_of(names[i])));
    assert_null(model_type_find(bytes_make("Patient\0x", 9)));
    assert_null(model_type_find(bytes_make("Patient\0", 8)));
}

static void every_resource_type_is_in_the_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < model_resource_type_count(); i++) {
        const struct model_type *t = type(model_resource_type(i));

        assert_int_equal(t->kind, MODEL_RESOURCE);
        assert_true(model_type_is(t, type("Resource")));
        assert_false(model_type_is_abstract(t));
    }
    assert_true(model_type_is_abstract(type("DomainResource")));
}

static void is_a_follows_the_bases(void **state)
{
    (void)state;
    assert_true(model_type_is(type("positiveInt"), type("integer")));
    assert_true(model_type_is(type("Patient"), type("Patient")));
    assert_true(model_type_is(type("Timing.repeat"), type("Element")));
    assert_false(model_type_is(type("Timing.repeat"), type("BackboneElement")));
    assert_false(model_type_is(type("integer"), type("positiveInt")));
    assert_false(model_type_is(type("Binary"), type("DomainResource")));
}

static void elements_are_found_by_fhir_name(void **state)
{
    const struct model_element *value = element("Observation", "value");

    (void)state;
    assert_true(value->choice);
    assert_false(value->many);
    assert_int_equal(value->type_count, 11);
    assert_non_null(model_element_use(value, type("Quantity")));
    assert_null(model_element_use(value, type("Money")));
    assert_null(element("Observation", "valueQuantity"));
    assert_null(element("Observation", "nothing"));
    assert_int_equal(element("MedicationRequest", "medication")->min, 1);
    assert_true(element("Patient", "name")->many);
}

static void elements_are_found_by_json_name(void **state)
{
    struct model_found found = member("Observation", "valueQuantity");

    (void)state;
    assert_string_equal(found.element->name, "value");
    assert_ptr_equal(found.type, type("Quantity"));
    assert_ptr_equal(member("Observation", "valueBoolean").type,
                     type("boolean"));
    assert_ptr_equal(member("Observation", "status").type, type("code"));
    assert_false(has_member("Observation", "value"));
    assert_false(has_member("Observation", "valueMoney"));
    assert_false(has_member("Observation", "Status"));
}

static void inherited_elements_are_found(void **state)
{
    (void)state;
    assert_ptr_equal(member("Patient", "contained").type, type("Resource"));
    assert_ptr_equal(member("Patient", "id").type, type("id"));
    assert_ptr_equal(member("HumanName", "id").type, type("string"));
    assert_ptr_equal(member("Patient.contact", "modifierExtension").type,
                     type("Extension"));
    assert_ptr_equal(member("code", "extension").type, type("Extension"));
    assert_ptr_equal(member("Age", "comparator").type, type("code"));
    assert_false(has_member("HumanName", "modifierExtension"));
    assert_false(has_member("Bundle", "text"));
}

static void content_references_lead_to_their_type(void **state)
{
    (void)state;
    assert_ptr_equal(member("Questionnaire.item", "item").type,
                     type("Questionnaire.item"));
    assert_ptr_equal(member("Bundle.entry", "link").type, type("Bundle.link"));
}

static void references_have_targets(void **state)
{
    const struct model_element *subject = element("Observation", "subject");
    const struct model_element *focus = element("Observation", "focus");

    (void)state;
    assert_true(model_use_targets(&subject->types[0], bytes_of("Patient")));
    assert_true(model_use_targets(&subject->types[0], bytes_of("Location")));
    assert_false(model_use_targets(&subject->types[0], bytes_of("Encounter")));
    assert_false(model_use_targets(&subject->types[0], bytes_of("Pat")));
    assert_true(model_use_targets(&focus->types[0], bytes_of("Encounter")));
    assert_null(element("Observation", "status")->types[0].targets);
}

/* Walks all of the tables: what they say must agree with the lookups. */
static void the_tables_agree_with_the_lookups(void **state)
{
    (void)state;
    for (size_t t = 0; t < MODEL_TYPE_COUNT; t++) {
        const struct model_type *of = model_type_of((enum model_type_id)t);

        assert_ptr_equal(model_type_find(bytes_of(of->name)), of);
        for (size_t i = 0; i < of->element_count; i++) {
            const struct model_element *e = &of->elements[i];
            struct model_found found;

            assert_ptr_equal(model_type_element(of, bytes_of(e->name)), e);
            assert_true(e->type_count > 0);
            assert_true(e->choice ||
                        model_type_member(of, bytes_of(e->name), &found));
        }
    }
}

static bool in_set(const char *url, const char *code)
{
    const struct model_value_set *set = model_value_set_find(bytes_of(url));

    assert_non_null(set);
    return model_value_set_has_code(set, bytes_of(code));
}

static void required_value_sets_have_their_codes(void **state)
{
    const char *const status =
        "http://hl7.org/fhir/ValueSet/observation-status";
    const struct model_value_set *set =
        model_value_set_of(element("Observation", "status")->required);

    (void)state;
    assert_string_equal(set->canonical, status);
    assert_true(model_value_set_has_code(set, bytes_of("final")));
    assert_false(model_value_set_has_code(set, bytes_of("Final")));
    assert_false(model_value_set_has_code(set, bytes_of("")));
    assert_true(
        in_set("http://hl7.org/fhir/ValueSet/resource-types|4.0.1", "Patient"));
    assert_true(in_set("http://hl7.org/fhir/ValueSet/all-types", "Quantity"));
    assert_true(in_set("http://hl7.org/fhir/ValueSet/event-timing", "ACM"));
    assert_null(model_value_set_find(bytes_of("http://example.org/none")));
    assert_null(model_value_set_of(element("Observation", "code")->required));
}

static void codings_need_their_system(void **state)
{
    const struct model_value_set *set = model_value_set_find(
        bytes_of("http://hl7.org/fhir/ValueSet/condition-clinical"));

    (void)state;
    assert_true(model_value_set_has_coding(
        set,
        bytes_of("http://terminology.hl7.org/CodeSystem/condition-clinical"),
        bytes_of("active")));
    assert_false(model_value_set_has_coding(
        set, bytes_of("http://example.org/x"), bytes_of("active")));
}

static void value_sets_without_listed_codes_say_so(void **state)
{
    const struct model_value_set *types = model_value_set_find(
        bytes_of("http://hl7.org/fhir/ValueSet/mimetypes"));

    (void)state;
    assert_false(model_value_set_is_listed(types));
    assert_false(model_value_set_has_code(types, bytes_of("text/plain")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_kind_and_base),
        cmocka_unit_test(other_names_are_no_types),
        cmocka_unit_test(every_resource_type_is_in_the_tables),
        cmocka_unit_test(is_a_follows_the_bases),
        cmocka_unit_test(elements_are_found_by_fhir_name),
        cmocka_unit_test(elements_are_found_by_json_name),
        cmocka_unit_test(inherited_elements_are_found),
        cmocka_unit_test(content_references_lead_to_their_type),
        cmocka_unit_test(references_have_targets),
        cmocka_unit_test(the_tables_agree_with_the_lookups),
        cmocka_unit_test(required_value_sets_have_their_codes),
        cmocka_unit_test(codings_need_their_system),
        cmocka_unit_test(value_sets_without_listed_codes_say_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
