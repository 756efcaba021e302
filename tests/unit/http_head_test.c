#include "server/http/head.h"
#include "server/http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static bool splits(const char *raw, const char *path, const char *query)
{
    struct http_target t = {{NULL, 0}, {NULL, 0}};

    return http_target_parse(bytes_of(raw), &t) && bytes_is(t.path, path) &&
           bytes_is(t.query, query);
}

static void target_is_split_at_the_first_question_mark(void **state)
{
    (void)state;
    assert_true(splits("/fhir/Patient", "/fhir/Patient", ""));
    assert_true(splits("/fhir?a=b%20c&d=?", "/fhir", "a=b%20c&d=?"));
    assert_true(splits("/?", "/", ""));
    assert_true(splits("*", "*", ""));
}

static void target_in_absolute_form_loses_scheme_and_authority(void **state)
{
    (void)state;
    assert_true(splits("http://h.example:80/a/b?c", "/a/b", "c"));
    assert_true(splits("HTTPS://h.example/a", "/a", ""));
    assert_true(splits("http://h.example", "/", ""));
    assert_true(splits("http://h.example?q=1", "/", "q=1"));
}

static void malformed_targets_are_refused(void **state)
{
    static const char *const bad[] = {
        "",         "Patient",   "/a#b",          "/a b",
        "/a\tb",    "/\xc3\xa4", "/a\x7f",        "http://",
        "http:///", "ftp://h/a", "h.example:443", "**",
        "?a=b",     "http://?a", "http://h/#"};
    struct http_target t;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (http_target_parse(bytes_of(bad[i]), &t))
            fail_msg("\"%s\" was taken", bad[i]);
}

static void note(struct http_head *h, const char *name, const char *value)
{
    http_head_add(h, bytes_of(name), bytes_of(value));
}

static const char *fault(const struct http_head *h)
{
    return http_head_fault(h, bytes_of("HTTP/1.1"));
}

static void ordinary_headers_pass(void **state)
{
    struct http_head h = {0};

    (void)state;
    note(&h, "host", "a.example");
    note(&h, "Content-length", "0042");
    note(&h, "X-Any", "\ttabs and \xc3\xa4 are fine");
    note(&h, "X-Empty", "");
    assert_null(fault(&h));
    assert_int_equal(h.length, 42);
}

static void chunked_passes_in_http_1_1_alone(void **state)
{
    struct http_head h = {0};

    (void)state;
    note(&h, "Host", "a.example");
    note(&h, "Transfer-Encoding", "Chunked");
    assert_null(fault(&h));
    assert_non_null(http_head_fault(&h, bytes_of("HTTP/1.0")));
}

/* Each row is two headers beside Host that must not pass together. */
static void headers_with_two_readings_are_refused(void **state)
{
    static const char *const bad[][4] = {
        {"Content-Length", "5", "Content-Length", "6"},
        {"Content-Length", "5", "Content-Length", "5"},
        {"Content-Length", "5", "Transfer-Encoding", "chunked"},
        {"Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"},
        {"Transfer-Encoding", "gzip, chunked", "X", "y"},
        {"Transfer-Encoding", "identity", "X", "y"},
        {"Transfer-Encodingchunked", "", "X", "y"},
        {"Content-Length5", "", "X", "y"},
        {"Content-Length ", "5", "X", "y"},
        {"Content-Length", "+5", "X", "y"},
        {"Content-Length", "", "X", "y"},
        {"Content-Length", "5, 5", "X", "y"},
        {"Content-Length", "0x5", "X", "y"},
        {"X Y", "5", "X", "y"},
        {"", "5", "X", "y"},
        {"X", "a\rContent-Length: 5", "X", "y"},
        {"X", "a\x01", "X", "y"},
        {"Host", "b.example", "X", "y"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_head h = {0};

        note(&h, "Host", "a.example");
        note(&h, bad[i][0], bad[i][1]);
        note(&h, bad[i][2], bad[i][3]);
        if (!fault(&h))
            fail_msg("row %zu passed", i);
    }
}

static void host_is_needed_from_http_1_1_on(void **state)
{
    struct http_head h = {0};

    (void)state;
    assert_non_null(fault(&h));
    assert_null(http_head_fault(&h, bytes_of("HTTP/1.0")));
}

static void huge_content_length_does_not_wrap(void **state)
{
    struct http_head h = {0};

    (void)state;
    note(&h, "Host", "a.example");
    note(&h, "Content-Length", "18446744073709551617");
    assert_true(h.length == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_is_split_at_the_first_question_mark),
        cmocka_unit_test(target_in_absolute_form_loses_scheme_and_authority),
        cmocka_unit_test(malformed_targets_are_refused),
        cmocka_unit_test(ordinary_headers_pass),
        cmocka_unit_test(chunked_passes_in_http_1_1_alone),
        cmocka_unit_test(headers_with_two_readings_are_refused),
        cmocka_unit_test(host_is_needed_from_http_1_1_on),
        cmocka_unit_test(huge_content_length_does_not_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
