/* SubscriptionTopics: triggers in every combination, wildcards, filters, the
 * two forms, and what is refused or left out with a warning. */
#include "fhir/topic/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fhir/json/tree.h"
#include "fhir/topic/basic.h"

#define BASE "https://server.example/fhir"
#define ARENA_BYTES ((size_t)1 << 20)

struct fixture {
    struct arena arena;
    struct issues issues;
    struct topic *topic;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    arena_init(&f->arena, ARENA_BYTES);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    topic_unref(f->topic);
    arena_fini(&f->arena);
    free(f);
    return 0;
}

static enum err_code compile(struct fixture *f, const char *text)
{
    topic_unref(f->topic);
    f->topic = NULL;
    f->issues = (struct issues){.count = 0};
    return topic_compile(bytes_of(text), bytes_of(BASE), &f->topic, &f->issues);
}

/* A topic of these elements behind url and status. */
static enum err_code compile_topic(struct fixture *f, const char *elements)
{
    char text[8192];
    int n = snprintf(text, sizeof text,
                     "{\"resourceType\":\"SubscriptionTopic\","
                     "\"url\":\"http://t.example/x\",\"status\":\"active\",%s}",
                     elements);

    assert_true(n > 0 && (size_t)n < sizeof text);
    return compile(f, text);
}

static void must_compile(struct fixture *f, const char *elements)
{
    enum err_code rc = compile_topic(f, elements);

    if (rc != ERR_OK && f->issues.count)
        print_error("%s: %s\n", f->issues.items[0].expression,
                    f->issues.items[0].message);
    assert_int_equal(rc, ERR_OK);
}

static void assert_issue(const struct issues *issues, const char *expression,
                         const char *part)
{
    assert_non_null(issues);
    for (size_t i = 0; i < issues->count; i++)
        if (strcmp(issues->items[i].expression, expression) == 0 &&
            strstr(issues->items[i].message, part))
            return;
    for (size_t i = 0; i < issues->count; i++)
        print_error("have: %s: %s\n", issues->items[i].expression,
                    issues->items[i].message);
    fail_msg("no issue at %s with '%s'", expression, part);
}

static const struct search_values *values_of(struct fixture *f,
                                             const char *text)
{
    struct search_values *values = NULL;
    struct err e;

    if (!text)
        return NULL;
    assert_int_equal(search_values_read(bytes_of(text), bytes_of(BASE),
                                        &f->arena, &values, &e),
                     ERR_OK);
    return values;
}

/* The trees of a change, parsed at once. */
struct trees {
    cJSON *previous;
    cJSON *current;
    struct arena arena;
};

static const cJSON *previous_tree(void *ctx, struct err *e)
{
    (void)e;
    return ((struct trees *)ctx)->previous;
}

static const cJSON *current_tree(void *ctx, struct err *e)
{
    (void)e;
    return ((struct trees *)ctx)->current;
}

static cJSON *tree_of(const char *text)
{
    cJSON *tree = NULL;
    struct err e;

    if (text)
        assert_int_equal(json_tree_parse(bytes_of(text), &tree, &e), ERR_OK);
    return tree;
}

/* Whether the change from previous to current fires (NULL: there is none). */
static bool fires(struct fixture *f, const char *previous, const char *current)
{
    const struct search_values *before = values_of(f, previous);
    const struct search_values *after = values_of(f, current);
    struct trees t = {.previous = tree_of(previous),
                      .current = tree_of(current)};
    struct change_trees trees = {.previous = previous_tree,
                                 .current = current_tree,
                                 .ctx = &t,
                                 .arena = &t.arena,
                                 .now_ms = 1700000000000};
    bool fired;
    struct change_view view = {.interaction = !before  ? INTERACTION_CREATE
                                              : !after ? INTERACTION_DELETE
                                                       : INTERACTION_UPDATE,
                               .resource_type =
                                   search_values_type(after ? after : before),
                               .previous = before,
                               .current = after,
                               .trees = &trees};

    arena_init(&t.arena, ARENA_BYTES);
    fired = topic_fires(f->topic, &view);
    arena_fini(&t.arena);
    cJSON_Delete(t.previous);
    cJSON_Delete(t.current);
    return fired;
}

#define ENCOUNTER(status) \
    "{\"resourceType\":\"Encounter\",\"id\":\"e\",\"status\":\"" status "\"}"
#define PLANNED ENCOUNTER("planned")
#define FINISHED ENCOUNTER("finished")
#define PATIENT "{\"resourceType\":\"Patient\",\"id\":\"p\"}"
#define BINARY "{\"resourceType\":\"Binary\",\"id\":\"b\"}"

static void must_trigger(struct fixture *f, const char *criteria)
{
    char text[1024];

    assert_true(snprintf(text, sizeof text,
                         "\"resourceTrigger\":[{\"resource\":\"Encounter\","
                         "\"queryCriteria\":{%s}}]",
                         criteria) > 0);
    must_compile(f, text);
}

/* ---- queryCriteria ---- */

struct combination {
    const char *criteria;
    /* create finished, create planned, planned to finished, planned again,
     * finished again, finished to planned, delete finished, delete planned */
    const char *fires;
};

