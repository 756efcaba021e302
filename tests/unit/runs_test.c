/* Sorted runs of keys, against a plain list. */
#include "storage/store/runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 100

static void stage(struct runs *r, const char *key, bool removed)
{
    assert_true(runs_stage(r, bytes_of(key), removed));
}

static void publish(struct runs *r)
{
    assert_true(runs_prepare(r));
    runs_publish(r);
}

struct seen {
    size_t n;
    size_t enough;
    char text[256];
};

static bool see(void *ctx, struct bytes key)
{
    struct seen *s = ctx;

    memcpy(s->text + strlen(s->text), key.p, key.n);
    return ++s->n < s->enough;
}

static const char *walk(const struct runs *r, const char *start,
                        const char *stop, struct seen *s)
{
    *s = (struct seen){.enough = 100};
    for (size_t i = 0; i < r->run_count; i++)
        runs_walk(&r->list[i], bytes_of(start), bytes_of(stop), see, s);
    return s->text;
}

static void ranges_end_with_what_begins_like_the_stop(void **state)
{
    struct runs r;
    struct seen s;

    (void)state;
    runs_init(&r);
    stage(&r, "c1", false);
    stage(&r, "a1", false);
    stage(&r, "b1", false);
    stage(&r, "b2", false);
    publish(&r);
    assert_string_equal(walk(&r, "a", "b", &s), "a1b1b2");
    assert_string_equal(walk(&r, "b1", "b1", &s), "b1");
    assert_string_equal(walk(&r, "b11", "c", &s), "b2c1");
    assert_string_equal(walk(&r, "d", "z", &s), "");
    s = (struct seen){.enough = 2};
    runs_walk(&r.list[0], bytes_of("a"), bytes_of("z"), see, &s);
    assert_string_equal(s.text, "a1b1");
    runs_fini(&r);
}

static void what_is_staged_last_counts(void **state)
{
    struct runs r;
    struct seen s;
    struct run merged;

    (void)state;
    runs_init(&r);
    stage(&r, "a", true);
    stage(&r, "a", false);
    stage(&r, "b", false);
    stage(&r, "b", true);
    publish(&r);
    assert_string_equal(walk(&r, "a", "z", &s), "a");
    stage(&r, "a", true);
    publish(&r);
    merged = runs_merged(&r);
    assert_int_equal(merged.n, 2);
    assert_true(merged.keys[0].removed && merged.keys[1].removed);
    free(merged.keys);
    runs_fini(&r);
}

static void discarded_keys_are_not_published(void **state)
{
    struct runs r;
    struct seen s;

    (void)state;
    runs_init(&r);
    stage(&r, "a", false);
    assert_true(runs_prepare(&r));
    runs_discard(&r);
    publish(&r);
    assert_int_equal(runs_count(&r), 0);
    stage(&r, "b", false);
    publish(&r);
    assert_string_equal(walk(&r, "", "z", &s), "b");
    runs_clear(&r);
    assert_int_equal(runs_count(&r), 0);
    runs_fini(&r);
}

static void discarded_keys_leave_no_memory_behind(void **state)
{
    struct runs r;
    struct seen s;
    size_t before;

    (void)state;
    runs_init(&r);
    stage(&r, "a", false);
    publish(&r);
    before = runs_bytes(&r);
    for (int i = 0; i < 1000; i++) {
        stage(&r, "a", true);
        stage(&r, "b", false);
        runs_discard(&r);
        assert_int_equal(runs_bytes(&r), before);
    }
    assert_string_equal(walk(&r, "", "z", &s), "a");
    runs_clear(&r);
    stage(&r, "b", false);
    runs_discard(&r);
    assert_int_equal(runs_bytes(&r), 0);
    runs_fini(&r);
}

/* Many batches: few runs, nothing lost, the last word of each key kept. */
static void many_batches_make_few_runs(void **state)
{
    bool there[KEYS] = {false};
    struct run merged;
    struct runs r;
    char key[8];

    (void)state;
    runs_init(&r);
    for (unsigned i = 0; i < 2000; i++) {
        unsigned k = i * 37 % KEYS;

        there[k] = i % 3 != 0;
        (void)snprintf(key, sizeof key, "%03u", k);
        stage(&r, key, !there[k]);
        if (i % 3 == 0)
            publish(&r);
        assert_true(r.run_count < 12);
    }
    publish(&r);
    merged = runs_merged(&r);
    assert_int_equal(merged.n, KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof key, "%03zu", i);
        assert_true(
            bytes_is(bytes_make(merged.keys[i].p, merged.keys[i].n), key));
        assert_int_equal(merged.keys[i].removed, !there[i]);
    }
    free(merged.keys);
    runs_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_end_with_what_begins_like_the_stop),
        cmocka_unit_test(what_is_staged_last_counts),
        cmocka_unit_test(discarded_keys_are_not_published),
        cmocka_unit_test(discarded_keys_leave_no_memory_behind),
        cmocka_unit_test(many_batches_make_few_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
