#include "server/security/signature.h"

#include "server/security/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define VECTOR_TIME 1614265330
#define VECTOR_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define VECTOR_ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define VECTOR_BODY "{\"test\": 2432232314}"
#define VECTOR_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

struct fixture {
    struct signer *signer;
    struct signature_key key;
    struct err e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_int_equal(signer_new(&f->signer, &f->e), ERR_OK);
    assert_int_equal(
        signature_key_parse(bytes_of(VECTOR_SECRET), &f->key, &f->e), ERR_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    signer_free(f->signer);
    signature_key_fini(&f->key);
    free(f);
    return 0;
}

static struct signature_message message(const char *id, int64_t time_s,
                                        const char *body)
{
    return (struct signature_message){bytes_of(id), time_s, bytes_of(body)};
}

static struct signature_headers headers(const char *id, const char *time,
                                        const char *signature)
{
    return (struct signature_headers){bytes_of(id), bytes_of(time),
                                      bytes_of(signature)};
}

static enum err_code verify(struct fixture *f, const char *signature)
{
    struct signature_headers h = headers(VECTOR_ID, "1614265330", signature);

    return signer_verify(f->signer, &f->key, &h, bytes_of(VECTOR_BODY),
                         VECTOR_TIME, &f->e);
}

/* ---- signing ---- */

static void first_published_vector_is_signed(void **state)
{
    struct fixture *f = *state;
    struct signature_message m = message(VECTOR_ID, VECTOR_TIME, VECTOR_BODY);
    char out[SIGNATURE_TEXT_BYTES];

    assert_int_equal(signer_sign(f->signer, &f->key, &m, out, &f->e), ERR_OK);
    assert_string_equal(out, VECTOR_SIGNATURE);
}

static void second_published_vector_is_signed(void **state)
{
    struct fixture *f = *state;
    struct signature_message m =
        message("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
                "{\"email\":\"test@example.com\",\"username\":\"test_user\"}");
    struct signature_key key;
    char out[SIGNATURE_TEXT_BYTES];

    assert_int_equal(
        signature_key_parse(bytes_of("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
                            &key, &f->e),
        ERR_OK);
    assert_int_equal(key.n, 24);
    assert_int_equal(signer_sign(f->signer, &key, &m, out, &f->e), ERR_OK);
    assert_string_equal(out, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
}

static void mac_agrees_with_another_scheme_of_the_same_hmac(void **state)
{
    static const char want[] =
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    static const char text[] = "It's a Secret to Everybody";
    struct fixture *f = *state;
    struct bytes parts[2] = {bytes_of("Hello, "), bytes_of("World!")};
    struct signature_key key = {.n = sizeof text - 1};
    unsigned char mac[SIGNATURE_MAC_BYTES];
    char hex[2 * SIGNATURE_MAC_BYTES + 1];

    memcpy(key.p, text, key.n);
    assert_int_equal(signer_mac(f->signer, &key, parts, 2, mac, &f->e), ERR_OK);
    for (size_t i = 0; i < sizeof mac; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", mac[i]);
    assert_string_equal(hex, want);
}

static void one_signer_serves_keys_in_turn(void **state)
{
    struct fixture *f = *state;
    struct signature_message m = message(VECTOR_ID, VECTOR_TIME, VECTOR_BODY);
    struct signature_key other = {.n = SIGNATURE_KEY_MAX};
    char first[SIGNATURE_TEXT_BYTES];
    char between[SIGNATURE_TEXT_BYTES];
    char again[SIGNATURE_TEXT_BYTES];

    memset(other.p, 7, other.n);
    assert_int_equal(signer_sign(f->signer, &f->key, &m, first, &f->e), ERR_OK);
    assert_int_equal(signer_sign(f->signer, &other, &m, between, &f->e),
                     ERR_OK);
    assert_int_equal(signer_sign(f->signer, &f->key, &m, again, &f->e), ERR_OK);
    assert_string_equal(first, again);
    assert_string_not_equal(first, between);
}

/* More keys than the signer keeps, each twice at a stroke and all of them
 * again: they sign as with a signer of their own. */
static void many_keys_sign_as_if_each_were_alone(void **state)
{
    struct fixture *f = *state;
    struct signature_message m = message(VECTOR_ID, VECTOR_TIME, VECTOR_BODY);

    for (size_t i = 0; i < 300; i++) {
        struct signature_key key = {.n = SIGNATURE_KEY_MIN + i % 2};
        char ours[SIGNATURE_TEXT_BYTES], again[SIGNATURE_TEXT_BYTES];
        char alone[SIGNATURE_TEXT_BYTES];
        struct signer *other;

        memset(key.p, (int)(i % 5), key.n);
        key.p[key.n - 1] = (unsigned char)(i % 150);
        assert_int_equal(signer_sign(f->signer, &key, &m, ours, &f->e), ERR_OK);
        assert_int_equal(signer_sign(f->signer, &key, &m, again, &f->e),
                         ERR_OK);
        assert_int_equal(signer_new(&other, &f->e), ERR_OK);
        assert_int_equal(signer_sign(other, &key, &m, alone, &f->e), ERR_OK);
        signer_free(other);
        assert_string_equal(ours, alone);
        assert_string_equal(again, alone);
    }
}

static void empty_payload_is_signed_and_verified(void **state)
{
    struct fixture *f = *state;
    struct signature_message m = message("msg_1", VECTOR_TIME, "");
    char out[SIGNATURE_TEXT_BYTES];
    struct signature_headers h = headers("msg_1", "1614265330", "v1,");

    assert_int_equal(signer_sign(f->signer, &f->key, &m, out, &f->e), ERR_OK);
    h.signature = bytes_of(out);
    assert_int_equal(
        signer_verify(f->signer, &f->key, &h, bytes_of(""), VECTOR_TIME, &f->e),
        ERR_OK);
    assert_int_equal(signer_verify(f->signer, &f->key, &h, bytes_of(" "),
                                   VECTOR_TIME, &f->e),
                     ERR_FORBIDDEN);
}

/* ---- verifying ---- */

static void valid_signature_is_accepted(void **state)
{
    assert_int_equal(verify(*state, VECTOR_SIGNATURE), ERR_OK);
}

static void one_valid_of_several_signatures_is_enough(void **state)
{
    assert_int_equal(
        verify(
            *state,
            "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= "
            "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= " VECTOR_SIGNATURE
            " v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="),
        ERR_OK);
}

static void wrong_signatures_are_refused(void **state)
{
    static const char *const wrong[] = {
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=",
        "v1,dGVzdA==",
        "v1,",
        "v1",
        ",",
        " ",
        "v1,g0hM9SsE",
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=,",
        "v1,v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(verify(*state, wrong[i]), ERR_FORBIDDEN);
}

static void signature_past_the_bound_is_not_looked_at(void **state)
{
    char header[SIGNATURES_MAX * 5 + sizeof VECTOR_SIGNATURE];
    size_t at = 0;

    for (int i = 0; i < SIGNATURES_MAX; i++, at += 5)
        memcpy(header + at, "v1,A ", 5);
    memcpy(header + at, VECTOR_SIGNATURE, sizeof VECTOR_SIGNATURE);
    assert_int_equal(verify(*state, header), ERR_FORBIDDEN);
    assert_int_equal(verify(*state, header + 5), ERR_OK);
}

static void changed_body_or_id_is_refused(void **state)
{
    struct fixture *f = *state;
    struct signature_headers h =
        headers(VECTOR_ID, "1614265330", VECTOR_SIGNATURE);

    assert_int_equal(signer_verify(f->signer, &f->key, &h,
                                   bytes_of("{\"test\":2432232314}"),
                                   VECTOR_TIME, &f->e),
                     ERR_FORBIDDEN);
    h.id = bytes_of("msg_p5jXN8AQM9LWM0D4loKWxJeK");
    assert_int_equal(signer_verify(f->signer, &f->key, &h,
                                   bytes_of(VECTOR_BODY), VECTOR_TIME, &f->e),
                     ERR_FORBIDDEN);
}

static void missing_headers_are_named(void **state)
{
    struct fixture *f = *state;
    const char *parts[3] = {VECTOR_ID, "1614265330", VECTOR_SIGNATURE};
    static const char *const names[3] = {"webhook-id", "webhook-timestamp",
                                         "webhook-signature"};

    for (int missing = 0; missing < 3; missing++) {
        struct signature_headers h =
            headers(missing == 0 ? "" : parts[0], missing == 1 ? "" : parts[1],
                    missing == 2 ? "" : parts[2]);

        assert_int_equal(signer_verify(f->signer, &f->key, &h,
                                       bytes_of(VECTOR_BODY), VECTOR_TIME,
                                       &f->e),
                         ERR_INVALID);
        assert_non_null(strstr(f->e.message, names[missing]));
    }
}

static void timestamps_that_are_no_numbers_are_refused(void **state)
{
    static const char *const wrong[] = {
        "hello",        "-1614265330",
        "1614265330.0", "0x60379b32",
        " 1614265330",  "1614265330s",
        "01614265330",  "99999999999999999999999"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct signature_headers h =
            headers(VECTOR_ID, wrong[i], VECTOR_SIGNATURE);

        assert_int_equal(signer_verify(f->signer, &f->key, &h,
                                       bytes_of(VECTOR_BODY), VECTOR_TIME,
                                       &f->e),
                         ERR_INVALID);
    }
}

static void tolerance_is_five_minutes_either_way(void **state)
{
    static const struct {
        int64_t offset_s;
        enum err_code want;
    } cases[] = {{0, ERR_OK},
                 {300, ERR_OK},
                 {-300, ERR_OK},
                 {301, ERR_FORBIDDEN},
                 {-301, ERR_FORBIDDEN},
                 {INT64_MAX - VECTOR_TIME, ERR_FORBIDDEN},
                 {-VECTOR_TIME, ERR_FORBIDDEN}};
    struct fixture *f = *state;
    struct signature_headers h =
        headers(VECTOR_ID, "1614265330", VECTOR_SIGNATURE);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(signer_verify(f->signer, &f->key, &h,
                                       bytes_of(VECTOR_BODY),
                                       VECTOR_TIME + cases[i].offset_s, &f->e),
                         cases[i].want);
}

/* ---- secrets ---- */

static void prefix_may_be_missing(void **state)
{
    struct fixture *f = *state;
    struct signature_key bare;

    assert_int_equal(
        signature_key_parse(bytes_of("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &bare,
                            &f->e),
        ERR_OK);
    assert_int_equal(bare.n, f->key.n);
    assert_memory_equal(bare.p, f->key.p, bare.n);
}

static void secrets_of_every_legal_length_are_read(void **state)
{
    struct fixture *f = *state;
    /* 24, 25, 26 bytes: no, two and one pad; and the longest */
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 24},
        {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", 25},
        {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 26},
        {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAA==",
         64}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct signature_key key;

        assert_int_equal(
            signature_key_parse(bytes_of(cases[i].text), &key, &f->e), ERR_OK);
        assert_int_equal(key.n, cases[i].n);
    }
}

static void malformed_secrets_are_refused(void **state)
{
    static const char *const wrong[] = {
        "", "whsec_", "whsec_****", "whsec_AAAA",
        /* 23 and 65 bytes */
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ("whsec_"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAA="),
        /* padding missing, stray bits, white space, the URL alphabet */
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB==",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
        "whsec_AAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAA",
        "whsec_ AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAA====",
        "whsec_whsec_AAAAAAAAAAAAAAAAAAAAAAAAAA",
        "WHSEC_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct signature_key key;

        assert_int_equal(signature_key_parse(bytes_of(wrong[i]), &key, &f->e),
                         ERR_INVALID);
        assert_int_equal(key.n, 0);
    }
}

static void fill_with_count(void *ctx, void *out, size_t n)
{
    unsigned char *p = out;
    unsigned char *next = ctx;

    for (size_t i = 0; i < n; i++)
        p[i] = (*next)++;
}

static void generated_secret_is_readable_and_of_32_bytes(void **state)
{
    struct fixture *f = *state;
    unsigned char next = 0;
    const struct rng rng = {fill_with_count, &next};
    struct signature_key key;
    char text[SECRET_TEXT_BYTES];

    secret_generate(&rng, text);
    assert_string_equal(text,
                        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    assert_int_equal(signature_key_parse(bytes_of(text), &key, &f->e), ERR_OK);
    assert_int_equal(key.n, SECRET_RANDOM_BYTES);
    for (size_t i = 0; i < key.n; i++)
        assert_int_equal(key.p[i], i);
}

static void generated_secrets_differ(void **state)
{
    char a[SECRET_TEXT_BYTES];
    char b[SECRET_TEXT_BYTES];

    (void)state;
    secret_generate(rng_system(), a);
    secret_generate(rng_system(), b);
    assert_string_not_equal(a, b);
}

/* ---- message ids ---- */

static void message_id_names_subscription_and_range(void **state)
{
    char out[SIGNATURE_ID_BYTES];

    (void)state;
    signature_message_id(bytes_of("7f3a-B"), 12, 14, out);
    assert_string_equal(out, "msg_7f3a-B_12_14");
    signature_message_id(bytes_of("a.b"), 0, UINT64_MAX, out);
    assert_string_equal(out, "msg_a_2eb_0_18446744073709551615");
}

static void message_ids_hold_no_dot_and_stay_apart(void **state)
{
    /* an id that looks like another's encoded form, or like its numbers */
    static const char *const ids[] = {"a.b", "a_2eb", "a-2eb", "a_b",
                                      "a",   "a_1",   "a.1",   "a_1_1"};
    char out[8][SIGNATURE_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        signature_message_id(bytes_of(ids[i]), 1, 1, out[i]);
        assert_null(strchr(out[i], '.'));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(out[i], out[j]);
    }
}

static void longest_message_id_fits(void **state)
{
    char id[64];
    char out[SIGNATURE_ID_BYTES];

    (void)state;
    memset(id, '.', sizeof id);
    signature_message_id(bytes_make(id, sizeof id), UINT64_MAX, UINT64_MAX,
                         out);
    assert_int_equal(strlen(out), SIGNATURE_ID_BYTES - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_published_vector_is_signed),
        TEST(second_published_vector_is_signed),
        TEST(mac_agrees_with_another_scheme_of_the_same_hmac),
        TEST(one_signer_serves_keys_in_turn),
        TEST(many_keys_sign_as_if_each_were_alone),
        TEST(empty_payload_is_signed_and_verified),
        TEST(valid_signature_is_accepted),
        TEST(one_valid_of_several_signatures_is_enough),
        TEST(wrong_signatures_are_refused),
        TEST(signature_past_the_bound_is_not_looked_at),
        TEST(changed_body_or_id_is_refused),
        TEST(missing_headers_are_named),
        TEST(timestamps_that_are_no_numbers_are_refused),
        TEST(tolerance_is_five_minutes_either_way),
        TEST(prefix_may_be_missing),
        TEST(secrets_of_every_legal_length_are_read),
        TEST(malformed_secrets_are_refused),
        TEST(generated_secret_is_readable_and_of_32_bytes),
        TEST(generated_secrets_differ),
        TEST(message_id_names_subscription_and_range),
        TEST(message_ids_hold_no_dot_and_stay_apart),
        TEST(longest_message_id_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
