/* The matcher against looking at every subscription: random filters over few
 * values, so that anchors are popular and gates and trees come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "fhir/search/values.h"
#include "server/engine/intervals.h"
#include "server/engine/matcher.h"

#define BASE "http://127.0.0.1:8080/fhir"
#define TOPIC "https://belfry.example/fhir/SubscriptionTopic/test"
#define BX "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
#define UCUM "http://unitsofmeasure.org"
#define COUNT(list) (sizeof(list) / sizeof *(list))
#define SUBS 700
#define TEXT_BYTES 2048

static const char topic_json[] =
    "{\"resourceType\":\"SubscriptionTopic\",\"url\":\"" TOPIC "\","
    "\"status\":\"active\",\"resourceTrigger\":[{\"resource\":\"Observation\"}]"
    ",\"canFilterBy\":[{\"filterParameter\":\"code\",\"modifier\":[\"not\"]},"
    "{\"filterParameter\":\"patient\"},{\"filterParameter\":\"status\"},"
    "{\"filterParameter\":\"value-string\"},"
    "{\"filterParameter\":\"value-quantity\",\"comparator\":[\"eq\",\"ne\","
    "\"gt\",\"lt\",\"ge\",\"le\",\"sa\",\"eb\",\"ap\"]},"
    "{\"filterParameter\":\"component-value-quantity\",\"comparator\":[\"gt\","
    "\"lt\"]},{\"filterParameter\":\"date\",\"comparator\":[\"eq\",\"ne\","
    "\"gt\",\"lt\",\"ge\",\"le\",\"sa\",\"eb\"]}]}";

static uint64_t seed = 88172645463325252ULL;

static unsigned draw(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 32) % below;
}

/* ---- what is under test, and what it should say ---- */

struct held {
    struct sub *sub; /* NULL: there is none */
    struct filter filters[4];
    size_t count;
    unsigned found; /* by the matcher */
};

struct rig {
    struct topic_set *topics;
    struct topic *topic;
    struct subs subs;
    struct matcher *matcher;
    struct held held[SUBS];
    uint64_t number;
};

static int setup(void **state)
{
    static const uint64_t key[2] = {1, 2};
    struct rig *r = calloc(1, sizeof *r);
    struct issues *issues = calloc(1, sizeof *issues);
    struct topic *topic = NULL;
    struct err e = {0};

    assert_true(r && issues);
    r->topics = topic_set_new();
    assert_int_equal(
        topic_compile(bytes_of(topic_json), bytes_of(BASE), &topic, issues),
        ERR_OK);
    r->topic = topic_ref(topic);
    assert_int_equal(topic_set_add(r->topics, &topic, &e), ERR_OK);
    subs_init(&r->subs, key);
    r->matcher = matcher_new(&r->subs, bytes_of(BASE));
    assert_non_null(r->matcher);
    free(issues);
    *state = r;
    return 0;
}

static void leave(struct rig *r, struct held *h)
{
    struct form *form = matcher_remove(r->matcher, h->sub);

    assert_non_null(form);
    form_free(matcher_forms(r->matcher), &form);
    while (h->count > 0)
        filter_fini(&h->filters[--h->count]);
    subs_remove(&r->subs, h->sub);
    subs_free(&r->subs, h->sub);
    h->sub = NULL;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < SUBS; i++)
        if (r->held[i].sub)
            leave(r, &r->held[i]);
    matcher_free(r->matcher);
    subs_fini(&r->subs);
    topic_unref(r->topic);
    topic_set_unref(r->topics);
    free(r);
    return 0;
}

/* The filters of a subscription, one string each. */
static struct form *make_form(struct rig *r, char texts[][256], size_t n)
{
    struct subscription_rules rules = {.topics = r->topics,
                                       .base_url = bytes_of(BASE)};
    struct issues *issues = calloc(1, sizeof *issues);
    struct subscription *s = NULL;
    struct form *form = NULL;
    struct err e = {0};
    char text[TEXT_BYTES * 2];
    int at;
    cJSON *json;

