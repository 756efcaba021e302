#include "fhir/subscription/wire.h"

#include "fhir/subscription/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void refuse_all(enum err_code (*check)(struct bytes, struct err *),
                       const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err e = {.code = ERR_OK};

        if (check(bytes_of(texts[i]), &e) != ERR_UNPROCESSABLE)
            fail_msg("'%s' was not refused", texts[i]);
        assert_string_not_equal(e.message, "");
    }
}

static void accept_all(enum err_code (*check)(struct bytes, struct err *),
                       const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err e = {.code = ERR_OK};

        if (check(bytes_of(texts[i]), &e) != ERR_OK)
            fail_msg("'%s' was refused: %s", texts[i], e.message);
    }
}

static void bad_endpoints_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "hook",
                                        "/hook",
                                        "//hook.example.org/in",
                                        "hook.example.org/in",
                                        "ftp://hook.example.org/in",
                                        "gopher://hook.example.org/",
                                        "mailto:ward@example.org",
                                        "file:///etc/passwd",
                                        "https:hook.example.org",
                                        "https://",
                                        "https:///in",
                                        "https://:443/in",
                                        "https://hook.example.org:/in",
                                        "https://hook.example.org:0/in",
                                        "https://hook.example.org:65536/in",
                                        "https://hook.example.org:080/in",
                                        "https://hook.example.org:8o/in",
                                        "https://hook.example.org:80:81/in",
                                        "https://user@hook.example.org/in",
                                        "https://u:p@hook.example.org/in",
                                        "https://127.0.0.1\\@example.org/",
                                        "https://hook.example.org/in#part",
                                        "https://hook.example.org#",
                                        "https://hook.example.org/a b",
                                        " https://hook.example.org/",
                                        "https://hook.example.org/\n",
                                        "https://hook.example.org/\r\nX: y",
                                        "https://hook.example.org/\177",
                                        "https://hook.example.org/\303\251",
                                        "https://h\342\221\240.example.org/",
                                        "https://[::1/in",
                                        "https://[]/in",
                                        "https://[::1]x/in",
                                        "https://[::1]:x/in",
                                        "https://[fe80::1%25lo]/in",
                                        "https://a%2eb/in",
                                        "https://hook.example.org/<x>"};

    (void)state;
    refuse_all(wire_check_endpoint, texts, COUNT(texts));
}

static void good_endpoints_are_accepted(void **state)
{
    static const char *const texts[] = {"https://h",
                                        "https://h/",
                                        "http://127.0.0.1:8081/hook?x=1&y=%20",
                                        "https://[::1]:8443/hook",
                                        "https://[2001:db8::1]",
                                        "HTTPS://H.example",
                                        "https://hook_1.example.org:65535?a@b",
                                        "https://h/:@!$&'()*+,;=-._~"};

    (void)state;
    accept_all(wire_check_endpoint, texts, COUNT(texts));
}

static void bad_media_types_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ";",
        "application/fhir+xml",
        "text/plain",
        "application",
        "application/fhir+json2",
        "application/json, text/plain",
        "application/fhir+json; fhirVersion=4.3",
        "application/fhir+json; fhirVersion=5.0",
        "application/fhir+json; fhirVersion=",
        "application/fhir+json; fhirVersion",
        "application/fhir+json; fhirVersion=4.0; fhirVersion=4.0",
        "application/fhir+json; charset=latin-1",
        "application/fhir+json; charset=utf-8; charset=utf-8",
        "application/fhir+json; q=1",
        "application/fhir+json;",
        "application/fhir+json;;charset=utf-8",
        "application/fhir+json; fhirVersion = 4.0",
        " application/fhir+json",
        "application/fhir+json ",
        "application/fhir+json\r\nX-Injected: 1",
        "application/fhir+json; charset=utf-8\n"};

    (void)state;
    refuse_all(wire_check_media_type, texts, COUNT(texts));
}

static void good_media_types_are_accepted(void **state)
{
    static const char *const texts[] = {
        "application/fhir+json",
        "application/json",
        "Application/FHIR+json",
        "application/fhir+json; fhirVersion=4.0",
        "application/fhir+json;fhirVersion=4.0.1",
        "application/json ;charset=UTF-8 ; fhirversion=\"4.0\""};

    (void)state;
    accept_all(wire_check_media_type, texts, COUNT(texts));
}

static enum err_code check_header(struct bytes line, struct err *e)
{
    struct wire_header header;

    return wire_check_header(line, &header, e);
}