static void
every_combination_of_query_criteria_fires_as_the_table_says(void **state)
{
    static const struct combination all[] = {
        {"\"current\":\"status=finished\"", "1010100 0"},
        {"\"previous\":\"status=planned\"", "0011000 1"},
        {"\"previous\":\"status:not=finished\",\"current\":\"status=finished\"",
         "1011100 1"},
        {"\"previous\":\"status:not=finished\",\"current\":\"status=finished\","
         "\"requireBoth\":true",
         "0010000 0"},
        {"\"previous\":\"status:not=finished\",\"current\":\"status=finished\","
         "\"requireBoth\":true,\"resultForCreate\":\"test-passes\"",
         "1010000 0"},
        {"\"previous\":\"status:not=finished\",\"current\":\"status=finished\","
         "\"requireBoth\":true,\"resultForCreate\":\"test-fails\"",
         "0010000 0"},
        {"\"previous\":\"status=planned\",\"current\":\"status=finished\","
         "\"requireBoth\":true,\"resultForDelete\":\"test-passes\"",
         "0010000 1"},
        {"\"current\":\"status=finished\",\"resultForCreate\":\"test-passes\"",
         "1110100 0"},
        {"\"previous\":\"status=planned\",\"resultForDelete\":\"test-passes\"",
         "0011001 1"},
        {"\"current\":\"status=finished\",\"resultForCreate\":\"test-passes\","
         "\"requireBoth\":true",
         "1000000 0"},
        {"\"previous\":\"status=planned\",\"resultForDelete\":\"test-passes\","
         "\"requireBoth\":true",
         "0000000 1"},
    };
    static const char *const changes[][2] = {
        {NULL, FINISHED},   {NULL, PLANNED},      {PLANNED, FINISHED},
        {PLANNED, PLANNED}, {FINISHED, FINISHED}, {FINISHED, PLANNED},
        {FINISHED, NULL},   {NULL, NULL},         {PLANNED, NULL}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        must_trigger(f, all[i].criteria);
        for (size_t k = 0; k < 9; k++) {
            if (k == 7)
                continue;
            if (fires(f, changes[k][0], changes[k][1]) !=
                (all[i].fires[k] == '1'))
                fail_msg("{%s}: change %zu", all[i].criteria, k);
        }
    }
}

static void one_sided_criteria_do_not_fire_on_every_update(void **state)
{
    struct fixture *f = *state;

    must_trigger(f, "\"current\":\"status=finished\"");
    assert_false(fires(f, FINISHED, PLANNED));
    assert_false(fires(f, PLANNED, PLANNED));
    assert_true(fires(f, PLANNED, FINISHED));
}

static void criteria_on_the_previous_version_alone_judge_it(void **state)
{
    struct fixture *f = *state;

    must_trigger(f, "\"previous\":\"status=planned\"");
    assert_true(fires(f, PLANNED, FINISHED));
    assert_false(fires(f, FINISHED, PLANNED));
    assert_false(fires(f, NULL, PLANNED));
}

static void missing_false_asks_for_presence(void **state)
{
    struct fixture *f = *state;

    must_trigger(f, "\"current\":\"patient:missing=false\"");
    assert_false(fires(f, NULL, PLANNED));
    assert_true(fires(f, NULL,
                      "{\"resourceType\":\"Encounter\",\"subject\":"
                      "{\"reference\":\"Patient/1\"}}"));
}

static void several_triggers_are_alternatives(void **state)
{
    struct fixture *f = *state;

    must_compile(f, "\"resourceTrigger\":[{\"resource\":\"Encounter\","
                    "\"supportedInteraction\":[\"delete\"]},"
                    "{\"resource\":\"http://hl7.org/fhir/StructureDefinition/"
                    "Encounter\",\"queryCriteria\":{\"current\":"
                    "\"Encounter?status=finished\"}},"
                    "{\"resource\":\"Patient\"}]");
    assert_true(fires(f, PLANNED, NULL));
    assert_true(fires(f, PLANNED, FINISHED));
    assert_false(fires(f, FINISHED, PLANNED));
    assert_true(fires(f, PATIENT, PATIENT));
}

/* ---- fhirPathCriteria ---- */

static void must_path(struct fixture *f, const char *resource,
                      const char *criteria)
{
    char text[2048];

    assert_true(snprintf(text, sizeof text,
                         "\"resourceTrigger\":[{\"resource\":\"%s\",%s}]",
                         resource, criteria) > 0);
    must_compile(f, text);
}

static void path_criteria_see_both_versions(void **state)
{
    struct fixture *f = *state;

    must_path(f, "Encounter",
              "\"fhirPathCriteria\":\"(%previous.id.empty() or "
              "(%previous.status != 'finished')) and "
              "(%current.status = 'finished')\"");
    assert_true(fires(f, NULL, FINISHED));
    assert_true(fires(f, PLANNED, FINISHED));
    assert_false(fires(f, FINISHED, FINISHED));
    assert_false(fires(f, NULL, PLANNED));
    assert_false(fires(f, FINISHED, NULL));
}

static void path_criteria_on_a_create_see_no_previous_version(void **state)
{
    struct fixture *f = *state;

    must_path(f, "Encounter", "\"fhirPathCriteria\":\"%previous.exists()\"");
    assert_false(fires(f, NULL, FINISHED));
    assert_true(fires(f, PLANNED, FINISHED));
    must_path(f, "Encounter",
              "\"fhirPathCriteria\":\"%current.empty() and "
              "%previous.status = 'finished'\"");
    assert_true(fires(f, FINISHED, NULL));
    assert_false(fires(f, PLANNED, NULL));
    must_path(f, "Encounter",
              "\"fhirPathCriteria\":\"%previous.status != 'finished'\"");
    assert_false(fires(f, NULL, FINISHED)); /* empty is not true */
}

static void path_criteria_see_the_resource(void **state)
{
    struct fixture *f = *state;

    must_path(f, "Encounter", "\"fhirPathCriteria\":\"status = 'planned'\"");
    assert_true(fires(f, NULL, PLANNED));
    assert_false(fires(f, PLANNED, FINISHED));
}

