#include "fhir/subscription/notification.h"

#include "fhir/json/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define TEXT_MAX 65536
#define BASE "https://srv.example/fhir"
#define PROFILE \
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
#define TOPIC "http://hl7.org/SubscriptionTopic/admission"
#define UUID "63c28e8a-f402-43e4-beb2-75b1c0f6833f"
#define BUNDLE_ID "2d5afc69-6ef2-420f-a8d1-8500c99eb96c"
#define NOW_MS 1767323046000   /* 2026-01-02T03:04:06.000Z */
#define EVENT_MS 1767323045900 /* 2026-01-02T03:04:05.900Z */

/* What a naive copy would spoil: number forms, escapes, order, white space. */
static const char odd_text[] =
    "{ \"resourceType\" :\"Encounter\",\"z\":1.10,\"a\":1e-2,\"b\":0.0,\n"
    "\t\"u\":\"\\u00e9\xc3\xa9\xf0\x9f\x8f\xa5\\/\",\"id\":\"e1\"}";

struct fixture {
    struct buf out;
    cJSON *bundle;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    buf_init(&f->out, TEXT_MAX);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    cJSON_Delete(f->bundle);
    buf_fini(&f->out);
    free(f);
    return 0;
}

static struct notification make(enum notification_type type,
                                enum content_level content)
{
    return (struct notification){.status = {.base_url = bytes_of(BASE),
                                            .subscription_id = bytes_of("123"),
                                            .topic = TOPIC,
                                            .status = STATUS_ACTIVE,
                                            .type = type,
                                            .events_since_start = 77,
                                            .uuid = UUID},
                                 .content = content,
                                 .bundle_id = BUNDLE_ID,
                                 .timestamp_ms = NOW_MS};
}

static struct notification_event event(uint64_t number, enum interaction i,
                                       const char *text)
{
    return (struct notification_event){.number = number,
                                       .time_ms = EVENT_MS,
                                       .interaction = i,
                                       .type = bytes_of("Encounter"),
                                       .id = bytes_of("e1"),
                                       .text = bytes_of(text)};
}

static void parse(struct fixture *f)
{
    struct err e;

    assert_int_equal(buf_check(&f->out, &e), ERR_OK);
    assert_int_equal(json_gate(buf_bytes(&f->out), &e), ERR_OK);
    cJSON_Delete(f->bundle);
    f->bundle = cJSON_ParseWithLength(f->out.p, f->out.n);
    assert_non_null(f->bundle);
}

static void write_bundle(struct fixture *f, const struct notification *n)
{
    buf_reset(&f->out);
    notification_write(&f->out, n);
    parse(f);
}

static const cJSON *entry(const struct fixture *f, int index)
{
    return cJSON_GetArrayItem(
        cJSON_GetObjectItemCaseSensitive(f->bundle, "entry"), index);
}

static int entry_count(const struct fixture *f)
{
    return cJSON_GetArraySize(
        cJSON_GetObjectItemCaseSensitive(f->bundle, "entry"));
}

/* Compares with JSON text, the order of members aside. */
static void assert_json(const cJSON *got, const char *want)
{
    cJSON *json = cJSON_Parse(want);
    char *text = cJSON_PrintUnformatted(got);

    assert_non_null(json);
    if (!cJSON_Compare(got, json, true))
        fail_msg("%s is not %s", text ? text : "nothing", want);
    cJSON_free(text);
    cJSON_Delete(json);
}

#define ENTRY_0(parameters)                                         \
    "{\"fullUrl\":\"urn:uuid:" UUID "\",\"resource\":{"             \
    "\"resourceType\":\"Parameters\",\"id\":\"" UUID "\",\"meta\":" \
    "{\"profile\":[\"" PROFILE "backport-subscription-status-r4\"]" \
    "},\"parameter\":[{\"name\":\"subscription\",\"valueReference"  \
    "\":{\"reference\":\"" BASE "/Subscription/123\"}}," parameters \
    "]},\"request\":{\"method\":\"GET\",\"url\":\"" BASE            \
    "/Subscription/123/$status\"},\"response\":{\"status\":\"200\"}}"
