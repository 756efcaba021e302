#include "server/delivery/retry.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)

static const struct outcome refused = {.kind = OUTCOME_CONNECT};

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
    struct outcome o = {.kind = OUTCOME_ANSWERED, .status = 503};
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
    struct outcome o = {.kind = OUTCOME_CERTIFICATE};
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
    struct outcome o = {.kind = OUTCOME_ANSWERED};

    (void)state;
    for (o.status = 100; o.status < 600; o.status++) {
        enum verdict v = outcome_verdict(&o);

        if (o.status >= 200 && o.status < 300)
            assert_int_equal(v, VERDICT_SUCCESS);
        else if (o.status == 410)
            assert_int_equal(v, VERDICT_OFF);
        else
            assert_int_equal(v, VERDICT_RETRY);
    }
}

static void only_our_own_faults_are_not_charged(void **state)
{
    (void)state;
    for (int kind = OUTCOME_NAME; kind <= OUTCOME_LOCAL; kind++) {
        struct outcome o = {.kind = (enum outcome_kind)kind, .status = 204};

        assert_int_equal(outcome_verdict(&o), kind == OUTCOME_LOCAL
                                                  ? VERDICT_UNCHARGED
                                                  : VERDICT_RETRY);
    }
}

static void texts_name_the_cause(void **state)
{
    struct outcome o = {.kind = OUTCOME_ANSWERED, .status = 503};
    char text[192];
    char seen[OUTCOME_LOCAL + 1][192];

    (void)state;
    outcome_text(&o, text, sizeof text);
    assert_string_equal(text, "the endpoint answered with HTTP status 503");
    for (int kind = OUTCOME_ANSWERED; kind <= OUTCOME_LOCAL; kind++) {
        o.kind = (enum outcome_kind)kind;
        outcome_text(&o, seen[kind], sizeof seen[kind]);
        assert_true(strlen(seen[kind]) > 10);
        for (int other = OUTCOME_ANSWERED; other < kind; other++)
            assert_string_not_equal(seen[kind], seen[other]);
    }
}

static void a_short_buffer_cuts_the_text(void **state)
{
    struct outcome o = {.kind = OUTCOME_TIMEOUT};
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
        cmocka_unit_test(only_our_own_faults_are_not_charged),
        cmocka_unit_test(texts_name_the_cause),
        cmocka_unit_test(a_short_buffer_cuts_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
