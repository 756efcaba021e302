#include "server/cli/listen.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "server/cli/gate.h"
#include "server/cli/notice.h"
#include "server/cli/option.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define NOW_MS 1614265330000

/* ---- notices ---- */

#define STATUS(type, more)                                           \
    "{\"resource\":{\"resourceType\":\"Parameters\",\"parameter\":[" \
    "{\"name\":\"subscription\",\"valueReference\":{\"reference\":"  \
    "\"http://127.0.0.1:8080/fhir/Subscription/s1\"}},"              \
    "{\"name\":\"status\",\"valueCode\":\"active\"},"                \
    "{\"name\":\"type\",\"valueCode\":\"" type "\"},"                \
    "{\"name\":\"events-since-subscription-start\",\"valueString\":" \
    "\"2\"}" more "]}}"
#define EVENT(number, focus)                                          \
    ",{\"name\":\"notification-event\",\"part\":["                    \
    "{\"name\":\"event-number\",\"valueString\":\"" number "\"},"     \
    "{\"name\":\"timestamp\",\"valueInstant\":\"2026-01-02T03:04:05." \
    "900Z\"}" focus "]}"
#define FOCUS(reference)                                                       \
    ",{\"name\":\"focus\",\"valueReference\":{\"reference\":\"" reference "\"" \
    "}}"
#define BUNDLE(entries) \
    "{\"resourceType\":\"Bundle\",\"type\":\"history\",\"entry\":[" entries "]}"
#define AT "http://127.0.0.1:8080/fhir/"

static char *notice_of(const char *body, enum err_code expected)
{
    struct buf out;
    struct err e = {0};
    char *text;

    buf_init(&out, 1 << 20);
    assert_int_equal(notice_write(&out, bytes_of(body), &e), expected);
    if (expected != ERR_OK) {
        assert_int_equal(out.n, 0);
        assert_true(e.message[0] != '\0');
    }
    text = buf_take(&out, NULL);
    assert_non_null(text);
    return text;
}

static void expect_notice(const char *body, const char *expected)
{
    char *text = notice_of(body, ERR_OK);

    assert_string_equal(text, expected);
    free(text);
}

static void refuse_notice(const char *body, enum err_code expected)
{
    free(notice_of(body, expected));
}

static void handshake_is_one_line(void **state)
{
    (void)state;
    expect_notice(BUNDLE(STATUS("handshake", "")),
                  "handshake  Subscription/s1  status active  events so far "
                  "2\n");
}

static void empty_content_shows_numbers_without_focus(void **state)
{
    (void)state;
    expect_notice(
        BUNDLE(STATUS("event-notification", EVENT("2", ""))),
        "event-notification  Subscription/s1  status active  events so far 2\n"
        "  #2  2026-01-02T03:04:05.900Z  (no focus)\n");
}

static void full_resource_shows_interaction_and_summary(void **state)
{
    (void)state;
    expect_notice(
        BUNDLE(STATUS(
            "event-notification",
            EVENT(
                "1",
                FOCUS(
                    AT
                    "MedicationRequest/7"))) ",{\"fullUrl\":\"" AT
                                             "MedicationRequest/"
                                             "7\",\"resource\":"
                                             "{\"resourceType\":"
                                             "\"MedicationRequest\",\"id\":"
                                             "\"7\","
                                             "\"status\":\"active\"},"
                                             "\"request\":{\"method\":\"PUT\","
                                             "\"url\":\"MedicationRequest/"
                                             "7\"},\"response\":"
                                             "{\"status\":\"200\"}}"),
        "event-notification  Subscription/s1  status active  events so far 2\n"
        "  #1  2026-01-02T03:04:05.900Z  update  MedicationRequest/7\n"
        "      MedicationRequest/7, status active\n");
}

