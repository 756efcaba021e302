#include "storage/base/arena.h"
#include "storage/base/buf.h"
#include "storage/base/bytes.h"
#include "storage/base/err.h"
#include "storage/base/instant.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* err */

static void an_error_carries_code_and_text(void **state)
{
    struct err e;

    (void)state;
    memset(&e, 0xff, sizeof e);
    assert_int_equal(err_set(&e, ERR_BUSY, "%d of %s", 3, "many"), ERR_BUSY);
    assert_int_equal(e.code, ERR_BUSY);
    assert_int_equal(e.system, 0);
    assert_string_equal(e.message, "3 of many");
    assert_string_equal(e.expression, "");
}

static void an_error_carries_the_expression(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(err_set_at(&e, ERR_INVALID, "A.b", "bad %c", 'x'),
                     ERR_INVALID);
    assert_string_equal(e.message, "bad x");
    assert_string_equal(e.expression, "A.b");
    assert_int_equal(err_set(&e, ERR_BUG, "new"), ERR_BUG);
    assert_string_equal(e.expression, "");
}

static void long_error_texts_are_cut(void **state)
{
    struct err e;
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)err_set_at(&e, ERR_BUG, text, "%s", text);
    assert_int_equal(strlen(e.message), ERR_MESSAGE_BYTES - 1);
    assert_int_equal(strlen(e.expression), ERR_EXPRESSION_BYTES - 1);
    (void)err_set_errno(&e, ERR_IO, ENOSPC, "%s", text);
    assert_int_equal(strlen(e.message), ERR_MESSAGE_BYTES - 1);
}

static void a_system_error_adds_its_text(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(err_set_errno(&e, ERR_IO, ENOENT, "open %s", "f"), ERR_IO);
    assert_int_equal(e.system, ENOENT);
    assert_string_equal(e.message, "open f: No such file or directory");
}

static void an_error_value_may_be_missing(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_IO, "x"), ERR_IO);
    assert_int_equal(err_set_at(NULL, ERR_GONE, "a", "x"), ERR_GONE);
    assert_int_equal(err_set_errno(NULL, ERR_FULL, ENOSPC, "x"), ERR_FULL);
    assert_int_equal(err_nomem(NULL), ERR_NOMEM);
}

/* bytes */

static void bytes_compare_by_length_and_content(void **state)
{
    (void)state;
    assert_true(bytes_is(bytes_of("abc"), "abc"));
    assert_false(bytes_is(bytes_of("abc"), "ab"));
    assert_false(bytes_is(bytes_of("ab"), "abc"));
    assert_true(bytes_equal(bytes_make(NULL, 0), bytes_of("")));
    assert_true(bytes_is(bytes_of(NULL), ""));
    assert_true(bytes_equal(bytes_make("a\0b", 3), bytes_make("a\0b", 3)));
    assert_false(bytes_equal(bytes_make("a\0b", 3), bytes_make("a\0c", 3)));
    assert_true(bytes_starts(bytes_of("abc"), "ab"));
    assert_true(bytes_starts(bytes_of("abc"), ""));
    assert_false(bytes_starts(bytes_of("ab"), "abc"));
}

static void bytes_are_split_at_the_first_mark(void **state)
{
    struct bytes rest;

    (void)state;
    assert_true(bytes_is(bytes_split(bytes_of("a=b=c"), '=', &rest), "a"));
    assert_true(bytes_is(rest, "b=c"));
    assert_true(bytes_is(bytes_split(bytes_of("abc"), '=', &rest), "abc"));
    assert_int_equal(rest.n, 0);
    assert_true(bytes_is(bytes_split(bytes_of("a="), '=', &rest), "a"));
    assert_int_equal(rest.n, 0);
    assert_true(bytes_is(bytes_split(bytes_of("=a"), '=', &rest), ""));
    assert_true(bytes_is(rest, "a"));
    assert_int_equal(bytes_find(bytes_make(NULL, 0), 'x'), 0);
}

