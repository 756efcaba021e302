/* Compiling search strings and matching them against resources. */
#include "fhir/search/query.h"

#include "fhir/model/types.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BASE "http://host/fhir"
#define ARENA_BYTES (1 << 20)
#define TEXT_BYTES 8192

static const char observation[] =
    "{\"resourceType\":\"Observation\",\"id\":\"o1\",\"status\":\"final\","
    "\"identifier\":[{\"system\":\"urn:lab\",\"value\":\"A|1,2\"}],"
    "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\","
    "\"code\":\"2823-3\"},{\"code\":\"K\"}]},"
    "\"subject\":{\"reference\":\"Patient/1\"},"
    "\"performer\":[{\"reference\":\"http://other/fhir/Practitioner/9\"},"
    "{\"reference\":\"Organization/7/_history/2\"}],"
    "\"hasMember\":[{\"reference\":\"http://host/fhir/Observation/o2\"}],"
    "\"effectivePeriod\":{\"start\":\"2024-03-10\",\"end\":\"2024-03-12\"}}";

static struct query *compile(const char *type, const char *text)
{
    struct query *q = NULL;
    struct err e = {0};
    enum err_code rc =
        query_compile(bytes_of(type), bytes_of(text), bytes_of(BASE), &q, &e);

    if (rc != ERR_OK)
        fail_msg("%s?%s: %s", type, text, e.message);
    assert_non_null(q);
    return q;
}

struct subject {
    struct arena arena;
    struct search_values *v;
};

static void subject_init(struct subject *s, const char *resource)
{
    struct err e = {0};

    arena_init(&s->arena, ARENA_BYTES);
    assert_int_equal(search_values_read(bytes_of(resource), bytes_of(BASE),
                                        &s->arena, &s->v, &e),
                     ERR_OK);
}

static bool holds_for(const char *resource, const char *text)
{
    struct subject s;
    struct query *q;
    bool result;

    subject_init(&s, resource);
    q = compile(search_values_type(s.v).p, text);
    result = query_matches(q, s.v);
    query_free(q);
    arena_fini(&s.arena);
    return result;
}

static bool holds(const char *text)
{
    return holds_for(observation, text);
}

static void check_refused(const char *type, const char *text,
                          enum err_code code, const char *named)
{
    struct query *q = NULL;
    struct err e = {0};
    enum err_code rc =
        query_compile(bytes_of(type), bytes_of(text), bytes_of(BASE), &q, &e);

    query_free(q);
    if (rc != code)
        fail_msg("%s?%s: code %d, not %d", type, text, (int)rc, (int)code);
    assert_null(q);
    if (!strstr(e.message, named))
        fail_msg("%s?%s: '%s' does not say '%s'", type, text, e.message, named);
}

static void refused(const char *text, const char *named)
{
    check_refused("Observation", text, ERR_NOT_SUPPORTED, named);
}

static void invalid(const char *text, const char *named)
{
    check_refused("Observation", text, ERR_INVALID, named);
}

/* --- tokens --- */

static void a_code_matches_in_any_system(void **state)
{
    (void)state;
    assert_true(holds("code=2823-3"));
    assert_true(holds("code=K"));
    assert_true(holds("status=final"));
    assert_true(holds("_id=o1"));
    assert_false(holds("code=2823"));
    assert_false(holds("code=k"));
    assert_false(holds("status=Final"));
    assert_false(holds("_id=o2"));
}

static void a_system_must_be_the_coding_s_own(void **state)
{
    (void)state;
    assert_true(holds("code=http://loinc.org|2823-3"));
    assert_false(holds("code=http://snomed.info/sct|2823-3"));
    assert_false(holds("code=http://loinc.org|K"));
    assert_false(holds("code=http://LOINC.org|2823-3"));
}

static void a_bar_before_the_code_means_no_system(void **state)
{
    (void)state;
    assert_true(holds("code=|K"));
    assert_true(holds("status=|final"));
    assert_false(holds("code=|2823-3"));
}

static void a_system_alone_matches_all_its_codes(void **state)
{
    (void)state;
    assert_true(holds("code=http://loinc.org|"));
    assert_false(holds("code=http://snomed.info/sct|"));
}

