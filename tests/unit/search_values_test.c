/* What is extracted from a resource, seen through value.h. */
#include "fhir/search/values.h"

#include "fhir/search/parameter.h"
#include "fhir/search/value.h"
#include "storage/base/buf.h"
#include "storage/base/instant.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BASE "http://host/fhir"
#define ARENA_BYTES (1 << 20)
#define MANY_BYTES (16 << 20) /* for SEARCH_VALUES_MAX values */
#define SPECIAL "http://terminology.hl7.org/CodeSystem/special-values"

struct fixture {
    struct arena arena;
    struct search_values *v;
};

static void extract(struct fixture *f, const char *text)
{
    char *copy = strdup(text);
    struct err e = {0};

    assert_non_null(copy);
    arena_init(&f->arena, ARENA_BYTES);
    assert_int_equal(search_values_read(bytes_of(copy), bytes_of(BASE),
                                        &f->arena, &f->v, &e),
                     ERR_OK);
    /* the values must not need the text any more */
    free(copy);
}

static const struct search_slot *slot(const struct fixture *f, const char *code)
{
    const struct search_parameter *p =
        search_parameter_find(search_values_type(f->v), bytes_of(code));

    assert_non_null(p);
    return &f->v->slots[search_slot_index(f->v->base, p)];
}

static void check_token(const struct search_slot *s, size_t i,
                        const char *system, const char *code)
{
    assert_true(i < s->count);
    assert_true(bytes_is(s->values[i].token.system, system));
    assert_true(bytes_is(s->values[i].token.code, code));
}

static void check_reference(const struct search_slot *s, size_t i,
                            const char *type, const char *id)
{
    assert_true(i < s->count);
    assert_true(bytes_is(s->values[i].reference.type, type));
    assert_true(bytes_is(s->values[i].reference.id, id));
}

static int64_t at(const char *instant)
{
    int64_t from, to;

    assert_true(instant_parse_range(bytes_of(instant), &from, &to));
    return from;
}

static void check_range(const struct search_slot *s, size_t i, int64_t from,
                        int64_t to)
{
    assert_true(i < s->count);
    assert_true(s->values[i].range.from_ms == from);
    assert_true(s->values[i].range.to_ms == to);
}

static void concepts_yield_every_coding(void **state)
{
    struct fixture f;

    (void)state;
    extract(&f, "{\"resourceType\":\"Observation\",\"category\":["
                "{\"coding\":[{\"system\":\"s\",\"code\":\"a\"},"
                "{\"code\":\"b\"},{\"system\":\"t\"}]},"
                "{\"text\":\"c\"},{\"coding\":[{\"code\":\"d\"}]}]}");
    assert_int_equal(slot(&f, "category")->count, 5);
    check_token(slot(&f, "category"), 0, "s", "a");
    check_token(slot(&f, "category"), 1, "", "b");
    check_token(slot(&f, "category"), 2, "t", "");
    check_token(slot(&f, "category"), 3, "", "");
    assert_true(bytes_is(slot(&f, "category")->values[3].token.text, "c"));
    check_token(slot(&f, "category"), 4, "", "d");
    arena_fini(&f.arena);
}

static void each_token_datatype_yields_its_code(void **state)
{
    struct fixture f;

    (void)state;
    extract(&f, "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"active\":true,"
                "\"gender\":\"female\","
                "\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"7\"}],"
                "\"telecom\":[{\"system\":\"phone\",\"value\":\"+41\"}],"
                "\"meta\":{\"tag\":[{\"system\":\"t\",\"code\":\"x\"}]}}");
    check_token(slot(&f, "active"), 0, SPECIAL, "true");
    check_token(slot(&f, "gender"), 0,
                "http://hl7.org/fhir/administrative-gender", "female");
    check_token(slot(&f, "identifier"), 0, "urn:mrn", "7");
    check_token(slot(&f, "telecom"), 0, "", "+41");
    check_token(slot(&f, "_id"), 0, "", "p1");
    check_token(slot(&f, "_tag"), 0, "t", "x");
    arena_fini(&f.arena);
    extract(&f, "{\"resourceType\":\"MessageHeader\",\"eventUri\":\"urn:e\"}");
    check_token(slot(&f, "event"), 0, "", "urn:e");
    arena_fini(&f.arena);
    extract(&f, "{\"resourceType\":\"ValueSet\",\"version\":\"1.2\"}");
    check_token(slot(&f, "version"), 0, "", "1.2");
    arena_fini(&f.arena);
}