static void bad_headers_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "X-Ward",
                                        ": 7",
                                        "X-Ward:",
                                        "X-Ward:  ",
                                        " X-Ward: 7",
                                        "X-Ward : 7",
                                        "X Ward: 7",
                                        "X-W\303\244rd: 7",
                                        "X-Ward: 7\r\nX-Other: 8",
                                        "X-Ward: 7\nX-Other: 8",
                                        "X-Ward: 7\001",
                                        "X-Ward: 7\177",
                                        "X\r: 7",
                                        "Host: other.example.org",
                                        "hOST: other.example.org",
                                        "Connection: close",
                                        "Content-Length: 3",
                                        "content-type: text/plain",
                                        "Content-Encoding: gzip",
                                        "Content-Security-Policy: x",
                                        "Transfer-Encoding: chunked",
                                        "Expect: 100-continue",
                                        "TE: trailers",
                                        "Trailer: x",
                                        "Trailers: x",
                                        "Upgrade: h2c",
                                        "Keep-Alive: 5",
                                        "Proxy-Authorization: x",
                                        "proxy-connection: x",
                                        "Webhook-Id: 1",
                                        "webhook-signature: v1,x",
                                        "Webhook-Anything: x",
                                        "User-Agent: x",
                                        "X-Amz-Target: x",
                                        "X-Goog-Api: x",
                                        "Cache-Control: x"};

    (void)state;
    refuse_all(check_header, texts, COUNT(texts));
}

static void headers_are_split_at_the_first_colon_and_trimmed(void **state)
{
    static const char *const cases[][3] = {
        {"Authorization: Bearer a:b=", "Authorization", "Bearer a:b="},
        {"X:y", "X", "y"},
        {"x-w!#$%&'*+.^_`|~9:\t a\tb\303\251 \t", "x-w!#$%&'*+.^_`|~9",
         "a\tb\303\251"},
        {"Contents: x", "Contents", "x"},
        {"Hosts: x", "Hosts", "x"},
        {"Tea: x", "Tea", "x"},
        {"X: ::", "X", "::"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err e = {.code = ERR_OK};
        struct wire_header header;

        if (wire_check_header(bytes_of(cases[i][0]), &header, &e) != ERR_OK)
            fail_msg("'%s' was refused: %s", cases[i][0], e.message);
        assert_true(bytes_is(header.name, cases[i][1]));
        assert_true(bytes_is(header.value, cases[i][2]));
    }
}

static void nul_in_a_text_is_refused(void **state)
{
    struct wire_header header;
    struct err e;

    (void)state;
    assert_int_equal(wire_check_endpoint(bytes_make("https://h\0x", 11), &e),
                     ERR_UNPROCESSABLE);
    assert_int_equal(
        wire_check_media_type(bytes_make("application/json\0", 17), &e),
        ERR_UNPROCESSABLE);
    assert_int_equal(wire_check_header(bytes_make("X\0: y", 6), &header, &e),
                     ERR_UNPROCESSABLE);
    assert_int_equal(wire_check_header(bytes_make("X: y\0", 5), &header, &e),
                     ERR_UNPROCESSABLE);
}

static enum err_code check_padded(enum err_code (*check)(struct bytes,
                                                         struct err *),
                                  const char *head, size_t n)
{
    char text[SUBSCRIPTION_HEADER_BYTES_MAX + 1];
    struct err e;

    assert_true(n <= sizeof text);
    memset(text, 'a', sizeof text);
    memcpy(text, head, strlen(head));
    return check(bytes_make(text, n), &e);
}

static void lengths_are_bounded(void **state)
{
    static const char url[] = "https://hook.example.org/";

    (void)state;
    assert_int_equal(
        check_padded(wire_check_endpoint, url, SUBSCRIPTION_ENDPOINT_BYTES_MAX),
        ERR_OK);
    assert_int_equal(check_padded(wire_check_endpoint, url,
                                  SUBSCRIPTION_ENDPOINT_BYTES_MAX + 1),
                     ERR_UNPROCESSABLE);
    assert_int_equal(
        check_padded(check_header, "X: ", SUBSCRIPTION_HEADER_BYTES_MAX),
        ERR_OK);
    assert_int_equal(
        check_padded(check_header, "X: ", SUBSCRIPTION_HEADER_BYTES_MAX + 1),
        ERR_UNPROCESSABLE);
    assert_int_equal(
        check_padded(wire_check_media_type, "application/json; charset=", 200),
        ERR_UNPROCESSABLE);
}

/* 24 and 64 bytes are the ends; in between each number of pads. */
static void good_secrets_are_accepted(void **state)
{
    static const char *const texts[] = {
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ("whsec_//////////////////////////////////////////"
         "++++++++++++++++++++++"
         "++++++++++++++++++++AA==")};

    (void)state;
    accept_all(wire_check_secret, texts, COUNT(texts));
}

static void bad_secrets_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "whsec_",
        "whsec_****",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "WHSEC_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB==",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_",
        "whsec_AAAAAAAAAAAAAAAA=AAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA====",
        "whsec_ AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ("whsec_///////////////////////////////////////////////////////////////"
         "/"
         "//////////////////////A=")};

    (void)state;
    refuse_all(wire_check_secret, texts, COUNT(texts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_endpoints_are_refused),
        cmocka_unit_test(good_endpoints_are_accepted),
        cmocka_unit_test(bad_media_types_are_refused),
        cmocka_unit_test(good_media_types_are_accepted),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(headers_are_split_at_the_first_colon_and_trimmed),
        cmocka_unit_test(nul_in_a_text_is_refused),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(good_secrets_are_accepted),
        cmocka_unit_test(bad_secrets_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
