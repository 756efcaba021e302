#include "fhir/subscription/redact.h"

#include "fhir/json/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define TEXT_MAX 65536
#define ARENA_BYTES (1U << 20)
#define OLD "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define NEW "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define SECRET(value) \
    "{\"url\":\"" REDACT_SECRET_URL "\",\"valueString\":\"" value "\"}"
#define VENDOR "{\"url\":\"https://v.example/x\",\"valueDecimal\":1.10}"

struct fixture {
    struct arena scratch;
    struct buf out;
    struct buf again;
    struct issues issues;
    struct err e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    arena_init(&f->scratch, ARENA_BYTES);
    buf_init(&f->out, TEXT_MAX);
    buf_init(&f->again, TEXT_MAX);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_fini(&f->scratch);
    buf_fini(&f->out);
    buf_fini(&f->again);
    free(f);
    return 0;
}

static void assert_text(struct buf *b, const char *want)
{
    struct err e;

    assert_int_equal(buf_check(b, &e), ERR_OK);
    assert_int_equal(json_gate(buf_bytes(b), &e), ERR_OK);
    buf_add_char(b, '\0');
    assert_string_equal(b->p, want);
    b->n--;
}

/* ---- showing ---- */

static void check_shown(struct fixture *f, const char *text,
                        struct subscription_face face, const char *want)
{
    buf_reset(&f->out);
    assert_int_equal(
        subscription_show(bytes_of(text), &face, &f->scratch, &f->out, &f->e),
        ERR_OK);
    assert_text(&f->out, want);
}

static const struct subscription_face active = {.status = STATUS_ACTIVE};

static void header_values_and_secret_are_masked(void **state)
{
    check_shown(*state,
                "{\"status\":\"requested\",\"channel\":{\"extension\":[" VENDOR
                "," SECRET(OLD) "],\"header\":[\"Authorization: Bearer a:b\","
                                "\"X-Ward:7\"]}}",
                active,
                "{\"status\":\"active\",\"channel\":{\"extension\":[" VENDOR
                "," SECRET("whsec_****") "],\"header\":[\"Authorization: ****\""
                                         ",\"X-Ward: ****\"]}}");
}

#define CHANNEL(secret, headers)                                         \
    "{ \"status\" : \"requested\", \"channel\": {\"extension\":[" secret \
    "], \"header\":[" headers "] } }"

static void check_answer(struct fixture *f, const char *sent, bool fresh,
                         const char *want)
{
    struct subscription_face face = {
        .status = STATUS_REQUESTED, .sent = bytes_of(sent), .fresh = fresh};

    check_shown(f, CHANNEL(SECRET(OLD), "\"A: b\",\"a: c\",\"Z: 1\""), face,
                want);
}

static void what_was_sent_in_clear_is_shown_to_the_sender(void **state)
{
    static const char whole[] =
        CHANNEL(SECRET(OLD), "\"A: b\",\"a: c\",\"Z: 1\"");

    check_answer(*state, whole, false, whole);
    check_answer(*state, CHANNEL("", "\"A: b\",\"a: c\",\"Z: 1\""), true,
                 whole);
}

static void what_was_sent_masked_or_not_at_all_stays_masked(void **state)
{
    check_answer(
        *state,
        CHANNEL(SECRET("whsec_****"), "\"A: ****\",\"a: c\",\"Z:****\""), false,
        CHANNEL(SECRET("whsec_****"), "\"A: ****\",\"a: c\",\"Z: ****\""));
    check_answer(
        *state, CHANNEL("", "\"A: b\",\"a: ****\",\"Z: 1\""), false,
        CHANNEL(SECRET("whsec_****"), "\"A: b\",\"a: ****\",\"Z: 1\""));
}

static void all_else_stays_byte_for_byte(void **state)
{
    check_shown(
        *state,
        " {\n\t\"z\" : 1.10,\"status\":\"off\" , \"a\":[ 1e2,\"\\u00e9\xc3\xa9"
        "\\/\" ],\"_status\":{\"id\":\"s\"},\"_error\":{\"id\":\"e\"}}\n",
        active,
        " {\n\t\"z\" : 1.10,\"status\":\"active\" , \"a\":[ 1e2,\"\\u00e9\xc3"
        "\xa9\\/\" ],\"_status\":{\"id\":\"s\"},\"_error\":{\"id\":\"e\"}}\n");
}

