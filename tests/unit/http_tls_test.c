#include "tests/unit/http_client.h"

#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

struct pair {
    char cert[4096];
    char key[4096];
};

static void take_text(BIO *from, char *to, size_t size)
{
    int n = BIO_read(from, to, (int)size - 1);

    assert_true(n > 0);
    to[n] = '\0';
    BIO_free(from);
}

/* A certificate of its own for 127.0.0.1, valid for an hour. */
static void make_pair(struct pair *out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_EXTENSION *address;
    BIO *cert_text = BIO_new(BIO_s_mem());
    BIO *key_text = BIO_new(BIO_s_mem());

    assert_non_null(key);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    address =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    assert_int_equal(X509_add_ext(cert, address, -1), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(cert_text, cert), 1);
    assert_int_equal(
        PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL), 1);
    take_text(cert_text, out->cert, sizeof out->cert);
    take_text(key_text, out->key, sizeof out->key);
    X509_EXTENSION_free(address);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void start_tls(struct app *a, const struct pair *pair)
{
    app_init(a);
    a->config.tls_cert_pem = pair->cert;
    a->config.tls_key_pem = pair->key;
    app_start(a);
}

static size_t collect(char *p, size_t size, size_t n, void *ctx)
{
    struct answer *got = ctx;

    if (got->body_bytes + size * n >= sizeof got->body)
        return 0;
    memcpy(got->body + got->body_bytes, p, size * n);
    got->body_bytes += size * n;
    return size * n;
}

static CURL *new_client(const struct app *a, const struct pair *pair,
                        const char *path)
{
    char text[sizeof pair->cert];
    struct curl_blob ca = {text, strlen(pair->cert), CURL_BLOB_COPY};
    char url[128];
    CURL *c = curl_easy_init();

    assert_non_null(c);
    memcpy(text, pair->cert, sizeof text);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u%s",
                   http_server_port(a->server), path);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca);
    curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, collect);
    return c;
}

static void assert_get(CURL *c, struct answer *got, const char *body)
{
    CURLcode code;

    memset(got, 0, sizeof *got);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, got);
    code = curl_easy_perform(c);
    if (code != CURLE_OK)
        fail_msg("%s", curl_easy_strerror(code));
    assert_string_equal(got->body, body);
}

static void requests_and_waits_work_over_tls(void **state)
{
    struct pair pair;
    struct answer got;
    struct app a;
    CURL *c;

    (void)state;
    make_pair(&pair);
    start_tls(&a, &pair);
    c = new_client(&a, &pair, "/wait?q=%20");
    for (int i = 0; i < 20; i++)
        assert_get(c, &got, "GET /wait?q=%20\n");
    curl_easy_cleanup(c);
    app_stop(&a);
}

static void large_bodies_pass_over_tls(void **state)
{
    static char body[60001];
    struct pair pair;
    struct answer got = {0};
    struct app a;
    CURL *c;

    (void)state;
    memset(body, 'b', sizeof body - 1);
    make_pair(&pair);
    start_tls(&a, &pair);
    c = new_client(&a, &pair, "/p");
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &got);
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    assert_int_equal(got.body_bytes, strlen("POST /p?\n") + 60000);
    curl_easy_cleanup(c);
    app_stop(&a);
}

static void only_tls_1_2_and_1_3_are_spoken(void **state)
{
    struct pair pair;
    struct answer got;
    struct app a;
    CURL *c;

    (void)state;
    make_pair(&pair);
    start_tls(&a, &pair);
    c = new_client(&a, &pair, "/a");
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_MAX_TLSv1_2);
    assert_get(c, &got, "GET /a?\n");
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    assert_get(c, &got, "GET /a?\n");
    curl_easy_setopt(
        c, CURLOPT_SSLVERSION,
        (long)(CURL_SSLVERSION_TLSv1_1 | CURL_SSLVERSION_MAX_TLSv1_1));
    curl_easy_setopt(c, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0");
    assert_int_equal(curl_easy_perform(c), CURLE_SSL_CONNECT_ERROR);
    curl_easy_cleanup(c);
    app_stop(&a);
}

static void plain_request_to_a_tls_port_ends_the_connection(void **state)
{
    struct pair pair;
    struct app a;
    struct answer got;
    int fd;

    (void)state;
    make_pair(&pair);
    start_tls(&a, &pair);
    fd = client_connect(&a);
    client_say(fd, "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_false(client_read_head(fd, &got));
    close(fd);
    app_stop(&a);
}

static void silent_tls_client_is_cut(void **state)
{
    struct pair pair;
    time_t start = time(NULL);
    struct app a;
    int fd;

    (void)state;
    make_pair(&pair);
    app_init(&a);
    a.config.tls_cert_pem = pair.cert;
    a.config.tls_key_pem = pair.key;
    a.config.limits.idle_s = 1;
    a.config.limits.request_s = 1;
    app_start(&a);
    fd = client_connect(&a);
    assert_true(client_sees_end(fd));
    assert_true(time(NULL) - start < 6);
    close(fd);
    app_stop(&a);
}

static void assert_not_started(const char *cert, const char *key,
                               const char *reason)
{
    struct http_server *server = NULL;
    struct err e = {0};
    struct app a;

    app_init(&a);
    a.config.tls_cert_pem = cert;
    a.config.tls_key_pem = key;
    assert_int_equal(http_server_start(&a.config, &server, &e), ERR_INVALID);
    assert_string_equal(e.message, reason);
    assert_null(server);
}

static void unusable_certificates_are_explained(void **state)
{
    struct pair one;
    struct pair two;

    (void)state;
    make_pair(&one);
    make_pair(&two);
    assert_not_started("nonsense", one.key,
                       "the TLS certificate is not a PEM certificate");
    assert_not_started(one.cert, "nonsense",
                       "the TLS key is not an unencrypted PEM private key");
    assert_not_started(one.key, one.cert,
                       "the TLS certificate is not a PEM certificate");
    assert_not_started(one.cert, two.key,
                       "the TLS key does not belong to the TLS certificate");
    assert_not_started(one.cert, NULL,
                       "TLS needs both a certificate and its key");
    assert_not_started(NULL, one.key,
                       "TLS needs both a certificate and its key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_waits_work_over_tls),
        cmocka_unit_test(large_bodies_pass_over_tls),
        cmocka_unit_test(only_tls_1_2_and_1_3_are_spoken),
        cmocka_unit_test(plain_request_to_a_tls_port_ends_the_connection),
        cmocka_unit_test(silent_tls_client_is_cut),
        cmocka_unit_test(unusable_certificates_are_explained),
    };
    int failed;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