static void bytes_past_the_end_are_empty(void **state)
{
    (void)state;
    assert_true(bytes_is(bytes_from(bytes_of("abc"), 1), "bc"));
    assert_int_equal(bytes_from(bytes_of("abc"), 3).n, 0);
    assert_int_equal(bytes_from(bytes_of("abc"), SIZE_MAX).n, 0);
    assert_int_equal(bytes_from(bytes_make(NULL, 0), 0).n, 0);
    assert_int_equal(bytes_from(bytes_make(NULL, 0), 5).n, 0);
}

static void numbers_are_read(void **state)
{
    uint64_t value;

    (void)state;
    assert_true(bytes_to_u64(bytes_of("0"), &value));
    assert_int_equal(value, 0);
    assert_true(bytes_to_u64(bytes_of("120"), &value));
    assert_int_equal(value, 120);
    assert_true(bytes_to_u64(bytes_of("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
}

static void what_is_no_number_leaves_the_value_alone(void **state)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "01",
                                      "00",
                                      "1a",
                                      "a",
                                      "1.",
                                      ":",
                                      "18446744073709551616",
                                      "0x1",
                                      "1e3",
                                      "/",
                                      "99999999999999999999",
                                      "100000000000000000000"};
    uint64_t value = 7;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (bytes_to_u64(bytes_of(bad[i]), &value))
            fail_msg("read: %s", bad[i]);
    assert_int_equal(value, 7);
}

/* The expected values come from another implementation of SipHash-1-3. */
static void the_hash_is_siphash_1_3(void **state)
{
    static const uint64_t zero[2] = {0, 0};
    static const uint64_t key[2] = {0xdc504fd368cd90af, 0xb920bb9ffe99e9c1};
    static const struct {
        const char *text;
        uint64_t with_zero, with_key;
    } known[] = {
        {"a", 0x407448d2b89b1813, 0xfe4a47335692551e},
        {"abcdefg", 0x6db12aae9070f506, 0x13162120b6bf06ed},
        {"abcdefgh", 0x3f7b849c0b8e35ea, 0xb441be6d79f21056},
        {"abcdefghi", 0xf89b34a3d11eb6e5, 0xad255ab35982cc7f},
        {"Patient/123?_format=json", 0x6fe518b1e278235f, 0xec3066388f66bf56},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct bytes text = bytes_of(known[i].text);

        assert_true(bytes_hash(text, zero) == known[i].with_zero);
        assert_true(bytes_hash(text, key) == known[i].with_key);
    }
    assert_true(bytes_hash(bytes_make(NULL, 0), key) ==
                bytes_hash(bytes_of(""), key));
}

/* buf */

static void a_buffer_grows_over_many_appends(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1U << 20);
    for (int i = 0; i < 10000; i++)
        buf_add_char(&b, (char)('a' + i % 26));
    assert_int_equal(buf_check(&b, NULL), ERR_OK);
    assert_int_equal(b.n, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    buf_fini(&b);
    buf_fini(&b);
}

static void every_kind_of_text_is_appended(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    buf_add_text(&b, "t");
    buf_add(&b, bytes_make("xyz", 2));
    buf_add(&b, bytes_make(NULL, 0));
    buf_add_u64(&b, 0);
    buf_add_u64(&b, UINT64_MAX);
    buf_add_format(&b, "<%s %d>", "f", -5);
    memcpy(buf_extend(&b, 2), "##", 2);
    assert_true(bytes_is(buf_bytes(&b), "txy018446744073709551615<f -5>##"));
    buf_fini(&b);
}

static void a_buffer_fills_up_to_its_maximum(void **state)
{
    struct buf b;
    struct err e;

    (void)state;
    buf_init(&b, 5);
    buf_add_text(&b, "12345");
    assert_int_equal(buf_check(&b, &e), ERR_OK);
    buf_add_char(&b, '6');
    assert_int_equal(buf_check(&b, &e), ERR_TOO_LARGE);
    assert_int_equal(e.code, ERR_TOO_LARGE);
    assert_true(bytes_is(buf_bytes(&b), "12345"));
    buf_fini(&b);
}

static void a_failed_buffer_stays_failed(void **state)
{
    struct buf b;
    size_t n = 0;

    (void)state;
    buf_init(&b, 5);
    buf_add_text(&b, "123");
    buf_add_text(&b, "456");
    buf_add_char(&b, '4');
    buf_add_format(&b, "%d", 4);
    buf_add_u64(&b, 4);
    buf_add_json_string(&b, bytes_of(""));
    assert_null(buf_extend(&b, 0));
    assert_true(bytes_is(buf_bytes(&b), "123"));
    assert_int_equal(buf_check(&b, NULL), ERR_TOO_LARGE);
    assert_null(buf_take(&b, &n));
    assert_null(b.p);
}

static void sizes_near_the_limit_do_not_wrap(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_add_text(&b, "123");
    assert_null(buf_extend(&b, SIZE_MAX));
    assert_int_equal(b.failed, ERR_TOO_LARGE);
    buf_reset(&b);
    buf_add_text(&b, "123");
    assert_null(buf_extend(&b, SIZE_MAX - 2));
    assert_int_equal(b.n, 3);
    buf_fini(&b);
}

static void a_reset_buffer_begins_again(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 3);
    buf_add_text(&b, "toolong");
    buf_reset(&b);
    buf_add_text(&b, "abc");
    assert_int_equal(buf_check(&b, NULL), ERR_OK);
    assert_true(bytes_is(buf_bytes(&b), "abc"));
    buf_fini(&b);
}

