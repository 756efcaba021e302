#include "fhir/outcome/outcome.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fhir/json/gate.h"

#define BEGIN "{\"resourceType\":\"OperationOutcome\",\"issue\":["
#define END "]}"

static void reads(struct buf *out, const char *want)
{
    assert_int_equal(buf_check(out, NULL), ERR_OK);
    if (!bytes_is(buf_bytes(out), want))
        fail_msg("%.*s\nis not\n%s", (int)out->n, out->p, want);
    assert_int_equal(json_gate(buf_bytes(out), NULL), ERR_OK);
    buf_fini(out);
}

static void writes(const struct err *e, const char *want)
{
    struct buf out;

    buf_init(&out, 1U << 20);
    outcome_write(&out, e);
    reads(&out, want);
}

static void every_code_has_its_status_and_issue_type(void **state)
{
    static const struct {
        enum err_code code;
        int status;
        const char *type;
    } table[] = {
        {ERR_OK, 200, "informational"},
        {ERR_SYNTAX, 400, "structure"},
        {ERR_INVALID, 400, "invalid"},
        {ERR_NOT_SUPPORTED, 400, "not-supported"},
        {ERR_FORBIDDEN, 403, "forbidden"},
        {ERR_NOT_FOUND, 404, "not-found"},
        {ERR_METHOD, 405, "not-supported"},
        {ERR_NOT_ACCEPTABLE, 406, "not-supported"},
        {ERR_TIMEOUT, 408, "timeout"},
        {ERR_CONFLICT, 409, "conflict"},
        {ERR_GONE, 410, "deleted"},
        {ERR_PRECONDITION, 412, "conflict"},
        {ERR_TOO_LARGE, 413, "too-long"},
        {ERR_MEDIA_TYPE, 415, "not-supported"},
        {ERR_UNPROCESSABLE, 422, "value"},
        {ERR_UNPROCESSABLE_REQUIRED, 422, "required"},
        {ERR_UNPROCESSABLE_STRUCTURE, 422, "structure"},
        {ERR_UNPROCESSABLE_CODE, 422, "code-invalid"},
        {ERR_UNPROCESSABLE_INVARIANT, 422, "invariant"},
        {ERR_TOO_COSTLY, 422, "too-costly"},
        {ERR_BUSY, 503, "throttled"},
        {ERR_FULL, 507, "no-store"},
        {ERR_NOMEM, 503, "transient"},
        {ERR_IO, 500, "exception"},
        {ERR_FORMAT, 500, "exception"},
        {ERR_STALE, 503, "transient"},
        {ERR_BUG, 500, "exception"},
    };

    (void)state;
    assert_int_equal(sizeof table / sizeof table[0], ERR_BUG + 1);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(table[i].code, i);
        assert_int_equal(outcome_http_status(table[i].code), table[i].status);
        assert_string_equal(outcome_issue_type(table[i].code), table[i].type);
    }
}

static void an_unknown_code_is_an_internal_error(void **state)
{
    (void)state;
    assert_int_equal(outcome_http_status((enum err_code)1000), 500);
    assert_string_equal(outcome_issue_type((enum err_code)1000), "exception");
}

static void statuses_lead_back_to_codes(void **state)
{
    (void)state;
    assert_int_equal(outcome_code_of_status(200), ERR_OK);
    assert_int_equal(outcome_code_of_status(304), ERR_OK);
    assert_int_equal(outcome_code_of_status(400), ERR_INVALID);
    assert_int_equal(outcome_code_of_status(401), ERR_FORBIDDEN);
    assert_int_equal(outcome_code_of_status(404), ERR_NOT_FOUND);
    assert_int_equal(outcome_code_of_status(405), ERR_METHOD);
    assert_int_equal(outcome_code_of_status(408), ERR_TIMEOUT);
    assert_int_equal(outcome_code_of_status(413), ERR_TOO_LARGE);
    assert_int_equal(outcome_code_of_status(414), ERR_TOO_LARGE);
    assert_int_equal(outcome_code_of_status(422), ERR_UNPROCESSABLE);
    assert_int_equal(outcome_code_of_status(431), ERR_TOO_LARGE);
    assert_int_equal(outcome_code_of_status(418), ERR_INVALID);
    assert_int_equal(outcome_code_of_status(429), ERR_BUSY);
    assert_int_equal(outcome_code_of_status(500), ERR_BUG);
    assert_int_equal(outcome_code_of_status(501), ERR_NOT_SUPPORTED);
    assert_int_equal(outcome_code_of_status(503), ERR_BUSY);
    assert_int_equal(outcome_code_of_status(507), ERR_FULL);
    assert_int_equal(outcome_code_of_status(599), ERR_BUG);
}