static void events_of_one_focus_claim_their_entries_in_order(void **state)
{
    char *text;

    (void)state;
    text = notice_of(
        BUNDLE(STATUS(
            "event-notification",
            EVENT("1", FOCUS(AT "Flag/7")) EVENT("2", FOCUS(AT "Flag/7")) EVENT(
                "3",
                FOCUS(AT
                      "Flag/7"))) ",{\"fullUrl\":\"" AT
                                  "Flag/7\",\"request\":{\"method\":"
                                  "\"PUT\"},\"response\":{\"status\":\"201\"}},"
                                  "{\"fullUrl\":\"" AT
                                  "Flag/7\",\"request\":{\"method\":"
                                  "\"PUT\"},\"response\":{\"status\":\"200\"}},"
                                  "{\"fullUrl\":\"" AT
                                  "Flag/7\",\"request\":{\"method\":"
                                  "\"DELETE\"},\"response\":{\"status\":"
                                  "\"204\"}}"),
        ERR_OK);
    assert_non_null(strstr(text, "#1  2026-01-02T03:04:05.900Z  create (PUT)"));
    assert_non_null(strstr(text, "#2  2026-01-02T03:04:05.900Z  update"));
    assert_non_null(strstr(text, "#3  2026-01-02T03:04:05.900Z  delete"));
    free(text);
}

static void control_characters_never_reach_the_terminal(void **state)
{
    char *text;

    (void)state;
    text = notice_of(BUNDLE(STATUS("\\u001b[2J\\u009b\\u007f\\nhandshake", "")),
                     ERR_OK);
    assert_non_null(strstr(text, "?[2J???handshake  "));
    for (const char *c = text; *c; c++)
        assert_true((unsigned char)*c >= 0x20 || *c == '\n');
    free(text);
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct buf out;
    char text[NOTICE_TEXT_BYTES + 8];

    (void)state;
    memset(text, 'a', sizeof text);
    text[NOTICE_TEXT_BYTES - 1] = (char)0xc3;
    text[NOTICE_TEXT_BYTES] = (char)0xa9;
    buf_init(&out, 1024);
    notice_add_plain(&out, bytes_make(text, sizeof text));
    assert_int_equal(out.n, NOTICE_TEXT_BYTES - 1 + 3);
    assert_memory_equal(out.p + out.n - 4, "a...", 4);
    buf_fini(&out);
}

static void bodies_that_are_no_json_are_refused(void **state)
{
    (void)state;
    refuse_notice("", ERR_SYNTAX);
    refuse_notice("{\"a\":1,\"a\":2}", ERR_SYNTAX);
    refuse_notice(BUNDLE("") "x", ERR_SYNTAX);
}

static void json_that_is_no_notification_is_refused(void **state)
{
    (void)state;
    refuse_notice("{}", ERR_UNPROCESSABLE);
    refuse_notice("{\"resourceType\":\"Patient\"}", ERR_UNPROCESSABLE);
    refuse_notice("{\"resourceType\":\"Bundle\"}", ERR_UNPROCESSABLE);
    refuse_notice(BUNDLE(""), ERR_UNPROCESSABLE);
    refuse_notice(BUNDLE("null"), ERR_UNPROCESSABLE);
    refuse_notice(BUNDLE("{\"resource\":{\"resourceType\":\"Patient\"}}"),
                  ERR_UNPROCESSABLE);
    refuse_notice("{\"resourceType\":\"Bundle\",\"entry\":{\"a\":{\"resource\":"
                  "{\"resourceType\":\"Parameters\"}}}}",
                  ERR_UNPROCESSABLE);
}

static void values_of_the_wrong_type_are_told_as_absent(void **state)
{
    (void)state;
    expect_notice(
        BUNDLE("{\"resource\":{\"resourceType\":\"Parameters\",\"parameter\":["
               "7,null,\"x\",{\"name\":\"type\",\"valueCode\":7},"
               "{\"name\":\"subscription\",\"valueReference\":\"x\"},"
               "{\"name\":\"notification-event\",\"part\":{}}]}},8"),
        "(no type)  (no subscription)  status (none)  events so far (not "
        "told)\n  #?  (no time)  (no focus)\n");
    expect_notice(
        BUNDLE("{\"resource\":{\"resourceType\":\"Parameters\"}}"),
        "(no type)  (no subscription)  status (none)  events so far (not "
        "told)\n");
}

