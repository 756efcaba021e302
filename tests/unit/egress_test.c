#include "server/security/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct egress_rules *rules_of(const char *text)
{
    struct egress_rules *r;
    struct err e;

    assert_int_equal(egress_new(&r, NULL), ERR_OK);
    assert_int_equal(egress_add(r, bytes_of(text), "rules", &e), ERR_OK);
    return r;
}

static bool is_address_allowed(const struct egress_rules *r, const char *text)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
        return egress_check_address(r, (const struct sockaddr *)&in4);
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return egress_check_address(r, (const struct sockaddr *)&in6);
}

static bool is_url_allowed(const struct egress_rules *r, const char *url)
{
    struct err e = {0};
    enum err_code code = egress_check_url(r, url, &e);

    assert_true(code == ERR_OK || code == ERR_UNPROCESSABLE);
    if (code != ERR_OK)
        assert_true(strlen(e.message) > 10);
    return code == ERR_OK;
}

static const char *const special[] = {
    /* IPv4 */
    "0.0.0.0", "0.255.255.255", "10.0.0.1", "10.255.255.255", "100.64.0.1",
    "100.127.255.255", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    /* IPv6, and IPv4 in its many coats */
    "::", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::127.0.0.1", "::ffff:0:7f00:1", "::5efe:7f00:1", "64:ff9b::7f00:1",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:1ff::1", "2001:db8::1",
    "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fd7a:115c:a1e0::1", "fe80::1", "fec0::1", "ff02::1", "4000::1"};

static const char *const ordinary[] = {
    "1.1.1.1",         "8.8.8.8",     "9.255.255.255",   "11.0.0.0",
    "100.63.255.255",  "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0", "172.15.255.255",  "172.32.0.0",
    "192.0.1.0",       "192.0.3.0",   "192.167.255.255", "192.169.0.0",
    "198.17.255.255",  "198.20.0.0",  "223.255.255.255", "::ffff:8.8.8.8",
    "2000::1",         "2001:200::1", "2600::1",         "2a00:1450::1",
    "3ffe::1"};

static void special_addresses_are_refused(void **state)
{
    struct egress_rules *r = rules_of("");

    (void)state;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (is_address_allowed(r, special[i]))
            fail_msg("%s passed", special[i]);
    }
    egress_free(r);
}

static void ordinary_addresses_pass(void **state)
{
    struct egress_rules *r = rules_of("");

    (void)state;
    for (size_t i = 0; i < sizeof ordinary / sizeof *ordinary; i++) {
        if (!is_address_allowed(r, ordinary[i]))
            fail_msg("%s was refused", ordinary[i]);
    }
    egress_free(r);
}

static void belfry_does_not_call_itself(void **state)
{
    struct egress_rules *r = rules_of("allow http\nallow loopback\n"
                                      "allow port any");
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct sockaddr_in6 at6 = {.sin6_family = AF_INET6};
    char url[600];

    (void)state;
    assert_true(is_url_allowed(r, "http://127.0.0.1:8080/hook"));
    assert_int_equal(egress_set_own(r, "http://127.0.0.1:8080",
                                    "https://hospital.example/api/fhir", NULL),
                     ERR_OK);
    assert_false(is_url_allowed(r, "http://127.0.0.1:8080"));
    assert_false(is_url_allowed(r, "http://127.0.0.1:8080/fhir/Bundle"));
    assert_false(is_url_allowed(r, "http://127.1:8080/hook"));
    assert_false(is_url_allowed(r, "http://[::1]:8080/hook"));
    assert_false(is_url_allowed(r, "https://hospital.example/api/fhir"));
    assert_false(is_url_allowed(r, "https://HOSPITAL.example:443/api/fhir/?x"));
    assert_true(snprintf(url, sizeof url,
                         "https://hospital.example/api/fhir/%0400d", 7) > 0);
    assert_false(is_url_allowed(r, url));
    assert_true(snprintf(url, sizeof url, "https://hospital.example/api/%0400d",
                         7) > 0);
    assert_true(is_url_allowed(r, url));
    assert_true(is_url_allowed(r, "https://hospital.example/api/fhirhook"));
    assert_true(is_url_allowed(r, "https://hospital.example/hook"));
    assert_true(is_url_allowed(r, "http://127.0.0.1:8081/hook"));
    assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &at.sin_addr), 1);
    at.sin_port = htons(8080);
    assert_false(egress_check_address(r, (struct sockaddr *)&at));
    at.sin_port = htons(8081);
    assert_true(egress_check_address(r, (struct sockaddr *)&at));
    at6.sin6_addr = in6addr_loopback;
    at6.sin6_port = htons(8080);
    assert_false(egress_check_address(r, (struct sockaddr *)&at6));
    egress_free(r);
}