static void choices_and_arrays_are_walked(void **state)
{
    struct fixture f;

    (void)state;
    extract(&f, "{\"resourceType\":\"Group\",\"characteristic\":["
                "{\"code\":{\"coding\":[{\"code\":\"a\"}]},"
                "\"valueBoolean\":false},"
                "{\"valueCodeableConcept\":{\"coding\":[{\"code\":\"b\"}]}}]}");
    assert_int_equal(slot(&f, "value")->count, 2);
    check_token(slot(&f, "value"), 0, "", "b");
    check_token(slot(&f, "value"), 1, SPECIAL, "false");
    check_token(slot(&f, "characteristic"), 0, "", "a");
    arena_fini(&f.arena);
}

static void references_are_normalised(void **state)
{
    struct fixture f;
    const struct search_slot *s;

    (void)state;
    extract(&f, "{\"resourceType\":\"Provenance\",\"target\":["
                "{\"reference\":\"Patient/1\"},"
                "{\"reference\":\"Patient/2/_history/3\"},"
                "{\"reference\":\"http://host/fhir/Patient/4\"},"
                "{\"reference\":\"http://host/fhir/Patient/5/_history/6\"},"
                "{\"reference\":\"http://other/fhir/Patient/7/_history/8\"},"
                "{\"reference\":\"urn:uuid:9\"},"
                "{\"reference\":\"#contained\"},"
                "{\"reference\":\"Nothing/10\"},"
                "{\"reference\":\"Patient?identifier=x\"},"
                "{\"reference\":\"http://host/fhirPatient/11\"},"
                "{\"reference\":\"http://x/_history/1\"}]}");
    s = slot(&f, "target");
    assert_int_equal(s->count, 8);
    check_reference(s, 0, "Patient", "1");
    check_reference(s, 1, "Patient", "2");
    check_reference(s, 2, "Patient", "4");
    check_reference(s, 3, "Patient", "5");
    check_reference(s, 4, "", "http://other/fhir/Patient/7");
    check_reference(s, 5, "", "urn:uuid:9");
    check_reference(s, 6, "", "http://host/fhirPatient/11");
    check_reference(s, 7, "", "http://x/_history/1");
    arena_fini(&f.arena);
}

static void target_restrictions_select_references(void **state)
{
    struct fixture f;

    (void)state;
    extract(&f, "{\"resourceType\":\"Provenance\",\"target\":["
                "{\"reference\":\"Observation/1\"},"
                "{\"reference\":\"Patient/1\"},"
                "{\"reference\":\"http://other/Patient/2\"},"
                "{\"reference\":\"urn:uuid:3\",\"type\":\"Patient\"},"
                "{\"reference\":\"urn:uuid:4\",\"type\":\"Group\"},"
                "{\"reference\":\"urn:uuid:5\"}]}");
    assert_int_equal(slot(&f, "target")->count, 6);
    assert_int_equal(slot(&f, "patient")->count, 3);
    check_reference(slot(&f, "patient"), 0, "Patient", "1");
    check_reference(slot(&f, "patient"), 1, "", "http://other/Patient/2");
    check_reference(slot(&f, "patient"), 2, "", "urn:uuid:3");
    arena_fini(&f.arena);
    extract(&f, "{\"resourceType\":\"Flag\","
                "\"subject\":{\"reference\":\"Group/1\"}}");
    assert_true(slot(&f, "subject")->present);
    assert_false(slot(&f, "patient")->present);
    arena_fini(&f.arena);
}