#define P_TOPIC "{\"name\":\"topic\",\"valueCanonical\":\"" TOPIC "\"},"
#define P_STATUS(s) "{\"name\":\"status\",\"valueCode\":\"" s "\"},"
#define P_TYPE(t) "{\"name\":\"type\",\"valueCode\":\"" t "\"},"
#define P_COUNT(n) \
    "{\"name\":\"events-since-subscription-start\",\"valueString\":\"" n "\"}"
#define P_EVENT(n, more)                                             \
    ",{\"name\":\"notification-event\",\"part\":[{\"name\":\"event-" \
    "number\",\"valueString\":\"" n "\"},{\"name\":\"timestamp\","   \
    "\"valueInstant\":\"2026-01-02T03:04:05.900Z\"}" more "]}"
#define P_FOCUS(path)                                                         \
    ",{\"name\":\"focus\",\"valueReference\":{\"reference\":\"" BASE "/" path \
    "\"}}"

/* ---- handshake and heartbeat ---- */

static void bundle_is_a_history_with_profile_and_time(void **state)
{
    struct notification n = make(NOTIFY_HANDSHAKE, CONTENT_ID_ONLY);
    struct fixture *f = *state;

    write_bundle(f, &n);
    cJSON_DeleteItemFromObjectCaseSensitive(f->bundle, "entry");
    assert_json(f->bundle, "{\"resourceType\":\"Bundle\",\"id\":\"" BUNDLE_ID
                           "\",\"meta\":{\"profile\":[\"" PROFILE
                           "backport-subscription-notification-r4\"]},"
                           "\"type\":\"history\","
                           "\"timestamp\":\"2026-01-02T03:04:06.000Z\"}");
}

static void handshake_has_one_entry_and_no_event(void **state)
{
    struct notification n = make(NOTIFY_HANDSHAKE, CONTENT_FULL_RESOURCE);
    struct fixture *f = *state;

    n.status.status = STATUS_REQUESTED;
    n.status.events_since_start = 0;
    write_bundle(f, &n);
    assert_int_equal(entry_count(f), 1);
    assert_json(entry(f, 0), ENTRY_0(P_TOPIC P_STATUS("requested")
                                         P_TYPE("handshake") P_COUNT("0")));
}

static void repeated_handshake_and_heartbeat_tell_the_live_count(void **state)
{
    struct notification n = make(NOTIFY_HANDSHAKE, CONTENT_ID_ONLY);
    struct fixture *f = *state;

    n.status.status = STATUS_REQUESTED;
    write_bundle(f, &n);
    assert_json(entry(f, 0), ENTRY_0(P_TOPIC P_STATUS("requested")
                                         P_TYPE("handshake") P_COUNT("77")));
    n = make(NOTIFY_HEARTBEAT, CONTENT_ID_ONLY);
    n.status.status = STATUS_ERROR;
    write_bundle(f, &n);
    assert_int_equal(entry_count(f), 1);
    assert_json(entry(f, 0), ENTRY_0(P_TOPIC P_STATUS("error")
                                         P_TYPE("heartbeat") P_COUNT("77")));
}

static void handshake_carries_no_event_whatever_is_given(void **state)
{
    struct notification_event e = event(9, INTERACTION_UPDATE, odd_text);
    struct notification n = make(NOTIFY_HANDSHAKE, CONTENT_FULL_RESOURCE);
    struct fixture *f = *state;

    n.events = &e;
    n.event_count = 1;
    write_bundle(f, &n);
    assert_int_equal(entry_count(f), 1);
    assert_json(entry(f, 0), ENTRY_0(P_TOPIC P_STATUS("active")
                                         P_TYPE("handshake") P_COUNT("77")));
}

static void error_is_told_as_text(void **state)
{
    struct notification n = make(NOTIFY_HEARTBEAT, CONTENT_EMPTY);
    struct fixture *f = *state;

    n.status.error_text = "no \"answer\"\n";
    write_bundle(f, &n);
    assert_json(entry(f, 0),
                ENTRY_0(P_STATUS("active") P_TYPE("heartbeat") P_COUNT(
                    "77") ",{\"name\":\"error\",\"valueCodeableConcept\":"
                          "{\"text\":\"no \\\"answer\\\"\\n\"}}"));
}