static void error_is_added_replaced_and_removed(void **state)
{
    struct subscription_face failed = {.status = STATUS_ERROR,
                                       .error = "no \"answer\""};

    check_shown(*state, "{\"a\":1,\"status\":\"requested\",\"b\":2}", failed,
                "{\"a\":1,\"status\":\"error\",\"error\":\"no \\\"answer\\\"\","
                "\"b\":2}");
    check_shown(*state, "{\"error\":\"old\",\"status\":\"requested\"}", failed,
                "{\"error\":\"no \\\"answer\\\"\",\"status\":\"error\"}");
    check_shown(*state, "{\"status\":\"requested\",\"error\":\"old\"}", active,
                "{\"status\":\"active\"}");
    check_shown(*state, "{\"error\":\"old\",\"status\":\"requested\"}", active,
                "{\"status\":\"active\"}");
}

static void disguised_credentials_are_masked_too(void **state)
{
    /* escapes in the header's name, its colon and the extension's url */
    check_shown(*state,
                "{\"status\":\"off\",\"channel\":{\"header\":["
                "\"Authoriz\\u0061tion\\u003a Bearer x\",\"no colon\",\"\"],"
                "\"extension\":[{\"valueString\":\"" OLD "\",\"url\":\"https:"
                "\\/\\/belfry.example/fhir/StructureDefinition/"
                "subscription-secr\\u0065t\"}]}}",
                (struct subscription_face){.status = STATUS_OFF},
                "{\"status\":\"off\",\"channel\":{\"header\":["
                "\"Authorization: ****\",\"****\",\"****\"],"
                "\"extension\":[{\"valueString\":\"whsec_****\",\"url\":"
                "\"https:\\/\\/belfry.example/fhir/StructureDefinition/"
                "subscription-secr\\u0065t\"}]}}");
}

static void most_headers_can_be_masked(void **state)
{
    struct fixture *f = *state;
    struct bytes shown;

    buf_add_text(&f->again, "{\"status\":\"requested\",\"channel\":{"
                            "\"extension\":[" SECRET(OLD) "],\"header\":[");
    for (int i = 0; i < SUBSCRIPTION_HEADERS_MAX; i++)
        buf_add_format(&f->again, "%s\"X-%d: hidden\"", i ? "," : "", i);
    buf_add_text(&f->again, "]}}");
    assert_int_equal(subscription_show(buf_bytes(&f->again), &active,
                                       &f->scratch, &f->out, &f->e),
                     ERR_OK);
    buf_add_char(&f->out, '\0');
    shown = buf_bytes(&f->out);
    assert_null(strstr(shown.p, "hidden"));
    assert_null(strstr(shown.p, OLD));
    assert_non_null(strstr(shown.p, "\"X-31: ****\""));
}

static void too_small_output_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct buf small;

    buf_init(&small, 10);
    assert_int_equal(subscription_show(bytes_of("{\"status\":\"requested\"}"),
                                       &active, &f->scratch, &small, &f->e),
                     ERR_TOO_LARGE);
    buf_fini(&small);
}

static void lack_of_scratch_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct arena none;

    arena_init(&none, 16);
    assert_int_not_equal(
        subscription_show(bytes_of("{\"status\":\"requested\",\"channel\":{"
                                   "\"header\":[\"Authorization: x\"]}}"),
                          &active, &none, &f->out, &f->e),
        ERR_OK);
    arena_fini(&none);
}

/* ---- completing ---- */

static enum err_code complete(struct fixture *f, const char *text,
                              const char *before)
{
    const struct subscription_previous previous = {bytes_of(before), NEW};

    buf_reset(&f->out);
    f->issues = (struct issues){.count = 0};
    return subscription_complete(bytes_of(text), &previous, &f->scratch,
                                 &f->out, &f->issues);
}

static void check_completed(struct fixture *f, const char *text,
                            const char *before, const char *want)
{
    assert_int_equal(complete(f, text, before), ERR_OK);
    assert_int_equal(f->issues.count, 0);
    assert_text(&f->out, want);
}

static void check_refused(struct fixture *f, const char *text,
                          const char *before, const char *expression)
{
    assert_int_equal(complete(f, text, before), ERR_UNPROCESSABLE);
    assert_int_equal(f->issues.count, 1);
    assert_string_equal(f->issues.items[0].expression, expression);
    assert_int_equal(f->out.n, 0);
}

