/* The headers and parameters that the REST layer reads: content negotiation,
 * preconditions, queries. */
#include "server/rest/negotiate.h"
#include "server/rest/params.h"
#include "server/rest/precondition.h"
#include "server/rest/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)1 << 20)
#define NONE bytes_make(NULL, 0)

static void accept_chooses_what_fits_best(void **state)
{
    static const struct {
        const char *accept;
        enum media media;
    } rows[] = {
        {"application/fhir+json", MEDIA_FHIR_JSON},
        {"APPLICATION/FHIR+JSON", MEDIA_FHIR_JSON},
        {"application/json", MEDIA_JSON},
        {"*/*", MEDIA_FHIR_JSON},
        {"application/*", MEDIA_FHIR_JSON},
        {"text/html, application/json;q=0.4, */*;q=0.1", MEDIA_JSON},
        {"application/fhir+json;q=0.2, application/json;q=0.9", MEDIA_JSON},
        {"application/json;q=0, */*", MEDIA_FHIR_JSON},
        {"application/fhir+xml, application/fhir+json;q=0.1", MEDIA_FHIR_JSON},
        {"application/fhir+json; fhirVersion=4.0", MEDIA_FHIR_JSON},
        {"application/fhir+json; charset=\"utf-8\"", MEDIA_FHIR_JSON},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        enum media media;

        if (negotiate_accept(bytes_of(rows[i].accept), &media, &e) != ERR_OK)
            fail_msg("%s: %s", rows[i].accept, e.message);
        assert_int_equal(media, rows[i].media);
    }
}

static void accept_without_a_header_takes_fhir_json(void **state)
{
    enum media media;
    struct err e;

    (void)state;
    assert_int_equal(negotiate_accept(NONE, &media, &e), ERR_OK);
    assert_int_equal(media, MEDIA_FHIR_JSON);
}

static void accept_of_what_belfry_does_not_speak_is_refused(void **state)
{
    static const char *const rows[] = {
        "application/fhir+xml",
        "text/html",
        "application/fhir+json;q=0",
        "application/fhir+json;fhirVersion=5.0",
        "application/fhir+json;charset=latin1",
        "application/fhir+json;q=0, application/json;q=0.000",
        "*/*;q=0",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        enum media media;

        if (negotiate_accept(bytes_of(rows[i]), &media, &e) !=
            ERR_NOT_ACCEPTABLE)
            fail_msg("%s is taken", rows[i]);
        assert_true(e.message[0]);
    }
}

static void format_names_a_form_in_short_or_in_full(void **state)
{
    enum media media;
    struct err e;

    (void)state;
    assert_int_equal(negotiate_format(bytes_of("json"), &media, &e), ERR_OK);
    assert_int_equal(negotiate_format(bytes_of("application/json"), &media, &e),
                     ERR_OK);
    assert_int_equal(media, MEDIA_JSON);
    assert_int_equal(
        negotiate_format(bytes_of("application/fhir+json"), &media, &e),
        ERR_OK);
    assert_int_equal(media, MEDIA_FHIR_JSON);
    assert_int_equal(negotiate_format(bytes_of("turtle"), &media, &e),
                     ERR_NOT_ACCEPTABLE);
    assert_int_equal(negotiate_format(bytes_of(""), &media, &e),
                     ERR_NOT_ACCEPTABLE);
}