static void both_kinds_of_criteria_must_hold(void **state)
{
    struct fixture *f = *state;

    must_path(f, "Encounter",
              "\"queryCriteria\":{\"current\":\"status=finished\"},"
              "\"fhirPathCriteria\":\"%previous.exists()\"");
    assert_true(fires(f, PLANNED, FINISHED));
    assert_false(fires(f, NULL, FINISHED));
    assert_false(fires(f, FINISHED, PLANNED));
}

static void a_path_that_fails_to_evaluate_does_not_fire(void **state)
{
    struct fixture *f = *state;
    const char *two = "{\"resourceType\":\"Patient\",\"id\":\"p\",\"name\":"
                      "[{\"family\":\"a\"},{\"family\":\"b\"}]}";

    must_path(f, "Patient",
              "\"fhirPathCriteria\":\"%current.name.family.single() = 'a'\"");
    assert_false(fires(f, NULL, two));
    assert_true(fires(f, NULL,
                      "{\"resourceType\":\"Patient\",\"name\":"
                      "[{\"family\":\"a\"}]}"));
}

static void a_path_with_a_mistake_is_refused(void **state)
{
    static const char *const paths[] = {"status =", "%nobody.status = 'x'",
                                        "nosuch('x')"};
    struct fixture *f = *state;
    char text[512];

    for (size_t i = 0; i < 3; i++) {
        assert_true(snprintf(text, sizeof text,
                             "\"resourceTrigger\":[{\"resource\":\"Encounter\","
                             "\"fhirPathCriteria\":\"%s\"}]",
                             paths[i]) > 0);
        assert_int_not_equal(compile_topic(f, text), ERR_OK);
        assert_issue(&f->issues,
                     "SubscriptionTopic.resourceTrigger[0].fhirPathCriteria",
                     "line 1");
    }
}

static void a_path_that_is_no_criterion_is_refused(void **state)
{
    static const char *const paths[] = {"1", "'x'", "-1.5", "@2024",
                                        "%current.participant.count()"};
    struct fixture *f = *state;
    char text[512];

    for (size_t i = 0; i < 5; i++) {
        assert_true(snprintf(text, sizeof text,
                             "\"resourceTrigger\":[{\"resource\":\"Encounter\","
                             "\"fhirPathCriteria\":\"%s\"}]",
                             paths[i]) > 0);
        assert_int_not_equal(compile_topic(f, text), ERR_OK);
        assert_issue(&f->issues,
                     "SubscriptionTopic.resourceTrigger[0].fhirPathCriteria",
                     "true or false");
    }
}

/* FHIRPath 4.5: one item that is no boolean counts as true. */
static void a_path_may_ask_for_an_element(void **state)
{
    struct fixture *f = *state;

    must_path(f, "Encounter",
              "\"fhirPathCriteria\":\"%current.where(status='finished')\"");
    assert_true(fires(f, NULL, FINISHED));
    assert_false(fires(f, NULL, PLANNED));
    must_path(f, "Encounter", "\"fhirPathCriteria\":\"%current.status\"");
    assert_true(fires(f, NULL, PLANNED));
    assert_false(fires(f, PLANNED, NULL));
    must_path(f, "Encounter",
              "\"fhirPathCriteria\":\"iif(status='planned', true, 1 > 2)\"");
    assert_true(fires(f, NULL, PLANNED));
    assert_false(fires(f, NULL, FINISHED));
}

static void a_wildcard_takes_a_path(void **state)
{
    struct fixture *f = *state;

    must_path(f, "*",
              "\"fhirPathCriteria\":\"%current.id = 'p' and "
              "%previous.empty()\"");
    assert_true(fires(f, NULL, PATIENT));
    assert_false(fires(f, PATIENT, PATIENT));
    assert_false(fires(f, NULL, PLANNED));
}

/* ---- codes that no resource can have ---- */

static void a_criterion_of_an_impossible_code_is_refused(void **state)
{
    static const struct {
        const char *side, *criterion, *says;
    } all[] = {
        {"current", "status=foo", "'status' never has the value 'foo'"},
        {"previous", "status=foo", "'status' never has the value 'foo'"},
        {"current", "status=Finished", "'Finished'"},
        {"current", "class=AMB&status=done,over", "'done'"},
        {"current", "status=http://hl7.org/fhir/encounter-status%7Cdone",
         "'done'"},
    };
    struct fixture *f = *state;
    char text[512], at[128];

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_true(snprintf(text, sizeof text,
                             "\"resourceTrigger\":[{\"resource\":\"Encounter\","
                             "\"queryCriteria\":{\"%s\":\"%s\"}}]",
                             all[i].side, all[i].criterion) > 0);
        assert_true(snprintf(at, sizeof at,
                             "SubscriptionTopic.resourceTrigger[0]."
                             "queryCriteria.%s",
                             all[i].side) > 0);
        assert_int_not_equal(compile_topic(f, text), ERR_OK);
        assert_issue(&f->issues, at, all[i].says);
    }
}