static void other_families_are_refused(void **state)
{
    struct egress_rules *r = rules_of("");
    struct sockaddr a = {.sa_family = AF_UNIX};
    struct sockaddr_in6 scoped = {.sin6_family = AF_INET6, .sin6_scope_id = 2};

    (void)state;
    assert_false(egress_check_address(r, &a));
    assert_int_equal(inet_pton(AF_INET6, "2600::1", &scoped.sin6_addr), 1);
    assert_false(egress_check_address(r, (struct sockaddr *)&scoped));
    egress_free(r);
}

static void networks_open_private_addresses(void **state)
{
    struct egress_rules *r = rules_of("allow network 10.1.0.0/16\n"
                                      "allow network fd12:3456::/32\n"
                                      "allow network 192.168.4.128/25\n");

    (void)state;
    assert_true(is_address_allowed(r, "10.1.0.1"));
    assert_true(is_address_allowed(r, "10.1.255.255"));
    assert_true(is_address_allowed(r, "::ffff:10.1.0.1"));
    assert_false(is_address_allowed(r, "10.2.0.1"));
    assert_false(is_address_allowed(r, "10.0.255.255"));
    assert_true(is_address_allowed(r, "fd12:3456::1"));
    assert_false(is_address_allowed(r, "fd12:3457::1"));
    assert_true(is_address_allowed(r, "192.168.4.200"));
    assert_false(is_address_allowed(r, "192.168.4.127"));
    assert_false(is_address_allowed(r, "127.0.0.1"));
    egress_free(r);
}

static void no_network_opens_loopback_or_metadata(void **state)
{
    struct egress_rules *r = rules_of("allow network 0.0.0.0/0\n"
                                      "allow network ::/0\n");

    (void)state;
    assert_true(is_address_allowed(r, "10.0.0.1"));
    assert_true(is_address_allowed(r, "fc00::1"));
    assert_false(is_address_allowed(r, "127.0.0.1"));
    assert_false(is_address_allowed(r, "::1"));
    assert_false(is_address_allowed(r, "169.254.169.254"));
    assert_false(is_address_allowed(r, "100.100.100.200"));
    assert_false(is_address_allowed(r, "fd00:ec2::254"));
    assert_false(is_address_allowed(r, "fe80::1"));
    assert_false(is_address_allowed(r, "0.0.0.0"));
    assert_false(is_address_allowed(r, "224.0.0.1"));
    egress_free(r);
}

static void loopback_opens_loopback_alone(void **state)
{
    struct egress_rules *r = rules_of("allow loopback");

    (void)state;
    assert_true(is_address_allowed(r, "127.0.0.1"));
    assert_true(is_address_allowed(r, "127.9.9.9"));
    assert_true(is_address_allowed(r, "::1"));
    assert_true(is_address_allowed(r, "::ffff:127.0.0.1"));
    assert_false(is_address_allowed(r, "10.0.0.1"));
    assert_false(is_address_allowed(r, "0.0.0.0"));
    egress_free(r);
}

static void https_on_usual_ports_passes(void **state)
{
    struct egress_rules *r = rules_of("");

    (void)state;
    assert_true(is_url_allowed(r, "https://pharmacy.example/hook"));
    assert_true(is_url_allowed(r, "https://pharmacy.example:443/hook?a=b"));
    assert_true(is_url_allowed(r, "https://pharmacy.example:8443"));
    assert_true(is_url_allowed(r, "HTTPS://Pharmacy.Example/"));
    assert_true(is_url_allowed(r, "https://8.8.8.8/"));
    assert_true(is_url_allowed(r, "https://[2600::1]/"));
    assert_true(is_url_allowed(r, "https://xn--bcher-kva.example/"));
    assert_true(is_url_allowed(r, "https://host_1.example/"));
    egress_free(r);
}

/* digits in circles, and the full stop of Chinese */
#define CIRCLED_DIGITS \
    "https://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.\xe2\x93\xaa/"