/* ---- event notifications ---- */

/* One case of each content level and interaction: what entry 1 holds. */
struct shape {
    enum interaction interaction;
    bool update_as_create;
    const char *request;
    const char *status;
};

static const struct shape shapes[] = {
    {INTERACTION_CREATE, false, "{\"method\":\"POST\",\"url\":\"Encounter\"}",
     "201"},
    {INTERACTION_CREATE, true, "{\"method\":\"PUT\",\"url\":\"Encounter/e1\"}",
     "201"},
    {INTERACTION_UPDATE, false, "{\"method\":\"PUT\",\"url\":\"Encounter/e1\"}",
     "200"},
    {INTERACTION_DELETE, false,
     "{\"method\":\"DELETE\",\"url\":\"Encounter/e1\"}", "204"}};

#define SHAPES (sizeof shapes / sizeof *shapes)

static void write_shape(struct fixture *f, const struct shape *shape,
                        enum content_level content)
{
    bool deleted = shape->interaction == INTERACTION_DELETE;
    struct notification_event e =
        event(5, shape->interaction,
              deleted ? "" : "{\"resourceType\":\"Encounter\"}");
    struct notification n = make(NOTIFY_EVENT, content);

    e.update_as_create = shape->update_as_create;
    n.events = &e;
    n.event_count = 1;
    write_bundle(f, &n);
}

static void check_entry(const struct fixture *f, const struct shape *shape,
                        const char *resource)
{
    char want[512];

    (void)snprintf(want, sizeof want,
                   "{\"fullUrl\":\"" BASE "/Encounter/e1\",%s%s%s"
                   "\"request\":%s,\"response\":{\"status\":\"%s\"}}",
                   resource ? "\"resource\":" : "", resource ? resource : "",
                   resource ? "," : "", shape->request, shape->status);
    assert_int_equal(entry_count(f), 2);
    assert_json(entry(f, 0),
                ENTRY_0(P_TOPIC P_STATUS("active") P_TYPE("event-notification")
                            P_COUNT("5")
                                P_EVENT("5", P_FOCUS("Encounter/e1"))));
    assert_json(entry(f, 1), want);
}

static void full_resource_entries_follow_the_interaction(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < SHAPES; i++) {
        bool deleted = shapes[i].interaction == INTERACTION_DELETE;

        write_shape(f, &shapes[i], CONTENT_FULL_RESOURCE);
        check_entry(f, &shapes[i],
                    deleted ? NULL : "{\"resourceType\":\"Encounter\"}");
    }
}

static void id_only_entries_have_no_resource(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < SHAPES; i++) {
        write_shape(f, &shapes[i], CONTENT_ID_ONLY);
        check_entry(f, &shapes[i], NULL);
    }
}

static void empty_tells_number_and_time_and_nothing_else(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < SHAPES; i++) {
        write_shape(f, &shapes[i], CONTENT_EMPTY);
        assert_int_equal(entry_count(f), 1);
        assert_json(entry(f, 0),
                    ENTRY_0(P_STATUS("active") P_TYPE("event-notification")
                                P_COUNT("5") P_EVENT("5", "")));
        assert_null(memmem(f->out.p, f->out.n, "Encounter", 9));
        assert_null(memmem(f->out.p, f->out.n, TOPIC, strlen(TOPIC)));
    }
}