/* ---- the receiver ---- */

static int64_t fixed_ms(void *ctx)
{
    (void)ctx;
    return NOW_MS;
}

static const struct clock fixed_clock = {fixed_ms, fixed_ms, NULL};

static void receive(const struct listener *l, const struct listener_message *m,
                    int status, const char *says)
{
    struct buf out;
    char *text;

    buf_init(&out, 1 << 20);
    assert_int_equal(listener_receive(l, m, &out), status);
    text = buf_take(&out, NULL);
    assert_non_null(text);
    if (!strstr(text, says))
        fail_msg("\"%s\" does not say \"%s\"", text, says);
    assert_memory_equal(text, "2021-02-25T15:02:10.000Z  ", 26);
    assert_true(text[strlen(text) - 1] == '\n');
    free(text);
}

#define HANDSHAKE BUNDLE(STATUS("handshake", ""))

static void without_a_secret_the_signature_is_not_checked(void **state)
{
    const struct listener l = {.clock = &fixed_clock};
    struct listener_message m = {.method = bytes_of("POST"),
                                 .body = bytes_of(HANDSHAKE)};

    (void)state;
    receive(&l, &m, 200, "signature not checked  handshake");
}

static void only_posts_are_taken(void **state)
{
    const struct listener l = {.clock = &fixed_clock};
    struct listener_message m = {.method = bytes_of("GET")};

    (void)state;
    receive(&l, &m, 405, "answered 405: not a POST but GET");
}

static void malformed_bundles_are_reported(void **state)
{
    const struct listener l = {.clock = &fixed_clock};
    struct listener_message m = {.method = bytes_of("POST"),
                                 .body = bytes_of("{\"resourceType\":7}")};

    (void)state;
    receive(&l, &m, 400, "answered 400: malformed: not a Bundle");
}

static void signatures_are_checked_with_a_secret(void **state)
{
    struct listener l = {.clock = &fixed_clock};
    struct listener_message m = {.method = bytes_of("POST"),
                                 .body = bytes_of(HANDSHAKE)};
    struct signature_message signed_as = {bytes_of("msg_s1_1_1"), NOW_MS / 1000,
                                          bytes_of(HANDSHAKE)};
    char signature[SIGNATURE_TEXT_BYTES];
    struct err e;

    (void)state;
    assert_int_equal(signature_key_parse(bytes_of(SECRET), &l.key, &e), ERR_OK);
    assert_int_equal(signer_new(&l.signer, &e), ERR_OK);
    assert_int_equal(signer_sign(l.signer, &l.key, &signed_as, signature, &e),
                     ERR_OK);
    m.headers = (struct signature_headers){
        bytes_of("msg_s1_1_1"), bytes_of("1614265330"), bytes_of(signature)};
    receive(&l, &m, 200, "signature verified  handshake");
    m.headers.timestamp = bytes_of("1614265331");
    receive(&l, &m, 401, "answered 401: signature refused: ");
    m.headers = (struct signature_headers){.id = bytes_of("msg_s1_1_1")};
    receive(&l, &m, 401, "answered 401: signature refused: ");
    signer_free(l.signer);
    signature_key_fini(&l.key);
}

/* ---- the gate ---- */

/* A handler that sleeps once and counts what reached it. */
struct behind {
    unsigned handled;
    unsigned refused;
    bool sleep;
};

static enum http_next behind_handle(void *ctx, struct http_request *request,
                                    struct http_response *response)
{
    struct behind *b = ctx;

    b->handled++;
    if (!request->app && b->sleep) {
        request->app = b;
        return HTTP_WAIT;
    }
    response->status = 200;
    return HTTP_REPLY;
}

static void behind_refuse(void *ctx, int status, const char *reason,
                          struct http_response *response)
{
    struct behind *b = ctx;