static void create_without_secret_gets_a_new_one(void **state)
{
    check_completed(*state, "{\"channel\":{\"type\":\"rest-hook\"}}", NULL,
                    "{\"channel\":{\"extension\":[" SECRET(
                        NEW) "],\"type\":\"rest-hook\"}}");
    check_completed(*state, "{\"channel\":{}}", NULL,
                    "{\"channel\":{\"extension\":[" SECRET(NEW) "]}}");
    check_completed(*state, "{\"channel\":{\"extension\":[" VENDOR "]}}", NULL,
                    "{\"channel\":{\"extension\":[" VENDOR
                    "," SECRET(NEW) "]}}");
    check_completed(*state, "{\"channel\":{\"extension\":[ ]}}", NULL,
                    "{\"channel\":{\"extension\":[" SECRET(NEW) " ]}}");
}

static void brought_secret_is_kept(void **state)
{
    static const char text[] =
        "{\"status\":\"requested\",\"channel\":{\"extension\":[" SECRET(
            OLD) "]}}";

    check_completed(*state, text, NULL, text);
    check_completed(*state, text,
                    "{\"channel\":{\"extension\":[" SECRET(NEW) "]}}", text);
}

static void update_keeps_the_secret_when_absent_or_masked(void **state)
{
    static const char before[] =
        "{\"channel\":{\"extension\":[" VENDOR "," SECRET(OLD) "]}}";

    check_completed(*state, "{\"channel\":{\"a\":1}}", before,
                    "{\"channel\":{\"extension\":[" SECRET(OLD) "],\"a\":1}}");
    check_completed(*state,
                    "{\"channel\":{\"extension\":[" SECRET("whsec_****") "]}}",
                    before, "{\"channel\":{\"extension\":[" SECRET(OLD) "]}}");
    check_completed(
        *state,
        "{\"channel\":{\"extension\":[" SECRET("whsec_\\u002a***") "]}}",
        before, "{\"channel\":{\"extension\":[" SECRET(OLD) "]}}");
}

static void masked_secret_without_earlier_one_is_refused(void **state)
{
    check_refused(*state,
                  "{\"channel\":{\"extension\":[" VENDOR
                  "," SECRET("whsec_****") "]}}",
                  NULL, "Subscription.channel.extension[1]");
    check_refused(*state,
                  "{\"channel\":{\"extension\":[" SECRET("whsec_****") "]}}",
                  "{\"channel\":{\"extension\":[" VENDOR "]}}",
                  "Subscription.channel.extension[0]");
}

static void
masked_headers_take_earlier_values_by_name_and_position(void **state)
{
    static const char before[] =
        "{\"channel\":{\"header\":[\"Authorization: one\",\"X-Key: \\u0061:b\","
        "\"authorization: two\"],\"extension\":[" SECRET(OLD) "]}}";

    check_completed(
        *state,
        "{\"channel\":{\"extension\":[" SECRET(
            OLD) "],\"header\":["
                 "\"X-Key: ****\",\"X-New: n\",\"AUTHORIZATION:****\","
                 "\"Authorization: \\u002a***\"]}}",
        before,
        "{\"channel\":{\"extension\":[" SECRET(
            OLD) "],\"header\":["
                 "\"X-Key: \\u0061:b\",\"X-New: n\",\"Authorization: one\","
                 "\"authorization: two\"]}}");
    /* a header that is spelled out takes a place of its name */
    check_completed(
        *state,
        "{\"channel\":{\"extension\":[" SECRET(
            OLD) "],\"header\":["
                 "\"Authorization: changed\",\"Authorization: ****\"]}}",
        before,
        "{\"channel\":{\"extension\":[" SECRET(
            OLD) "],\"header\":["
                 "\"Authorization: changed\",\"authorization: two\"]}}");
}

static void masked_header_without_earlier_one_is_refused(void **state)
{
    static const char before[] =
        "{\"channel\":{\"header\":[\"Authorization: one\"]}}";

    check_refused(*state, "{\"channel\":{\"header\":[\"A: b\",\"X: ****\"]}}",
                  NULL, "Subscription.channel.header[1]");
    check_refused(*state, "{\"channel\":{\"header\":[\"X: ****\"]}}", before,
                  "Subscription.channel.header[0]");
    check_refused(*state, "{\"channel\":{\"header\":[\"****\"]}}", before,
                  "Subscription.channel.header[0]");
    check_refused(*state,
                  "{\"channel\":{\"header\":[\"Authorization: ****\","
                  "\"Authorization: ****\"]}}",
                  before, "Subscription.channel.header[1]");
}