static void events_keep_their_order_and_the_highest_number_is_told(void **state)
{
    struct notification_event events[3] = {
        event(41, INTERACTION_CREATE, "{\"a\":1}"),
        event(42, INTERACTION_UPDATE, "{\"a\":2}"),
        event(43, INTERACTION_DELETE, "")};
    struct notification n = make(NOTIFY_EVENT, CONTENT_FULL_RESOURCE);
    struct fixture *f = *state;

    events[2].id = bytes_of("e.2");
    n.events = events;
    n.event_count = 3;
    write_bundle(f, &n);
    assert_int_equal(entry_count(f), 4);
    assert_json(entry(f, 0),
                ENTRY_0(P_TOPIC P_STATUS("active") P_TYPE("event-notification")
                            P_COUNT("43") P_EVENT("41", P_FOCUS("Encounter/e1"))
                                P_EVENT("42", P_FOCUS("Encounter/e1"))
                                    P_EVENT("43", P_FOCUS("Encounter/e.2"))));
    /* the same resource twice: each event with its own version */
    assert_json(cJSON_GetObjectItemCaseSensitive(entry(f, 1), "resource"),
                "{\"a\":1}");
    assert_json(cJSON_GetObjectItemCaseSensitive(entry(f, 2), "resource"),
                "{\"a\":2}");
    assert_json(entry(f, 3),
                "{\"fullUrl\":\"" BASE "/Encounter/e.2\",\"request\":"
                "{\"method\":\"DELETE\",\"url\":\"Encounter/e.2\"},"
                "\"response\":{\"status\":\"204\"}}");
}

static void resource_text_is_copied_byte_for_byte(void **state)
{
    struct notification_event e = event(1, INTERACTION_UPDATE, odd_text);
    struct notification n = make(NOTIFY_EVENT, CONTENT_FULL_RESOURCE);
    struct fixture *f = *state;

    n.events = &e;
    n.event_count = 1;
    write_bundle(f, &n);
    assert_non_null(memmem(f->out.p, f->out.n, odd_text, strlen(odd_text)));
    n.content = CONTENT_ID_ONLY;
    write_bundle(f, &n);
    assert_null(memmem(f->out.p, f->out.n, "1.10", 4));
}

static void parameters_as_focus_are_told_but_not_enclosed(void **state)
{
    struct notification_event e =
        event(1, INTERACTION_CREATE, "{\"resourceType\":\"Parameters\"}");
    struct notification n = make(NOTIFY_EVENT, CONTENT_FULL_RESOURCE);
    struct fixture *f = *state;

    e.type = bytes_of("Parameters");
    n.events = &e;
    n.event_count = 1;
    write_bundle(f, &n);
    assert_json(entry(f, 1),
                "{\"fullUrl\":\"" BASE "/Parameters/e1\",\"request\":"
                "{\"method\":\"POST\",\"url\":\"Parameters\"},"
                "\"response\":{\"status\":\"201\"}}");
}

static void largest_number_is_a_plain_decimal_string(void **state)
{
    struct notification_event e =
        event(UINT64_MAX, INTERACTION_UPDATE, odd_text);
    struct notification n = make(NOTIFY_EVENT, CONTENT_EMPTY);
    struct fixture *f = *state;

    n.events = &e;
    n.event_count = 1;
    write_bundle(f, &n);
    assert_json(entry(f, 0),
                ENTRY_0(P_STATUS("active") P_TYPE("event-notification")
                            P_COUNT("18446744073709551615")
                                P_EVENT("18446744073709551615", "")));
}

static void topic_is_left_out_when_not_given(void **state)
{
    struct notification n = make(NOTIFY_HEARTBEAT, CONTENT_ID_ONLY);
    struct fixture *f = *state;

    n.status.topic = NULL;
    write_bundle(f, &n);
    assert_json(entry(f, 0),
                ENTRY_0(P_STATUS("active") P_TYPE("heartbeat") P_COUNT("77")));
}

static void bundle_past_the_maximum_is_an_error(void **state)
{
    struct notification n = make(NOTIFY_HEARTBEAT, CONTENT_ID_ONLY);
    struct buf small;
    struct err e;

    (void)state;
    buf_init(&small, 200);
    notification_write(&small, &n);
    assert_int_equal(buf_check(&small, &e), ERR_TOO_LARGE);
    buf_fini(&small);
}

/* ---- $status ---- */

