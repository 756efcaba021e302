#include "tests/unit/fhirpath_table.h"

static const char observation[] =
    "{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\","
    "\"_status\":{\"id\":\"s1\",\"extension\":[{\"url\":\"u\","
    "\"valueBoolean\":true}]},"
    "\"text\":{\"status\":\"generated\","
    "\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">a</div>\"},"
    "\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"c\","
    "\"birthDate\":\"1970\"}],"
    "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\","
    "\"code\":\"1975-2\"}]},"
    "\"subject\":{\"reference\":\"#c\"},"
    "\"performer\":[{\"reference\":\"Practitioner/1\"},"
    "{\"reference\":\"Practitioner/2\"},{\"display\":\"somebody\"}],"
    "\"valueQuantity\":{\"value\":185,\"unit\":\"lbs\","
    "\"system\":\"http://unitsofmeasure.org\",\"code\":\"[lb_av]\"},"
    "\"component\":[{\"code\":{\"text\":\"a\"},\"valueString\":\"x\"},"
    "{\"code\":{\"text\":\"b\"},\"_valueDateTime\":{\"extension\":"
    "[{\"url\":\"e\",\"valueCode\":\"unknown\"}]}},"
    "{\"code\":{\"text\":\"c\"},\"valueQuantity\":{\"value\":5,"
    "\"comparator\":\"<\",\"unit\":\"mg\"}}],"
    "\"note\":[{\"text\":\"n\"}]}";

static void choices_have_one_name(void **state)
{
    static const struct expectation cases[] = {
        {"value.unit", "string:lbs"},
        {"Observation.value is Quantity", "boolean:true"},
        {"Observation.value = 185 '[lb_av]'", "boolean:true"},
        {"Observation.value > 80 'kg'", "boolean:true"},
        {"Observation.value.ofType(Quantity).value", "decimal:185"},
        {"component.value.ofType(string)", "string:x"},
        {"component[1].value.extension.value", "code:unknown"},
        {"component[1].value.hasValue()", "boolean:false"},
        {"component[1].value is dateTime", "boolean:true"},
        {"component[1].value.exists()", "boolean:true"},
        {"component[2].value < 6 'mg'", "failed"},
        {"component.valueString", "refused"},
        {"(value as Quantity).code", "code:[lb_av]"},
    };

    (void)state;
    CHECK(observation, cases);
}

static void primitives_carry_their_extensions(void **state)
{
    static const struct expectation cases[] = {
        {"status", "code:final"},
        {"status.id", "string:s1"},
        {"status.extension('u').value", "boolean:true"},
        {"status.extension.url", "uri:u"},
        {"status.hasValue()", "boolean:true"},
        {"status.getValue()", "string:final"},
        {"code.hasValue()", "boolean:false"},
        {"{}.hasValue()", "boolean:false"},
        {"performer.hasValue()", "boolean:false"},
        {"status.children().count()", "integer:2"},
        {"status = 'final'", "boolean:true"},
        {"status & '!'", "string:final!"},
        {"extension('u')", ""},
        {"extension({})", ""},
        {"component[1].value = @2015", "boolean:false"},
        {"component[1].value & 'x'", "string:x"},
    };

    (void)state;
    CHECK(observation, cases);
}

static void children_are_what_the_model_knows(void **state)
{
    static const struct expectation cases[] = {
        {"note.children()", "markdown:n"},
        {"code.descendants()",
         "Coding:{\"system\":\"http://loinc.org\",\"code\":\"1975-2\"},"
         "uri:http://loinc.org,code:1975-2"},
        {"contained.birthDate", "date:@1970"},
        {"contained.descendants()", "id:c,date:@1970"},
        {"'a'.children()", ""},
        {"text.div.htmlChecks()", "boolean:true"},
        {"'<div>'.htmlChecks()", "boolean:false"},
    };

    (void)state;
    CHECK(observation, cases);
}

static void definitions_are_asked_where_they_are_known(void **state)
{
    static const struct expectation cases[] = {
        {"conformsTo('http://hl7.org/fhir/StructureDefinition/Observation')",
         "boolean:true"},
        {"conformsTo('http://hl7.org/fhir/StructureDefinition/Resource')",
         "boolean:true"},
        {"conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')",
         "boolean:false"},
        {"conformsTo('http://hl7.org/fhir/StructureDefinition/bp')", "failed"},
        {"conformsTo({})", ""},
        {"status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')",
         "boolean:true"},
        {"'nope'.memberOf('http://hl7.org/fhir/ValueSet/observation-status"
         "|4.0.1')",
         "boolean:false"},
        {"code.memberOf('http://hl7.org/fhir/ValueSet/observation-status')",
         "boolean:false"},
        {"code.memberOf('http://loinc.org/vs')", "failed"},
        {"performer.memberOf('http://hl7.org/fhir/ValueSet/"
         "observation-status')",
         "failed"},
    };

    (void)state;
    CHECK(observation, cases);
}