    assert_non_null(issues);
    at = snprintf(text, sizeof text,
                  "{\"resourceType\":\"Subscription\",\"status\":\"requested\","
                  "\"reason\":\"test\",\"criteria\":\"" TOPIC "\",%s",
                  n ? "\"_criteria\":{\"extension\":[" : "");
    for (size_t i = 0; i < n; i++)
        at += snprintf(text + at, sizeof text - (size_t)at,
                       "%s{\"url\":\"" BX
                       "backport-filter-criteria\",\"valueString\":\"%s\"}",
                       i ? "," : "", texts[i]);
    (void)snprintf(text + at, sizeof text - (size_t)at,
                   "%s\"channel\":{\"type\":\"rest-hook\",\"endpoint\":"
                   "\"http://127.0.0.1:9/hook\",\"payload\":"
                   "\"application/fhir+json\",\"_payload\":{\"extension\":[{"
                   "\"url\":\"" BX "backport-payload-content\",\"valueCode\":"
                   "\"id-only\"}]}}}",
                   n ? "]}," : "");
    json = cJSON_Parse(text);
    assert_non_null(json);
    if (subscription_read(json, &rules, &s, issues) != ERR_OK)
        fail_msg("%s: %s", issues->items[0].message, text);
    assert_int_equal(form_new(matcher_forms(r->matcher), s, &form, &e), ERR_OK);
    subscription_free(s);
    cJSON_Delete(json);
    free(issues);
    return form;
}

static void enter(struct rig *r, struct held *h, char texts[][256], size_t n)
{
    struct form *form = make_form(r, texts, n);
    char id[32];
    struct err e = {0};

    (void)snprintf(id, sizeof id, "s%llu", (unsigned long long)++r->number);
    h->sub = subs_new(&r->subs, r->number, bytes_of(id));
    assert_non_null(h->sub);
    assert_true(subs_reserve(&r->subs, 1));
    subs_add(&r->subs, h->sub);
    h->count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t made = 0;

        assert_int_equal(topic_filter_compile(r->topic, bytes_of(texts[i]),
                                              bytes_of(BASE),
                                              &h->filters[h->count], &made, &e),
                         ERR_OK);
        assert_int_equal(made, 1);
        h->count++;
    }
    assert_int_equal(matcher_add(r->matcher, h->sub, &form, &e), ERR_OK);
}

static struct search_values *extract(const char *text, struct arena *arena)
{
    struct search_values *values = NULL;
    struct err e = {0};

    assert_int_equal(
        search_values_read(bytes_of(text), bytes_of(BASE), arena, &values, &e),
        ERR_OK);
    return values;
}

static enum err_code found(void *ctx, struct sub *s, struct err *e)
{
    struct rig *r = ctx;

    (void)e;
    for (size_t i = 0; i < SUBS; i++)
        if (r->held[i].sub == s)
            r->held[i].found++;
    return ERR_OK;
}

static void match(struct rig *r, const char *text)
{
    const struct matcher_receiver receiver = {found, r};
    struct arena arena;
    struct err e = {0};
    struct change_view view = {.interaction = INTERACTION_CREATE,
                               .resource_type = bytes_of("Observation")};

    arena_init(&arena, (size_t)1 << 20);
    view.current = extract(text, &arena);
    for (size_t i = 0; i < SUBS; i++)
        r->held[i].found = 0;
    assert_int_equal(matcher_match(r->matcher, &view, &receiver, &e), ERR_OK);
    for (size_t i = 0; i < SUBS; i++) {
        struct held *h = &r->held[i];
        bool holds = h->sub != NULL;

        for (size_t k = 0; holds && k < h->count; k++)
            holds = filter_holds(&h->filters[k], view.current, NULL);
        if (h->found != holds)
            fail_msg("found %u times, holds %d: %s", h->found, holds, text);
    }
    arena_fini(&arena);
}

static uint64_t looked_at(struct rig *r, const char *text)
{
    uint64_t before = matcher_counts(r->matcher).looked;

    match(r, text);
    return matcher_counts(r->matcher).looked - before;
}

/* ---- random filters and changes ---- */

static void write_quantity(char *out, size_t n, const char *parameter)
{
    static const char *const prefixes[] = {"",   "ne", "gt", "lt", "ge",
                                           "le", "sa", "eb", "ap"};
    static const char *const units[] = {
        "",     "|" UCUM "|mg", "|" UCUM "|g",
        "||mg", "|urn:x|mg",    "|" UCUM "|{x}"};
    const char *prefix = parameter[0] == 'v' ? prefixes[draw(COUNT(prefixes))]
                                             : prefixes[2 + draw(2)];

    (void)snprintf(out, n, "%s=%s%u%s%s", parameter, prefix, draw(9),
                   draw(3) ? "" : "000", units[draw(COUNT(units))]);
}

static void write_date(char *out, size_t n)
{
    static const char *const prefixes[] = {"",   "ne", "gt", "lt",
                                           "ge", "le", "sa", "eb"};

    (void)snprintf(out, n, "date=%s2026-%02u%s",
                   prefixes[draw(COUNT(prefixes))], 1 + draw(12),
                   draw(2) ? "-11" : "");
}