static void status_bundle_is_a_searchset_without_request(void **state)
{
    struct notification n = make(NOTIFY_QUERY_STATUS, CONTENT_ID_ONLY);
    struct notification_status items[2] = {n.status, n.status};
    struct fixture *f = *state;

    items[1].status = STATUS_OFF;
    items[1].topic = NULL;
    items[1].error_text = "gone";
    notification_write_status_bundle(&f->out, BUNDLE_ID, NOW_MS, items, 2);
    parse(f);
    assert_int_equal(entry_count(f), 2);
    assert_json(entry(f, 0),
                "{\"fullUrl\":\"urn:uuid:" UUID "\",\"resource\":{"
                "\"resourceType\":\"Parameters\",\"id\":\"" UUID
                "\",\"meta\":{\"profile\":[\"" PROFILE
                "backport-subscription-status-r4\"]},\"parameter\":["
                "{\"name\":\"subscription\",\"valueReference\":{"
                "\"reference\":\"" BASE
                "/Subscription/123\"}}," P_TOPIC P_STATUS("active")
                    P_TYPE("query-status")
                        P_COUNT("77") "]},\"search\":{\"mode\":\"match\"}}");
    assert_non_null(memmem(f->out.p, f->out.n, "\"text\":\"gone\"", 13));
    cJSON_DeleteItemFromObjectCaseSensitive(f->bundle, "entry");
    assert_json(f->bundle, "{\"resourceType\":\"Bundle\",\"id\":\"" BUNDLE_ID
                           "\",\"type\":\"searchset\",\"timestamp\":"
                           "\"2026-01-02T03:04:06.000Z\",\"total\":2}");
}

static void status_bundle_of_nothing_has_no_entry(void **state)
{
    struct fixture *f = *state;

    notification_write_status_bundle(&f->out, BUNDLE_ID, NOW_MS, NULL, 0);
    parse(f);
    assert_json(f->bundle, "{\"resourceType\":\"Bundle\",\"id\":\"" BUNDLE_ID
                           "\",\"type\":\"searchset\",\"timestamp\":"
                           "\"2026-01-02T03:04:06.000Z\",\"total\":0}");
}

/* ---- belfry's own parts: versions, digests, the gap proof, facts ---- */

#define CHAIN "0123456789abcdef0123456789abcdef"
#define P_CHAIN                                                           \
    ",{\"name\":\"event-chain\",\"part\":[{\"name\":\"since\","           \
    "\"valueString\":"                                                    \
    "\"2\"},{\"name\":\"event-number\",\"valueString\":\"5\"},{\"name\":" \
    "\"value\",\"valueString\":\"" CHAIN "\"}]}"

static void version_is_told_but_at_level_empty_the_digest(void **state)
{
    struct notification_event e = event(5, INTERACTION_UPDATE, "");
    struct notification n = make(NOTIFY_EVENT, CONTENT_ID_ONLY);
    struct fixture *f = *state;

    e.version = 7;
    memcpy(e.digest, CHAIN, sizeof CHAIN);
    n.events = &e;
    n.event_count = 1;
    n.status.proof = (struct notification_proof){2, 5, CHAIN};
    write_bundle(f, &n);
    assert_json(
        entry(f, 0),
        ENTRY_0(
            P_TOPIC P_STATUS("active") P_TYPE("event-notification") P_COUNT("5")
                P_EVENT(
                    "5",
                    P_FOCUS(
                        "Encounter/e1") ",{\"name\":"
                                        "\"focus-version\",\"valueId\":\"7\"}")
                    P_CHAIN));
    n.content = CONTENT_EMPTY;
    write_bundle(f, &n);
    assert_json(
        entry(f, 0),
        ENTRY_0(P_STATUS("active") P_TYPE("event-notification") P_COUNT("5")
                    P_EVENT("5", ",{\"name\":\"event-digest\","
                                 "\"valueString\":\"" CHAIN "\"}") P_CHAIN));
}

