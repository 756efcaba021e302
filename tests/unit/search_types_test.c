/* Each type of search parameter against resources: what a value, a modifier
 * and a prefix mean. */
#include "fhir/search/query.h"

#include "fhir/search/fold.h"
#include "fhir/search/number.h"
#include "storage/base/instant.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BASE "http://host/fhir"
#define ARENA_BYTES (1 << 20)
#define WRITTEN "2024-05-01T12:00:00.000Z"

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"active\":true,"
    "\"meta\":{\"profile\":[\"http://x/StructureDefinition/a\"],"
    "\"source\":\"urn:s\",\"tag\":[{\"system\":\"t\",\"code\":\"x\"}],"
    "\"security\":[{\"system\":\"u\",\"code\":\"R\"}]},"
    "\"identifier\":[{\"type\":{\"coding\":[{\"system\":\"urn:t\",\"code\":"
    "\"MR\"},{\"system\":\"urn:t\",\"code\":\"XX\"}],\"text\":\"Record "
    "number\"},\"system\":\"urn:mrn\",\"value\":\"1234\"},"
    "{\"system\":\"urn:ssn\",\"value\":\"99\"}],"
    "\"name\":[{\"family\":\"M\\u00fcller-L\\u00fcdenscheidt\",\"given\":["
    "\"J\\u00fcrgen\",\"Karl  Otto\"],\"suffix\":[\"PhD\"]},"
    "{\"text\":\"Stra\\u00dfe\"}],"
    "\"telecom\":[{\"system\":\"phone\",\"value\":\"+41\"},"
    "{\"system\":\"email\",\"value\":\"a@b\"}],"
    "\"gender\":\"female\",\"birthDate\":\"1980-02\","
    "\"address\":[{\"use\":\"home\",\"line\":[\"1 Main St\",\"Flat 2\"],"
    "\"city\":\"Z\\u00fcrich\",\"postalCode\":\"8001\"}],"
    "\"maritalStatus\":{\"text\":\"Married twice\"},"
    "\"communication\":[{\"language\":{\"coding\":[{\"system\":\"urn:ietf:bcp:"
    "47\",\"code\":\"de\",\"display\":\"German\"}],\"text\":\"Swiss German\"}}"
    "],"
    "\"generalPractitioner\":[{\"identifier\":{\"system\":\"urn:npi\","
    "\"value\":\"7\"}},{\"reference\":\"Practitioner/9\"}],"
    "\"managingOrganization\":{\"reference\":\"http://host/fhir/Organization/"
    "o1\"},"
    "\"multipleBirthInteger\":2}";

static const char observation[] =
    "{\"resourceType\":\"Observation\",\"id\":\"o1\",\"status\":\"final\","
    "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"bp\"}]},"
    "\"valueQuantity\":{\"value\":5.4,\"unit\":\"mgm\","
    "\"system\":\"http://unitsofmeasure.org\",\"code\":\"mg\"},"
    "\"effectiveDateTime\":\"2024-03-10T10:00:00Z\","
    "\"component\":[{\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"sys\"}"
    "]},\"valueQuantity\":{\"value\":120,\"code\":\"mm\"}},"
    "{\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"dia\"}]},"
    "\"valueQuantity\":{\"value\":80,\"comparator\":\"<\",\"code\":\"mm\"}},"
    "{\"code\":{\"coding\":[{\"code\":\"wave\"}]},\"valueSampledData\":{"
    "\"origin\":{\"value\":10},\"period\":1,\"factor\":2,\"dimensions\":1,"
    "\"data\":\"1 E -3 2.5 U\"}}]}";