static void an_error_becomes_one_issue(void **state)
{
    struct err e;

    (void)state;
    (void)err_set(&e, ERR_NOT_FOUND, "no \"%s\"", "Patient/1");
    writes(&e, BEGIN "{\"severity\":\"error\",\"code\":\"not-found\","
                     "\"diagnostics\":\"no \\\"Patient/1\\\"\"}" END);
}

static void an_expression_is_written_when_there_is_one(void **state)
{
    struct err e;

    (void)state;
    (void)err_set_at(&e, ERR_UNPROCESSABLE_REQUIRED, "Subscription.reason",
                     "missing");
    writes(&e, BEGIN "{\"severity\":\"error\",\"code\":\"required\","
                     "\"diagnostics\":\"missing\",\"expression\":"
                     "[\"Subscription.reason\"]}" END);
}

static void internal_details_are_not_shown(void **state)
{
    static const enum err_code internal[] = {ERR_FULL,   ERR_NOMEM, ERR_IO,
                                             ERR_FORMAT, ERR_STALE, ERR_BUG};
    struct err e;
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof internal / sizeof internal[0]; i++) {
        buf_init(&out, 4096);
        (void)err_set_at(&e, internal[i], "Secret.path", "secret detail");
        outcome_write(&out, &e);
        buf_add_char(&out, '\0');
        assert_int_equal(buf_check(&out, NULL), ERR_OK);
        assert_null(strstr(out.p, "ecret"));
        assert_non_null(strstr(out.p, "\"diagnostics\":\"the "));
        buf_fini(&out);
    }
}

static void a_system_error_of_any_code_is_not_shown(void **state)
{
    struct err e;

    (void)state;
    (void)err_set_errno(&e, ERR_BUSY, EMFILE, "accept on /run/socket");
    writes(&e, BEGIN "{\"severity\":\"error\",\"code\":\"throttled\","
                     "\"diagnostics\":\"the server is busy, try again "
                     "later\"}" END);
}

static void an_error_without_words_gets_the_code_s(void **state)
{
    struct err e = {.code = ERR_GONE};

    (void)state;
    writes(&e, BEGIN "{\"severity\":\"error\",\"code\":\"deleted\","
                     "\"diagnostics\":\"the resource was deleted\"}" END);
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
    struct err e;

    (void)state;
    (void)err_set_at(&e, ERR_INVALID, "A.\xff", "\xc3\xa4 \xc3 \x80\xe2\x82");
    writes(&e, BEGIN "{\"severity\":\"error\",\"code\":\"invalid\","
                     "\"diagnostics\":\"\xc3\xa4 \xef\xbf\xbd "
                     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
                     "\"expression\":[\"A.\xef\xbf\xbd\"]}" END);
}

static void the_longest_texts_fit(void **state)
{
    struct err e;
    struct buf out;

    (void)state;
    memset(&e, 0, sizeof e);
    e.code = ERR_INVALID;
    memset(e.message, 0xff, sizeof e.message - 1);
    memset(e.expression, '"', sizeof e.expression - 1);
    buf_init(&out, 1U << 20);
    outcome_write(&out, &e);
    assert_int_equal(json_gate(buf_bytes(&out), NULL), ERR_OK);
    /* three bytes for each that is no UTF-8, two for each quote */
    assert_true(out.n >
                3 * (sizeof e.message - 1) + 2 * (sizeof e.expression - 1));
    buf_fini(&out);
}