static void a_coding_without_code_matches_by_system_only(void **state)
{
    const char *text = "{\"resourceType\":\"Observation\",\"code\":"
                       "{\"coding\":[{\"system\":\"s\"}]}}";

    (void)state;
    assert_true(holds_for(text, "code=s|"));
    assert_false(holds_for(text, "code=s|x"));
    assert_false(holds_for(text, "code=x"));
}

static void booleans_are_tokens(void **state)
{
    const char *text = "{\"resourceType\":\"Patient\",\"active\":true}";

    (void)state;
    assert_true(holds_for(text, "active=true"));
    assert_false(holds_for(text, "active=false"));
    assert_true(holds_for(text, "active:not=false"));
}

static void not_excludes_each_of_its_values(void **state)
{
    (void)state;
    assert_false(holds("status:not=final"));
    assert_false(holds("status:not=amended,final"));
    assert_true(holds("status:not=amended,cancelled"));
    assert_false(holds("code:not=x,K"));
    assert_true(holds("code:not=http://snomed.info/sct|2823-3"));
}

static void not_includes_resources_without_a_value(void **state)
{
    (void)state;
    assert_true(holds("method:not=x"));
    assert_true(holds("category:not=laboratory,vital-signs"));
}

static void own_parameters_are_like_all_others(void **state)
{
    const char *issue = "{\"resourceType\":\"DetectedIssue\","
                        "\"status\":\"final\",\"severity\":\"high\"}";
    const char *critical = "{\"resourceType\":\"Observation\","
                           "\"interpretation\":[{\"coding\":["
                           "{\"code\":\"HH\"}]}]}";

    (void)state;
    assert_true(holds_for(issue, "severity=high"));
    assert_false(holds_for(issue, "severity=low,moderate"));
    assert_true(holds_for(critical, "interpretation=LL,HH"));
    assert_true(holds_for("{\"resourceType\":\"Flag\",\"status\":\"active\"}",
                          "status=active"));
}

/* --- missing --- */

static void missing_asks_for_presence(void **state)
{
    (void)state;
    assert_true(holds("method:missing=true"));
    assert_false(holds("method:missing=false"));
    assert_true(holds("status:missing=false"));
    assert_false(holds("status:missing=true"));
    assert_true(holds("subject:missing=false"));
    assert_true(holds("encounter:missing=true"));
    assert_true(holds("date:missing=false"));
    assert_true(holds("value-date:missing=true"));
    assert_false(holds("value-date:missing=false"));
}

static void missing_follows_the_target_restriction(void **state)
{
    const char *group = "{\"resourceType\":\"Flag\","
                        "\"subject\":{\"reference\":\"Group/1\"}}";

    (void)state;
    assert_true(holds_for(group, "patient:missing=true"));
    assert_true(holds_for(group, "subject:missing=false"));
}

/* --- references --- */

static void references_match_by_type_and_id(void **state)
{
    (void)state;
    assert_true(holds("subject=Patient/1"));
    assert_true(holds("patient=Patient/1"));
    assert_false(holds("subject=Group/1"));
    assert_false(holds("subject=Patient/2"));
    assert_false(holds("subject=Patient/11"));
}

static void a_bare_id_matches_any_allowed_type(void **state)
{
    (void)state;
    assert_true(holds("subject=1"));
    assert_true(holds("patient=1"));
    assert_false(holds("subject=2"));
    assert_false(holds("performer=9"));
    assert_true(holds("performer=7"));
}

static void a_bare_id_does_not_match_a_type_that_is_not_allowed(void **state)
{
    const char *odd = "{\"resourceType\":\"Observation\","
                      "\"subject\":{\"reference\":\"Encounter/1\"}}";

    (void)state;
    assert_false(holds_for(odd, "subject=1"));
}

static void a_type_modifier_names_the_target(void **state)
{
    (void)state;
    assert_true(holds("subject:Patient=1"));
    assert_true(holds("subject:Patient=Patient/1"));
    assert_false(holds("subject:Group=1"));
    assert_false(holds("subject:Patient=2"));
}