/* --- resolve() --- */

static const cJSON *find(void *ctx, struct bytes reference)
{
    return bytes_is(reference, "Practitioner/1") ? ctx : NULL;
}

static void references_are_resolved(void **state)
{
    cJSON *resource = NULL;
    cJSON *practitioner = NULL;
    struct fhirpath_input in = {.resolve = find};
    struct fhirpath_run run;

    (void)state;
    assert_int_equal(json_tree_parse(bytes_of(observation), &resource, NULL),
                     ERR_OK);
    assert_int_equal(
        json_tree_parse(bytes_of("{\"resourceType\":\"Practitioner\","
                                 "\"id\":\"1\",\"active\":true}"),
                        &practitioner, NULL),
        ERR_OK);
    in.resource = resource;
    in.resolve_ctx = practitioner;
    assert_string_equal(
        fhirpath_run_input(&run, "performer.resolve().active", &in),
        "boolean:true");
    fhirpath_run_fini(&run);
    assert_string_equal(
        fhirpath_run_input(&run, "subject.resolve() is Patient", &in),
        "boolean:true");
    fhirpath_run_fini(&run);
    assert_string_equal(
        fhirpath_run_input(
            &run, "performer.where(resolve() is Practitioner).count()", &in),
        "integer:1");
    fhirpath_run_fini(&run);
    cJSON_Delete(resource);
    cJSON_Delete(practitioner);
}

static void a_bundle_resolves_its_own_entries(void **state)
{
    static const char bundle[] =
        "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":["
        "{\"fullUrl\":\"http://a/fhir/Patient/1\",\"resource\":"
        "{\"resourceType\":\"Patient\",\"id\":\"1\",\"gender\":\"male\"}},"
        "{\"fullUrl\":\"urn:uuid:7\",\"resource\":"
        "{\"resourceType\":\"Observation\",\"status\":\"final\","
        "\"subject\":{\"reference\":\"Patient/1\"},"
        "\"derivedFrom\":[{\"reference\":\"urn:uuid:7\"}]}}]}";
    static const struct expectation cases[] = {
        {"entry.resource.ofType(Observation).subject.resolve().gender",
         "code:male"},
        {"entry.resource.derivedFrom.resolve().status", "code:final"},
        {"entry.resource.ofType(Patient).gender", "code:male"},
        {"'atient/1'.resolve()", ""},
    };

    (void)state;
    CHECK(bundle, cases);
}

static void trace_sees_and_does_not_change(void *ctx, struct bytes name,
                                           const struct fhirpath_collection *c)
{
    struct buf *seen = ctx;

    buf_add(seen, name);
    buf_add_u64(seen, c->n);
}

static void previous_and_current_are_there_for_topics(void **state)
{
    cJSON *before = NULL;
    cJSON *after = NULL;
    struct fhirpath_input in = {.trace = trace_sees_and_does_not_change};
    struct fhirpath_run run;
    struct buf seen;

    (void)state;
    buf_init(&seen, 100);
    assert_int_equal(json_tree_parse(bytes_of("{\"resourceType\":\"Encounter\","
                                              "\"status\":\"planned\"}"),
                                     &before, NULL),
                     ERR_OK);
    assert_int_equal(json_tree_parse(bytes_of("{\"resourceType\":\"Encounter\","
                                              "\"status\":\"finished\"}"),
                                     &after, NULL),
                     ERR_OK);
    in.resource = in.current = after;
    in.trace_ctx = &seen;
    assert_string_equal(
        fhirpath_run_input(&run,
                           "(%previous.empty() or (%previous.status != "
                           "'finished')) and (%current.trace('c').status = "
                           "'finished')",
                           &in),
        "boolean:true");
    fhirpath_run_fini(&run);
    in.previous = before;
    assert_string_equal(
        fhirpath_run_input(&run, "%previous.status & %current.status", &in),
        "string:plannedfinished");
    fhirpath_run_fini(&run);
    assert_string_equal(fhirpath_run_input(&run, "%previous.nothing", &in),
                        "refused");
    fhirpath_run_fini(&run);
    assert_true(bytes_is(buf_bytes(&seen), "c1"));
    buf_fini(&seen);
    cJSON_Delete(before);
    cJSON_Delete(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_have_one_name),
        cmocka_unit_test(primitives_carry_their_extensions),
        cmocka_unit_test(children_are_what_the_model_knows),
        cmocka_unit_test(definitions_are_asked_where_they_are_known),
        cmocka_unit_test(references_are_resolved),
        cmocka_unit_test(a_bundle_resolves_its_own_entries),
        cmocka_unit_test(previous_and_current_are_there_for_topics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