static void canonicals_are_split_from_their_version(void **state)
{
    struct fixture f;
    const struct search_slot *s;

    (void)state;
    extract(&f, "{\"resourceType\":\"QuestionnaireResponse\","
                "\"questionnaire\":\"http://q/1|2.0\"}");
    s = slot(&f, "questionnaire");
    check_reference(s, 0, "", "http://q/1");
    assert_true(bytes_is(s->values[0].reference.version, "2.0"));
    arena_fini(&f.arena);
}

static void dates_become_ranges(void **state)
{
    struct fixture f;

    (void)state;
    extract(&f, "{\"resourceType\":\"Observation\","
                "\"effectiveDateTime\":\"2024-02\"}");
    check_range(slot(&f, "date"), 0, at("2024-02-01"), at("2024-03-01"));
    arena_fini(&f.arena);
    extract(&f, "{\"resourceType\":\"Observation\","
                "\"effectiveInstant\":\"2024-02-01T01:00:00.5+01:00\"}");
    check_range(slot(&f, "date"), 0, at("2024-02-01") + 500,
                at("2024-02-01") + 600);
    arena_fini(&f.arena);
    extract(&f, "{\"resourceType\":\"Patient\",\"birthDate\":\"1990\"}");
    check_range(slot(&f, "birthdate"), 0, at("1990-01-01"), at("1991-01-01"));
    arena_fini(&f.arena);
}

static void periods_may_be_open(void **state)
{
    struct fixture f;

    (void)state;
    extract(&f, "{\"resourceType\":\"Encounter\",\"period\":"
                "{\"start\":\"2024-01-01\",\"end\":\"2024-01-02\"}}");
    check_range(slot(&f, "date"), 0, at("2024-01-01"), at("2024-01-03"));
    arena_fini(&f.arena);
    extract(&f, "{\"resourceType\":\"Encounter\",\"period\":"
                "{\"start\":\"2024-01-01\"}}");
    check_range(slot(&f, "date"), 0, at("2024-01-01"), INT64_MAX);
    arena_fini(&f.arena);
    extract(&f, "{\"resourceType\":\"Encounter\",\"period\":"
                "{\"end\":\"2024-01-01\"}}");
    check_range(slot(&f, "date"), 0, INT64_MIN, at("2024-01-02"));
    arena_fini(&f.arena);
}

static void timings_count_by_their_outer_limits(void **state)
{
    struct fixture f;

    (void)state;
    extract(&f, "{\"resourceType\":\"Observation\",\"effectiveTiming\":"
                "{\"event\":[\"2024-03-01\",\"2024-01-01\"],\"repeat\":"
                "{\"boundsPeriod\":{\"start\":\"2024-02-01\","
                "\"end\":\"2024-05-01\"}}}}");
    assert_int_equal(slot(&f, "date")->count, 1);
    check_range(slot(&f, "date"), 0, at("2024-01-01"), at("2024-05-02"));
    arena_fini(&f.arena);
    extract(&f, "{\"resourceType\":\"Observation\",\"effectiveTiming\":"
                "{\"repeat\":{\"frequency\":1}}}");
    assert_int_equal(slot(&f, "date")->count, 0);
    assert_true(slot(&f, "date")->present);
    arena_fini(&f.arena);
}

