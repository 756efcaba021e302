/* The anchors of queries: which predicate becomes one, and that no match
 * escapes them. */
#include "fhir/search/query.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BASE "http://host/fhir"
#define ARENA_BYTES (1 << 20)
#define TEXT_BYTES 8192

static struct query *compile(const char *type, const char *text)
{
    struct query *q = NULL;
    struct err e = {0};
    enum err_code rc =
        query_compile(bytes_of(type), bytes_of(text), bytes_of(BASE), &q, &e);

    if (rc != ERR_OK)
        fail_msg("%s?%s: %s", type, text, e.message);
    assert_non_null(q);
    return q;
}

struct subject {
    struct arena arena;
    struct search_values *v;
};

static void subject_init(struct subject *s, const char *resource)
{
    struct err e = {0};

    arena_init(&s->arena, ARENA_BYTES);
    assert_int_equal(search_values_read(bytes_of(resource), bytes_of(BASE),
                                        &s->arena, &s->v, &e),
                     ERR_OK);
}

/* "name=" and so many times unit, without the last character. */
static void repeat(char *out, const char *unit, size_t times)
{
    size_t n = strlen(unit);

    assert_true(times * n < TEXT_BYTES);
    for (size_t i = 0; i < times; i++)
        memcpy(out + i * n, unit, n);
    out[times * n - 1] = '\0';
}

static size_t anchor(const char *text, uint64_t keys[QUERY_ANCHORS_MAX])
{
    struct query *q = compile("Observation", text);
    size_t n = query_anchor(q, keys);

    query_free(q);
    return n;
}

static void check_same_anchor(const char *a, const char *b)
{
    uint64_t x[QUERY_ANCHORS_MAX], y[QUERY_ANCHORS_MAX];
    size_t n = anchor(a, x);

    assert_true(n > 0);
    assert_int_equal(anchor(b, y), n);
    assert_memory_equal(x, y, n * sizeof *x);
}

static void references_anchor_before_identifiers_before_codes(void **state)
{
    (void)state;
    check_same_anchor("code=x&identifier=1&subject=Patient/1",
                      "subject=Patient/1");
    check_same_anchor("code=x&identifier=1,2", "identifier=1,2");
    check_same_anchor("_id=7&status=final", "_id=7");
    check_same_anchor("status=a,b&code=x", "code=x");
    check_same_anchor("subject=Patient/1&status:not=x", "subject=1");
}

static void some_queries_have_no_anchor(void **state)
{
    uint64_t keys[QUERY_ANCHORS_MAX];
    char text[TEXT_BYTES] = "code=";

    (void)state;
    assert_int_equal(anchor("status:not=final", keys), 0);
    assert_int_equal(anchor("subject:missing=true", keys), 0);
    assert_int_equal(anchor("date=2020", keys), 0);
    assert_int_equal(anchor("code=s|", keys), 0);
    assert_int_equal(anchor("code=x,s|", keys), 0);
    assert_int_equal(anchor("code=x,x,s|x", keys), 1);
    repeat(text + 5, "x,", QUERY_ANCHORS_MAX + 1);
    assert_int_equal(anchor(text, keys), 0);
}

static void keys_differ_between_parameters_and_forms(void **state)
{
    uint64_t a[QUERY_ANCHORS_MAX], b[QUERY_ANCHORS_MAX];

    (void)state;
    assert_int_equal(anchor("code=x", a), 1);
    assert_int_equal(anchor("status=x", b), 1);
    assert_true(a[0] != b[0]);
    assert_int_equal(anchor("subject=Patient/1", a), 1);
    assert_int_equal(anchor("patient=Patient/1", b), 1);
    assert_true(a[0] != b[0]);
}

/* --- the promise of anchors, on random resources and queries --- */

struct random {
    uint64_t state;
};

static size_t pick(struct random *r, size_t n)
{
    r->state = r->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (size_t)(r->state >> 33) % n;
}

static const char *choose(struct random *r, const char *const list[], size_t n)
{
    return list[pick(r, n)];
}

