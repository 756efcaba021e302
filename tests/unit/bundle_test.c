/* A batch or transaction taken apart, and its links replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "fhir/bundle/bundle.h"
#include "fhir/bundle/link.h"
#include "fhir/json/gate.h"

#define BASE "https://here/fhir"

static int open_arena(void **state)
{
    static struct arena arena;

    arena_init(&arena, (size_t)1 << 20);
    *state = &arena;
    return 0;
}

static int close_arena(void **state)
{
    arena_fini(*state);
    return 0;
}

static enum err_code read(void **state, const char *text, struct bundle *out,
                          struct err *e)
{
    assert_int_equal(json_gate(bytes_of(text), e), ERR_OK);
    e->expression[0] = '\0';
    return bundle_read(bytes_of(text), bytes_of(BASE), *state, out, e);
}

static void refused(void **state, const char *text, enum err_code code,
                    const char *expression)
{
    struct bundle b;
    struct err e = {0};

    assert_int_equal(read(state, text, &b, &e), code);
    assert_string_equal(e.expression, expression);
}

#define ENTRY(text)                                                          \
    "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[" text \
    "]}"
#define REQUEST(method, url) \
    "\"request\":{\"method\":\"" method "\",\"url\":\"" url "\"}"
#define PATIENT "\"resource\":{\"resourceType\":\"Patient\"}"

static void entries_are_read(void **state)
{
    struct bundle b;
    struct err e = {0};

    assert_int_equal(
        read(state,
             ENTRY("{\"fullUrl\":\"urn:uuid:1\"," PATIENT "," REQUEST(
                 "POST",
                 "Patient") "},"
                            "{" PATIENT
                            ",\"request\":{\"method\":\"PUT\",\"url\":"
                            "\"" BASE
                            "/Patient/2\",\"ifMatch\":\"W/\\\"3\\\"\"}},"
                            "{" REQUEST(
                                "DELETE",
                                "Patient/3") "},"
                                             "{" REQUEST(
                                                 "GET",
                                                 "Patient/4/_history/5") "}"),
             &b, &e),
        ERR_OK);
    assert_int_equal(b.kind, BUNDLE_TRANSACTION);
    assert_int_equal(b.count, 4);
    assert_int_equal(b.entries[0].method, BUNDLE_POST);
    assert_true(bytes_is(b.entries[0].full_url, "urn:uuid:1"));
    assert_int_equal(b.entries[0].id.n, 0);
    assert_int_equal(b.entries[1].method, BUNDLE_PUT);
    assert_true(bytes_is(b.entries[1].id, "2"));
    assert_true(bytes_is(b.entries[1].if_match, "W/\"3\""));
    assert_int_equal(b.entries[2].method, BUNDLE_DELETE);
    assert_int_equal(b.entries[2].resource.end, 0);
    assert_true(bytes_is(b.entries[3].version, "5"));
}

static void what_is_no_transaction_is_refused(void **state)
{
    refused(state, "{\"resourceType\":\"Patient\"}", ERR_INVALID,
            "Bundle.resourceType");
    refused(state, "{\"resourceType\":\"Bundle\",\"type\":\"history\"}",
            ERR_INVALID, "Bundle.type");
    refused(state, "{\"resourceType\":\"Bundle\"}", ERR_INVALID, "Bundle.type");
    refused(state,
            "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":{}}",
            ERR_INVALID, "Bundle.entry");
}

static void an_entry_at_fault_is_named(void **state)
{
    refused(state, ENTRY("{}"), ERR_INVALID, "Bundle.entry[0].request");
    refused(state, ENTRY("3"), ERR_INVALID, "Bundle.entry[0].request");
    refused(state, ENTRY("{" REQUEST("PATCH", "Patient/1") "}"),
            ERR_NOT_SUPPORTED, "Bundle.entry[0].request.method");
    refused(state,
            ENTRY("{" REQUEST("GET", "Patient/1") "},"
                                                  "{" REQUEST("DELETE",
                                                              "Patient") "}"),
            ERR_INVALID, "Bundle.entry[1].request.url");
    refused(state, ENTRY("{" REQUEST("GET", "Nothing/1") "}"), ERR_INVALID,
            "Bundle.entry[0].request.url");
    refused(state, ENTRY("{" REQUEST("GET", "Patient?name=x") "}"),
            ERR_NOT_SUPPORTED, "Bundle.entry[0].request.url");
    refused(state, ENTRY("{" REQUEST("GET", "Patient/1/$everything") "}"),
            ERR_NOT_SUPPORTED, "Bundle.entry[0].request.url");
    refused(state, ENTRY("{" PATIENT "," REQUEST("POST", "Patient/1") "}"),
            ERR_INVALID, "Bundle.entry[0].request.url");
    refused(state, ENTRY("{" PATIENT "," REQUEST("PUT", "Encounter/1") "}"),
            ERR_INVALID, "Bundle.entry[0].resource.resourceType");
    refused(state, ENTRY("{" REQUEST("PUT", "Patient/1") "}"), ERR_INVALID,
            "Bundle.entry[0].resource");
    refused(state, ENTRY("{" PATIENT "," REQUEST("DELETE", "Patient/1") "}"),
            ERR_INVALID, "Bundle.entry[0].resource");
    refused(state,
            ENTRY("{" PATIENT ",\"request\":{\"method\":\"PUT\",\"url\":"
                  "\"Patient/1\",\"ifNoneExist\":\"a=b\"}}"),
            ERR_INVALID, "Bundle.entry[0].request.ifNoneExist");
    refused(state, ENTRY("{" REQUEST("DELETE", "Patient?") "}"), ERR_INVALID,
            "Bundle.entry[0].request.url");
    refused(state, ENTRY("{" REQUEST("DELETE", "Nothing?a=b") "}"), ERR_INVALID,
            "Bundle.entry[0].request.url");
}

static void criteria_are_read(void **state)
{
    struct bundle b;
    struct err e = {0};

    assert_int_equal(
        read(state,
             ENTRY(
                 "{" PATIENT ",\"request\":{\"method\":\"POST\",\"url\":"
                 "\"Patient\",\"ifNoneExist\":\"a=b\"}},"
                 "{" REQUEST("DELETE", BASE
                             "/Patient?a=b&c=d") "},"
                                                 "{" PATIENT "," REQUEST(
                                                     "PUT", "Patient?a=b") "}"),
             &b, &e),
        ERR_OK);
    assert_true(bytes_is(b.entries[0].criteria, "a=b"));
    assert_true(bytes_is(b.entries[1].criteria, "a=b&c=d"));
    assert_true(bytes_is(b.entries[1].type, "Patient"));
    assert_int_equal(b.entries[1].id.n, 0);
    assert_true(bytes_is(b.entries[2].criteria, "a=b"));
}

static bool note(void *ctx, struct bytes reference)
{
    struct buf *told = ctx;

    buf_add(told, reference);
    buf_add_char(told, ';');
    return told->n < 36;
}

static void conditional_references_are_told(void **state)
{
    static const char text[] =
        "{\"resourceType\":\"Encounter\",\"subject\":{\"reference\" :"
        "\"Patient?identifier=urn:a|\\u0031\"},\"x\":\"Patient?a=b\","
        "\"a\":[{\"reference\":\"Patient/1\"},{\"reference\":\"Nothing?a=b\"},"
        "{\"reference\":\"Group?_id=1\"},{\"reference\":\"Group?_id=2\"}]}";
    struct json_span all = {0, sizeof text - 1};
    struct buf told;

    (void)state;
    buf_init(&told, 1024);
    assert_false(link_conditionals(bytes_of(text), all, note, &told));
    buf_add_char(&told, '\0');
    assert_string_equal(told.p, "Patient?identifier=urn:a|1;Group?_id=1;");
    buf_fini(&told);
}

static void in_a_batch_a_refusal_is_the_entrys_own(void **state)
{
    struct bundle b;
    struct err e = {0};

    assert_int_equal(
        read(state,
             "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":["
             "{" REQUEST("PATCH", "Patient/1") "},"
                                               "{" REQUEST("GET",
                                                           "Patient/1") "}]}",
             &b, &e),
        ERR_OK);
    assert_int_equal(b.entries[0].refused, ERR_NOT_SUPPORTED);
    assert_non_null(b.entries[0].err);
    assert_int_equal(b.entries[1].refused, ERR_OK);
}

static void relinked(void **state, const char *resource, const char *full_url,
                     const char *want)
{
    static const uint64_t seed[2] = {1, 2};
    struct link_table t;
    struct json_item item;
    struct buf out;
    char text[1024];
    bool repeated;
    struct err e;

    assert_true(snprintf(text, sizeof text, "{\"r\":%s}", resource) > 0);
    assert_int_equal(json_gate(bytes_of(text), &e), ERR_OK);
    assert_true(
        json_member(bytes_of(text), json_root(bytes_of(text)), "r", &item));
    link_table_init(&t, seed, *state);
    assert_true(link_table_add(&t, bytes_of("urn:uuid:a"),
                               bytes_of("Patient/1"), &repeated));
    assert_false(repeated);
    assert_true(link_table_add(&t, bytes_of("http://x/fhir/Encounter/9"),
                               bytes_of("Encounter/2"), &repeated));
    assert_true(link_table_add(&t, bytes_of("urn:uuid:a"),
                               bytes_of("Patient/3"), &repeated));
    assert_true(repeated);
    buf_init(&out, 4096);
    link_rewrite(&t, bytes_of(text), item.value, bytes_of(full_url), &out);
    assert_int_equal(buf_check(&out, &e), ERR_OK);
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, want);
    buf_fini(&out);
    link_table_fini(&t);
}

static void links_are_replaced_and_nothing_else(void **state)
{
    relinked(state, "{\"a\": {\"reference\" : \"urn:uuid:a\"}, \"n\":1.10}",
             "urn:uuid:b",
             "{\"a\": {\"reference\" : \"Patient/1\"}, \"n\":1.10}");
    relinked(state, "[\"urn:uuid:a\",\"urn:uuid:ab\",\"urn:\\u0075uid:a\"]", "",
             "[\"Patient/1\",\"urn:uuid:ab\",\"Patient/1\"]");
    relinked(state, "{\"urn:uuid:a\":\"\\\"urn:uuid:a\"}", "",
             "{\"urn:uuid:a\":\"\\\"urn:uuid:a\"}");
}

static void relative_references_resolve_by_the_entrys_base(void **state)
{
    relinked(state, "{\"reference\":\"Encounter/9\"}", "http://x/fhir/Flag/1",
             "{\"reference\":\"Encounter/2\"}");
    relinked(state, "{\"reference\":\"Encounter/9\"}", "http://y/fhir/Flag/1",
             "{\"reference\":\"Encounter/9\"}");
    relinked(state, "{\"reference\":\"Encounter/9\"}", "urn:uuid:b",
             "{\"reference\":\"Encounter/9\"}");
}

static void the_narrative_links_too(void **state)
{
    relinked(state,
             "{\"div\":\"<div><a href=\\\"urn:uuid:a\\\">urn:uuid:a</a>"
             "<img src='urn:uuid:a'/></div>\",\"x\":\"urn:uuid:a\"}",
             "",
             "{\"div\":\"<div><a href=\\\"Patient/1\\\">urn:uuid:a</a>"
             "<img src='Patient/1'/></div>\",\"x\":\"Patient/1\"}");
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_are_read),
        TEST(what_is_no_transaction_is_refused),
        TEST(an_entry_at_fault_is_named),
        TEST(criteria_are_read),
        TEST(conditional_references_are_told),
        TEST(in_a_batch_a_refusal_is_the_entrys_own),
        TEST(links_are_replaced_and_nothing_else),
        TEST(relative_references_resolve_by_the_entrys_base),
        TEST(the_narrative_links_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