static void a_criterion_of_a_possible_code_is_taken(void **state)
{
    static const struct {
        const char *resource, *criterion;
    } all[] = {
        {"Encounter", "status=done,finished"},
        {"Encounter", "status:not=done"},
        {"Encounter", "class=nobody-binds-this"},
        {"Encounter", "status=http://hl7.org/fhir/encounter-status%7C"},
        {"Patient", "language=xx"},
        {"Patient", "gender=other"},
        {"Patient", "email=foo"},
        /* a required binding of a CodeableConcept leaves room for other codes
         * beside */
        {"AllergyIntolerance", "clinical-status=foo"},
        {"Patient", "active=true"},
        {"Patient", "deceased=false"},
    };
    struct fixture *f = *state;
    char text[512];

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_true(snprintf(text, sizeof text,
                             "\"resourceTrigger\":[{\"resource\":\"%s\","
                             "\"queryCriteria\":{\"current\":\"%s\"}}]",
                             all[i].resource, all[i].criterion) > 0);
        must_compile(f, text);
    }
    assert_int_not_equal(
        compile_topic(f, "\"resourceTrigger\":[{\"resource\":\"Patient\","
                         "\"queryCriteria\":{\"current\":\"active=yes\"}}]"),
        ERR_OK);
    assert_int_not_equal(
        compile_topic(f, "\"resourceTrigger\":[{\"resource\":\"Patient\","
                         "\"queryCriteria\":{\"current\":\"gender=m\"}}]"),
        ERR_OK);
}

static void a_wildcard_may_name_a_code_of_some_types(void **state)
{
    struct fixture *f = *state;

    must_compile(f, "\"resourceTrigger\":[{\"resource\":\"*\","
                    "\"queryCriteria\":{\"current\":\"status=finished\"}}]");
    assert_true(fires(f, NULL, FINISHED));
    /* an Encounter is never a draft, but may be finished */
    must_compile(f, "\"resourceTrigger\":[{\"resource\":\"*\","
                    "\"queryCriteria\":{\"previous\":\"status=draft\","
                    "\"current\":\"status=finished\"}}]");
    assert_true(fires(f, PLANNED, FINISHED));
    assert_int_not_equal(
        compile_topic(f, "\"resourceTrigger\":[{\"resource\":\"*\","
                         "\"queryCriteria\":{\"current\":\"gender=foo\"}}]"),
        ERR_OK);
}

/* ---- eventTrigger ---- */

static bool takes(struct fixture *f, const char *code, const char *type)
{
    const struct topic_report report = {f->topic, bytes_of("http://c.example"),
                                        bytes_of(code)};

    return topic_takes_event(&report, bytes_of(type));
}

static void an_event_trigger_takes_its_codes_and_no_change(void **state)
{
    struct fixture *f = *state;

    must_compile(f, "\"eventTrigger\":[{\"event\":{\"coding\":[{\"system\":"
                    "\"http://c.example\",\"code\":\"called\"}]},"
                    "\"resource\":\"Patient\"},{\"event\":{\"coding\":["
                    "{\"system\":\"http://c.example\",\"code\":\"moved\"}]},"
                    "\"resource\":\"http://ig.example/Thing\"}]");
    assert_true(topic_has_events(f->topic));
    assert_true(takes(f, "called", "Patient"));
    assert_false(takes(f, "called", "Encounter"));
    assert_true(takes(f, "moved", "Encounter"));
    assert_false(takes(f, "other", "Patient"));
    assert_false(fires(f, NULL, PATIENT));
    assert_false(fires(f, PATIENT, PATIENT));
    assert_issue(topic_warnings(f->topic), "SubscriptionTopic.eventTrigger[1]",
                 "any");
    assert_int_not_equal(
        compile_topic(f, "\"eventTrigger\":[{\"event\":{\"text\":\"x\"},"
                         "\"resource\":\"Patient\"}]"),
        ERR_OK);
    assert_issue(&f->issues, "SubscriptionTopic.eventTrigger[0].event",
                 "coding");
}

/* ---- wildcards ---- */

static void a_wildcard_trigger_is_for_every_type_but_subscription(void **state)
{
    static const char *const names[] = {
        "*", "Resource", "http://hl7.org/fhir/StructureDefinition/Resource"};
    struct fixture *f = *state;
    char text[256];

    for (size_t i = 0; i < 3; i++) {
        assert_true(snprintf(text, sizeof text,
                             "\"resourceTrigger\":[{\"resource\":\"%s\"}]",
                             names[i]) > 0);
        must_compile(f, text);
        assert_true(fires(f, NULL, PATIENT));
        assert_true(fires(f, FINISHED, NULL));
        assert_true(fires(f, NULL, BINARY));
        assert_false(fires(f, NULL, "{\"resourceType\":\"Subscription\"}"));
    }
}

static void domain_resource_leaves_out_what_is_none(void **state)
{
    struct fixture *f = *state;

    must_compile(f, "\"resourceTrigger\":[{\"resource\":\"DomainResource\","
                    "\"supportedInteraction\":[\"create\"]}]");
    assert_true(fires(f, NULL, PATIENT));
    assert_false(fires(f, PATIENT, PATIENT));
    assert_false(fires(f, NULL, BINARY));
}

static void a_wildcard_fires_where_its_criteria_mean_something(void **state)
{
    struct fixture *f = *state;

    must_compile(f, "\"resourceTrigger\":[{\"resource\":\"*\","
                    "\"queryCriteria\":{\"current\":\"patient=Patient/1\"}}]");
    assert_true(fires(f, NULL,
                      "{\"resourceType\":\"Encounter\",\"subject\":"
                      "{\"reference\":\"Patient/1\"}}"));
    assert_false(fires(f, NULL, PATIENT));
    assert_int_not_equal(
        compile_topic(f, "\"resourceTrigger\":[{\"resource\":\"*\","
                         "\"queryCriteria\":{\"current\":\"nonsense=1\"}}]"),
        ERR_OK);
    assert_issue(&f->issues,
                 "SubscriptionTopic.resourceTrigger[0].queryCriteria.current",
                 "nonsense");
}

