/* A frozen overlay is sorted beside its reader. */
#include "server/engine/views_sort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define ENTRIES 3000

struct fixture {
    struct overlay entries;
    struct runs index;
    struct views_sort sort;
};

static struct bytes key_of(size_t i, char out[16])
{
    /* 7 is prime to ENTRIES: each once, in no order */
    int n = snprintf(out, 16, "%08zu", i * 7 % ENTRIES);

    return bytes_make(out, (size_t)n);
}

static void fill(struct fixture *f)
{
    const uint64_t seed[2] = {1, 2};
    char key[16];

    *f = (struct fixture){.sort = {.running = false}};
    overlay_init(&f->entries, seed);
    runs_init(&f->index);
    for (size_t i = 0; i < ENTRIES; i++) {
        assert_true(overlay_stage(&f->entries, VIEW_QUEUE, key_of(i, key),
                                  bytes_of("v")));
        assert_true(runs_stage(&f->index, key_of(i, key), false));
    }
    assert_true(overlay_prepare(&f->entries) && runs_prepare(&f->index));
    overlay_publish(&f->entries);
    runs_publish(&f->index);
}

static void empty(struct fixture *f)
{
    overlay_fini(&f->entries);
    runs_fini(&f->index);
}

static void assert_sorted(const struct views_sorted *s)
{
    char key[16];

    assert_int_equal(s->count, ENTRIES);
    assert_int_equal(s->keys.n, ENTRIES);
    for (size_t i = 0; i < ENTRIES; i++) {
        (void)snprintf(key, sizeof key, "%08zu", i);
        assert_true(bytes_is(s->list[i]->key, key));
        assert_memory_equal(s->keys.keys[i].p, key, 8);
    }
}

static void what_is_sorted_aside_can_be_read_meanwhile(void **state)
{
    struct fixture f;
    struct views_sorted s;
    char key[16];

    (void)state;
    fill(&f);
    views_sort_begin(&f.sort, &f.entries, &f.index, false);
    for (size_t i = 0; i < ENTRIES; i++)
        assert_non_null(overlay_get(&f.entries, VIEW_QUEUE, key_of(i, key)));
    assert_true(views_sort_take(&f.sort, true, &s));
    assert_sorted(&s);
    views_sorted_free(&s);
    empty(&f);
}

static void a_result_is_taken_once(void **state)
{
    struct fixture f;
    struct views_sorted s;

    (void)state;
    fill(&f);
    assert_false(views_sort_take(&f.sort, true, &s));
    views_sort_begin(&f.sort, &f.entries, &f.index, true);
    assert_true(views_sort_take(&f.sort, false, &s));
    assert_sorted(&s);
    views_sorted_free(&s);
    assert_false(views_sort_take(&f.sort, true, &s));
    views_sort_begin(&f.sort, &f.entries, &f.index, false);
    assert_true(views_sort_take(&f.sort, true, &s));
    assert_sorted(&s);
    views_sorted_free(&s);
    empty(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sorted_aside_can_be_read_meanwhile),
        cmocka_unit_test(a_result_is_taken_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
