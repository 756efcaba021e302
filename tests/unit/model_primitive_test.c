/* The formats of R4's primitive types, and XHTML. */
#include "fhir/model/primitive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void check(enum model_type_id type, const char *const *texts, size_t n,
                  bool fits)
{
    for (size_t i = 0; i < n; i++) {
        bool found = !primitive_problem(type, bytes_of(texts[i]));

        if (found != fits)
            print_message("type %d: %s\n", (int)type, texts[i]);
        assert_int_equal(found, fits);
    }
}

#define FITS(type, ...)                                          \
    check(MODEL_TYPE_##type, (const char *const[]){__VA_ARGS__}, \
          COUNT(((const char *const[]){__VA_ARGS__})), true)
#define FAILS(type, ...)                                         \
    check(MODEL_TYPE_##type, (const char *const[]){__VA_ARGS__}, \
          COUNT(((const char *const[]){__VA_ARGS__})), false)

static void dates_have_their_form_and_their_days(void **state)
{
    (void)state;
    FITS(date, "2024", "0001", "2024-12", "2024-02-29", "2000-02-29",
         "1999-12-31");
    FAILS(date, "", "24", "0000", "2024-", "2024-1", "2024-13", "2024-00",
          "2023-02-29", "1900-02-29", "2024-04-31", "2024-01-00", "2024-01-1",
          "2024-01-01T00:00:00Z", " 2024", "2024 ", "20240101", "-2024");
}