static void own_urls_equal_relative_references(void **state)
{
    (void)state;
    assert_true(holds("subject=http://host/fhir/Patient/1"));
    assert_true(holds("has-member=Observation/o2"));
    assert_true(holds("has-member=o2"));
    assert_false(holds("subject=http://elsewhere/fhir/Patient/1"));
    assert_false(holds("subject=http://host/fhirx/Patient/1"));
}

static void foreign_urls_match_as_a_whole(void **state)
{
    (void)state;
    assert_true(holds("performer=http://other/fhir/Practitioner/9"));
    assert_false(holds("performer=http://other/fhir/Practitioner/90"));
    assert_false(holds("performer=Practitioner/9"));
}

static void urns_match_as_a_whole(void **state)
{
    const char *text = "{\"resourceType\":\"Flag\",\"subject\":{\"reference\":"
                       "\"urn:uuid:c757873d-ec9a-4326-a141-556f43239520\"}}";

    (void)state;
    assert_true(holds_for(
        text, "subject=urn:uuid:c757873d-ec9a-4326-a141-556f43239520"));
    assert_false(holds_for(
        text, "subject=urn:uuid:c757873d-ec9a-4326-a141-556f43239521"));
}

static void versions_of_references_do_not_matter(void **state)
{
    (void)state;
    assert_true(holds("performer=Organization/7"));
    refused("performer=Organization/7/_history/2", "performer");
}

static void contained_resources_match_nothing(void **state)
{
    const char *text = "{\"resourceType\":\"Flag\",\"subject\":"
                       "{\"reference\":\"#p\"}}";

    (void)state;
    assert_false(holds_for(text, "subject=p"));
    invalid("subject=%23p", "subject");
}

static void canonicals_match_with_and_without_version(void **state)
{
    const char *text = "{\"resourceType\":\"QuestionnaireResponse\","
                       "\"questionnaire\":\"http://q/1|2\"}";

    (void)state;
    assert_true(holds_for(text, "questionnaire=http://q/1"));
    assert_true(holds_for(text, "questionnaire=http://q/1|2"));
    assert_false(holds_for(text, "questionnaire=http://q/1|3"));
    assert_false(holds_for(text, "questionnaire=http://q/2"));
    check_refused("QuestionnaireResponse", "questionnaire=http://q/1|",
                  ERR_INVALID, "url|version");
    check_refused("QuestionnaireResponse", "questionnaire=|2", ERR_INVALID,
                  "url|version");
}

/* --- dates: the Observation covers 10 to 12 March 2024 --- */

static void equal_dates_contain_what_they_match(void **state)
{
    (void)state;
    assert_true(holds("date=2024-03"));
    assert_true(holds("date=eq2024"));
    assert_false(holds("date=2024-03-10"));
    assert_false(holds("date=2024-04"));
    assert_false(holds("date=2023"));
}

static void a_zone_survives_a_plus_that_became_a_space(void **state)
{
    static const char at[] = "{\"resourceType\":\"Observation\","
                             "\"effectiveDateTime\":\"2024-03-10T10:00:00Z\"}";

    (void)state;
    assert_true(holds_for(at, "date=2024-03-10T12:00:00 02:00"));
    assert_true(holds_for(at, "date=eq2024-03-10T12:00 02:00"));
    assert_false(holds_for(at, "date=2024-03-10T12:00:00 03:00"));
    check_refused("Observation", "date=2024-03-10 02:00", ERR_INVALID, "date");
}

static void unequal_dates_do_not_contain(void **state)
{
    (void)state;
    assert_true(holds("date=ne2024-03-10"));
    assert_true(holds("date=ne2023"));
    assert_false(holds("date=ne2024-03"));
}

static void greater_dates_reach_above(void **state)
{
    (void)state;
    assert_true(holds("date=gt2024-03-11"));
    assert_false(holds("date=gt2024-03-12"));
    assert_false(holds("date=gt2024"));
    assert_true(holds("date=ge2024-03-11"));
    assert_true(holds("date=ge2024"));
    assert_false(holds("date=ge2024-03-12"));
    assert_false(holds("date=ge2025"));
}