static void unexpected_shapes_yield_nothing(void **state)
{
    static const char *const members[] = {
        "\"status\":7",
        "\"status\":\"\"",
        "\"status\":{\"code\":\"final\"}",
        "\"Status\":\"final\"",
        "\"code\":\"x\"",
        "\"code\":{\"coding\":\"x\"}",
        "\"code\":{\"coding\":{\"code\":\"x\"}}",
        "\"code\":{\"coding\":[1,null,[]]}",
        "\"code\":[[[{\"coding\":[]}]]]",
        "\"subject\":\"Patient/1\"",
        "\"subject\":{\"reference\":1}",
        "\"effectiveDateTime\":\"soon\"",
        "\"effectiveDateTime\":20240101",
        "\"effectivePeriod\":{}",
        "\"effectivePeriod\":{\"start\":\"x\",\"end\":\"2024\"}",
        "\"effectivePeriod\":{\"start\":\"2025\",\"end\":\"2024\"}",
        "\"component\":[1,\"a\",null]",
    };
    struct fixture f;
    char text[256];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        assert_true(snprintf(text, sizeof text,
                             "{\"resourceType\":\"Observation\",%s}",
                             members[i]) < (int)sizeof text);
        extract(&f, text);
        (void)search_values_keys(f.v, &n);
        assert_int_equal(n, 0);
        assert_int_equal(slot(&f, "date")->count, 0);
        arena_fini(&f.arena);
    }
}

static void nulls_are_absent_and_odd_elements_present(void **state)
{
    struct fixture f;

    (void)state;
    extract(&f, "{\"resourceType\":\"Patient\",\"gender\":null,"
                "\"generalPractitioner\":[null]}");
    assert_false(slot(&f, "gender")->present);
    assert_false(slot(&f, "general-practitioner")->present);
    arena_fini(&f.arena);
    extract(&f, "{\"resourceType\":\"Patient\","
                "\"generalPractitioner\":[{\"display\":\"x\"}]}");
    assert_true(slot(&f, "general-practitioner")->present);
    assert_int_equal(slot(&f, "general-practitioner")->count, 0);
    arena_fini(&f.arena);
}

static void keys_are_distinct(void **state)
{
    struct fixture f;
    const uint64_t *keys;
    size_t n;

    (void)state;
    extract(&f, "{\"resourceType\":\"Observation\",\"status\":\"final\","
                "\"category\":[{\"coding\":[{\"system\":\"a\",\"code\":\"x\"},"
                "{\"system\":\"b\",\"code\":\"x\"},{\"code\":\"y\"}]}],"
                "\"subject\":{\"reference\":\"Patient/1\"}}");
    keys = search_values_keys(f.v, &n);
    assert_int_equal(n, 5); /* status, two categories, subject, patient */
    for (size_t i = 1; i < n; i++)
        assert_true(keys[i - 1] < keys[i]);
    arena_fini(&f.arena);
}

static void the_type_is_told(void **state)
{
    struct fixture f;

    (void)state;
    extract(&f, "{\"resourceType\":\"Binary\",\"id\":\"b\"}");
    assert_true(bytes_is(search_values_type(f.v), "Binary"));
    check_token(slot(&f, "_id"), 0, "", "b");
    arena_fini(&f.arena);
}

/* An Observation with so many codings. */
static enum err_code extract_codings(size_t count, size_t arena_bytes,
                                     struct err *e)
{
    struct buf b;
    struct arena arena;
    struct search_values *v = NULL;
    char *text;
    size_t n;
    enum err_code rc;

    buf_init(&b, (size_t)1 << 20);
    buf_add_text(&b, "{\"resourceType\":\"Observation\",\"category\":"
                     "[{\"coding\":[{}");
    for (size_t i = 0; i < count; i++)
        buf_add_format(&b, ",{\"code\":\"%zu\"}", i);
    buf_add_text(&b, "]}]}");
    text = buf_take(&b, &n);
    arena_init(&arena, arena_bytes);
    rc = search_values_read(bytes_make(text, n), bytes_of(BASE), &arena, &v, e);
    if (rc == ERR_OK) {
        (void)search_values_keys(v, &n);
        assert_int_equal(n, count);
    }
    arena_fini(&arena);
    free(text);
    return rc;
}

static void values_are_bounded(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(extract_codings(SEARCH_VALUES_MAX, MANY_BYTES, &e),
                     ERR_OK);
    assert_int_equal(extract_codings(SEARCH_VALUES_MAX + 1, MANY_BYTES, &e),
                     ERR_TOO_LARGE);
}