static void a_taken_text_ends_with_nul(void **state)
{
    struct buf b;
    size_t n;
    char *text;

    (void)state;
    buf_init(&b, 300);
    for (int i = 0; i < 256; i++)
        buf_add_char(&b, 'x');
    text = buf_take(&b, &n);
    assert_non_null(text);
    assert_int_equal(n, 256);
    assert_int_equal(text[256], '\0');
    assert_int_equal(b.n, 0);
    free(text);
    text = buf_take(&b, &n);
    assert_non_null(text);
    assert_string_equal(text, "");
    free(text);
}

static void json_strings_are_escaped(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    buf_add_json_string(&b, bytes_make("a\"\\/\n\r\t\x01\x1f\0\xc3\xa4z", 13));
    assert_true(bytes_is(buf_bytes(&b),
                         "\"a\\\"\\\\/\\n\\r\\t\\u0001\\u001f\\u0000"
                         "\xc3\xa4z\""));
    buf_reset(&b);
    buf_add_json_string(&b, bytes_of(""));
    buf_add_json_string(&b, bytes_make(NULL, 0));
    assert_true(bytes_is(buf_bytes(&b), "\"\"\"\""));
    buf_fini(&b);
}

/* arena */

static void arena_memory_is_zeroed_and_aligned(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1U << 20);
    for (size_t n = 1; n < 300; n++) {
        char *p = arena_alloc(&a, n);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    assert_false(arena_failed(&a));
    arena_fini(&a);
    arena_fini(&a);
}

static void large_and_small_objects_share_an_arena(void **state)
{
    struct arena a;
    char *first, *large, *second;

    (void)state;
    arena_init(&a, 1U << 20);
    first = arena_alloc(&a, 10);
    large = arena_alloc(&a, 100000);
    second = arena_alloc(&a, 10);
    assert_true(first && large && second);
    memset(first, 1, 10);
    memset(large, 2, 100000);
    memset(second, 3, 10);
    assert_int_equal(first[9], 1);
    assert_int_equal(large[99999], 2);
    assert_int_equal(second[0], 3);
    arena_fini(&a);
}

static void an_arena_stops_at_its_limit_and_says_so(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1024);
    assert_non_null(arena_alloc(&a, 1000));
    assert_false(arena_failed(&a));
    assert_null(arena_alloc(&a, 100));
    assert_true(arena_failed(&a));
    assert_non_null(arena_alloc(&a, 1));
    assert_true(arena_failed(&a));
    arena_reset(&a);
    assert_false(arena_failed(&a));
    assert_non_null(arena_alloc(&a, 1024));
    arena_fini(&a);
}