#define CHOOSE(r, list) choose(r, list, sizeof(list) / sizeof *(list))

static const char *const members[] = {
    "\"status\":\"final\"",
    "\"status\":\"amended\"",
    "\"subject\":{\"reference\":\"Patient/1\"}",
    "\"subject\":{\"reference\":\"Patient/2/_history/1\"}",
    "\"subject\":{\"reference\":\"http://host/fhir/Group/1\"}",
    "\"subject\":{\"reference\":\"urn:uuid:1\",\"type\":\"Patient\"}",
    "\"subject\":{\"reference\":\"http://other/Patient/1\"}",
    "\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"a\"}]}",
    "\"code\":{\"coding\":[{\"code\":\"a\"},{\"code\":\"b\"}]}",
    "\"identifier\":[{\"system\":\"s\",\"value\":\"a\"},{\"value\":\"b\"}]",
    "\"effectiveDateTime\":\"2020\"",
    "\"effectivePeriod\":{\"start\":\"2021\"}",
    "\"id\":\"a\"",
};

static const char *const conditions[] = {
    "status=final",
    "status=final,amended",
    "status:not=final",
    "status:missing=true",
    "subject=1",
    "subject=1,Patient/2",
    "subject=Patient/1,urn:uuid:1",
    "subject:Group=1",
    "subject=http://host/fhir/Patient/1",
    "subject=http://other/Patient/1",
    "patient=1,2",
    "patient=urn:uuid:1",
    "patient:missing=false",
    "code=a",
    "code=s|a,b",
    "code=|a",
    "code=s|",
    "code:not=b",
    "identifier=s|a",
    "identifier=b,c",
    "_id=a",
    "_id=b,a",
    "date=2020",
    "date=ge2020",
    "date=lt2021,sa2022",
};

/* An object has each key once. */
static bool has_key_of(const char *object, const char *member)
{
    return memmem(object, strlen(object), member,
                  (size_t)(strchr(member, ':') - member)) != NULL;
}

static void random_resource(struct random *r, char out[TEXT_BYTES])
{
    size_t count = pick(r, 5);
    size_t used =
        (size_t)snprintf(out, TEXT_BYTES, "{\"resourceType\":\"Observation\"");

    for (size_t i = 0; i < count; i++) {
        const char *member = CHOOSE(r, members);

        if (!has_key_of(out, member))
            used +=
                (size_t)snprintf(out + used, TEXT_BYTES - used, ",%s", member);
    }
    (void)snprintf(out + used, TEXT_BYTES - used, "}");
}

static void random_query(struct random *r, char out[TEXT_BYTES])
{
    size_t count = 1 + pick(r, 3);
    size_t used = 0;

    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(out + used, TEXT_BYTES - used, "%s%s",
                                 i ? "&" : "", CHOOSE(r, conditions));
}

static bool meets(const struct query *q, const struct search_values *v)
{
    uint64_t anchors[QUERY_ANCHORS_MAX];
    size_t anchor_count = query_anchor(q, anchors);
    size_t key_count;
    const uint64_t *keys = search_values_keys(v, &key_count);

    for (size_t i = 0; i < anchor_count; i++)
        for (size_t k = 0; k < key_count; k++)
            if (anchors[i] == keys[k])
                return true;
    return anchor_count == 0;
}

struct tally {
    size_t matched;
    size_t anchored; /* matched, by a query with an anchor */
    size_t met;      /* anchored queries that met a key, matched or not */
};

static void try_query(struct random *r, const struct search_values *v,
                      const char *resource, struct tally *t)
{
    uint64_t keys[QUERY_ANCHORS_MAX];
    char text[TEXT_BYTES];
    struct query *q;
    bool has_anchor, found;

    random_query(r, text);
    q = compile("Observation", text);
    has_anchor = query_anchor(q, keys) > 0;
    found = meets(q, v);
    t->met += has_anchor && found;
    if (query_matches(q, v)) {
        t->matched++;
        t->anchored += has_anchor;
        if (!found)
            fail_msg("%s does not meet %s", text, resource);
    }
    query_free(q);
}