static void status_becomes_requested_and_error_goes(void **state)
{
    static const char *const cases[][2] = {
        {"{\"status\":\"active\",\"error\":\"x\"}",
         "{\"status\":\"requested\"}"},
        {"{\"status\":\"requested\"}", "{\"status\":\"requested\"}"},
        {"{\"status\":\"off\"}", "{\"status\":\"off\"}"},
        /* what is wrong is left for subscription_read() to refuse */
        {"{\"status\":\"error\"}", "{\"status\":\"error\"}"},
        {"{\"status\":7}", "{\"status\":7}"},
        {"{\"a\":1}", "{\"a\":1}"},
        {"{\"channel\":[]}", "{\"channel\":[]}"},
        {"{\"channel\":{\"extension\":{},\"header\":7}}",
         "{\"channel\":{\"extension\":{},\"header\":7}}"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_completed(*state, cases[i][0], NULL, cases[i][1]);
}

static void more_headers_than_allowed_are_left_to_the_reader(void **state)
{
    struct fixture *f = *state;

    buf_add_text(&f->again, "{\"channel\":{\"extension\":[" SECRET(
                                OLD) "],\"header\":[\"X: y\"");
    for (int i = 0; i < 200; i++)
        buf_add_text(&f->again, i < 31 ? ",\"X: y\"" : ",\"X: ****\"");
    buf_add_text(&f->again, "]}}");
    buf_add_char(&f->again, '\0');
    check_completed(f, f->again.p, NULL, f->again.p);
}

static void shown_text_sent_back_restores_every_value(void **state)
{
    static const char stored[] =
        "{\"status\":\"requested\",\"end\":\"2030-01-01T00:00:00Z\","
        "\"channel\":{\"header\":[\"A: 1\",\"B: 2:3\",\"A: 4\",\"C: \xc3\xa9\"]"
        ",\"extension\":[" SECRET(OLD) "," VENDOR "]},\"n\":1.10}";
    struct subscription_face face = {.status = STATUS_ERROR,
                                     .error = "gone wrong"};
    struct fixture *f = *state;
    const struct subscription_previous previous = {bytes_of(stored), NEW};
    const char *from = "\"status\":\"error\"";
    const char *at;

    assert_int_equal(subscription_show(bytes_of(stored), &face, &f->scratch,
                                       &f->again, &f->e),
                     ERR_OK);
    /* the client asks for a new start */
    buf_add_char(&f->again, '\0');
    at = strstr(f->again.p, from);
    assert_non_null(at);
    buf_add(&f->out, bytes_make(f->again.p, (size_t)(at - f->again.p)));
    buf_add_text(&f->out, "\"status\":\"active\"");
    buf_add_text(&f->out, at + strlen(from));
    buf_reset(&f->again);
    assert_int_equal(subscription_complete(buf_bytes(&f->out), &previous,
                                           &f->scratch, &f->again, &f->issues),
                     ERR_OK);
    assert_text(&f->again, stored);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(header_values_and_secret_are_masked),
        TEST(what_was_sent_in_clear_is_shown_to_the_sender),
        TEST(what_was_sent_masked_or_not_at_all_stays_masked),
        TEST(all_else_stays_byte_for_byte),
        TEST(error_is_added_replaced_and_removed),
        TEST(disguised_credentials_are_masked_too),
        TEST(most_headers_can_be_masked),
        TEST(too_small_output_is_an_error),
        TEST(lack_of_scratch_is_an_error),
        TEST(create_without_secret_gets_a_new_one),
        TEST(brought_secret_is_kept),
        TEST(update_keeps_the_secret_when_absent_or_masked),
        TEST(masked_secret_without_earlier_one_is_refused),
        TEST(masked_headers_take_earlier_values_by_name_and_position),
        TEST(masked_header_without_earlier_one_is_refused),
        TEST(status_becomes_requested_and_error_goes),
        TEST(more_headers_than_allowed_are_left_to_the_reader),
        TEST(shown_text_sent_back_restores_every_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