    (void)reason;
    b->refused++;
    response->status = status;
}

static void behind_done(void *ctx, struct http_request *request)
{
    (void)ctx;
    request->app = NULL;
}

static void closed_gate_lets_sleepers_finish_and_refuses_others(void **state)
{
    struct behind b = {.sleep = true};
    struct gate g;
    struct http_handler h;
    struct http_request sleeper = {0};
    struct http_request late = {0};
    struct http_response response = {0};

    (void)state;
    gate_init(&g, (struct http_handler){&b, behind_handle, behind_refuse,
                                        behind_done});
    h = gate_handler(&g);
    gate_open(&g);
    assert_int_equal(h.handle(h.ctx, &sleeper, &response), HTTP_WAIT);
    assert_int_equal(gate_inside(&g), 1);
    gate_close(&g);
    assert_int_equal(h.handle(h.ctx, &late, &response), HTTP_REPLY);
    assert_int_equal(response.status, 503);
    assert_true(response.close);
    assert_int_equal(gate_inside(&g), 1);
    assert_int_equal(h.handle(h.ctx, &sleeper, &response), HTTP_REPLY);
    assert_int_equal(response.status, 200);
    assert_int_equal(gate_inside(&g), 0);
    assert_int_equal(b.handled, 2);
    assert_int_equal(b.refused, 1);
}

static void gate_is_closed_until_it_is_opened(void **state)
{
    struct behind b = {0};
    struct gate g;
    struct http_handler h;
    struct http_request r = {0};
    struct http_response response = {0};

    (void)state;
    gate_init(&g, (struct http_handler){&b, behind_handle, behind_refuse,
                                        behind_done});
    h = gate_handler(&g);
    assert_int_equal(h.handle(h.ctx, &r, &response), HTTP_REPLY);
    assert_int_equal(response.status, 503);
    assert_int_equal(b.handled, 0);
    gate_open(&g);
    assert_int_equal(h.handle(h.ctx, &r, &response), HTTP_REPLY);
    assert_int_equal(response.status, 200);
    assert_int_equal(gate_inside(&g), 0);
}

/* ---- names ---- */

static const char *known_name(const void *ctx, size_t i)
{
    const char *const *names = ctx;

    return names[i];
}

static void nearest_name_is_within_a_slip_of_the_finger(void **state)
{
    static const char *const names[] = {"serve", "topics", "listen"};

    (void)state;
    assert_string_equal(option_nearest(bytes_of("srve"), known_name, names, 3),
                        "serve");
    assert_string_equal(option_nearest(bytes_of("topic"), known_name, names, 3),
                        "topics");
    assert_null(option_nearest(bytes_of("backup"), known_name, names, 3));
    assert_null(option_nearest(bytes_of("x"), known_name, names, 3));
    assert_null(option_nearest(bytes_of(""), known_name, names, 3));
    assert_null(option_nearest(
        bytes_of("a-name-that-is-longer-than-any-option-could-ever-be"),
        known_name, names, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_is_one_line),
        cmocka_unit_test(empty_content_shows_numbers_without_focus),
        cmocka_unit_test(full_resource_shows_interaction_and_summary),
        cmocka_unit_test(events_of_one_focus_claim_their_entries_in_order),
        cmocka_unit_test(control_characters_never_reach_the_terminal),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(bodies_that_are_no_json_are_refused),
        cmocka_unit_test(json_that_is_no_notification_is_refused),
        cmocka_unit_test(values_of_the_wrong_type_are_told_as_absent),
        cmocka_unit_test(without_a_secret_the_signature_is_not_checked),
        cmocka_unit_test(only_posts_are_taken),
        cmocka_unit_test(malformed_bundles_are_reported),
        cmocka_unit_test(signatures_are_checked_with_a_secret),
        cmocka_unit_test(closed_gate_lets_sleepers_finish_and_refuses_others),
        cmocka_unit_test(gate_is_closed_until_it_is_opened),
        cmocka_unit_test(nearest_name_is_within_a_slip_of_the_finger),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