static void a_wildcard_topic_offers_filters_by_type(void **state)
{
    struct filter filters[TOPIC_TYPES_MAX];
    struct fixture *f = *state;
    struct err e;
    size_t n;

    must_compile(f, "\"resourceTrigger\":[{\"resource\":\"*\"}],"
                    "\"canFilterBy\":[{\"filterParameter\":\"_id\"}]");
    assert_int_equal(topic_filter_compile(f->topic, bytes_of("_id=1"),
                                          bytes_of(BASE), filters, &n, &e),
                     ERR_OK);
    assert_true(n > 100);
    while (n)
        filter_fini(&filters[--n]);
}

/* ---- filters ---- */

#define ON_ENCOUNTER "\"resourceTrigger\":[{\"resource\":\"Encounter\"}],"

static bool filter_takes(struct fixture *f, const char *text,
                         const char *resource)
{
    struct filter filters[TOPIC_TYPES_MAX];
    struct err e = {0};
    bool holds = true;
    size_t n;
    enum err_code rc = topic_filter_compile(f->topic, bytes_of(text),
                                            bytes_of(BASE), filters, &n, &e);

    if (rc != ERR_OK)
        print_error("%s: %s\n", text, e.message);
    assert_int_equal(rc, ERR_OK);
    while (n) {
        holds &= filter_holds(&filters[n - 1], values_of(f, resource), NULL);
        filter_fini(&filters[--n]);
    }
    return holds;
}

static void refuse_filter(struct fixture *f, const char *text, const char *why)
{
    struct filter filters[TOPIC_TYPES_MAX];
    struct err e = {0};
    size_t n = 0;

    assert_int_equal(topic_filter_compile(f->topic, bytes_of(text),
                                          bytes_of(BASE), filters, &n, &e),
                     ERR_UNPROCESSABLE);
    if (!strstr(e.message, why))
        fail_msg("%s: '%s' lacks '%s'", text, e.message, why);
}

static void a_filter_has_three_forms(void **state)
{
    static const char *const forms[] = {
        "status=finished", "Encounter.status=finished",
        "Encounter?status=finished", "status%3Anot=planned"};
    struct fixture *f = *state;

    must_compile(f, ON_ENCOUNTER "\"canFilterBy\":[{\"filterParameter\":"
                                 "\"status\",\"modifier\":[\"not\"]}]");
    for (size_t i = 0; i < 3; i++) {
        assert_true(filter_takes(f, forms[i], FINISHED));
        assert_false(filter_takes(f, forms[i], PLANNED));
    }
    assert_true(filter_takes(f, "status:not=planned", FINISHED));
    refuse_filter(f, "Patient?status=finished", "not triggered by Patient");
    refuse_filter(f, "class=AMB", "offers no filter by the parameter 'class'");
    refuse_filter(f, "status:missing=true", "modifier 'missing'");
}

static void a_value_may_hold_equals_signs_and_colons(void **state)
{
    struct fixture *f = *state;
    const char *resource =
        "{\"resourceType\":\"Encounter\",\"identifier\":[{\"system\":"
        "\"urn:x:y=z\",\"value\":\"a=b:c=\"}]}";

    must_compile(f, ON_ENCOUNTER "\"canFilterBy\":[{\"resource\":\"Encounter\","
                                 "\"filterParameter\":\"identifier\"}]");
    assert_true(filter_takes(f, "identifier=urn:x:y=z|a=b:c=", resource));
    assert_true(
        filter_takes(f, "Encounter?identifier=urn:x:y=z|a=b:c=", resource));
    assert_true(
        filter_takes(f, "Encounter.identifier=urn:x:y=z|a=b:c=", resource));
    assert_false(filter_takes(f, "identifier=urn:x:y=z|a=b:c", resource));
}

/* The topic offers the filter for Encounter alone; without a type it holds for
 * a type that has the parameter all the same. */
static void a_filter_without_type_spares_no_type_that_knows_it(void **state)
{
    struct fixture *f = *state;
    const char *text = "patient=Patient/1";

    must_compile(f, "\"resourceTrigger\":[{\"resource\":\"Encounter\"},"
                    "{\"resource\":\"QuestionnaireResponse\"}],"
                    "\"canFilterBy\":[{\"resource\":\"Encounter\","
                    "\"filterParameter\":\"patient\"}]");
    assert_true(filter_takes(f, text,
                             "{\"resourceType\":\"QuestionnaireResponse\","
                             "\"subject\":{\"reference\":\"Patient/1\"}}"));
    assert_false(filter_takes(f, text,
                              "{\"resourceType\":\"QuestionnaireResponse\","
                              "\"subject\":{\"reference\":\"Patient/2\"}}"));
    refuse_filter(f, "source=Patient/1", "offers no filter by the parameter");
}

static void a_definition_says_what_evaluates_a_filter(void **state)
{
    struct fixture *f = *state;
    const char *of_patient =
        "{\"resourceType\":\"DocumentReference\",\"subject\":"
        "{\"reference\":\"Patient/1\"},\"status\":\"current\"}";

    must_compile(f,
                 "\"resourceTrigger\":[{\"resource\":\"DocumentReference\"}],"
                 "\"canFilterBy\":[{\"filterParameter\":\"whom\","
                 "\"filterDefinition\":\"http://hl7.org/fhir/SearchParameter/"
                 "DocumentReference-subject\",\"modifier\":[\"missing\"]},"
                 "{\"filterDefinition\":\"http://hl7.org/fhir/SearchParameter/"
                 "Resource-id|4.0.1\"},"
                 "{\"filterParameter\":\"status\",\"filterDefinition\":"
                 "\"http://ig.example/SearchParameter/docref-status\"},"
                 "{\"filterParameter\":\"type\",\"filterDefinition\":"
                 "\"http://ig.example/SearchParameter/other\"}]");
    assert_true(filter_takes(f, "whom=Patient/1", of_patient));
    assert_false(filter_takes(f, "whom=Patient/2", of_patient));
    assert_false(
        filter_takes(f, "DocumentReference.whom:missing=true", of_patient));
    assert_true(filter_takes(f, "status=current&whom=Patient/1", of_patient));
    refuse_filter(f, "type=x", "no filter by the parameter 'type'");
    refuse_filter(f, "subject=Patient/1", "parameter 'subject'");
    assert_issue(topic_warnings(f->topic), "SubscriptionTopic.canFilterBy[3]",
                 "not offered");
}

