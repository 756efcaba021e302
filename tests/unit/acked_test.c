/* The set of acknowledged events past a cursor. */
#include "server/engine/acked.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void only_the_window_is_kept(void **state)
{
    struct acked a = {{0}};

    (void)state;
    acked_add(&a, 10, 10);
    acked_add(&a, 10, 5);
    acked_add(&a, 10, 11 + ACKED_WINDOW);
    assert_true(acked_is_empty(&a));
    acked_add(&a, 10, 10 + ACKED_WINDOW);
    assert_true(acked_has(&a, 10, 10 + ACKED_WINDOW));
    assert_false(acked_has(&a, 10, 9 + ACKED_WINDOW));
    assert_false(acked_has(&a, 10, 0));
}

static void the_cursor_moves_over_what_is_acknowledged(void **state)
{
    struct acked a = {{0}};

    (void)state;
    for (uint64_t n = 2; n <= 200; n++)
        acked_add(&a, 0, n);
    acked_add(&a, 0, 300);
    assert_int_equal(acked_move(&a, 0, 1), 200);
    assert_true(acked_has(&a, 200, 300));
    assert_int_equal(acked_move(&a, 200, 150), 200); /* not back */
    assert_int_equal(acked_move(&a, 200, 299), 300);
    assert_true(acked_is_empty(&a));
    acked_add(&a, 300, 302);
    assert_int_equal(acked_move(&a, 300, 300 + 5 * ACKED_WINDOW),
                     300 + 5 * ACKED_WINDOW);
    assert_true(acked_is_empty(&a));
}

/* Against a plain array, with numbers from a fixed sequence. */
static void it_agrees_with_an_array(void **state)
{
    static bool told[20000];
    struct acked a = {{0}};
    uint64_t cursor = 0, seed = 12345, model = 0;

    (void)state;
    memset(told, 0, sizeof told);
    while (cursor < 15000) {
        uint64_t event;

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        event = cursor + 1 + (seed >> 33) % ACKED_WINDOW;
        if ((seed >> 20) % 16 == 0)
            event = cursor + 1;
        told[event] = true;
        acked_add(&a, cursor, event);
        cursor = acked_move(&a, cursor, cursor);
        while (told[model + 1])
            model++;
        assert_int_equal(cursor, model);
        for (uint64_t n = cursor + 1; n <= cursor + 70; n++)
            assert_int_equal(acked_has(&a, cursor, n), told[n]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_window_is_kept),
        cmocka_unit_test(the_cursor_moves_over_what_is_acknowledged),
        cmocka_unit_test(it_agrees_with_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
