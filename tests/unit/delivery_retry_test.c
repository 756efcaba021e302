#include "server/delivery/retry.h"

#include "server/delivery/http_status.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)

static const struct outcome refused = {.failure = FAILURE_CONNECT};

static void fill_zero(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0, n);
}

static void fill_ones(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0xff, n);
}

static const struct rng least = {fill_zero, NULL};
static const struct rng some = {fill_ones, NULL};

static void ladder_climbs_as_documented(void **state)
{
    static const int64_t steps[] = {5 * S,  30 * S, 2 * M,  10 * M, 30 * M,
                                    2 * H,  5 * H,  10 * H, 14 * H, 20 * H,
                                    24 * H, 24 * H, 24 * H};
    struct retry_policy p;

    (void)state;
    retry_policy_default(&p);
    for (uint32_t i = 0; i < sizeof steps / sizeof *steps; i++)
        assert_int_equal(retry_delay_ms(&p, i + 1, &refused, &least), steps[i]);
}

static void jitter_only_adds_and_is_capped(void **state)
{
    struct retry_policy p;

    (void)state;
    retry_policy_default(&p);
    for (uint32_t i = 1; i <= 14; i++) {
        int64_t base = retry_delay_ms(&p, i, &refused, &least);
        int64_t most = base / 10 > 2 * S ? base / 10 : 2 * S;

        if (most > 15 * M)
            most = 15 * M;
        for (int n = 0; n < 200; n++) {
            int64_t d = retry_delay_ms(&p, i, &refused, rng_system());

            assert_in_range(d, base, base + most);
        }
    }
    assert_true(retry_delay_ms(&p, 1, &refused, &some) >= 5 * S);
}

static void retry_after_only_delays(void **state)
{
    struct outcome o = {.failure = FAILURE_BUSY};
    struct retry_policy p;

    (void)state;
    retry_policy_default(&p);
    o.retry_after_ms = 1 * S;
    assert_int_equal(retry_delay_ms(&p, 1, &o, &least), 5 * S);
    o.retry_after_ms = 90 * S;
    assert_int_equal(retry_delay_ms(&p, 1, &o, &least), 90 * S);
    assert_int_equal(retry_delay_ms(&p, 4, &o, &least), 10 * M);
    o.retry_after_ms = INT64_MAX;
    assert_int_equal(retry_delay_ms(&p, 1, &o, &least), 24 * H);
}

static void untrusted_certificate_waits_five_minutes(void **state)
{
    struct outcome o = {.failure = FAILURE_CERTIFICATE};
    uint64_t quick[] = {1, 2};
    struct retry_policy p;

    (void)state;
    retry_policy_default(&p);
    assert_int_equal(retry_delay_ms(&p, 1, &o, &least), 5 * M);
    assert_int_equal(retry_delay_ms(&p, 5, &o, &least), 30 * M);
    assert_int_equal(retry_policy_steps(&p, quick, 2, NULL), ERR_OK);
    assert_int_equal(retry_delay_ms(&p, 1, &o, &least), 1 * S);
}

static void steps_can_be_replaced(void **state)
{
    uint64_t quick[] = {1, 2, 5};
    struct retry_policy p;

    (void)state;
    retry_policy_default(&p);
    assert_int_equal(retry_policy_steps(&p, quick, 3, NULL), ERR_OK);
    assert_int_equal(retry_delay_ms(&p, 1, &refused, &least), 1 * S);
    assert_int_equal(retry_delay_ms(&p, 2, &refused, &least), 2 * S);
    assert_int_equal(retry_delay_ms(&p, 3, &refused, &least), 5 * S);
    assert_int_equal(retry_delay_ms(&p, 99, &refused, &least), 5 * S);
    for (int i = 0; i < 100; i++)
        assert_in_range(retry_delay_ms(&p, 1, &refused, rng_system()), 1000,
                        1100);
}

static void bad_steps_change_nothing(void **state)
{
    static const uint64_t bad[][2] = {{0, 1}, {1, 0}, {1, 604801}};
    uint64_t many[RETRY_STEPS_MAX + 1];
    struct retry_policy p;
    struct retry_policy before;
    struct err e;

    (void)state;
    retry_policy_default(&p);
    before = p;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(retry_policy_steps(&p, bad[i], 2, &e), ERR_INVALID);
    for (size_t i = 0; i <= RETRY_STEPS_MAX; i++)
        many[i] = 1;
    assert_int_equal(retry_policy_steps(&p, many, RETRY_STEPS_MAX + 1, &e),
                     ERR_INVALID);
    assert_int_equal(retry_policy_steps(&p, many, 0, &e), ERR_INVALID);
    assert_memory_equal(&p, &before, sizeof p);
}

static void window_ends_the_ladder(void **state)
{
    struct retry_policy p;

    (void)state;
    retry_policy_default(&p);
    assert_false(retry_exhausted(&p, 1000, 1000 + 7 * 24 * H));
    assert_true(retry_exhausted(&p, 1000, 1001 + 7 * 24 * H));
}

static void span_is_the_sum_of_the_steps(void **state)
{
    struct retry_policy p;

    (void)state;
    retry_policy_default(&p);
    assert_int_equal(retry_span_ms(&p, 0), 0);
    assert_int_equal(retry_span_ms(&p, 1), 5 * S);
    assert_int_equal(retry_span_ms(&p, 3), 155 * S);
    /* however large the count, it ends, and past the window */
    assert_true(retry_span_ms(&p, UINT32_MAX) > p.window_ms);
}