static void lesser_dates_reach_below(void **state)
{
    (void)state;
    assert_true(holds("date=lt2024-03-11"));
    assert_false(holds("date=lt2024-03-10"));
    assert_false(holds("date=lt2024"));
    assert_true(holds("date=le2024-03-11"));
    assert_true(holds("date=le2024"));
    assert_false(holds("date=le2024-03-10"));
    assert_false(holds("date=le2023"));
}

static void after_and_before_do_not_overlap(void **state)
{
    (void)state;
    assert_true(holds("date=sa2024-03-09"));
    assert_false(holds("date=sa2024-03-10"));
    assert_false(holds("date=sa2024"));
    assert_true(holds("date=eb2024-03-13"));
    assert_false(holds("date=eb2024-03-12"));
    assert_false(holds("date=eb2024"));
}

static void open_periods_reach_without_end(void **state)
{
    const char *open = "{\"resourceType\":\"Encounter\",\"period\":"
                       "{\"start\":\"2024-03-10\"}}";
    const char *ended = "{\"resourceType\":\"Encounter\",\"period\":"
                        "{\"end\":\"2024-03-10\"}}";

    (void)state;
    assert_true(holds_for(open, "date=gt2999"));
    assert_true(holds_for(open, "date=sa2024-03-09"));
    assert_false(holds_for(open, "date=2024"));
    assert_false(holds_for(open, "date=lt2024-03-10"));
    assert_false(holds_for(open, "date=eb2999"));
    assert_true(holds_for(ended, "date=lt0002"));
    assert_true(holds_for(ended, "date=eb2024-03-11"));
    assert_false(holds_for(ended, "date=gt2024-03-10"));
}

static void times_have_zones_and_precision(void **state)
{
    const char *text = "{\"resourceType\":\"MedicationRequest\","
                       "\"authoredOn\":\"2025-01-15T08:30:00+01:00\"}";

    (void)state;
    assert_true(holds_for(text, "authoredon=2025-01-15T07:30:00Z"));
    assert_true(holds_for(text, "authoredon=2025-01-15T08:30:00+01:00"));
    assert_true(holds_for(text, "authoredon=2025-01-15T08:30:00%2B01:00"));
    assert_true(holds_for(text, "authoredon=2025-01-15T07:30"));
    assert_false(holds_for(text, "authoredon=2025-01-15T08:30:00Z"));
    assert_true(holds_for(text, "authoredon=lt2025-01-15T08:30:00Z"));
}

static void dates_need_a_value_to_match(void **state)
{
    (void)state;
    assert_false(holds("value-date=ne2024"));
    assert_false(holds("value-date=gt1900"));
}

/* --- combinations and escapes --- */

static void commas_are_or_and_ampersands_are_and(void **state)
{
    (void)state;
    assert_true(holds("status=amended,final"));
    assert_false(holds("status=amended,corrected"));
    assert_true(holds("status=final&subject=Patient/1&date=gt2020"));
    assert_false(holds("status=final&subject=Patient/2"));
    assert_true(holds("code=2823-3&code=K"));
    assert_false(holds("code=2823-3&code=L"));
    assert_true(holds("date=lt2000,gt2020"));
}

static void escapes_are_removed_and_percent_decoded(void **state)
{
    (void)state;
    assert_true(holds("identifier=A\\|1\\,2"));
    assert_true(holds("identifier=urn:lab|A\\|1\\,2"));
    assert_true(holds("identifier=urn%3Alab%7CA%5C%7C1%5C%2C2"));
    assert_true(holds("%73tatus=%66inal"));
    assert_true(holds("status%3Anot=amended"));
    assert_false(holds("identifier=A\\|1,2"));
    invalid("identifier=A|1|2", "identifier");
}

static void values_may_hold_signs_of_the_syntax(void **state)
{
    const char *text = "{\"resourceType\":\"Patient\",\"identifier\":["
                       "{\"system\":\"http://x?a=b:c\",\"value\":"
                       "\"1=2&3+4$5\\\\6\"}]}";

    (void)state;
    assert_true(holds_for(text, "identifier=http://x?a=b:c|1=2%263+4$5\\\\6"));
    assert_true(holds_for(text, "identifier=1=2%263+4\\$5\\\\6"));
    assert_false(holds_for(text, "identifier=1=2%263%204$5\\\\6"));
}