static void all_issues_are_written_in_order(void **state)
{
    struct issues list = {.count = 0};
    struct err e;
    struct buf out;

    (void)state;
    issues_add(&list, ERR_UNPROCESSABLE, "S.a", "bad %d", 1);
    (void)err_set(&e, ERR_INVALID, "bad 2");
    issues_add_err(&list, &e);
    issues_add(&list, ERR_UNPROCESSABLE, "", "bad 3");
    buf_init(&out, 4096);
    outcome_write_issues(&out, &list);
    reads(&out, BEGIN "{\"severity\":\"error\",\"code\":\"value\","
                      "\"diagnostics\":\"bad 1\",\"expression\":[\"S.a\"]},"
                      "{\"severity\":\"error\",\"code\":\"invalid\","
                      "\"diagnostics\":\"bad 2\"},"
                      "{\"severity\":\"error\",\"code\":\"value\","
                      "\"diagnostics\":\"bad 3\"}" END);
}

static void issues_beyond_the_bound_are_counted(void **state)
{
    struct issues list = {.count = 0};
    struct err e;
    struct buf out;

    (void)state;
    (void)err_set(&e, ERR_INVALID, "one too many");
    for (int i = 0; i < ISSUES_MAX + 2; i++)
        issues_add(&list, ERR_INVALID, "", "number %d", i);
    issues_add_err(&list, &e);
    assert_int_equal(list.count, ISSUES_MAX);
    assert_int_equal(list.dropped, 3);
    assert_string_equal(list.items[ISSUES_MAX - 1].message, "number 63");
    buf_init(&out, 1U << 20);
    outcome_write_issues(&out, &list);
    assert_int_equal(json_gate(buf_bytes(&out), NULL), ERR_OK);
    buf_add_char(&out, '\0');
    assert_non_null(
        strstr(out.p, "\"diagnostics\":\"3 more issues are not shown\"}]}"));
    assert_null(strstr(out.p, "one too many"));
    buf_fini(&out);
}

static void no_issues_still_make_a_valid_outcome(void **state)
{
    struct issues list = {.count = 0};
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    outcome_write_issues(&out, &list);
    reads(&out, BEGIN "{\"severity\":\"information\",\"code\":"
                      "\"informational\",\"diagnostics\":"
                      "\"no issue was found\"}" END);
}

static void an_information_is_written(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    outcome_write_information(&out, "created Patient/1");
    reads(&out, BEGIN "{\"severity\":\"information\",\"code\":"
                      "\"informational\",\"diagnostics\":"
                      "\"created Patient/1\"}" END);
}

static void a_long_issue_text_is_cut(void **state)
{
    struct issues list = {.count = 0};
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    issues_add(&list, ERR_INVALID, text, "%s", text);
    assert_int_equal(strlen(list.items[0].message), ERR_MESSAGE_BYTES - 1);
    assert_int_equal(strlen(list.items[0].expression),
                     ERR_EXPRESSION_BYTES - 1);
}

static void a_full_buffer_fails_without_harm(void **state)
{
    struct err e;
    struct buf out;

    (void)state;
    (void)err_set(&e, ERR_INVALID, "bad");
    buf_init(&out, 60);
    outcome_write(&out, &e);
    assert_int_equal(buf_check(&out, NULL), ERR_TOO_LARGE);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_status_and_issue_type),
        cmocka_unit_test(an_unknown_code_is_an_internal_error),
        cmocka_unit_test(statuses_lead_back_to_codes),
        cmocka_unit_test(an_error_becomes_one_issue),
        cmocka_unit_test(an_expression_is_written_when_there_is_one),
        cmocka_unit_test(internal_details_are_not_shown),
        cmocka_unit_test(a_system_error_of_any_code_is_not_shown),
        cmocka_unit_test(an_error_without_words_gets_the_code_s),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(the_longest_texts_fit),
        cmocka_unit_test(all_issues_are_written_in_order),
        cmocka_unit_test(issues_beyond_the_bound_are_counted),
        cmocka_unit_test(no_issues_still_make_a_valid_outcome),
        cmocka_unit_test(an_information_is_written),
        cmocka_unit_test(a_long_issue_text_is_cut),
        cmocka_unit_test(a_full_buffer_fails_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