static void every_small_arena_fails_cleanly(void **state)
{
    bool succeeded = false;

    (void)state;
    for (size_t bytes = 0; bytes < 65536 && !succeeded; bytes += 16) {
        struct err e = {0};
        enum err_code rc = extract_codings(40, bytes, &e);

        assert_true(rc == ERR_OK || rc == ERR_NOMEM);
        succeeded = rc == ERR_OK;
    }
    assert_true(succeeded);
}

static void texts_of_no_resource_are_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"resourceType\":\"Resource\"}",
        "{\"resourceType\":1}",
        "{\"ResourceType\":\"Patient\"}",
        "{\"resourceType\":\"Patient\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct search_values *v = NULL;
        struct arena arena;
        struct err e = {0};

        arena_init(&arena, ARENA_BYTES);
        assert_int_equal(search_values_read(bytes_of(texts[i]), bytes_of(BASE),
                                            &arena, &v, &e),
                         ERR_FORMAT);
        arena_fini(&arena);
    }
}

static void check_parameter(const char *type, const char *code,
                            enum search_type kind)
{
    const struct search_parameter *p =
        search_parameter_find(bytes_of(type), bytes_of(code));

    assert_non_null(p);
    assert_string_equal(search_parameter_code(p), code);
    assert_int_equal(search_parameter_type(p), kind);
}

static void parameters_of_the_topics_are_known(void **state)
{
    (void)state;
    check_parameter("MedicationRequest", "status", SEARCH_TOKEN);
    check_parameter("MedicationRequest", "authoredon", SEARCH_DATE);
    check_parameter("MedicationDispense", "patient", SEARCH_REFERENCE);
    check_parameter("Flag", "status", SEARCH_TOKEN);
    check_parameter("DetectedIssue", "severity", SEARCH_TOKEN);
    check_parameter("Observation", "interpretation", SEARCH_TOKEN);
    check_parameter("Provenance", "signature-type", SEARCH_TOKEN);
    check_parameter("DiagnosticReport", "status", SEARCH_TOKEN);
    check_parameter("Appointment", "status", SEARCH_TOKEN);
    check_parameter("Encounter", "class", SEARCH_TOKEN);
    check_parameter("Binary", "_id", SEARCH_TOKEN);
}

static void other_parameters_are_not(void **state)
{
    (void)state;
    assert_null(
        search_parameter_find(bytes_of("Patient"), bytes_of("phonetic")));
    assert_null(search_parameter_find(bytes_of("Patient"), bytes_of("")));
    assert_null(
        search_parameter_find(bytes_of("Patient"), bytes_of("_content")));
    assert_null(search_parameter_find(bytes_of("Resource"), bytes_of("_id")));
    assert_null(search_parameter_find(bytes_of("patient"), bytes_of("_id")));
    assert_null(
        search_parameter_find(bytes_of("Patient"), bytes_make("_id\0", 4)));
    assert_string_equal(search_type_name(SEARCH_REFERENCE), "reference");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(concepts_yield_every_coding),
        cmocka_unit_test(each_token_datatype_yields_its_code),
        cmocka_unit_test(choices_and_arrays_are_walked),
        cmocka_unit_test(references_are_normalised),
        cmocka_unit_test(target_restrictions_select_references),
        cmocka_unit_test(canonicals_are_split_from_their_version),
        cmocka_unit_test(dates_become_ranges),
        cmocka_unit_test(periods_may_be_open),
        cmocka_unit_test(timings_count_by_their_outer_limits),
        cmocka_unit_test(unexpected_shapes_yield_nothing),
        cmocka_unit_test(nulls_are_absent_and_odd_elements_present),
        cmocka_unit_test(keys_are_distinct),
        cmocka_unit_test(the_type_is_told),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(every_small_arena_fails_cleanly),
        cmocka_unit_test(texts_of_no_resource_are_refused),
        cmocka_unit_test(parameters_of_the_topics_are_known),
        cmocka_unit_test(other_parameters_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