static void other_types_never_match(void **state)
{
    struct query *q = compile("Patient", "_id=o1");
    struct subject s;

    (void)state;
    subject_init(&s, observation);
    assert_false(query_matches(q, s.v));
    query_free(q);
    arena_fini(&s.arena);
}

/* --- refusals --- */

static void unknown_parameters_are_refused_by_name(void **state)
{
    (void)state;
    refused("nonsense=1", "'nonsense'");
    refused("nonsense=1", "based-on");
    refused("_filter=x", "'_filter'");
    refused("_text=x", "'_text'");
    refused("_content=x", "'_content'");
    refused("_query=x", "'_query'");
    refused("_list=1", "'_list'");
    refused("_in=Group/1", "'_in'");
    refused("Status=final", "'Status'");
    refused("a%0ab=1", "(unprintable)");
    check_refused("Patient", "phonetic=Smith", ERR_NOT_SUPPORTED, "'phonetic'");
    check_refused("Location", "near=1|2", ERR_NOT_SUPPORTED, "'near'");
}

static void every_type_lists_what_it_has(void **state)
{
    (void)state;
    for (size_t i = 0; i < model_resource_type_count(); i++) {
        const char *type = model_resource_type(i);
        struct query *q = NULL;
        struct err e = {0};
        const char *list;

        assert_int_equal(query_compile(bytes_of(type), bytes_of("x=1"),
                                       bytes_of(BASE), &q, &e),
                         ERR_NOT_SUPPORTED);
        list = strstr(e.message, "can evaluate: ");
        assert_non_null(list);
        assert_true(strstr(list, "_tag") || strstr(list, ", ..."));
    }
}

static void chains_are_refused_by_name(void **state)
{
    (void)state;
    refused("patient.name=x", "'patient.name'");
    refused("subject:Patient.name=x", "'subject:Patient.name'");
    refused("_has:Observation:patient:code=x", "'_has:Observation");
}

static void unknown_modifiers_are_refused_by_name(void **state)
{
    (void)state;
    refused("code:in=x", "'code:in'");
    refused("code:in=x", "'code:in'");
    refused("identifier:in=http://hl7.org/fhir/ValueSet/observation-status",
            "not, text, in, not-in, of-type and missing");
    refused("code:in=http://loinc.org/vs", "required bindings");
    refused("status:text=x", "'status:text'");
    refused("code:not-in=x", "'code:not-in'");
    refused("code:of-type=a|b|c", "'code:of-type'");
    refused("subject:not=Patient/1", "'subject:not'");
    refused("subject:above=x", "'subject:above'");
    refused("instantiates-x:above=x", "'instantiates-x:above'");
    refused("value-string:not=x", "'value-string:not'");
    refused("value-quantity:exact=5", "'value-quantity:exact'");
    refused("code-value-concept:not=a$b", "'code-value-concept:not'");
    check_refused("QuestionnaireResponse", "questionnaire:identifier=x",
                  ERR_NOT_SUPPORTED, "'questionnaire:identifier'");
    refused("date:not=2020", "'date:not'");
    refused("code:Patient=1", "'code:Patient'");
    refused("code:=x", "'code:'");
    refused("code:not:missing=x", "'code:not:missing'");
}

static void unknown_prefixes_are_refused_by_name(void **state)
{
    (void)state;
    refused("date=ap2024", "'ap'");
    refused("date=ap2024", "the time of asking");
    refused("value-quantity=xx5", "eq, ne");
    refused("date=GT2024", "'GT'");
    refused("date=gt2020,xx2024", "'xx'");
}

static void systems_that_nothing_has_are_refused(void **state)
{
    (void)state;
    refused("_id=x|o1", "'_id'");
    check_refused("Patient", "telecom=phone|1", ERR_NOT_SUPPORTED, "'telecom'");
}