#define IDEOGRAPHIC_STOPS \
    "https://127\xe3\x80\x82\x30\xe3\x80\x82\x30\xe3\x80\x82\x31/"

static const char *const bad_urls[] = {
    "", "x", "/hook", "pharmacy.example/hook", "http://pharmacy.example/",
    "ftp://pharmacy.example/", "gopher://pharmacy.example/",
    "file:///etc/passwd", "mailto:a@b.example", "https://",
    "https:/lab.example/", "https:lab.example", "https:///hook",
    "https://pharmacy.example:80/", "https://pharmacy.example:22/",
    "https://pharmacy.example:0/", "https://pharmacy.example:65536/",
    "https://pharmacy.example:x/", "https://user@pharmacy.example/",
    "https://user:pw@pharmacy.example/", "https://:pw@pharmacy.example/",
    "https://pharmacy.example/#part", "https://pharmacy.example/a b",
    "https://pharmacy.example/\r\nX: y", "https://pharmacy.example/\x7f",
    "https://127.0.0.1\\@evil.example/", "https://a@127.0.0.1:80@evil.example",
    "https://pharmacy.example./", "https://.example/", "https://a..example/",
    "https://[127.0.0.1]/", "https://[::1]/", "https://[::ffff:7f00:1]/",
    "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25lo]/",
    "https://[2600::1", "https://[]/",
    /* 127.0.0.1 in disguise */
    "https://127.0.0.1/", "https://127.1/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/",
    "https://%31%32%37.0.0.1/", "https://127.0.0.1./", "https://0/",
    "https://0x7f.0.0.0x1.0x1/", "https://1.2.3.4.5/", CIRCLED_DIGITS,
    IDEOGRAPHIC_STOPS};

static void bad_urls_are_refused(void **state)
{
    struct egress_rules *r = rules_of("");

    (void)state;
    for (size_t i = 0; i < sizeof bad_urls / sizeof *bad_urls; i++) {
        if (is_url_allowed(r, bad_urls[i]))
            fail_msg("%s passed", bad_urls[i]);
    }
    egress_free(r);
}

static void disguises_become_the_address_they_are(void **state)
{
    static const char *const urls[] = {
        "http://127.1:8080/", "http://2130706433:8080/",
        "http://0x7f000001:8080/", "http://0177.0.0.1:8080/"};
    struct egress_target t;

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        assert_int_equal(egress_parse_url(urls[i], &t, NULL), ERR_OK);
        assert_string_equal(t.host, "127.0.0.1");
        assert_true(t.literal);
        assert_int_equal(t.port, 8080);
    }
}

static void long_urls_are_refused(void **state)
{
    struct egress_rules *r = rules_of("");
    char url[EGRESS_URL_BYTES_MAX + 2] = "https://pharmacy.example/";
    size_t n = strlen(url);

    (void)state;
    memset(url + n, 'a', sizeof url - n - 1);
    assert_false(is_url_allowed(r, url));
    url[EGRESS_URL_BYTES_MAX] = '\0';
    assert_true(is_url_allowed(r, url));
    egress_free(r);
}

static void parts_are_canonical(void **state)
{
    struct egress_target t;

    (void)state;
    assert_int_equal(egress_parse_url("https://Lab.Example/x", &t, NULL),
                     ERR_OK);
    assert_string_equal(t.host, "lab.example");
    assert_true(t.tls);
    assert_int_equal(t.port, 443);
    assert_false(t.literal);
    assert_int_equal(egress_parse_url("http://[2600::1]:9000/", &t, NULL),
                     ERR_OK);
    assert_string_equal(t.host, "2600::1");
    assert_false(t.tls);
    assert_int_equal(t.port, 9000);
    assert_true(t.literal);
    assert_int_equal(t.address.ss_family, AF_INET6);
}

static void rules_open_http_and_ports(void **state)
{
    struct egress_rules *r = rules_of("# lab network\n"
                                      "\n"
                                      "  allow\thttp   # plain\r\n"
                                      "allow port 9000");

    (void)state;
    assert_true(is_url_allowed(r, "http://lab.example/"));
    assert_true(is_url_allowed(r, "http://lab.example:9000/"));
    assert_true(is_url_allowed(r, "https://lab.example:9000/"));
    assert_false(is_url_allowed(r, "http://lab.example:9001/"));
    assert_false(is_url_allowed(r, "https://lab.example:80/"));
    egress_free(r);
    r = rules_of("allow port any");
    assert_true(is_url_allowed(r, "https://lab.example:9001/"));
    assert_false(is_url_allowed(r, "http://lab.example:9001/"));
    egress_free(r);
}