static void answer_of_events_tells_the_live_count_and_the_rest(void **state)
{
    struct notification_event e = event(5, INTERACTION_UPDATE, "");
    struct notification n = make(NOTIFY_QUERY_EVENT, CONTENT_ID_ONLY);
    struct fixture *f = *state;

    n.events = &e;
    n.event_count = 1;
    n.next_url = BASE "/x?a=\"b\"";
    write_bundle(f, &n);
    assert_int_equal(entry_count(f), 2);
    assert_json(entry(f, 0),
                ENTRY_0(P_TOPIC P_STATUS("active") P_TYPE("query-event")
                            P_COUNT("77")
                                P_EVENT("5", P_FOCUS("Encounter/e1"))));
    assert_json(cJSON_GetObjectItemCaseSensitive(f->bundle, "link"),
                "[{\"relation\":\"next\",\"url\":\"" BASE "/x?a=\\\"b\\\"\"}]");
}

static void facts_are_parameters_of_their_type(void **state)
{
    static const struct notification_fact parts[] = {
        {"outcome", NOTIFICATION_TEXT, "success", 1, NULL},
        {"events", NOTIFICATION_COUNT, NULL, 2, NULL}};
    const struct notification_fact facts[] = {
        {"note", NOTIFICATION_TEXT, "a\"b", 0, NULL},
        {"pending", NOTIFICATION_COUNT, NULL, 12, NULL},
        {"next-attempt", NOTIFICATION_INSTANT, NULL, EVENT_MS, NULL},
        {"paused", NOTIFICATION_FLAG, NULL, 1, NULL},
        {"delivery-attempt", NOTIFICATION_GROUP, NULL, 2, parts}};
    struct notification n = make(NOTIFY_HEARTBEAT, CONTENT_ID_ONLY);
    struct fixture *f = *state;

    n.status.facts = facts;
    n.status.fact_count = 5;
    write_bundle(f, &n);
    assert_json(entry(f, 0),
                ENTRY_0(P_TOPIC P_STATUS("active") P_TYPE("heartbeat") P_COUNT(
                    "77") ",{\"name\":\"note\",\"valueString\":\"a\\\"b\"},"
                          "{\"name\":\"pending\",\"valueString\":\"12\"},"
                          "{\"name\":\"next-attempt\",\"valueInstant\":"
                          "\"2026-01-02T03:04:05.900Z\"},"
                          "{\"name\":\"paused\",\"valueBoolean\":true},"
                          "{\"name\":\"delivery-attempt\",\"part\":["
                          "{\"name\":\"outcome\",\"valueString\":"
                          "\"success\"},{\"name\":\"events\","
                          "\"valueString\":\"2\"}]}"));
}

static void codes_have_texts(void **state)
{
    static const char *const levels[] = {"empty", "id-only", "full-resource"};
    enum content_level level;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(content_level_parse(bytes_of(levels[i]), &level));
        assert_int_equal(level, i + 1);
        assert_string_equal(content_level_text(level), levels[i]);
    }
    assert_false(content_level_parse(bytes_of(""), &level));
    assert_false(content_level_parse(bytes_of("id-onl"), &level));
    assert_string_equal(subscription_status_text(STATUS_REQUESTED),
                        "requested");
    assert_string_equal(subscription_status_text(STATUS_OFF), "off");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bundle_is_a_history_with_profile_and_time),
        TEST(handshake_has_one_entry_and_no_event),
        TEST(repeated_handshake_and_heartbeat_tell_the_live_count),
        TEST(handshake_carries_no_event_whatever_is_given),
        TEST(error_is_told_as_text),
        TEST(full_resource_entries_follow_the_interaction),
        TEST(id_only_entries_have_no_resource),
        TEST(empty_tells_number_and_time_and_nothing_else),
        TEST(events_keep_their_order_and_the_highest_number_is_told),
        TEST(resource_text_is_copied_byte_for_byte),
        TEST(parameters_as_focus_are_told_but_not_enclosed),
        TEST(largest_number_is_a_plain_decimal_string),
        TEST(topic_is_left_out_when_not_given),
        TEST(bundle_past_the_maximum_is_an_error),
        TEST(status_bundle_is_a_searchset_without_request),
        TEST(status_bundle_of_nothing_has_no_entry),
        TEST(version_is_told_but_at_level_empty_the_digest),
        TEST(answer_of_events_tells_the_live_count_and_the_rest),
        TEST(facts_are_parameters_of_their_type),
        TEST(codes_have_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