static void empty_parts_are_refused(void **state)
{
    (void)state;
    invalid("", "at least one");
    invalid("status", "name=value");
    invalid("=final", "name=value");
    invalid("status=", "'status'");
    invalid("status=final&", "name=value");
    invalid("&status=final", "name=value");
    invalid("status=final&&code=x", "name=value");
    invalid("status=,final", "'status'");
    invalid("status=final,", "'status'");
    invalid("code=|", "'code'");
    invalid("status:missing=", "'status:missing'");
    invalid("date=,2020", "'date'");
    invalid("date=gt", "'date'");
}

static void malformed_values_are_refused(void **state)
{
    (void)state;
    invalid("status:missing=yes", "true or false");
    invalid("status:missing=true,false", "true or false");
    invalid("date=tomorrow", "'date'");
    invalid("date=gt", "YYYY");
    invalid("date=2024-13", "'date'");
    invalid("date=2024-1-1", "'date'");
    invalid("date=2024-03-10T10", "'date'");
    invalid("subject=Patient/", "'subject'");
    invalid("subject=/1", "'subject'");
    invalid("subject=Patient/1/2", "'subject'");
    invalid("subject=Patient?x=y", "'subject'");
    invalid("code=a\\b", "backslash");
    invalid("code=a\\", "backslash");
}

static void targets_are_checked(void **state)
{
    (void)state;
    invalid("patient=Group/1", "Patient");
    invalid("subject=Encounter/1", "Device Group Location Patient");
    invalid("subject:Encounter=1", "Encounter");
    invalid("subject:Patient=Group/1", "Patient");
    invalid("subject:Patient=http://other/Patient/1", "Type/id");
    refused("subject:Nothing=1", "'subject:Nothing'");
}

static void broken_encodings_are_refused(void **state)
{
    (void)state;
    invalid("code=%", "hexadecimal");
    invalid("code=%4", "hexadecimal");
    invalid("code=%4g", "hexadecimal");
    invalid("code=100%25%", "hexadecimal");
    invalid("code=a%00b", "NUL");
    invalid("code=%ff", "UTF-8");
    invalid("code=%c3", "UTF-8");
    invalid("code=\xed\xa0\x80", "UTF-8");
    invalid("%zz=1", "hexadecimal");
}

static void literal_nuls_are_refused(void **state)
{
    struct query *q = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(query_compile(bytes_of("Observation"),
                                   bytes_make("code=a\0b", 8), bytes_of(BASE),
                                   &q, &e),
                     ERR_INVALID);
    assert_int_equal(query_compile(bytes_of("Observation"),
                                   bytes_make("code\0=ab", 8), bytes_of(BASE),
                                   &q, &e),
                     ERR_INVALID);
    assert_null(q);
}

static void unknown_types_are_refused(void **state)
{
    (void)state;
    check_refused("Resource", "_id=1", ERR_INVALID, "resource type");
    check_refused("observation", "_id=1", ERR_INVALID, "resource type");
    check_refused("", "_id=1", ERR_INVALID, "resource type");
}

static void messages_do_not_repeat_values(void **state)
{
    struct query *q = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(query_compile(bytes_of("Observation"),
                                   bytes_of("subject=Jane Roe"), bytes_of(BASE),
                                   &q, &e),
                     ERR_INVALID);
    assert_null(strstr(e.message, "Jane"));
}

/* "name=" and so many times unit, without the last character. */
static void repeat(char *out, const char *unit, size_t times)
{
    size_t n = strlen(unit);

    assert_true(times * n < TEXT_BYTES);
    for (size_t i = 0; i < times; i++)
        memcpy(out + i * n, unit, n);
    out[times * n - 1] = '\0';
}

static void numbers_of_parts_are_bounded(void **state)
{
    char text[TEXT_BYTES];

    (void)state;
    repeat(text, "code=x&", QUERY_PREDICATES_MAX);
    query_free(compile("Observation", text));
    repeat(text, "code=x&", QUERY_PREDICATES_MAX + 1);
    invalid(text, "at most 16");
    memcpy(text, "code=", 5);
    repeat(text + 5, "x,", QUERY_VALUES_MAX);
    query_free(compile("Observation", text));
    repeat(text + 5, "x,", QUERY_VALUES_MAX + 1);
    invalid(text, "more than 64");
    repeat(text + 5, "x", QUERY_TEXT_MAX - 5 + 1);
    query_free(compile("Observation", text));
    repeat(text + 5, "x", QUERY_TEXT_MAX - 5 + 2);
    invalid(text, "4096 bytes");
}