static void what_cannot_be_evaluated_is_not_offered(void **state)
{
    struct fixture *f = *state;

    must_compile(
        f, ON_ENCOUNTER
        "\"canFilterBy\":[{\"filterParameter\":\"_in\"},"
        "{\"filterParameter\":\"patient.identifier\"},"
        "{\"resource\":\"Patient\",\"filterParameter\":\"_id\"},"
        "{\"resource\":\"http://ig.example/StructureDefinition/Visit\","
        "\"filterParameter\":\"_id\"},"
        "{\"filterParameter\":\"status \",\"comparator\":[\"gt\"]}]");
    assert_issue(topic_warnings(f->topic), "SubscriptionTopic.canFilterBy[0]",
                 "'_in'");
    assert_issue(topic_warnings(f->topic), "SubscriptionTopic.canFilterBy[1]",
                 "not offered");
    assert_issue(topic_warnings(f->topic), "SubscriptionTopic.canFilterBy[2]",
                 "no trigger of this topic is for Patient");
    assert_issue(topic_warnings(f->topic), "SubscriptionTopic.canFilterBy[3]",
                 "no R4 resource type");
    assert_issue(topic_warnings(f->topic),
                 "SubscriptionTopic.canFilterBy[4].comparator[0]",
                 "not offered");
    assert_true(filter_takes(f, "status=finished", FINISHED));
    refuse_filter(f, "_in=Group/1", "parameter '_in'");
}

/* ---- shapes ---- */

static void includes_that_lead_nowhere_are_left_out(void **state)
{
    struct fixture *f = *state;

    must_compile(
        f, ON_ENCOUNTER
        "\"notificationShape\":[{\"resource\":\"Encounter\",\"include\":"
        "[\"Encounter:patient&iterate=Patient.link\",\"Encounter:observation\","
        "\"Patient:organization\"],\"revInclude\":[\"Encounter:part-of\","
        "\"_revinclude:iterate=Provenance:target\",\"Nothing:here\","
        "\"Observation:code\",\"Observation:device\","
        "\"Observation:encounter:Patient\",\"_include=Encounter:part-of\","
        "\"Observation:encounter:Encounter\"]},"
        "{\"resource\":\"http://ig.example/StructureDefinition/Visit\"}]");
    assert_issue(topic_warnings(f->topic),
                 "SubscriptionTopic.notificationShape[0].include[1]",
                 "'Encounter:observation' is left out");
    assert_issue(topic_warnings(f->topic),
                 "SubscriptionTopic.notificationShape[0].include[2]",
                 "another resource type");
    assert_issue(topic_warnings(f->topic),
                 "SubscriptionTopic.notificationShape[0].revInclude[2]",
                 "'Nothing:here' is left out");
    assert_issue(topic_warnings(f->topic),
                 "SubscriptionTopic.notificationShape[0].revInclude[3]",
                 "no reference parameter");
    assert_issue(topic_warnings(f->topic),
                 "SubscriptionTopic.notificationShape[0].revInclude[4]",
                 "never refers to the shape's type");
    assert_issue(topic_warnings(f->topic),
                 "SubscriptionTopic.notificationShape[0].revInclude[5]",
                 "about another resource type");
    assert_issue(topic_warnings(f->topic),
                 "SubscriptionTopic.notificationShape[0].revInclude[6]",
                 "not of the form");
    assert_int_equal(topic_warnings(f->topic)->count, 8);
    assert_issue(topic_warnings(f->topic),
                 "SubscriptionTopic.notificationShape[1]", "left out");
    for (size_t i = 0; i < topic_warnings(f->topic)->count; i++)
        assert_null(strstr(topic_warnings(f->topic)->items[i].expression,
                           "include[0]\0"));
}

/* The forms that published guides use: names with blanks behind them, chains,
 * parameters of their own, includes that R4 does not have, a group filter. */