static void dev_allows_what_is_near(void **state)
{
    struct egress_rules *r = rules_of("");

    (void)state;
    egress_allow_dev(r);
    assert_true(is_url_allowed(r, "http://127.0.0.1:9000/"));
    assert_true(is_url_allowed(r, "http://localhost:9000/"));
    assert_true(is_url_allowed(r, "http://[::1]:9000/"));
    assert_true(is_url_allowed(r, "http://192.168.1.5/"));
    assert_false(is_url_allowed(r, "http://169.254.169.254/"));
    assert_false(is_url_allowed(r, "http://0.0.0.0:9000/"));
    assert_false(is_url_allowed(r, "ftp://127.0.0.1/"));
    egress_free(r);
}

static void bad_rules_are_named_by_line(void **state)
{
    static const char *const bad[] = {
        "deny http",
        "allow",
        "allow https",
        "allow http now",
        "allow port",
        "allow port 0",
        "allow port 65536",
        "allow port x",
        "allow port 1 2",
        "allow network",
        "allow network 10.1.0.0",
        "allow network 10.1.0.0/33",
        "allow network 10.1.2.3/16",
        "allow network fd00::/129",
        "allow network fd00::1/64",
        "allow network lab/8",
        "allow network 10.0.0.0/8 x",
        "ALLOW http",
        "allow loopback x",
        "allow network 1111:2222:3333:4444:5555:6666:7777:8888:9999:0000/3"};
    char text[160];
    struct egress_rules *r;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(
            snprintf(text, sizeof text, "# one\nallow http\n%s\n", bad[i]) > 0);
        assert_int_equal(egress_new(&r, NULL), ERR_OK);
        if (egress_add(r, bytes_of(text), "site.rules", &e) != ERR_INVALID)
            fail_msg("'%s' passed", bad[i]);
        assert_non_null(strstr(e.message, "site.rules, line 3:"));
        egress_free(r);
    }
}

static void too_many_rules_are_refused(void **state)
{
    struct egress_rules *r = rules_of("");
    enum err_code code = ERR_OK;
    int added = 0;

    (void)state;
    while (code == ERR_OK && added < 1000) {
        code = egress_add(r, bytes_of("allow network 10.0.0.0/8"), "x", NULL);
        added++;
    }
    assert_int_equal(code, ERR_INVALID);
    assert_int_equal(added, EGRESS_NETWORKS_MAX + 1);
    egress_free(r);
}

static void files_are_read(void **state)
{
    char path[] = "/tmp/egress_test_XXXXXX";
    int fd = mkstemp(path);
    struct egress_rules *r = rules_of("");
    struct err e;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "allow loopback\n", 15), 15);
    assert_int_equal(close(fd), 0);
    assert_int_equal(egress_add_file(r, path, &e), ERR_OK);
    assert_true(is_address_allowed(r, "127.0.0.1"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(egress_add_file(r, path, &e), ERR_IO);
    assert_non_null(strstr(e.message, path));
    egress_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_addresses_are_refused),
        cmocka_unit_test(ordinary_addresses_pass),
        cmocka_unit_test(belfry_does_not_call_itself),
        cmocka_unit_test(other_families_are_refused),
        cmocka_unit_test(networks_open_private_addresses),
        cmocka_unit_test(no_network_opens_loopback_or_metadata),
        cmocka_unit_test(loopback_opens_loopback_alone),
        cmocka_unit_test(https_on_usual_ports_passes),
        cmocka_unit_test(bad_urls_are_refused),
        cmocka_unit_test(disguises_become_the_address_they_are),
        cmocka_unit_test(long_urls_are_refused),
        cmocka_unit_test(parts_are_canonical),
        cmocka_unit_test(rules_open_http_and_ports),
        cmocka_unit_test(dev_allows_what_is_near),
        cmocka_unit_test(bad_rules_are_named_by_line),
        cmocka_unit_test(too_many_rules_are_refused),
        cmocka_unit_test(files_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