/* --- terms --- */

static void check_term(const struct query *q, size_t i, const char *code,
                       const char *modifier, const char *comparator)
{
    struct query_term t = query_term_at(q, i);

    assert_string_equal(t.code, code);
    assert_string_equal(t.modifier, modifier);
    assert_string_equal(t.comparator, comparator);
}

static void terms_tell_what_was_compiled(void **state)
{
    struct query *q =
        compile("Observation", "status:not=a,b&date=2020,ge2021&subject:"
                               "Patient=1&date:missing=true&code=x");

    (void)state;
    assert_int_equal(query_term_count(q), 6);
    check_term(q, 0, "status", "not", "");
    check_term(q, 1, "date", "", "eq");
    check_term(q, 2, "date", "", "ge");
    check_term(q, 3, "subject", "Patient", "");
    check_term(q, 4, "date", "missing", "");
    check_term(q, 5, "code", "", "");
    query_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_matches_in_any_system),
        cmocka_unit_test(a_system_must_be_the_coding_s_own),
        cmocka_unit_test(a_bar_before_the_code_means_no_system),
        cmocka_unit_test(a_system_alone_matches_all_its_codes),
        cmocka_unit_test(a_coding_without_code_matches_by_system_only),
        cmocka_unit_test(booleans_are_tokens),
        cmocka_unit_test(not_excludes_each_of_its_values),
        cmocka_unit_test(not_includes_resources_without_a_value),
        cmocka_unit_test(own_parameters_are_like_all_others),
        cmocka_unit_test(missing_asks_for_presence),
        cmocka_unit_test(missing_follows_the_target_restriction),
        cmocka_unit_test(references_match_by_type_and_id),
        cmocka_unit_test(a_bare_id_matches_any_allowed_type),
        cmocka_unit_test(a_bare_id_does_not_match_a_type_that_is_not_allowed),
        cmocka_unit_test(a_type_modifier_names_the_target),
        cmocka_unit_test(own_urls_equal_relative_references),
        cmocka_unit_test(foreign_urls_match_as_a_whole),
        cmocka_unit_test(urns_match_as_a_whole),
        cmocka_unit_test(versions_of_references_do_not_matter),
        cmocka_unit_test(contained_resources_match_nothing),
        cmocka_unit_test(canonicals_match_with_and_without_version),
        cmocka_unit_test(equal_dates_contain_what_they_match),
        cmocka_unit_test(a_zone_survives_a_plus_that_became_a_space),
        cmocka_unit_test(unequal_dates_do_not_contain),
        cmocka_unit_test(greater_dates_reach_above),
        cmocka_unit_test(lesser_dates_reach_below),
        cmocka_unit_test(after_and_before_do_not_overlap),
        cmocka_unit_test(open_periods_reach_without_end),
        cmocka_unit_test(times_have_zones_and_precision),
        cmocka_unit_test(dates_need_a_value_to_match),
        cmocka_unit_test(commas_are_or_and_ampersands_are_and),
        cmocka_unit_test(escapes_are_removed_and_percent_decoded),
        cmocka_unit_test(values_may_hold_signs_of_the_syntax),
        cmocka_unit_test(other_types_never_match),
        cmocka_unit_test(unknown_parameters_are_refused_by_name),
        cmocka_unit_test(every_type_lists_what_it_has),
        cmocka_unit_test(chains_are_refused_by_name),
        cmocka_unit_test(unknown_modifiers_are_refused_by_name),
        cmocka_unit_test(unknown_prefixes_are_refused_by_name),
        cmocka_unit_test(systems_that_nothing_has_are_refused),
        cmocka_unit_test(empty_parts_are_refused),
        cmocka_unit_test(malformed_values_are_refused),
        cmocka_unit_test(targets_are_checked),
        cmocka_unit_test(broken_encodings_are_refused),
        cmocka_unit_test(literal_nuls_are_refused),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(messages_do_not_repeat_values),
        cmocka_unit_test(numbers_of_parts_are_bounded),
        cmocka_unit_test(terms_tell_what_was_compiled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