static void topics_of_published_shapes_are_served(void **state)
{
    struct fixture *f = *state;

    must_compile(
        f, "\"meta\":{\"versionId\":\"1\"},\"name\":\"Lists\","
           "\"resourceTrigger\":[{\"description\":\"a list is current\","
           "\"resource\":\"http://hl7.org/fhir/StructureDefinition/List\","
           "\"supportedInteraction\":[\"create\"],\"queryCriteria\":"
           "{\"resultForCreate\":\"test-passes\",\"current\":"
           "\"status=current\",\"requireBoth\":true}}],\"canFilterBy\":["
           "{\"resource\":\"List\",\"filterParameter\":\"code\"},"
           "{\"resource\":\"List\",\"filterParameter\":\"patient\"},"
           "{\"resource\":\"List\",\"filterParameter\":\"patient.identifier\"},"
           "{\"resource\":\"List\",\"filterParameter\":\"sourceId\"},"
           "{\"resource\":\"List\",\"filterParameter\":\"status \"}],"
           "\"notificationShape\":[{\"resource\":\"List\",\"include\":"
           "[\"List:patient&iterate=Patient.link\"]}]");
    assert_int_equal(topic_warnings(f->topic)->count, 2);
    assert_true(filter_takes(f, "List?patient=Patient/1&status=current",
                             "{\"resourceType\":\"List\",\"status\":"
                             "\"current\",\"subject\":{\"reference\":"
                             "\"Patient/1\"}}"));
    refuse_filter(f, "sourceId=1", "parameter 'sourceId'");
    must_compile(
        f, "\"resourceTrigger\":[{\"resource\":\"Bundle\"},{\"resource\":"
           "\"ClaimResponse\",\"fhirPathCriteria\":\"status = 'active'\"}],"
           "\"canFilterBy\":[{\"resource\":\"Bundle\",\"filterParameter\":"
           "\"orgIdentifier\",\"filterDefinition\":\"http://ig.example/"
           "SearchParameter/org-identifier\",\"comparator\":[\"eq\"]},"
           "{\"resource\":\"ClaimResponse\",\"filterParameter\":\"insurer\"}]");
    assert_int_equal(topic_warnings(f->topic)->count, 1);
    refuse_filter(f, "Bundle?orgIdentifier=1", "parameter 'orgIdentifier'");
    assert_true(fires(f, NULL,
                      "{\"resourceType\":\"ClaimResponse\",\"status\":"
                      "\"active\"}"));
}

/* ---- refusals ---- */

static void what_could_fire_wrongly_is_refused(void **state)
{
    static const struct {
        const char *elements;
        const char *expression;
    } all[] = {
        {"\"title\":\"x\"", "SubscriptionTopic.resourceTrigger"},
        {"\"resourceTrigger\":[{\"resource\":\"http://ig.example/Visit\"}]",
         "SubscriptionTopic.resourceTrigger[0].resource"},
        {"\"resourceTrigger\":[{\"description\":\"x\"}]",
         "SubscriptionTopic.resourceTrigger[0].resource"},
        {"\"resourceTrigger\":[{\"resource\":\"Subscription\"}]",
         "SubscriptionTopic.resourceTrigger[0].resource"},
        {"\"resourceTrigger\":[{\"resource\":\"Patient\",\"criteria\":\"x\"}]",
         "SubscriptionTopic.resourceTrigger[0].criteria"},
        {"\"resourceTrigger\":[{\"resource\":\"Patient\","
         "\"supportedInteraction\":[\"patch\"]}]",
         "SubscriptionTopic.resourceTrigger[0].supportedInteraction[0]"},
        {"\"resourceTrigger\":[{\"resource\":\"Patient\",\"queryCriteria\":"
         "{\"current\":\"status=active\"}}]",
         "SubscriptionTopic.resourceTrigger[0].queryCriteria.current"},
        {"\"resourceTrigger\":[{\"resource\":\"*\","
         "\"supportedInteraction\":[\"patch\"]}]",
         "SubscriptionTopic.resourceTrigger[0].supportedInteraction[0]"},
        {"\"modifierExtension\":[{\"url\":\"http://x\"}],"
         "\"resourceTrigger\":[{\"resource\":\"Patient\"}]",
         "SubscriptionTopic.modifierExtension"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_not_equal(compile_topic(f, all[i].elements), ERR_OK);
        assert_null(f->topic);
        assert_issue(&f->issues, all[i].expression, "");
    }
}

/* ---- R4's Basic form ---- */

#define X4 \
    "http://hl7.org/fhir/4.3/StructureDefinition/extension-SubscriptionTopic."
#define X5 \
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
#define CODE                                       \
    "\"code\":{\"coding\":[{\"system\":"           \
    "\"http://hl7.org/fhir/fhir-types\",\"code\":" \
    "\"SubscriptionTopic\"}]}"

static const char basic_text[] =
    "{\"resourceType\":\"Basic\",\"id\":\"visit-over\","
    "\"modifierExtension\":[{\"url\":\"" X5 "status\","
    "\"valueCode\":\"draft\"}],\"extension\":["
    "{\"url\":\"" X5 "url\",\"valueUri\":\"http://t.example/visit-over\"},"
    "{\"url\":\"" X5 "version\",\"valueString\":\"2.1\"},"
    "{\"url\":\"" X5 "title\",\"valueString\":\"A visit is over\"},"
    "{\"url\":\"http://other.example/x\",\"valueString\":\"kept aside\"},"
    "{\"url\":\"" X4 "resourceTrigger\",\"extension\":["
    "{\"url\":\"description\",\"valueMarkdown\":\"over\"},"
    "{\"url\":\"resource\",\"valueUri\":"
    "\"http://hl7.org/fhir/StructureDefinition/Encounter\"},"
    "{\"url\":\"supportedInteraction\",\"valueCode\":\"create\"},"
    "{\"url\":\"supportedInteraction\",\"valueCode\":\"update\"},"
    "{\"url\":\"queryCriteria\",\"extension\":["
    "{\"url\":\"previous\",\"valueString\":\"status:not=finished\"},"
    "{\"url\":\"resultForCreate\",\"valueCode\":\"test-passes\"},"
    "{\"url\":\"current\",\"valueString\":\"status=finished\"},"
    "{\"url\":\"resultForDelete\",\"valueCode\":\"test-fails\"},"
    "{\"url\":\"requireBoth\",\"valueBoolean\":true}]}]},"
    "{\"url\":\"" X4 "canFilterBy\",\"extension\":["
    "{\"url\":\"resource\",\"valueUri\":\"Encounter\"},"
    "{\"url\":\"filterParameter\",\"valueString\":\"subject\"}]},"
    "{\"url\":\"" X4 "notificationShape\",\"extension\":["
    "{\"url\":\"resource\",\"valueUri\":\"Encounter\"},"
    "{\"url\":\"include\",\"valueString\":\"Encounter:observation\"},"
    "{\"url\":\"http://hl7.org/fhir/uv/subscriptions-backport/"
    "StructureDefinition/backport-related-query\",\"extension\":["
    "{\"url\":\"query\",\"valueString\":\"Observation?encounter=1\"}]}]}]," CODE
    "}";

static void a_basic_topic_is_what_its_json_form_is(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(compile(f, basic_text), ERR_OK);
    assert_string_equal(topic_url(f->topic), "http://t.example/visit-over");
    assert_string_equal(topic_version(f->topic), "2.1");
    assert_string_equal(topic_title(f->topic), "A visit is over");
    assert_string_equal(topic_id(f->topic), "visit-over");
    assert_int_equal(topic_status(f->topic), TOPIC_DRAFT);
    assert_true(fires(f, NULL, FINISHED));
    assert_true(fires(f, PLANNED, FINISHED));
    assert_false(fires(f, FINISHED, FINISHED));
    assert_false(fires(f, FINISHED, NULL));
    assert_int_equal(topic_warnings(f->topic)->count, 1);
    refuse_filter(f, "status=finished", "parameter 'status'");
}

static void the_forms_lead_from_one_to_the_other_and_back(void **state)
{
    struct fixture *f = *state;
    cJSON *json, *basic, *again;

    assert_int_equal(compile(f, basic_text), ERR_OK);
    json = cJSON_Parse(topic_text(f->topic).p);
    basic = basic_from_topic(json);
    assert_true(basic_is_topic(basic));
    again = basic_to_topic(basic, &f->issues);
    assert_non_null(again);
    assert_true(cJSON_Compare(json, again, true));
    cJSON_Delete(json);
    cJSON_Delete(basic);
    cJSON_Delete(again);
}

static void a_basic_without_status_is_active(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        compile(f,
                "{\"resourceType\":\"Basic\",\"extension\":["
                "{\"url\":\"" X5 "url\",\"valueUri\":\"urn:t:1\"},"
                "{\"url\":\"" X5 "resourceTrigger\",\"extension\":["
                "{\"url\":\"resource\",\"valueUri\":\"Patient\"}]}]," CODE "}"),
        ERR_OK);
    assert_int_equal(topic_status(f->topic), TOPIC_ACTIVE);
    assert_true(fires(f, NULL, PATIENT));
}