static void a_body_is_json_in_utf_8_or_refused(void **state)
{
    static const char *const good[] = {
        "application/fhir+json", "application/json",
        "Application/FHIR+JSON; charset=UTF-8",
        "application/fhir+json;charset=\"utf-8\"",
        "application/fhir+json; fhirVersion=4.0"};
    static const char *const bad[] = {"application/fhir+xml",
                                      "text/plain",
                                      "multipart/form-data",
                                      "application/fhir+json;charset=utf-16",
                                      "application/fhir+json;fhirVersion=3.0",
                                      "",
                                      "json"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(negotiate_body(bytes_of(good[i]), &e), ERR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (negotiate_body(bytes_of(bad[i]), &e) != ERR_MEDIA_TYPE)
            fail_msg("\"%s\" is taken", bad[i]);
    assert_int_equal(negotiate_body(NONE, &e), ERR_MEDIA_TYPE);
    assert_int_equal(
        negotiate_form(bytes_of("application/x-www-form-urlencoded"), &e),
        ERR_OK);
    assert_int_equal(negotiate_form(bytes_of("application/json"), &e),
                     ERR_MEDIA_TYPE);
}

static void the_first_return_preference_counts(void **state)
{
    static const struct {
        const char *prefer;
        enum prefer_return want;
    } rows[] = {
        {"return=minimal", PREFER_MINIMAL},
        {"return=representation", PREFER_REPRESENTATION},
        {"return=OperationOutcome", PREFER_OPERATION_OUTCOME},
        {"return=\"minimal\"", PREFER_MINIMAL},
        {"respond-async, return=minimal", PREFER_MINIMAL},
        {"return=minimal, return=representation", PREFER_MINIMAL},
        {"return=nothing", PREFER_REPRESENTATION},
        {"handling=strict", PREFER_REPRESENTATION},
        {"", PREFER_REPRESENTATION},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (negotiate_prefer(bytes_of(rows[i].prefer)) != rows[i].want)
            fail_msg("%s", rows[i].prefer);
    assert_int_equal(negotiate_prefer(NONE), PREFER_REPRESENTATION);
}

static void entity_tags_are_compared_weakly(void **state)
{
    struct etags t;
    struct err e;

    (void)state;
    assert_int_equal(etags_read(bytes_of("W/\"3\""), &t, &e), ERR_OK);
    assert_true(etags_match(&t, 3));
    assert_false(etags_match(&t, 2));
    assert_int_equal(etags_read(bytes_of("\"3\", W/\"7\""), &t, &e), ERR_OK);
    assert_true(etags_match(&t, 3) && etags_match(&t, 7));
    assert_int_equal(etags_read(bytes_of("*"), &t, &e), ERR_OK);
    assert_true(etags_match(&t, 1));
    assert_false(etags_match(&t, 0));
    assert_int_equal(etags_read(NONE, &t, &e), ERR_OK);
    assert_false(t.given || etags_match(&t, 1));
}

static void tags_that_no_version_has_never_match(void **state)
{
    static const char *const rows[] = {
        "\"abc\"", "W/\"0\"", "W/\"-1\"", "W/\"99999999999999999999999\"",
        "W/\"\"",  "\"3 \""};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct etags t;
        struct err e;

        assert_int_equal(etags_read(bytes_of(rows[i]), &t, &e), ERR_OK);
        assert_int_equal(t.foreign, 1);
        assert_false(etags_match(&t, 3) || etags_match(&t, 1));
    }
}

static void what_is_no_list_of_tags_is_refused(void **state)
{
    static const char *const rows[] = {"3",          "W/3", "\"3", "w/\"3\"",
                                       "\"3\"\"4\"", ",",   "",    "*, \"3\""};
    char many[256] = "";
    struct etags t;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (etags_read(bytes_of(rows[i]), &t, &e) != ERR_INVALID)
            fail_msg("%s is taken", rows[i]);
    for (size_t i = 0; i <= ETAGS_MAX; i++)
        memcpy(many + 4 * i, "\"1\",", 5);
    assert_int_equal(etags_read(bytes_of(many), &t, &e), ERR_INVALID);
}

static void modified_since_reads_the_three_forms_of_a_date(void **state)
{
    const int64_t made_ms = 784111777999; /* within the second of the dates */

    (void)state;
    assert_true(precondition_unmodified(
        bytes_of("Sun, 06 Nov 1994 08:49:37 GMT"), made_ms));
    assert_true(precondition_unmodified(
        bytes_of("Sunday, 06-Nov-94 08:49:37 GMT"), made_ms));
    assert_true(
        precondition_unmodified(bytes_of("Sun Nov  6 08:49:37 1994"), made_ms));
    assert_false(precondition_unmodified(
        bytes_of("Sun, 06 Nov 1994 08:49:36 GMT"), made_ms));
    assert_false(precondition_unmodified(bytes_of("yesterday"), made_ms));
    assert_false(precondition_unmodified(bytes_of(""), made_ms));
    assert_false(precondition_unmodified(NONE, made_ms));
}

static void a_query_is_taken_apart_and_decoded(void **state)
{
    static const char *const allowed[] = {"a", "b", NULL};
    struct params p = {NULL, 0};
    struct arena arena;
    struct err e = {0};

    (void)state;
    arena_init(&arena, ARENA_BYTES);
    assert_int_equal(
        params_add(&p, bytes_of("a=1&&b=x%2Cy+z&a=%E2%82%AC&b"), &arena, &e),
        ERR_OK);
    assert_int_equal(p.n, 4);
    assert_true(bytes_is(p.items[1].value, "x,y z"));
    assert_true(bytes_is(params_get(&p, "a"), "\xe2\x82\xac"));
    assert_true(bytes_is(params_get(&p, "b"), ""));
    assert_null(params_get(&p, "c").p);
    assert_int_equal(params_only(&p, allowed, &e), ERR_OK);
    assert_int_equal(params_only(&p, allowed + 1, &e), ERR_NOT_SUPPORTED);
    assert_non_null(strstr(e.message, "\"a\""));
    arena_fini(&arena);
}

static void a_query_that_is_malformed_or_endless_is_refused(void **state)
{
    static const char *const rows[] = {"=1",    "a=%",   "a=%4",
                                       "a=%zz", "a=%00", "%=1"};
    struct params p = {NULL, 0};
    char many[2 * PARAMS_MAX + 3];
    struct arena arena;
    struct err e = {0};

    (void)state;
    arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        p = (struct params){NULL, 0};
        if (params_add(&p, bytes_of(rows[i]), &arena, &e) != ERR_INVALID)
            fail_msg("%s is taken", rows[i]);
    }
    for (size_t i = 0; i <= PARAMS_MAX; i++)
        memcpy(many + 2 * i, "a&", 3);
    p = (struct params){NULL, 0};
    assert_int_equal(params_add(&p, bytes_of(many), &arena, &e), ERR_INVALID);
    arena_fini(&arena);
}

static void what_a_stranger_sent_is_shown_safely(void **state)
{
    char out[TEXT_SHOW_BYTES], longer[200];

    (void)state;
    memset(longer, 'x', sizeof longer);
    assert_string_equal(text_show(bytes_of("plain"), out), "plain");
    (void)text_show(bytes_of("a\r\n\x1b[31m\xff"), out);
    for (const char *at = out; *at; at++)
        assert_true(*at >= 0x20 && *at < 0x7f);
    assert_true(strlen(text_show(bytes_make(longer, sizeof longer), out)) <
                TEXT_SHOW_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_chooses_what_fits_best),
        cmocka_unit_test(accept_without_a_header_takes_fhir_json),
        cmocka_unit_test(accept_of_what_belfry_does_not_speak_is_refused),
        cmocka_unit_test(format_names_a_form_in_short_or_in_full),
        cmocka_unit_test(a_body_is_json_in_utf_8_or_refused),
        cmocka_unit_test(the_first_return_preference_counts),
        cmocka_unit_test(entity_tags_are_compared_weakly),
        cmocka_unit_test(tags_that_no_version_has_never_match),
        cmocka_unit_test(what_is_no_list_of_tags_is_refused),
        cmocka_unit_test(modified_since_reads_the_three_forms_of_a_date),
        cmocka_unit_test(a_query_is_taken_apart_and_decoded),
        cmocka_unit_test(a_query_that_is_malformed_or_endless_is_refused),
        cmocka_unit_test(what_a_stranger_sent_is_shown_safely),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