static void write_term(char *out, size_t n)
{
    switch (draw(9)) {
    case 0:
        write_quantity(out, n, "value-quantity");
        break;
    case 1:
        write_quantity(out, n, "component-value-quantity");
        break;
    case 2:
        write_date(out, n);
        break;
    case 3:
        (void)snprintf(out, n, "code=c%u,c%u", draw(3), draw(3));
        break;
    case 4:
        (void)snprintf(out, n, "code:not=c%u", draw(3));
        break;
    case 5:
        (void)snprintf(out, n, "status=%s", draw(2) ? "final" : "amended");
        break;
    case 6:
        (void)snprintf(out, n, "patient=Patient/p%u", draw(3));
        break;
    case 7:
        (void)snprintf(out, n, "value-string=w%u", draw(3));
        break;
    default:
        (void)snprintf(out, n, "code=c%u", draw(3));
        break;
    }
}

static size_t write_filters(char texts[4][256])
{
    size_t n = draw(10) ? 1 + draw(3) : 0;

    for (size_t i = 0; i < n; i++) {
        size_t at;

        write_term(texts[i], 256);
        at = strlen(texts[i]);
        if (draw(3) == 0) {
            texts[i][at] = '&';
            write_term(texts[i] + at + 1, 255 - at);
        }
    }
    return n;
}

static void write_value(char *out, size_t n)
{
    static const char *const units[] = {
        "\"unit\":\"mg\"", "\"system\":\"" UCUM "\",\"code\":\"mg\"",
        "\"system\":\"" UCUM "\",\"code\":\"g\"",
        "\"system\":\"urn:x\",\"code\":\"mg\"",
        "\"system\":\"" UCUM "\",\"code\":\"{x}\""};
    static const char *const comparators[] = {"<", "<=", ">", ">="};
    char comparator[32] = "";

    if (draw(4) == 0)
        (void)snprintf(comparator, sizeof comparator, "\"comparator\":\"%s\",",
                       comparators[draw(COUNT(comparators))]);
    (void)snprintf(out, n, "\"valueQuantity\":{\"value\":%u,%s%s}",
                   draw(9) * (draw(3) ? 1 : 1000), comparator,
                   units[draw(COUNT(units))]);
}

static void write_change(char out[TEXT_BYTES])
{
    char value[3][200] = {"\"valueString\":\"w1\""}, when[120] = "";

    if (draw(4))
        write_value(value[0], sizeof value[0]);
    write_value(value[1], sizeof value[1]);
    write_value(value[2], sizeof value[2]);
    if (draw(4) == 0)
        (void)snprintf(when, sizeof when,
                       "\"effectivePeriod\":{\"start\":\"2026-%02u-05\"%s},",
                       1 + draw(12), draw(2) ? ",\"end\":\"2026-06-20\"" : "");
    else if (draw(4))
        (void)snprintf(when, sizeof when,
                       "\"effectiveDateTime\":\"2026-%02u-11\",", 1 + draw(12));
    (void)snprintf(
        out, TEXT_BYTES,
        "{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"%s\","
        "\"code\":{\"coding\":[{\"code\":\"c%u\"},{\"code\":\"c%u\"}]},"
        "\"subject\":{\"reference\":\"Patient/p%u\"},%s%s,\"component\":[{"
        "\"code\":{\"text\":\"x\"},%s},{\"code\":{\"text\":\"y\"},%s}]}",
        draw(2) ? "final" : "amended", draw(3), draw(4), draw(4), when,
        value[0], value[1], value[2]);
}

static void it_finds_what_looking_at_all_finds(void **state)
{
    struct rig *r = *state;
    char texts[4][256], text[TEXT_BYTES];

    for (size_t round = 0; round < 4000; round++) {
        struct held *h = &r->held[draw(SUBS)];

        /* now more come, now more go */
        if (h->sub && (draw(2) || round % 2000 > 1200))
            leave(r, h);
        else if (!h->sub)
            enter(r, h, texts, write_filters(texts));
        if (round % 20 == 0) {
            write_change(text);
            match(r, text);
        }
    }
    for (size_t i = 0; i < SUBS; i++)
        if (r->held[i].sub)
            leave(r, &r->held[i]);
    /* no gate, tree or link stays behind */
    assert_int_equal(matcher_forms(r->matcher)->blocks.bytes, 0);
}

/* ---- what a change looks at ---- */