static const char scores[] =
    "{\"resourceType\":\"Observation\",\"status\":\"final\","
    "\"code\":{\"text\":\"t\"},"
    "\"valueQuantity\":{\"value\":7600,"
    "\"system\":\"http://unitsofmeasure.org\",\"code\":\"{score}\"},"
    "\"component\":[{\"code\":{\"text\":\"t\"},\"valueQuantity\":{"
    "\"value\":37,\"system\":\"http://unitsofmeasure.org\","
    "\"code\":\"Cel\"}},{\"code\":{\"text\":\"d\"},"
    "\"valueQuantity\":{\"value\":1,\"comparator\":\">\","
    "\"system\":\"http://unitsofmeasure.org\",\"code\":\"min\"}}]}";

static const char valueset[] =
    "{\"resourceType\":\"ValueSet\",\"status\":\"active\","
    "\"url\":\"http://acme.org/fhir/ValueSet/123\"}";

static const char risk[] =
    "{\"resourceType\":\"RiskAssessment\",\"prediction\":["
    "{\"probabilityDecimal\":0.5},{\"probabilityRange\":{"
    "\"low\":{\"value\":2},\"high\":{\"value\":3}}}]}";

static int holds_at(const char *resource, const char *text)
{
    struct arena arena;
    struct search_values *v;
    struct query *q = NULL;
    struct err e = {0};
    int64_t written_ms;
    int result;

    assert_true(instant_parse(bytes_of(WRITTEN), &written_ms));
    arena_init(&arena, ARENA_BYTES);
    assert_int_equal(
        search_values_read(bytes_of(resource), bytes_of(BASE), &arena, &v, &e),
        ERR_OK);
    search_values_stamp(v, written_ms);
    if (query_compile(search_values_type(v), bytes_of(text), bytes_of(BASE), &q,
                      &e) != ERR_OK)
        fail_msg("%s: %s", text, e.message);
    result = query_matches(q, v);
    query_free(q);
    arena_fini(&arena);
    return result;
}

static void check(const char *resource, const char *const yes[],
                  const char *const no[])
{
    for (size_t i = 0; yes[i]; i++)
        if (!holds_at(resource, yes[i]))
            fail_msg("%s does not hold", yes[i]);
    for (size_t i = 0; no[i]; i++)
        if (holds_at(resource, no[i]))
            fail_msg("%s holds", no[i]);
}

#define CHECK(resource, yes, no) \
    check(resource, (const char *const[])yes, (const char *const[])no)
#define LIST(...)         \
    {                     \
        __VA_ARGS__, NULL \
    }

static void strings_start_with_the_value_whatever_case_and_accents(void **state)
{
    (void)state;
    CHECK(patient,
          LIST("name=muller", "name=M%C3%9CLLER", "name=jurgen",
               "family=muller-lud", "given=J%C3%BCrgen", "name=phd",
               "name=strasse", "name=STRA%C3%9FE", "name=stra",
               "given=karl otto", "given=Karl%20%20Otto%20", "address=zurich",
               "address=flat", "address-city=ZUR", "address-postalcode=80",
               "name=nobody,jurg", "family:contains=L%C3%BCden",
               "family:contains=LUDEN",
               "family:exact=M%C3%BCller-L%C3%BC"
               "denscheidt",
               "name:exact=Stra%C3%9Fe"),
          LIST("name=uller", "family=jurgen", "given=otto", "name=m-ller",
               "address-city=urich", "family:exact=M%C3%BCller",
               "name:exact=strasse", "family:contains=xyz",
               "given:exact=Karl Otto", "name=mullerx"));
}