static void date_times_need_seconds_and_zone(void **state)
{
    (void)state;
    FITS(dateTime, "2024", "2024-12", "2024-02-29", "2024-01-01T00:00:00Z",
         "2024-01-01T23:59:60.1+14:00", "2024-01-01T10:00:00.123456789-00:30");
    FAILS(dateTime, "2024-01-01T10:00Z", "2024-01-01T10:00:00",
          "2024-01-01T24:00:00Z", "2024-01-01T10:60:00Z",
          "2024-01-01T10:00:61Z", "2024-01-01T10:00:00.Z",
          "2024-01-01T10:00:00+14:01", "2024-01-01T10:00:00+15:00",
          "2024-01-01T10:00:00+1:00", "2024-01-01T10:00:00z",
          "2024-01-01 10:00:00Z", "2024-01T10:00:00Z", "2024-01-01T",
          "2024-01-01T10:00:00Zx");
    FITS(instant, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.5+01:00");
    FAILS(instant, "2024-01-01", "2024", "2024-01-01T00:00:00");
    FITS(time, "00:00:00", "23:59:60", "10:00:00.25");
    FAILS(time, "24:00:00", "10:00", "10:00:00Z", "1:00:00", "10:00:00.");
}

static void integers_have_ranges_and_no_fraction(void **state)
{
    (void)state;
    FITS(integer, "0", "-0", "2147483647", "-2147483648");
    FAILS(integer, "2147483648", "-2147483649", "1.0", "1e2", "99999999999");
    FITS(positiveInt, "1", "2147483647");
    FAILS(positiveInt, "0", "-1", "2147483648");
    FITS(unsignedInt, "0", "7");
    FAILS(unsignedInt, "-1", "0.0");
    FITS(decimal, "0", "-1.50", "1e10", "3.14159265358979323846");
}

static void identifiers_have_their_alphabets(void **state)
{
    (void)state;
    FITS(id, "a", "A-1.b");
    FAILS(id, "", "a_b", "a/b");
    FITS(oid, "urn:oid:1.2.840", "urn:oid:0.0");
    FAILS(oid, "urn:oid:", "urn:oid:1", "urn:oid:3.1", "urn:oid:1.02",
          "urn:oid:1..2", "urn:oid:1.2.", "1.2.3", "urn:oid:12.1");
    FITS(uuid, "urn:uuid:c757873d-ec9a-4326-a141-556f43239520");
    FAILS(uuid, "urn:uuid:C757873D-ec9a-4326-a141-556f43239520",
          "c757873d-ec9a-4326-a141-556f43239520",
          "urn:uuid:c757873d-ec9a-4326-a141-556f4323952");
    FITS(uri, "http://e.org", "urn:x:y", "abc", "#a");
    FAILS(uri, "", "a b", "a\tb", "urn:oid:x", "urn:oid:1");
    FITS(canonical, "http://e.org/p|1.0");
    FITS(code, "a", "a b", "a-b_c");
    FAILS(code, "", " a", "a ", "a  b", "\ta");
}

static void texts_have_no_control_characters(void **state)
{
    (void)state;
    FITS(string, "a", " ", "a\r\n\tb", "\xc3\xa9");
    FITS(string, "ten letters and \t one", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
    FAILS(string, "", "a\x07", "\x1f", "1234567\x01", "12345678\x01",
          "\xc3\xa9\xc3\xa9\xc3\xa9\x02x");
    FITS(markdown, "# x\n\ny");
    FAILS(markdown, "a\bb");
}

static void a_string_has_a_longest_length(void **state)
{
    size_t n = ((size_t)1 << 20) + 1;
    char *text = malloc(n);

    (void)state;
    assert_non_null(text);
    memset(text, 'a', n);
    assert_null(primitive_problem(MODEL_TYPE_string, bytes_make(text, n - 1)));
    assert_non_null(primitive_problem(MODEL_TYPE_string, bytes_make(text, n)));
    /* characters count, not bytes */
    memcpy(text, "\xc3\xa9", 2);
    assert_null(primitive_problem(MODEL_TYPE_string, bytes_make(text, n)));
    free(text);
}

static void base64_is_padded(void **state)
{
    (void)state;
    FITS(base64Binary, "QQ==", "QUI=", "QUJD", "QU JD\nQQ==", "+/+/");
    FAILS(base64Binary, "", " ", "QQ",
          "QQ=", "Q===", "====", "QQ==QQ==", "QU-_", "QU*D");
}

static void times_are_ordered_where_they_can_be(void **state)
{
    int order = 0;

    (void)state;
#define ORDER(a, b) primitive_time_order(bytes_of(a), bytes_of(b), &order)
    assert_true(ORDER("2020", "2021"));
    assert_true(order < 0);
    assert_true(ORDER("2020-02", "2020-01-31"));
    assert_true(order > 0);
    assert_false(ORDER("2020-01", "2020-01-31"));
    assert_false(ORDER("2020-01-01", "2020-01-01T00:00:00Z"));
    assert_true(ORDER("2020-01-01T01:00:00+01:00", "2020-01-01T00:00:00.00Z"));
    assert_int_equal(order, 0);
    assert_true(ORDER("2019-12-31T23:30:00-01:00", "2020-01-01T00:29:59Z"));
    assert_true(order > 0);
    assert_true(ORDER("2024-02-29T23:59:59Z", "2024-03-01T00:00:00Z"));
    assert_true(order < 0);
    assert_false(ORDER("x", "2020"));
#undef ORDER
}

#define DIV "<div xmlns=\"http://www.w3.org/1999/xhtml\">"

static void xhtml_is_a_well_formed_div(void **state)
{
    (void)state;
    FITS(xhtml, DIV "x</div>", "<div>x</div>", " " DIV "<p>a</p>\n</div> ",
         DIV "<!-- <b> --><b>x</b></div>",
         DIV "<img src=\"#a\" alt='x'/></div>", DIV "&lt;&#160;&nbsp;</div>",
         DIV "<table><tr><td>1</td></tr></table>"
             "</div>",
         DIV "<a href=\"http://e.org/?a=1&amp;b=2\">x</a></div>");
    FAILS(xhtml, "", "x", "<p>x</p>", DIV "x", DIV "</div>", DIV " \n</div>",
          DIV "x</div>y", DIV "x</div>" DIV "y</div>", DIV "<p>x</div>",
          DIV "<p>x</b></div>", DIV "a & b</div>", DIV "a < b</div>",
          DIV "<p class=a>x</p></div>", DIV "<p class>x</p></div>",
          DIV "<p class=\"a>x</p></div>", "<divx>a</divx>",
          "<div xmlns=\"http://e.org\">x</div>", DIV "<!-- x</div>");
}

static void xhtml_has_no_active_content(void **state)
{
    (void)state;
    FAILS(xhtml, DIV "<script>x</script></div>",
          DIV "<p onclick=\"x()\">x</p></div>", DIV "<form>x</form></div>",
          DIV "<iframe src=\"x\"/></div>", DIV "<object>x</object></div>",
          DIV "<P>x</P></div>");
}

static void xhtml_has_a_depth(void **state)
{
    char text[8 * 200] = "";

    (void)state;
    for (int i = 0; i < 70; i++)
        strncat(text, "<div>", sizeof text - strlen(text) - 1);
    assert_non_null(primitive_problem(MODEL_TYPE_xhtml, bytes_of(text)));
}

/* Every element and attribute that is listed is found: the lists are sorted. */
static void xhtml_lists_are_complete(void **state)
{
    (void)state;
    FITS(xhtml, DIV "<blockquote>x<big/><bdo dir=\"a\"/></blockquote></div>",
         DIV "<strong>x<sub/><sup/><small/><span/></strong></div>",
         DIV "<table cellpadding=\"1\" cellspacing=\"1\" summary=\"a\" "
             "rules=\"x\" width=\"1\"><colgroup><col/></colgroup><caption>x"
             "</caption><thead/><tbody/><tfoot/></table></div>",
         DIV
         "<acronym title=\"x\" xml:lang=\"de\">x</acronym><del/><dfn/><var/>"
         "<ul/><u/><tt/><th/></div>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_have_their_form_and_their_days),
        cmocka_unit_test(date_times_need_seconds_and_zone),
        cmocka_unit_test(integers_have_ranges_and_no_fraction),
        cmocka_unit_test(identifiers_have_their_alphabets),
        cmocka_unit_test(texts_have_no_control_characters),
        cmocka_unit_test(a_string_has_a_longest_length),
        cmocka_unit_test(base64_is_padded),
        cmocka_unit_test(times_are_ordered_where_they_can_be),
        cmocka_unit_test(xhtml_is_a_well_formed_div),
        cmocka_unit_test(xhtml_has_no_active_content),
        cmocka_unit_test(xhtml_has_a_depth),
        cmocka_unit_test(xhtml_lists_are_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
