/* Resources validated against R4's definitions: what is right passes, each
 * kind of mistake is named at its element. */
#include "fhir/model/validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "fhir/json/gate.h"

#define SCRATCH_BYTES ((size_t)1 << 20)

static struct issues issues;

static void validate(const char *text)
{
    struct arena scratch;
    struct err e = {.code = ERR_OK};

    issues.count = issues.dropped = 0;
    assert_int_equal(json_gate(bytes_of(text), &e), ERR_OK);
    arena_init(&scratch, SCRATCH_BYTES);
    assert_int_equal(model_validate(bytes_of(text), &scratch, &issues, &e),
                     ERR_OK);
    arena_fini(&scratch);
}

static void right(const char *text)
{
    validate(text);
    for (size_t i = 0; i < issues.count; i++)
        print_message("%s: %s\n  %s\n", issues.items[i].expression,
                      issues.items[i].message, text);
    assert_int_equal(issues.count, 0);
}

/* One issue, there and of that kind. */
static void wrong(const char *text, enum err_code code, const char *expression)
{
    validate(text);
    if (issues.count != 1 || issues.items[0].code != code ||
        strcmp(issues.items[0].expression, expression) != 0)
        for (size_t i = 0; i < issues.count; i++)
            print_message("%s: %s\n  %s\n", issues.items[i].expression,
                          issues.items[i].message, text);
    assert_int_equal(issues.count, 1);
    assert_string_equal(issues.items[0].expression, expression);
    assert_int_equal(issues.items[0].code, code);
}

#define SHAPE ERR_UNPROCESSABLE_STRUCTURE
#define VALUE ERR_UNPROCESSABLE
#define MISSING ERR_UNPROCESSABLE_REQUIRED
#define CODE ERR_UNPROCESSABLE_CODE
#define RULE ERR_UNPROCESSABLE_INVARIANT

/* Members behind the ones that a resource must have. */
#define PATIENT(more) "{\"resourceType\":\"Patient\"" more "}"
#define OBSERVATION(more)                                     \
    "{\"resourceType\":\"Observation\",\"status\":\"final\"," \
    "\"code\":{\"text\":\"x\"}" more "}"
#define REQUEST(more)                                                 \
    "{\"resourceType\":\"MedicationRequest\",\"status\":\"active\","  \
    "\"intent\":\"order\",\"subject\":{\"reference\":\"Patient/1\"}," \
    "\"medicationCodeableConcept\":{\"text\":\"x\"}" more "}"
#define DIV "<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">"

static void right_resources_pass(void **state)
{
    (void)state;
    right(PATIENT(""));
    right(REQUEST(""));
    right(PATIENT(
        ",\"id\":\"p1\",\"meta\":{\"versionId\":\"1\",\"lastUpdated\":"
        "\"2024-02-29T23:59:60.123+14:00\",\"profile\":[\"http://e.org/p|1\"],"
        "\"tag\":[{\"system\":\"urn:x\",\"code\":\"a b\"}]},"
        "\"implicitRules\":\"http://e.org/rules\",\"language\":\"de-CH\","
        "\"text\":{\"status\":\"generated\",\"div\":\"" DIV
        "<p class=\\\"a\\\">A &amp; B<br/></p></div>\"},"
        "\"active\":true,\"birthDate\":\"1970-03\",\"deceasedBoolean\":false,"
        "\"multipleBirthInteger\":2,\"photo\":[{\"contentType\":\"image/png\","
        "\"data\":\"QUJD RA==\"}],\"contact\":[{\"name\":{\"text\":\"y\"}}],"
        "\"communication\":[{\"language\":{\"text\":\"x\"},"
        "\"preferred\":true}]"));
    right(REQUEST(
        ",\"dosageInstruction\":[{\"sequence\":1,\"timing\":{\"repeat\":"
        "{\"frequency\":1,\"period\":1.0,\"periodUnit\":\"d\",\"when\":"
        "[\"HS\"]}},\"asNeededBoolean\":false,\"doseAndRate\":[{"
        "\"doseQuantity\":{\"value\":20.50,\"unit\":\"mg\",\"system\":"
        "\"http://unitsofmeasure.org\",\"code\":\"mg\"}}]}],"
        "\"dispenseRequest\":{\"validityPeriod\":{\"start\":\"2025-01-15\","
        "\"end\":\"2026-01\"},\"expectedSupplyDuration\":{\"value\":30,"
        "\"unit\":\"days\",\"code\":\"d\"}}"));
    right(OBSERVATION(",\"valueQuantity\":{\"value\":-1.5e-3}"));
}