#define OBSERVATION(code, patient, value)                                  \
    "{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\"," \
    "\"code\":{\"coding\":[{\"code\":\"" code "\"}]},\"subject\":{"        \
    "\"reference\":\"Patient/" patient                                     \
    "\"},\"valueQuantity\":{\"value\":" value ",\"system\":\"" UCUM        \
    "\",\"code\":\"mg\"},\"effectiveDateTime\":"                           \
    "\"2026-03-01\"}"

static void two_popular_values_are_found_together(void **state)
{
    struct rig *r = *state;
    char texts[1][256];

    for (unsigned i = 0; i < 625; i++) {
        (void)snprintf(texts[0], 256, "code=c%u&patient=Patient/p%u", i % 25,
                       i / 25);
        enter(r, &r->held[i], texts, 1);
    }
    assert_true(looked_at(r, OBSERVATION("c7", "p3", "5")) <= ANCHORS_RING + 3);
}

static void thresholds_are_found_by_the_value(void **state)
{
    struct rig *r = *state;
    char texts[1][256];

    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(texts[0], 256, "value-quantity=gt%u|" UCUM "|mg", i);
        enter(r, &r->held[i], texts, 1);
    }
    /* those below 5, and one at it that the boundary lets pass */
    assert_true(looked_at(r, OBSERVATION("c7", "p3", "5")) <= 6);
    assert_int_equal(looked_at(r, OBSERVATION("c7", "p3", "0.005")), 1);
}

static void thresholds_behind_a_popular_code_too(void **state)
{
    struct rig *r = *state;
    char texts[1][256];

    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(texts[0], 256,
                       "code=c1&value-quantity=gt%u&value-quantity=lt%u", i,
                       i + 2);
        enter(r, &r->held[i], texts, 1);
    }
    assert_true(looked_at(r, OBSERVATION("c1", "p3", "500.5")) <=
                ANCHORS_RING + 5);
    assert_int_equal(looked_at(r, OBSERVATION("c2", "p3", "500.5")), 0);
}

static void dates_are_found_by_their_range(void **state)
{
    struct rig *r = *state;
    char texts[1][256];

    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(texts[0], 256, "date=ge20%02u-%02u-01", 20 + i / 12,
                       1 + i % 12);
        enter(r, &r->held[i], texts, 1);
    }
    assert_true(looked_at(r, OBSERVATION("c1", "p3", "5")) <= 6 * 12 + 4);
}

static void a_filter_without_an_anchor_is_scanned(void **state)
{
    struct rig *r = *state;
    char texts[1][256] = {"code:not=c1"};

    for (unsigned i = 0; i < 30; i++)
        enter(r, &r->held[i], texts, 1);
    assert_int_equal(looked_at(r, OBSERVATION("c1", "p3", "5")), 30);
}

/* ---- intervals by themselves ---- */

static void intervals_touch_what_they_should(void **state)
{
    enum { LEAVES = 300, REACH = 40 };
    struct blocks b = {0};
    struct intervals t = {0};
    uint32_t leaves[LEAVES] = {0};

    (void)state;
    for (size_t round = 0; round < 6000; round++) {
        uint32_t *at = &leaves[draw(LEAVES)];
        struct interval_leaf *leaf;
        struct interval i = {
            draw(8) ? (int64_t)draw(REACH) - REACH / 2 : INT64_MIN,
            draw(8) ? (int64_t)draw(REACH) - REACH / 2 : INT64_MAX};
        struct intervals_walk walk;
        size_t expected = 0, got = 0;

        if (*at) {
            intervals_remove(&t, &b, *at);
            blocks_give(&b, *at, sizeof *leaf);
            *at = 0;
        } else if (!intervals_find(&t, &b, i)) {
            *at = blocks_take(&b, sizeof *leaf);
            leaf = blocks_at(&b, *at);
            leaf->interval = i;
            assert_true(intervals_insert(&t, &b, *at));
            assert_int_equal(intervals_find(&t, &b, i), *at);
        }
        intervals_walk(&t, &b, i, &walk);
        while (intervals_next(&walk))
            got++;
        for (size_t k = 0; k < LEAVES; k++) {
            leaf = leaves[k] ? blocks_at(&b, leaves[k]) : NULL;
            expected += leaf && leaf->interval.from <= i.to &&
                        leaf->interval.to >= i.from;
        }
        assert_int_equal(got, expected);
    }
    blocks_fini(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_finds_what_looking_at_all_finds),
        TEST(two_popular_values_are_found_together),
        TEST(thresholds_are_found_by_the_value),
        TEST(thresholds_behind_a_popular_code_too),
        TEST(dates_are_found_by_their_range),
        TEST(a_filter_without_an_anchor_is_scanned),
        cmocka_unit_test(intervals_touch_what_they_should),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