static void a_rewound_arena_is_as_it_was(void **state)
{
    struct arena a;
    struct arena_mark empty = {0}, later;
    char *kept;

    (void)state;
    arena_init(&a, 20000);
    kept = arena_alloc(&a, 100);
    assert_non_null(kept);
    memset(kept, 'k', 100);
    later = arena_mark(&a);
    for (int i = 0; i < 100; i++) {
        assert_non_null(arena_alloc(&a, 100));
        assert_non_null(arena_alloc(&a, 9000));
        assert_null(arena_alloc(&a, 20000));
        arena_rewind(&a, &later);
        assert_false(arena_failed(&a));
        assert_int_equal(a.used, later.used);
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(kept[i], 'k');
    arena_rewind(&a, &empty);
    assert_int_equal(a.used, 0);
    assert_non_null(arena_alloc(&a, 20000));
    arena_fini(&a);
}

static void arena_sizes_do_not_wrap(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 1024);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 15));
    assert_null(arena_calloc(&a, SIZE_MAX / 2 + 1, 2));
    assert_null(arena_calloc(&a, SIZE_MAX, SIZE_MAX));
    assert_true(arena_failed(&a));
    assert_non_null(arena_calloc(&a, 0, 8));
    assert_non_null(arena_calloc(&a, 8, 0));
    arena_fini(&a);
}

static void an_arena_copy_ends_with_nul(void **state)
{
    struct arena a;
    struct bytes copy;

    (void)state;
    arena_init(&a, 64);
    copy = arena_copy(&a, bytes_make("abcdef", 3));
    assert_true(bytes_is(copy, "abc"));
    assert_int_equal(copy.p[3], '\0');
    copy = arena_copy(&a, bytes_make(NULL, 0));
    assert_non_null(copy.p);
    assert_int_equal(copy.p[0], '\0');
    copy = arena_copy(&a, bytes_make("x", SIZE_MAX));
    assert_null(copy.p);
    arena_fini(&a);
}

/* instant */

static void formats_as(int64_t time_ms, const char *want)
{
    char text[INSTANT_TEXT_BYTES];

    instant_format(time_ms, text);
    if (!bytes_is(bytes_make(text, sizeof text), want))
        fail_msg("%.*s is not %s", INSTANT_TEXT_BYTES, text, want);
}

static void instants_are_formatted_to_the_millisecond(void **state)
{
    (void)state;
    formats_as(0, "1970-01-01T00:00:00.000Z");
    formats_as(-1, "1969-12-31T23:59:59.999Z");
    formats_as(-1000, "1969-12-31T23:59:59.000Z");
    formats_as(951782400001, "2000-02-29T00:00:00.001Z");
    formats_as(1735689599999, "2024-12-31T23:59:59.999Z");
    formats_as(253402300799999, "9999-12-31T23:59:59.999Z");
    formats_as(-62135596800000, "0001-01-01T00:00:00.000Z");
}

static void impossible_times_are_formatted_without_harm(void **state)
{
    char text[INSTANT_TEXT_BYTES];

    (void)state;
    instant_format(INT64_MAX, text);
    assert_int_equal(text[INSTANT_TEXT_BYTES - 1], 'Z');
    instant_format(INT64_MIN, text);
    assert_int_equal(text[INSTANT_TEXT_BYTES - 1], 'Z');
}