static void folding_knows_scripts(void **state)
{
    static const char *const pairs[][2] = {
        {"\xc3\x85ngstr\xc3\xb6m", "angstrom"},
        {"\xef\xac\x81n", "fin"},                    /* ligature */
        {"\xce\xa3\xce\x9f\xce\xa6\xce\x91\xce\xa3", /* final sigma */
         "\xcf\x83\xce\xbf\xcf\x86\xce\xb1\xcf\x83"},
        {"\xd0\x98\xd0\x92\xd0\x90\xd0\x9d", "\xd0\xb8\xd0\xb2\xd0\xb0\xd0"
                                             "\xbd"},
        {"  a \t b\xc2\xa0", "a b"},
        {"e\xcc\x81", "e"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char out[64];
        size_t n = fold_write(bytes_of(pairs[i][0]), out, sizeof out);

        if (!bytes_is(bytes_make(out, n), pairs[i][1]))
            fail_msg("%s became %.*s", pairs[i][0], (int)n, out);
        assert_int_equal(n, fold_size(bytes_of(pairs[i][0])));
    }
}

static void tokens_know_systems_texts_and_types(void **state)
{
    (void)state;
    CHECK(patient,
          LIST("identifier=1234", "identifier=urn:mrn|1234",
               "identifier=urn:mrn|", "gender=female", "gender=|female",
               "gender=http://hl7.org/fhir/administrative-gender|female",
               "active=true", "active=|true", "email=a@b", "phone=%2B41",
               "telecom=a@b", "deceased=false", "deceased:not=true",
               "language:text=german", "language:text=SWISS",
               "identifier:text=record", "identifier:not=5",
               "identifier:of-type=urn:t|MR|1234",
               "identifier:of-type=urn:t|XX|1234", "_id=p1", "_tag=t|x",
               "_security=R", "address-use=home"),
          LIST("identifier=urn:ssn|1234", "identifier=|1234",
               "identifier=urn:x|", "gender=male", "gender:not=female",
               "gender=http://x|female", "active=false", "email=+41",
               "phone=a@b", "deceased=true", "language:text=french",
               "identifier:of-type=urn:t|MR|99",
               "identifier:of-type=urn:u|MR|1234", "_id=p2", "_tag=x|t",
               "gender:missing=true", "language=Swiss German"));
}

#define SETS "http://hl7.org/fhir/ValueSet/"

static void value_sets_of_required_bindings_are_known(void **state)
{
    static const char coded[] =
        "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{"
        "\"coding\":[{\"system\":\"http://hl7.org/fhir/request-intent\","
        "\"code\":\"order\"}]},\"category\":[{\"coding\":[{\"code\":"
        "\"order\"}]}]}";

    (void)state;
    CHECK(coded,
          LIST("status:in=" SETS "observation-status",
               "status:in=" SETS "observation-status|4.0.1",
               "status:in=" SETS "request-status," SETS "observation-status",
               "status:not-in=" SETS "request-intent",
               "code:in=" SETS "request-intent",
               "category:not-in=" SETS "request-intent",
               "method:not-in=" SETS "request-intent"),
          LIST("status:in=" SETS "request-status",
               "status:not-in=" SETS "observation-status",
               "code:in=" SETS "observation-status",
               "category:in=" SETS "request-intent",
               "method:in=" SETS "request-intent"));
}

static void death_is_anything_but_false(void **state)
{
    static const char at[] = "{\"resourceType\":\"Patient\","
                             "\"deceasedDateTime\":\"2020\"}";
    static const char yes[] =
        "{\"resourceType\":\"Patient\",\"deceasedBoolean\":true}";
    static const char no[] =
        "{\"resourceType\":\"Patient\",\"deceasedBoolean\":false}";

    (void)state;
    assert_true(holds_at(at, "deceased=true"));
    assert_true(holds_at(yes, "deceased=true"));
    assert_false(holds_at(no, "deceased=true"));
    assert_true(holds_at(no, "deceased=false"));
}

static void references_are_found_by_identifier_as_well(void **state)
{
    (void)state;
    CHECK(patient,
          LIST("general-practitioner:identifier=urn:npi|7",
               "general-practitioner:identifier=7",
               "general-practitioner=Practitioner/9",
               "general-practitioner:Practitioner=9", "general-practitioner=9",
               "general-practitioner=http://host/fhir/Practitioner/9",
               "organization=o1", "organization=Organization/o1"),
          LIST("general-practitioner:identifier=urn:x|7",
               "general-practitioner:identifier=9", "general-practitioner=7",
               "general-practitioner=http://other/fhir/Practitioner/9",
               "organization=o2"));
}

static void uris_are_exact_or_above_or_below(void **state)
{
    (void)state;
    CHECK(valueset,
          LIST("url=http://acme.org/fhir/ValueSet/123",
               "url:below=http://acme.org/fhir",
               "url:below=http://acme.org/fhir/",
               "url:below=http://acme.org/fhir/ValueSet/123",
               "url:above=http://acme.org/fhir/ValueSet/123/_history/5",
               "url:above=http://acme.org/fhir/ValueSet/123",
               "url:missing=false", "url=x,http://acme.org/fhir/ValueSet/123"),
          LIST("url=http://acme.org/fhir/ValueSet/12",
               "url=HTTP://acme.org/fhir/ValueSet/123",
               "url:below=http://acme.org/fhir/ValueSet/12",
               "url:above=http://acme.org/fhir/ValueSet/1234",
               "url:above=http://acme.org/fhir", "url:missing=true"));
    CHECK(patient,
          LIST("_profile=http://x/StructureDefinition/a", "_source=urn:s",
               "_profile:below=http://x"),
          LIST("_profile=http://x/StructureDefinition", "_source=urn:S"));
}

static void numbers_are_as_precise_as_they_are_written(void **state)
{
    static const struct {
        const char *text;
        double value, low, high;
    } cases[] = {
        {"100", 100, 99.5, 100.5},       {"100.00", 100, 99.995, 100.005},
        {"1e2", 100, 95, 105},           {"5.4", 5.4, 5.35, 5.45},
        {"-2", -2, -2.5, -1.5},          {"0", 0, -0.5, 0.5},
        {"0.050", 0.05, 0.0495, 0.0505},
    };
    static const char *const wrong[] = {"",
                                        "-",
                                        ".5",
                                        "5.",
                                        "1e",
                                        "abc",
                                        "1,2",
                                        "1e+",
                                        "1e999",
                                        "--1",
                                        "12345678901234567",
                                        "0x10"};
    struct number n;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(number_parse(bytes_of(cases[i].text), &n));
        if (n.value < cases[i].value || n.value > cases[i].value ||
            n.low < cases[i].low || n.low > cases[i].low ||
            n.high < cases[i].high || n.high > cases[i].high)
            fail_msg("%s: %.17g %.17g %.17g", cases[i].text, n.value, n.low,
                     n.high);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (number_parse(bytes_of(wrong[i]), &n))
            fail_msg("'%s' is a number", wrong[i]);
}

static void numbers_compare_with_prefixes(void **state)
{
    (void)state;
    CHECK(risk,
          LIST("probability=0.5", "probability=0.50",
               "probability=0.51,2.5e1,"
               "0.5",
               "probability=gt0.4", "probability=ge0.5", "probability=lt0.6",
               "probability=le0.5", "probability=ap0.54", "probability=gt2.9",
               "probability=sa1", "probability=eb1", "probability=ne0.5",
               "probability:missing=false"),
          LIST("probability=0.51", "probability=2", "probability=2.5",
               "probability=gt3", "probability=lt0.5", "probability=sa2",
               "probability=eb0.5", "probability=ap1",
               "probability:missing=true"));
}

static void quantities_know_units(void **state)
{
    (void)state;
    CHECK(observation,
          LIST("value-quantity=5.4",
               "value-quantity=5.4|http://unitsofmeasure.org|mg",
               "value-quantity=5.4||mg", "value-quantity=5.4||mgm",
               "value-quantity=5.40", "value-quantity=5",
               "value-quantity=gt5|http://unitsofmeasure.org|mg",
               "value-quantity=ap5.5", "component-value-quantity=120",
               "component-value-quantity=lt80||mm",
               "component-value-quantity=eb80", "combo-value-quantity=5.4",
               "combo-value-quantity=120||mm", "component-value-quantity=le4",
               "component-value-quantity=lt5",
               "value-quantity=0.0054|http://unitsofmeasure.org|g",
               "value-quantity=5400|http://unitsofmeasure.org|ug",
               "value-quantity=ge5.4|http://unitsofmeasure.org|mg",
               "value-quantity=ge0.0054|http://unitsofmeasure.org|g",
               "value-quantity=le5400|http://unitsofmeasure.org|ug",
               "value-quantity=lt1|http://unitsofmeasure.org|[lb_av]",
               "value-quantity=ap0.0000055|http://unitsofmeasure.org|kg",
               "value-quantity=ne5.4|http://unitsofmeasure.org|g"),
          LIST("value-quantity=5.4|http://unitsofmeasure.org|kg",
               "value-quantity=5.4|http://x|mg", "value-quantity=5.4||kg",
               "value-quantity=5.41", "value-quantity=6",
               "value-quantity=lt5.4", "value-quantity=ne5.4",
               "component-value-quantity=80", "value-quantity=120",
               "component-value-quantity=sa120",
               "value-quantity=gt0.0054|http://unitsofmeasure.org|g",
               "value-quantity=lt5400|http://unitsofmeasure.org|ug",
               "value-quantity=gt0|http://unitsofmeasure.org|m",
               "value-quantity=ne0|http://unitsofmeasure.org|m",
               "value-quantity=0.0054||g", "value-quantity=0.0054|http://x|g",
               "value-quantity=gt0|http://unitsofmeasure.org|none",
               "component-value-quantity=120|http://unitsofmeasure.org|mm"));
    CHECK(scores,
          LIST("value-quantity=7600|http://unitsofmeasure.org|{score}",
               "value-quantity=gt7500|http://unitsofmeasure.org|{score}",
               "component-value-quantity=lt100|http://unitsofmeasure.org|Cel",
               "component-value-quantity=ge1|http://unitsofmeasure.org|min",
               "component-value-quantity=gt59|http://unitsofmeasure.org|s",
               "component-value-quantity=sa60|http://unitsofmeasure.org|s",
               "component-value-quantity=gt1|http://unitsofmeasure.org|min"),
          LIST("value-quantity=7600|http://unitsofmeasure.org|{beats}",
               "value-quantity=7600|http://unitsofmeasure.org|1",
               "component-value-quantity=ge0|http://unitsofmeasure.org|K",
               "component-value-quantity=le60|http://unitsofmeasure.org|s",
               "component-value-quantity=le1|http://unitsofmeasure.org|min"));
}

static void composites_hold_within_one_element(void **state)
{
    (void)state;
    CHECK(observation,
          LIST("code-value-quantity=bp$5.4",
               "code-value-quantity=http://loinc.org|bp$gt5||mg",
               "component-code-value-quantity=sys$120",
               "component-code-value-quantity=s|sys$gt100||mm",
               "component-code-value-quantity=dia$lt80",
               "combo-code-value-quantity=bp$5.4",
               "combo-code-value-quantity=sys$120",
               "component-code-value-quantity=x$1,sys$120",
               "code-value-quantity:missing=false"),
          LIST("component-code-value-quantity=sys$lt80",
               "component-code-value-quantity=dia$120",
               "code-value-quantity=bp$6", "code-value-quantity=sys$120",
               "combo-code-value-quantity=bp$120",
               "code-value-concept:missing=false"));
}

static void dates_know_the_time_of_writing(void **state)
{
    (void)state;
    CHECK(patient,
          LIST("_lastUpdated=2024", "_lastUpdated=2024-05-01",
               "_lastUpdated=gt2024-05-01T11:59:59Z",
               "_lastUpdated=2024-05-01T12:00:00Z",
               "_lastUpdated=ge2024-05-01T12:00:00.000Z",
               "_lastUpdated=le2024-05-01T14:00:00%2B02:00", "birthdate=1980",
               "birthdate=1980-02", "birthdate=ge1980", "birthdate=lt1981",
               "birthdate=ne1979"),
          LIST("_lastUpdated=2023", "_lastUpdated=gt2024-05-01T12:00:00.000Z",
               "_lastUpdated=lt2024-05-01", "birthdate=1980-02-01",
               "birthdate=gt1980", "birthdate=eb1980"));
}

static void approximate_dates_need_a_now(void **state)
{
    struct query_parameter p = {bytes_of("date"), bytes_of("ap2024-03-01")};
    struct query_search search = {.resource_type = bytes_of("Observation"),
                                  .base_url = bytes_of(BASE),
                                  .parameters = &p,
                                  .count = 1};
    struct arena arena;
    struct search_values *v;
    struct query *q;
    struct err e;

    (void)state;
    arena_init(&arena, ARENA_BYTES);
    assert_int_equal(search_values_read(bytes_of(observation), bytes_of(BASE),
                                        &arena, &v, &e),
                     ERR_OK);
    assert_true(
        instant_parse(bytes_of("2024-03-11T00:00:00Z"), &search.now_ms));
    assert_int_equal(query_compile_search(&search, &q, &e), ERR_OK);
    assert_false(query_matches(q, v));
    query_free(q);
    assert_true(
        instant_parse(bytes_of("2024-07-01T00:00:00Z"), &search.now_ms));
    assert_int_equal(query_compile_search(&search, &q, &e), ERR_OK);
    assert_true(query_matches(q, v));
    query_free(q);
    arena_fini(&arena);
}

static void conditions_and_indexes_select_elements(void **state)
{
    static const char bundle[] =
        "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{"
        "\"resourceType\":\"Composition\",\"id\":\"c1\"}},{\"resource\":{"
        "\"resourceType\":\"MessageHeader\",\"id\":\"m1\"}}]}";
    static const char measure[] =
        "{\"resourceType\":\"Measure\",\"relatedArtifact\":["
        "{\"type\":\"successor\",\"resource\":\"http://x/1|2\"},"
        "{\"type\":\"predecessor\",\"resource\":\"http://x/0\"}]}";

    (void)state;
    CHECK(bundle,
          LIST("composition=c1", "composition=Composition/c1",
               "message:missing=true"),
          LIST("message=m1", "composition=c2"));
    CHECK(measure, LIST("successor=http://x/1", "successor=http://x/1|2"),
          LIST("successor=http://x/0", "successor=http://x/1|3",
               "composed-of=http://x/1"));
}

static void escapes_reach_every_type(void **state)
{
    static const char named[] =
        "{\"resourceType\":\"Observation\",\"valueString\":\"a,b$c|d\\\\e=f:"
        "g\",\"code\":{\"coding\":[{\"code\":\"x$y\"}]}}";

    (void)state;
    CHECK(named,
          LIST("value-string=a\\,b\\$c\\|d\\\\e=f:g",
               "value-string:exact=a\\,b$c|d\\\\e=f:g",
               "code-value-string=x\\$y$a\\,b\\$c"),
          LIST("value-string=b,c", "code-value-string=x\\$y$z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            strings_start_with_the_value_whatever_case_and_accents),
        cmocka_unit_test(folding_knows_scripts),
        cmocka_unit_test(tokens_know_systems_texts_and_types),
        cmocka_unit_test(value_sets_of_required_bindings_are_known),
        cmocka_unit_test(death_is_anything_but_false),
        cmocka_unit_test(references_are_found_by_identifier_as_well),
        cmocka_unit_test(uris_are_exact_or_above_or_below),
        cmocka_unit_test(numbers_are_as_precise_as_they_are_written),
        cmocka_unit_test(numbers_compare_with_prefixes),
        cmocka_unit_test(quantities_know_units),
        cmocka_unit_test(composites_hold_within_one_element),
        cmocka_unit_test(dates_know_the_time_of_writing),
        cmocka_unit_test(approximate_dates_need_a_now),
        cmocka_unit_test(conditions_and_indexes_select_elements),
        cmocka_unit_test(escapes_reach_every_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