static void right_containers_pass(void **state)
{
    (void)state;
    right("{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":["
          "{\"fullUrl\":\"urn:uuid:c757873d-ec9a-4326-a141-556f43239520\","
          "\"resource\":" PATIENT("") "},{\"resource\":{\"resourceType\":"
                                      "\"Binary\",\"contentType\":\"text/"
                                      "plain\",\"data\":\"QQ==\"}}]}");
    right("{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"a\","
          "\"part\":[{\"name\":\"b\",\"valueUrl\":\"http://e.org/\"}]},"
          "{\"name\":\"r\",\"resource\":" PATIENT("") "}]}");
    right("{\"contained\":[{\"id\":\"o1\",\"resourceType\":\"Organization\","
          "\"name\":\"x\"}],\"managingOrganization\":{\"reference\":\"#o1\"},"
          "\"resourceType\":\"Patient\"}");
    right("{\"resourceType\":\"Questionnaire\",\"status\":\"draft\",\"item\":["
          "{\"linkId\":\"1\",\"type\":\"group\",\"item\":[{\"linkId\":\"1.1\","
          "\"type\":\"string\",\"initial\":[{\"valueString\":\"x\"}]}]}]}");
}

static void primitives_may_have_extensions(void **state)
{
    (void)state;
    right(PATIENT(",\"_birthDate\":{\"extension\":[{\"url\":\"http://e.org/x\","
                  "\"valueDateTime\":\"2020-01-01T00:00:00Z\"}]}"));
    right(PATIENT(",\"birthDate\":\"1970\",\"_birthDate\":{\"id\":\"a1\"}"));
    right(PATIENT(",\"name\":[{\"given\":[null,\"b\"],\"_given\":[{"
                  "\"extension\":[{\"url\":\"u\",\"valueString\":\"x\"}]}]}]"));
    right(PATIENT(",\"name\":[{\"given\":[\"a\",\"b\"],"
                  "\"_given\":[null,{\"id\":\"g\"}]}]"));
    /* an extension says why a required element has no value */
    right("{\"resourceType\":\"MedicationRequest\",\"_status\":{\"extension\":"
          "[{\"url\":\"http://hl7.org/fhir/StructureDefinition/"
          "data-absent-reason\",\"valueCode\":\"unknown\"}]},\"intent\":"
          "\"order\",\"subject\":{\"display\":\"x\"},"
          "\"medicationReference\":{\"reference\":\"urn:oid:1.2\"}}");
}

static void unknown_elements_are_named(void **state)
{
    (void)state;
    wrong(PATIENT(",\"nickname\":\"x\""), SHAPE, "Patient.nickname");
    wrong(PATIENT(",\"name\":[{\"text\":\"x\",\"Family\":\"x\"}]"), SHAPE,
          "Patient.name[0].Family");
    wrong(REQUEST(",\"dosageInstruction\":[{\"timing\":{\"repeat\":"
                  "{\"count\":1,\"perio\":1}}}]"),
          SHAPE, "MedicationRequest.dosageInstruction[0].timing.repeat.perio");
    wrong(OBSERVATION(",\"value\":1"), SHAPE, "Observation.value");
    wrong(OBSERVATION(",\"valueMoney\":{\"value\":1}"), SHAPE,
          "Observation.valueMoney");
    wrong(PATIENT(",\"_name\":[{\"id\":\"x\"}]"), SHAPE, "Patient._name");
    wrong(PATIENT(",\"text\":{\"status\":\"generated\",\"div\":\"" DIV
                  "x</div>\",\"_div\":{\"id\":\"x\"}}"),
          SHAPE, "Patient.text._div");
    wrong(PATIENT(",\"\":1"), SHAPE, "Patient");
    wrong(PATIENT(",\"_\":1"), SHAPE, "Patient._");
    wrong(PATIENT(",\"name\":[{\"text\":\"x\",\"resourceType\":\"y\"}]"), SHAPE,
          "Patient.name[0].resourceType");
    wrong(PATIENT(",\"fhir_comments\":[\"x\"]"), SHAPE,
          "Patient.fhir_comments");
}

static void shapes_of_json_are_checked(void **state)
{
    (void)state;
    wrong(PATIENT(",\"name\":{\"text\":\"x\"}"), SHAPE, "Patient.name");
    wrong(PATIENT(",\"birthDate\":[\"1970\"]"), SHAPE, "Patient.birthDate");
    wrong(PATIENT(",\"birthDate\":{\"value\":\"1970\"}"), SHAPE,
          "Patient.birthDate");
    wrong(PATIENT(",\"active\":\"true\""), SHAPE, "Patient.active");
    wrong(PATIENT(",\"active\":1"), SHAPE, "Patient.active");
    wrong(PATIENT(",\"birthDate\":1970"), SHAPE, "Patient.birthDate");
    wrong(PATIENT(",\"multipleBirthInteger\":\"2\""), SHAPE,
          "Patient.multipleBirth");
    wrong(PATIENT(",\"name\":[\"x\"]"), SHAPE, "Patient.name[0]");
    wrong(PATIENT(",\"name\":[[{\"text\":\"x\"}]]"), SHAPE, "Patient.name[0]");
    wrong(PATIENT(",\"maritalStatus\":\"M\""), SHAPE, "Patient.maritalStatus");
    wrong(PATIENT(",\"maritalStatus\":null"), SHAPE, "Patient.maritalStatus");
    wrong(PATIENT(",\"birthDate\":null"), SHAPE, "Patient.birthDate");
    wrong(PATIENT(",\"name\":[{\"text\":\"x\"},null]"), SHAPE,
          "Patient.name[1]");
    wrong(PATIENT(",\"name\":[]"), SHAPE, "Patient.name");
    wrong(PATIENT(",\"name\":[{\"given\":[]}]"), SHAPE,
          "Patient.name[0].given");
    wrong(PATIENT(",\"maritalStatus\":{}"), SHAPE, "Patient.maritalStatus");
    wrong(PATIENT(",\"maritalStatus\":{\"id\":\"x\"}"), RULE,
          "Patient.maritalStatus");
    wrong(PATIENT(",\"name\":[{\"family\":\"\"}]"), VALUE,
          "Patient.name[0].family");
}

static void companions_must_fit(void **state)
{
    (void)state;
    wrong(PATIENT(",\"_birthDate\":{\"id\":\"x\"}"), SHAPE,
          "Patient.birthDate");
    wrong(PATIENT(",\"_birthDate\":\"x\""), SHAPE, "Patient.birthDate");
    wrong(PATIENT(",\"birthDate\":\"1970\",\"_birthDate\":{\"value\":\"x\"}"),
          SHAPE, "Patient.birthDate.value");
    wrong(PATIENT(",\"name\":[{\"given\":[null,\"b\"]}]"), SHAPE,
          "Patient.name[0].given[0]");
    wrong(PATIENT(",\"name\":[{\"given\":[null],\"_given\":[null]}]"), SHAPE,
          "Patient.name[0].given[0]");
    wrong(PATIENT(",\"name\":[{\"given\":[\"a\"],"
                  "\"_given\":[null,{\"id\":\"g\"}]}]"),
          SHAPE, "Patient.name[0].given");
    wrong(PATIENT(",\"name\":[{\"given\":[\"a\"],\"_given\":{\"id\":\"g\"}}]"),
          SHAPE, "Patient.name[0].given");
    wrong(PATIENT(",\"birthDate\":\"1970\",\"_birthDate\":{\"extension\":[{"
                  "\"url\":\"u\"}]}"),
          RULE, "Patient.birthDate.extension[0]");
}

static void required_elements_are_missed(void **state)
{
    (void)state;
    wrong("{\"resourceType\":\"Observation\",\"status\":\"final\"}", MISSING,
          "Observation.code");
    wrong("{\"resourceType\":\"MedicationRequest\",\"status\":\"active\","
          "\"intent\":\"order\",\"subject\":{\"display\":\"x\"}}",
          MISSING, "MedicationRequest.medication");
    wrong(PATIENT(",\"communication\":[{\"preferred\":true}]"), MISSING,
          "Patient.communication[0].language");
    wrong(PATIENT(",\"text\":{\"status\":\"generated\"}"), MISSING,
          "Patient.text.div");
    wrong(PATIENT(",\"extension\":[{\"valueString\":\"x\"}]"), MISSING,
          "Patient.extension[0].url");
}

static void one_type_of_a_choice(void **state)
{
    (void)state;
    wrong(PATIENT(",\"deceasedBoolean\":true,\"deceasedDateTime\":\"2020\""),
          SHAPE, "Patient.deceased");
    right(PATIENT(",\"deceasedBoolean\":true,\"_deceasedBoolean\":"
                  "{\"id\":\"x\"}"));
}

static void formats_are_checked(void **state)
{
    (void)state;
    wrong(PATIENT(",\"birthDate\":\"2023-02-29\""), VALUE, "Patient.birthDate");
    wrong(PATIENT(",\"id\":\"a b\""), VALUE, "Patient.id");
    wrong(PATIENT(",\"meta\":{\"lastUpdated\":\"2020-01-01\"}"), VALUE,
          "Patient.meta.lastUpdated");
    wrong(OBSERVATION(",\"effectiveDateTime\":\"2020-01-01T10:00\""), VALUE,
          "Observation.effective");
    wrong(OBSERVATION(",\"valueTime\":\"24:00:00\""), VALUE,
          "Observation.value");
    wrong(OBSERVATION(",\"valueInteger\":1.0"), VALUE, "Observation.value");
    wrong(OBSERVATION(",\"valueString\":\"a\\u0007\""), VALUE,
          "Observation.value");
    wrong(PATIENT(",\"text\":{\"status\":\"generated\",\"div\":\"<p>x</p>\"}"),
          VALUE, "Patient.text.div");
    /* escapes are read before the format is judged */
    right(PATIENT(",\"birthDate\":\"1970\\u002d01\",\"photo\":[{"
                  "\"url\":\"http:\\/\\/e.org\\/x\"}]"));
}

static void required_codes_are_checked(void **state)
{
    (void)state;
    wrong(PATIENT(",\"gender\":\"Male\""), CODE, "Patient.gender");
    assert_non_null(strstr(issues.items[0].message, "female"));
    right(PATIENT(",\"gender\":\"m\\u0061le\""));
    wrong("{\"resourceType\":\"Bundle\",\"type\":\"colection\"}", CODE,
          "Bundle.type");
    wrong("{\"resourceType\":\"Condition\",\"subject\":{\"display\":\"x\"},"
          "\"clinicalStatus\":{\"coding\":[{\"system\":\"http://e.org\","
          "\"code\":\"active\"}]}}",
          CODE, "Condition.clinicalStatus");
    wrong("{\"resourceType\":\"Condition\",\"subject\":{\"display\":\"x\"},"
          "\"clinicalStatus\":{\"text\":\"active\"}}",
          CODE, "Condition.clinicalStatus");
    right("{\"resourceType\":\"Condition\",\"subject\":{\"display\":\"x\"},"
          "\"clinicalStatus\":{\"coding\":[{\"code\":\"1\"},{\"system\":"
          "\"http://terminology.hl7.org/CodeSystem/condition-clinical\","
          "\"code\":\"active\"}]}}");
    wrong(OBSERVATION(",\"component\":[{\"code\":{\"text\":\"x\"},"
                      "\"valueQuantity\":{\"value\":1,\"comparator\":\"~\"}}]"),
          CODE, "Observation.component[0].value.comparator");
}

#define SUBJECT(reference) \
    OBSERVATION(",\"subject\":{\"reference\":\"" reference "\"}")
#define AT "Observation.subject.reference"

static void references_have_a_form_and_targets(void **state)
{
    (void)state;
    right(SUBJECT("Patient/1"));
    right(SUBJECT("Patient/1/_history/2"));
    right(SUBJECT("https://e.org/fhir/Patient/1"));
    right(SUBJECT("https://e.org/whatever?x=Encounter/1"));
    right(SUBJECT("urn:uuid:c757873d-ec9a-4326-a141-556f43239520"));
    wrong(SUBJECT("Encounter/1"), VALUE, AT);
    wrong(SUBJECT("https://e.org/fhir/Encounter/1"), VALUE, AT);
    wrong(SUBJECT("Patient"), VALUE, AT);
    wrong(SUBJECT("Patient/"), VALUE, AT);
    wrong(SUBJECT("Patient/1/2"), VALUE, AT);
    wrong(SUBJECT("Patient/1/_history/"), VALUE, AT);
    wrong(SUBJECT("patient/1"), VALUE, AT);
    wrong(SUBJECT("Patient/1 2"), VALUE, AT);
    wrong(SUBJECT("Patient?identifier=1"), VALUE, AT);
    wrong(SUBJECT("#nothing"), RULE, AT);
    right(OBSERVATION(",\"subject\":{\"identifier\":{\"value\":\"1\"}}"));
}

#define CONTAINED(resource, more) PATIENT(",\"contained\":[" resource "]" more)
#define ORGANIZATION(more) \
    "{\"resourceType\":\"Organization\",\"name\":\"x\"" more "}"
#define MANAGED ",\"managingOrganization\":{\"reference\":\"#o\"}"

static void contained_resources_have_rules(void **state)
{
    (void)state;
    right(CONTAINED(ORGANIZATION(",\"id\":\"o\""), MANAGED));
    right(CONTAINED("{\"resourceType\":\"Observation\",\"id\":\"a\",\"status\":"
                    "\"final\",\"code\":{\"text\":\"x\"},\"subject\":"
                    "{\"reference\":\"#\"}}",
                    ""));
    wrong(CONTAINED(ORGANIZATION(""), ""), MISSING, "Patient.contained[0].id");
    wrong(CONTAINED(ORGANIZATION(",\"id\":\"o\""), ""), RULE,
          "Patient.contained[0]");
    wrong(CONTAINED(ORGANIZATION(",\"id\":\"o\",\"x\":1"), MANAGED), SHAPE,
          "Patient.contained[0].x");
    wrong(CONTAINED("{\"id\":\"o\"}", ""), MISSING, "Patient.contained[0]");
    wrong(CONTAINED("{\"resourceType\":\"Nothing\",\"id\":\"o\"}", ""), SHAPE,
          "Patient.contained[0]");
    wrong(CONTAINED(PATIENT(",\"id\":\"o\""), MANAGED), VALUE,
          "Patient.managingOrganization.reference");
    wrong(
        CONTAINED(ORGANIZATION(",\"id\":\"o\",\"meta\":{\"versionId\":\"1\"}"),
                  MANAGED),
        RULE, "Patient.contained[0].meta");
    wrong(CONTAINED(
              ORGANIZATION(",\"id\":\"o\",\"partOf\":{\"reference\":\"#i\"},"
                           "\"contained\":[" ORGANIZATION(",\"id\":\"i\"") "]"),
              MANAGED),
          RULE, "Patient.contained[0].contained[0]");
    /* an entry of a Bundle has contained resources of its own */
    wrong("{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":["
          "{\"resource\":" CONTAINED(
              ORGANIZATION(",\"id\":\"o\""),
              MANAGED) "},{\"resource\":" PATIENT(MANAGED) "}]}",
          RULE, "Bundle.entry[1].resource.managingOrganization.reference");
}

static void invariants_hold(void **state)
{
    (void)state;
    wrong(PATIENT(",\"extension\":[{\"url\":\"u\",\"valueString\":\"x\","
                  "\"extension\":[{\"url\":\"v\",\"valueString\":\"x\"}]}]"),
          RULE, "Patient.extension[0]");
    wrong(PATIENT(",\"name\":[{\"period\":{\"start\":\"2020-02\","
                  "\"end\":\"2020-01-31\"}}]"),
          RULE, "Patient.name[0].period.end");
    right(PATIENT(",\"name\":[{\"period\":{\"start\":\"2020-02-03\","
                  "\"end\":\"2020-02\"}}]"));
    right(PATIENT(",\"name\":[{\"period\":{\"start\":"
                  "\"2020-01-01T01:00:00+02:00\","
                  "\"end\":\"2019-12-31T23:00:00.0Z\"}}]"));
    wrong(PATIENT(",\"name\":[{\"period\":{\"start\":"
                  "\"2020-01-01T00:00:00.2Z\",\"end\":"
                  "\"2020-01-01T00:00:00.10Z\"}}]"),
          RULE, "Patient.name[0].period.end");
    wrong(PATIENT(",\"telecom\":[{\"value\":\"x\"}]"), RULE,
          "Patient.telecom[0]");
    wrong(PATIENT(",\"contact\":[{\"gender\":\"male\"}]"), RULE,
          "Patient.contact[0]");
    wrong(OBSERVATION(",\"valueQuantity\":{\"value\":1,\"code\":\"mg\"}"), RULE,
          "Observation.value");
    wrong(OBSERVATION(",\"valueString\":\"x\",\"dataAbsentReason\":"
                      "{\"text\":\"x\"}"),
          RULE, "Observation");
    wrong(REQUEST(",\"dosageInstruction\":[{\"timing\":{\"repeat\":"
                  "{\"period\":-1,\"periodUnit\":\"d\"}}}]"),
          RULE, "MedicationRequest.dosageInstruction[0].timing.repeat.period");
    wrong(REQUEST(",\"dosageInstruction\":[{\"timing\":{\"repeat\":"
                  "{\"period\":1}}}]"),
          RULE, "MedicationRequest.dosageInstruction[0].timing.repeat");
}

#define OF(type, more) "{\"resourceType\":\"" type "\"" more "}"
#define CODED(name, system, code)                                         \
    "\"" name "\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/" \
    "CodeSystem/" system "\",\"code\":\"" code "\"}]}"
#define WHOSE ",\"subject\":{\"display\":\"x\"}"
#define ALLERGY(more) \
    OF("AllergyIntolerance", ",\"patient\":{\"display\":\"x\"}" more)
#define CLINICAL \
    "," CODED("clinicalStatus", "allergyintolerance-clinical", "active")
#define MISTAKEN                                                       \
    "," CODED("verificationStatus", "allergyintolerance-verification", \
              "entered-in-error")

static void invariants_look_at_values(void **state)
{
    (void)state;
    right(ALLERGY(CLINICAL));
    right(ALLERGY(MISTAKEN));
    wrong(ALLERGY(""), RULE, "AllergyIntolerance.clinicalStatus");
    wrong(ALLERGY(CLINICAL MISTAKEN), RULE,
          "AllergyIntolerance.clinicalStatus");
    wrong(OF("Condition", WHOSE ",\"abatementString\":\"x\""), RULE,
          "Condition.abatement");
    right(OF("Condition",
             WHOSE ",\"abatementString\":\"x\"," CODED(
                 "clinicalStatus", "condition-clinical", "remission")));
    wrong(OF("Appointment", ",\"status\":\"booked\",\"participant\":[{"
                            "\"status\":\"accepted\",\"actor\":{"
                            "\"display\":\"x\"}}]"),
          RULE, "Appointment.start");
    right(OF("Appointment", ",\"status\":\"proposed\",\"participant\":[{"
                            "\"status\":\"accepted\",\"actor\":{"
                            "\"display\":\"x\"}}]"));
#define ABATED(more)                                                        \
    OF("Condition", WHOSE ",\"abatementAge\":{\"value\":7" more "}," CODED( \
                        "clinicalStatus", "condition-clinical", "resolved"))
    right(ABATED(",\"code\":\"a\",\"system\":\"http://unitsofmeasure.org\""));
    wrong(ABATED(""), RULE, "Condition.abatement");
    wrong(ABATED(",\"code\":\"a\",\"system\":\"http://e.org\""), RULE,
          "Condition.abatement.system");
    right(OF("Encounter", ",\"status\":\"planned\",\"class\":{\"code\":\"x\"},"
                          "\"length\":{\"value\":1,\"system\":\"urn:x\"}"));
    wrong(OF("Encounter", ",\"status\":\"planned\",\"class\":{\"code\":\"x\"},"
                          "\"length\":{\"value\":1,\"code\":\"h\","
                          "\"system\":\"urn:x\"}"),
          RULE, "Encounter.length.system");
    wrong(OF("Linkage", ",\"item\":[{\"type\":\"source\",\"resource\":{"
                        "\"display\":\"x\"}}]"),
          RULE, "Linkage.item");
    wrong(OF("Group", ",\"type\":\"person\",\"actual\":false,\"member\":["
                      "{\"entity\":{\"display\":\"x\"}}]"),
          RULE, "Group.member");
    wrong(OF("Bundle", ",\"type\":\"collection\",\"total\":0"), RULE,
          "Bundle.total");
    wrong(REQUEST(",\"dispenseRequest\":{\"quantity\":{\"value\":1,"
                  "\"comparator\":\"<\"}}"),
          RULE, "MedicationRequest.dispenseRequest.quantity.comparator");
    wrong(OF("Medication", ",\"ingredient\":[{\"itemReference\":{\"display\":"
                           "\"x\"},\"strength\":{\"numerator\":"
                           "{\"value\":1}}}]"),
          RULE, "Medication.ingredient[0].strength");
}

static void a_resource_says_what_it_is(void **state)
{
    (void)state;
    wrong("{}", MISSING, "");
    wrong("{\"resourceType\":\"Resource\"}", SHAPE, "");
    wrong("{\"resourceType\":\"HumanName\"}", SHAPE, "");
    wrong("{\"resourceType\":1}", SHAPE, "");
    wrong("{\"resourceType\":\"SubscriptionTopic\"}", SHAPE, "");
    right("{\"active\":true,\"resourceType\":\"Patient\"}");
}

static void all_problems_are_told(void **state)
{
    (void)state;
    validate(PATIENT(",\"a\":1,\"active\":2,\"gender\":\"x\",\"birthDate\":"
                     "\"x\",\"name\":[{\"b\":[{\"c\":[1,{\"d\":\"]}\"}]}]}]"));
    assert_int_equal(issues.count, 5);
    assert_string_equal(issues.items[0].expression, "Patient.a");
    assert_string_equal(issues.items[4].expression, "Patient.name[0].b");
}

static void more_problems_than_fit_are_counted(void **state)
{
    char text[64 * (ISSUES_MAX + 8)];
    size_t n = 0;

    (void)state;
    n += (size_t)snprintf(text, sizeof text,
                          "{\"resourceType\":\"Patient\",\"name\":[");
    for (int i = 0; i < ISSUES_MAX + 5; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s{\"use\":\"x\"}",
                              i ? "," : "");
    (void)snprintf(text + n, sizeof text - n, "]}");
    validate(text);
    assert_int_equal(issues.count, ISSUES_MAX);
    assert_int_equal(issues.dropped, 5);
}

static void the_deepest_text_of_the_gate_is_read(void **state)
{
    char text[JSON_DEPTH_MAX * 64];
    size_t n =
        (size_t)snprintf(text, sizeof text, "{\"resourceType\":\"Patient\"");

    (void)state;
    for (int i = 0; i < (JSON_DEPTH_MAX - 1) / 2; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              ",\"extension\":[{\"url\":\"u\"");
    n += (size_t)snprintf(text + n, sizeof text - n, ",\"valueCode\":\"x\"");
    for (int i = 0; i < (JSON_DEPTH_MAX - 1) / 2; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "}]");
    (void)snprintf(text + n, sizeof text - n, "}");
    right(text);
}

static void without_memory_nothing_is_judged(void **state)
{
    const char *text = PATIENT(",\"id\":\"\\u0061\"");
    struct arena scratch;
    struct err e;

    (void)state;
    issues.count = issues.dropped = 0;
    arena_init(&scratch, 1);
    assert_int_equal(model_validate(bytes_of(text), &scratch, &issues, &e),
                     ERR_NOMEM);
    arena_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_resources_pass),
        cmocka_unit_test(right_containers_pass),
        cmocka_unit_test(primitives_may_have_extensions),
        cmocka_unit_test(unknown_elements_are_named),
        cmocka_unit_test(shapes_of_json_are_checked),
        cmocka_unit_test(companions_must_fit),
        cmocka_unit_test(required_elements_are_missed),
        cmocka_unit_test(one_type_of_a_choice),
        cmocka_unit_test(formats_are_checked),
        cmocka_unit_test(required_codes_are_checked),
        cmocka_unit_test(references_have_a_form_and_targets),
        cmocka_unit_test(contained_resources_have_rules),
        cmocka_unit_test(invariants_hold),
        cmocka_unit_test(invariants_look_at_values),
        cmocka_unit_test(a_resource_says_what_it_is),
        cmocka_unit_test(all_problems_are_told),
        cmocka_unit_test(more_problems_than_fit_are_counted),
        cmocka_unit_test(the_deepest_text_of_the_gate_is_read),
        cmocka_unit_test(without_memory_nothing_is_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