static bool same_split(const struct query *a, const struct query *b)
{
    struct query_split x, y;

    return query_split_anchor(a, &x) && query_split_anchor(b, &y) &&
           bytes_equal(x.before, y.before) && bytes_equal(x.after, y.after);
}

/* One query with the other's value must be the other. */
static void check_swap(const struct query *a, const struct query *b,
                       struct query_value *value, const struct search_values *v)
{
    uint64_t expected[QUERY_ANCHORS_MAX], keys[QUERY_ANCHORS_MAX];
    struct query_split split;
    struct err e;
    size_t n = query_anchor(b, expected);

    assert_true(query_split_anchor(b, &split));
    assert_int_equal(query_value_set(value, a, split.value, &e), ERR_OK);
    assert_int_equal(query_value_anchor(value, keys), n);
    assert_memory_equal(keys, expected, n * sizeof *keys);
    assert_int_equal(query_value_matches(value, v), query_matches(b, v));
}

#define SWAPPED 400

/* A value in place of a query's own means what a query with it means. */
static void a_query_takes_the_value_of_another(void **state)
{
    static struct query *queries[SWAPPED];
    struct query_value *value = query_value_new();
    struct random r = {20240311};
    char resource[TEXT_BYTES], text[TEXT_BYTES];
    size_t swapped = 0;
    struct subject s;

    (void)state;
    assert_non_null(value);
    random_resource(&r, resource);
    subject_init(&s, resource);
    for (size_t i = 0; i < SWAPPED; i++) {
        random_query(&r, text);
        queries[i] = compile("Observation", text);
        assert_true(bytes_is(query_text(queries[i]), text));
        for (size_t k = 0; k < i; k++) {
            if (!same_split(queries[k], queries[i]))
                continue;
            check_swap(queries[k], queries[i], value, s.v);
            check_swap(queries[i], queries[k], value, s.v);
            swapped++;
        }
    }
    query_value_free(value);
    for (size_t i = 0; i < SWAPPED; i++)
        query_free(queries[i]);
    arena_fini(&s.arena);
    assert_true(swapped > 200);
}

static void a_value_that_is_none_is_refused(void **state)
{
    struct query *q = compile("Observation", "patient=Patient/1&status=final");
    struct query_value *value = query_value_new();
    struct query_split split;
    struct err e;

    (void)state;
    assert_non_null(value);
    assert_true(query_split_anchor(q, &split));
    assert_true(bytes_is(split.before, "patient="));
    assert_true(bytes_is(split.value, "Patient/1"));
    assert_true(bytes_is(split.after, "&status=final"));
    assert_int_equal(query_value_set(value, q, bytes_of("Patient/"), &e),
                     ERR_INVALID);
    assert_int_equal(query_value_set(value, q, bytes_of(""), &e), ERR_INVALID);
    assert_int_equal(query_value_set(value, q, bytes_of("%zz"), &e),
                     ERR_INVALID);
    assert_int_equal(query_value_set(value, q, bytes_of("Patient%2F2"), &e),
                     ERR_OK);
    query_value_free(value);
    query_free(q);
}

#define RESOURCES 2000
#define QUERIES 10

static void every_match_is_found_by_its_anchor(void **state)
{
    struct random r = {20240310};
    struct tally t = {0};
    char resource[TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < RESOURCES; i++) {
        struct subject s;

        random_resource(&r, resource);
        subject_init(&s, resource);
        for (size_t k = 0; k < QUERIES; k++)
            try_query(&r, s.v, resource, &t);
        arena_fini(&s.arena);
    }
    /* the promise must not be kept by matching or meeting everything */
    assert_true(t.matched > 1000 && t.anchored > 500);
    assert_true(t.met < RESOURCES * QUERIES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_anchor_before_identifiers_before_codes),
        cmocka_unit_test(some_queries_have_no_anchor),
        cmocka_unit_test(keys_differ_between_parameters_and_forms),
        cmocka_unit_test(every_match_is_found_by_its_anchor),
        cmocka_unit_test(a_query_takes_the_value_of_another),
        cmocka_unit_test(a_value_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