static void a_basic_with_unknown_parts_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_not_equal(
        compile(f, "{\"resourceType\":\"Basic\",\"modifierExtension\":["
                   "{\"url\":\"http://x.example/y\",\"valueCode\":\"z\"}],"
                   "\"extension\":["
                   "{\"url\":\"" X5 "url\",\"valueUri\":\"urn:t:1\"},"
                   "{\"url\":\"" X5 "trigger\",\"valueString\":\"x\"},"
                   "{\"url\":\"" X5 "resourceTrigger\",\"extension\":["
                   "{\"url\":\"resource\",\"valueUri\":\"Patient\"},"
                   "{\"url\":\"criteria\",\"valueString\":\"x\"}]}]," CODE "}"),
        ERR_OK);
    assert_issue(&f->issues, "Basic.modifierExtension[0]", "");
    assert_issue(&f->issues, "Basic.extension[1]", "no such element");
    assert_issue(&f->issues, "Basic.extension[2].extension[1]", "no such part");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_combination_of_query_criteria_fires_as_the_table_says),
        TEST(one_sided_criteria_do_not_fire_on_every_update),
        TEST(criteria_on_the_previous_version_alone_judge_it),
        TEST(missing_false_asks_for_presence),
        TEST(several_triggers_are_alternatives),
        TEST(path_criteria_see_both_versions),
        TEST(path_criteria_on_a_create_see_no_previous_version),
        TEST(path_criteria_see_the_resource),
        TEST(both_kinds_of_criteria_must_hold),
        TEST(a_path_that_fails_to_evaluate_does_not_fire),
        TEST(a_path_with_a_mistake_is_refused),
        TEST(a_path_that_is_no_criterion_is_refused),
        TEST(a_path_may_ask_for_an_element),
        TEST(a_criterion_of_an_impossible_code_is_refused),
        TEST(a_criterion_of_a_possible_code_is_taken),
        TEST(a_wildcard_may_name_a_code_of_some_types),
        TEST(a_wildcard_takes_a_path),
        TEST(an_event_trigger_takes_its_codes_and_no_change),
        TEST(a_wildcard_trigger_is_for_every_type_but_subscription),
        TEST(domain_resource_leaves_out_what_is_none),
        TEST(a_wildcard_fires_where_its_criteria_mean_something),
        TEST(a_wildcard_topic_offers_filters_by_type),
        TEST(a_filter_has_three_forms),
        TEST(a_value_may_hold_equals_signs_and_colons),
        TEST(a_filter_without_type_spares_no_type_that_knows_it),
        TEST(a_definition_says_what_evaluates_a_filter),
        TEST(what_cannot_be_evaluated_is_not_offered),
        TEST(includes_that_lead_nowhere_are_left_out),
        TEST(topics_of_published_shapes_are_served),
        TEST(what_could_fire_wrongly_is_refused),
        TEST(a_basic_topic_is_what_its_json_form_is),
        TEST(the_forms_lead_from_one_to_the_other_and_back),
        TEST(a_basic_without_status_is_active),
        TEST(a_basic_with_unknown_parts_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