static void every_2xx_succeeds_and_nothing_else(void **state)
{
    (void)state;
    for (int status = 100; status < 700; status++) {
        struct outcome o = http_status_outcome(status, 0);
        enum verdict v = outcome_verdict(&o);

        if (status >= 200 && status < 300)
            assert_int_equal(v, VERDICT_SUCCESS);
        else if (status == 410)
            assert_int_equal(v, VERDICT_OFF);
        else if (status == 413)
            assert_int_equal(v, VERDICT_SPLIT);
        else
            assert_int_equal(v, VERDICT_RETRY);
    }
}

static void statuses_have_their_classes(void **state)
{
    static const struct {
        int status;
        enum failure_class failure;
        bool refusal;
        enum endpoint_sign sign;
    } cases[] = {{204, FAILURE_NONE, false, SIGN_ALIVE},
                 {301, FAILURE_REDIRECT, false, SIGN_ALIVE},
                 {308, FAILURE_REDIRECT, false, SIGN_ALIVE},
                 {400, FAILURE_REFUSED, true, SIGN_ALIVE},
                 {401, FAILURE_AUTH, true, SIGN_ALIVE},
                 {403, FAILURE_AUTH, true, SIGN_ALIVE},
                 {404, FAILURE_NOT_FOUND, true, SIGN_ALIVE},
                 {405, FAILURE_CONFIG, true, SIGN_ALIVE},
                 {408, FAILURE_TIMEOUT, false, SIGN_OVERLOADED},
                 {410, FAILURE_GONE, false, SIGN_ALIVE},
                 {413, FAILURE_TOO_LARGE, true, SIGN_ALIVE},
                 {415, FAILURE_CONFIG, true, SIGN_ALIVE},
                 {422, FAILURE_CONFIG, true, SIGN_ALIVE},
                 {425, FAILURE_SERVER, false, SIGN_FAILING},
                 {429, FAILURE_BUSY, false, SIGN_OVERLOADED},
                 {500, FAILURE_SERVER, false, SIGN_FAILING},
                 {501, FAILURE_SERVER, false, SIGN_FAILING},
                 {502, FAILURE_GATEWAY, false, SIGN_OVERLOADED},
                 {503, FAILURE_BUSY, false, SIGN_OVERLOADED},
                 {504, FAILURE_GATEWAY, false, SIGN_OVERLOADED},
                 {507, FAILURE_SERVER, false, SIGN_FAILING},
                 {199, FAILURE_GARBLED, false, SIGN_FAILING},
                 {600, FAILURE_GARBLED, false, SIGN_FAILING}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome o = http_status_outcome(cases[i].status, 0);

        assert_int_equal(o.failure, cases[i].failure);
        assert_int_equal(outcome_is_refusal(&o), cases[i].refusal);
        assert_int_equal(outcome_sign(&o), cases[i].sign);
    }
}

static void retry_after_counts_where_it_is_meant(void **state)
{
    (void)state;
    for (int status = 200; status < 600; status++) {
        bool counts =
            status == 429 || status == 502 || status == 503 || status == 504;

        assert_int_equal(http_status_outcome(status, 7000).retry_after_ms,
                         counts ? 7000 : 0);
    }
}

static void only_our_own_faults_are_not_charged(void **state)
{
    (void)state;
    for (int c = FAILURE_NAME; c < FAILURE_CLASSES; c++) {
        struct outcome o = {.failure = (enum failure_class)c};

        assert_int_equal(outcome_verdict(&o) == VERDICT_UNCHARGED,
                         c == FAILURE_LOCAL);
    }
}

static void texts_name_the_cause(void **state)
{
    struct outcome o = http_status_outcome(503, 0);
    char text[192];
    char seen[FAILURE_CLASSES][192];

    (void)state;
    outcome_text(&o, text, sizeof text);
    assert_string_equal(text, "the endpoint answered with HTTP status 503: it "
                              "asks for fewer requests");
    o = (struct outcome){.failure = FAILURE_NONE};
    for (int c = FAILURE_NAME; c < FAILURE_CLASSES; c++) {
        o.failure = (enum failure_class)c;
        outcome_text(&o, seen[c], sizeof seen[c]);
        assert_true(strlen(seen[c]) >= 9);
        for (int other = FAILURE_NAME; other < c; other++) {
            assert_string_not_equal(seen[c], seen[other]);
            assert_string_not_equal(failure_name((enum failure_class)c),
                                    failure_name((enum failure_class)other));
        }
    }
}

static void a_short_buffer_cuts_the_text(void **state)
{
    struct outcome o = {.failure = FAILURE_TIMEOUT};
    char text[8];

    (void)state;
    outcome_text(&o, text, sizeof text);
    assert_int_equal(strlen(text), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ladder_climbs_as_documented),
        cmocka_unit_test(jitter_only_adds_and_is_capped),
        cmocka_unit_test(retry_after_only_delays),
        cmocka_unit_test(untrusted_certificate_waits_five_minutes),
        cmocka_unit_test(steps_can_be_replaced),
        cmocka_unit_test(bad_steps_change_nothing),
        cmocka_unit_test(window_ends_the_ladder),
        cmocka_unit_test(span_is_the_sum_of_the_steps),
        cmocka_unit_test(every_2xx_succeeds_and_nothing_else),
        cmocka_unit_test(statuses_have_their_classes),
        cmocka_unit_test(retry_after_counts_where_it_is_meant),
        cmocka_unit_test(only_our_own_faults_are_not_charged),
        cmocka_unit_test(texts_name_the_cause),
        cmocka_unit_test(a_short_buffer_cuts_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