static void http_dates_have_their_fixed_form(void **state)
{
    char text[INSTANT_HTTP_BYTES];

    (void)state;
    instant_format_http(784111777000, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    instant_format_http(951868799999, text);
    assert_string_equal(text, "Tue, 29 Feb 2000 23:59:59 GMT");
}

static void parses_to(const char *text, int64_t want)
{
    int64_t time_ms = 0;

    if (!instant_parse(bytes_of(text), &time_ms) || time_ms != want)
        fail_msg("%s: %lld is not %lld", text, (long long)time_ms,
                 (long long)want);
}

static void instants_are_parsed_in_every_zone(void **state)
{
    (void)state;
    parses_to("1970-01-01T00:00:00Z", 0);
    parses_to("2015-02-07T13:28:17.239+02:00", 1423308497239);
    parses_to("2024-05-01T10:30:00-05:30", 1714579200000);
    parses_to("2024-02-29T00:00:00+00:00", 1709164800000);
    parses_to("2024-02-29T14:00:00+14:00", 1709164800000);
    parses_to("2024-02-28T10:00:00-14:00", 1709164800000);
    parses_to("1969-07-20T20:17:40Z", -14182940000);
    parses_to("0001-01-01T00:00:00Z", -62135596800000);
    parses_to("9999-12-31T23:59:59.999Z", 253402300799999);
}

static void fractions_are_cut_to_milliseconds(void **state)
{
    (void)state;
    parses_to("1970-01-01T00:00:00.5Z", 500);
    parses_to("1970-01-01T00:00:00.05Z", 50);
    parses_to("1970-01-01T00:00:00.0059Z", 5);
    parses_to("1970-01-01T00:00:00.999999999999999999999Z", 999);
    parses_to("1969-12-31T23:59:59.001Z", -999);
}

static void leap_days_exist_in_leap_years_only(void **state)
{
    int64_t time_ms;

    (void)state;
    parses_to("2000-02-29T00:00:00Z", 951782400000);
    parses_to("2024-02-29T00:00:00Z", 1709164800000);
    assert_false(instant_parse(bytes_of("1900-02-29T00:00:00Z"), &time_ms));
    assert_false(instant_parse(bytes_of("2023-02-29T00:00:00Z"), &time_ms));
    assert_false(instant_parse(bytes_of("2100-02-29T00:00:00Z"), &time_ms));
    assert_false(instant_parse(bytes_of("2024-02-30T00:00:00Z"), &time_ms));
}

static void second_60_is_the_next_minute(void **state)
{
    int64_t time_ms;

    (void)state;
    parses_to("2024-12-31T23:59:60Z", 1735689600000);
    assert_false(instant_parse(bytes_of("2024-12-31T23:59:61Z"), &time_ms));
}

static void malformed_instants_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2024",
        "2024-01",
        "2024-01-01",
        "2024-01-01T00:00Z",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00.000",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00,5Z",
        "2024-01-01T00:00:00z",
        "2024-01-01t00:00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00Z ",
        " 2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00ZZ",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "12024-01-01T00:00:00Z",
        "-2024-01-01T00:00:00Z",
        "2024-1-01T00:00:00Z",
        "2024-01-1T00:00:00Z",
        "2024-01-01T0:00:00Z",
        "2024-01-01T00:00:00+14:01",
        "2024-01-01T00:00:00+15:00",
        "2024-01-01T00:00:00+01:60",
        "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00+01",
        "2024-01-01T00:00:00+1:00",
        "2024-01-01T00:00:00-",
        "2024-01-01T",
        "2024-01T00:00:00Z",
        "2024T00:00:00Z",
        "20x4-01-01T00:00:00Z",
    };
    int64_t time_ms = 7;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (instant_parse(bytes_of(bad[i]), &time_ms))
            fail_msg("parsed: %s", bad[i]);
    assert_int_equal(time_ms, 7);
}

static void covers(const char *text, int64_t from, int64_t to)
{
    int64_t from_ms = 0, to_ms = 0;

    if (!instant_parse_range(bytes_of(text), &from_ms, &to_ms) ||
        from_ms != from || to_ms != to)
        fail_msg("%s: [%lld, %lld)", text, (long long)from_ms,
                 (long long)to_ms);
}

static void a_date_covers_its_whole_range(void **state)
{
    (void)state;
    covers("2024", 1704067200000, 1735689600000);
    covers("2024-02", 1706745600000, 1709251200000);
    covers("2023-02", 1675209600000, 1677628800000);
    covers("2024-12", 1733011200000, 1735689600000);
    covers("2024-02-29", 1709164800000, 1709251200000);
    covers("1970-01-01T00:00:00Z", 0, 1000);
    covers("1970-01-01T00:01:00+00:01", 0, 1000);
    covers("1970-01-01T00:00:00", 0, 1000);
    covers("1970-01-01T00:00Z", 0, 60000);
    covers("1970-01-01T00:00:00.5Z", 500, 600);
    covers("1970-01-01T00:00:00.50Z", 500, 510);
    covers("1970-01-01T00:00:00.500Z", 500, 501);
    covers("1970-01-01T00:00:00.500000Z", 500, 501);
}

static void malformed_dates_cover_nothing(void **state)
{
    static const char *const bad[] = {
        "",           "24",          "202",          "20245",
        "2024-",      "2024-2",      "2024-13",      "2024-02-30",
        "2023-02-29", "2024-02-29T", "2024-02-29Z",  "2024-02-29T10",
        "2024Z",      "2024-02-29 ", "2024-02-29T1", "2024-02-29T10:00:",
        "T10:00",     "10:00:00",    "2024/02/29",   "29-02-2024"};
    int64_t from_ms = 7, to_ms = 8;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (instant_parse_range(bytes_of(bad[i]), &from_ms, &to_ms))
            fail_msg("parsed: %s", bad[i]);
    assert_int_equal(from_ms, 7);
    assert_int_equal(to_ms, 8);
}

static void what_is_formatted_parses_back(void **state)
{
    char text[INSTANT_TEXT_BYTES];
    int64_t time_ms;

    (void)state;
    /* steps of some 11 days and odd milliseconds, 1900 to 2900 */
    for (int64_t t = -2208988800000; t < 29348006400000; t += 987654321) {
        instant_format(t, text);
        assert_true(instant_parse(bytes_make(text, sizeof text), &time_ms));
        assert_true(time_ms == t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_carries_code_and_text),
        cmocka_unit_test(an_error_carries_the_expression),
        cmocka_unit_test(long_error_texts_are_cut),
        cmocka_unit_test(a_system_error_adds_its_text),
        cmocka_unit_test(an_error_value_may_be_missing),
        cmocka_unit_test(bytes_compare_by_length_and_content),
        cmocka_unit_test(bytes_are_split_at_the_first_mark),
        cmocka_unit_test(bytes_past_the_end_are_empty),
        cmocka_unit_test(numbers_are_read),
        cmocka_unit_test(what_is_no_number_leaves_the_value_alone),
        cmocka_unit_test(the_hash_is_siphash_1_3),
        cmocka_unit_test(a_buffer_grows_over_many_appends),
        cmocka_unit_test(every_kind_of_text_is_appended),
        cmocka_unit_test(a_buffer_fills_up_to_its_maximum),
        cmocka_unit_test(a_failed_buffer_stays_failed),
        cmocka_unit_test(sizes_near_the_limit_do_not_wrap),
        cmocka_unit_test(a_reset_buffer_begins_again),
        cmocka_unit_test(a_taken_text_ends_with_nul),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
        cmocka_unit_test(large_and_small_objects_share_an_arena),
        cmocka_unit_test(an_arena_stops_at_its_limit_and_says_so),
        cmocka_unit_test(a_rewound_arena_is_as_it_was),
        cmocka_unit_test(arena_sizes_do_not_wrap),
        cmocka_unit_test(an_arena_copy_ends_with_nul),
        cmocka_unit_test(instants_are_formatted_to_the_millisecond),
        cmocka_unit_test(impossible_times_are_formatted_without_harm),
        cmocka_unit_test(http_dates_have_their_fixed_form),
        cmocka_unit_test(instants_are_parsed_in_every_zone),
        cmocka_unit_test(fractions_are_cut_to_milliseconds),
        cmocka_unit_test(leap_days_exist_in_leap_years_only),
        cmocka_unit_test(second_60_is_the_next_minute),
        cmocka_unit_test(malformed_instants_are_refused),
        cmocka_unit_test(a_date_covers_its_whole_range),
        cmocka_unit_test(malformed_dates_cover_nothing),
        cmocka_unit_test(what_is_formatted_parses_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
