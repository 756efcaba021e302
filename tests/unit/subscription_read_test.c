#include "fhir/subscription/subscription.h"

#include "fhir/json/gate.h"
#include "storage/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TEXT_MAX 65536
#define NOW_MS 1767225600000 /* 2026-01-01T00:00:00Z */
#define GUIDE \
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
#define SECRET_URL \
    "https://belfry.example/fhir/StructureDefinition/subscription-secret"
#define SECRET "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define IDENTIFIER_URL                             \
    "http://hl7.org/fhir/5.0/StructureDefinition/" \
    "extension-Subscription.identifier"

static const char topic_json[] =
    "{\"resourceType\":\"SubscriptionTopic\","
    "\"url\":\"https://belfry.example/fhir/SubscriptionTopic/stay\","
    "\"version\":\"1.2\",\"status\":\"active\",\"title\":\"Stay\","
    "\"description\":\"A stay begins or ends\",\"resourceTrigger\":["
    "{\"resource\":\"Encounter\"},{\"resource\":\"Patient\"}],"
    "\"canFilterBy\":["
    "{\"resource\":\"Encounter\",\"filterParameter\":\"patient\"},"
    "{\"resource\":\"Encounter\",\"filterParameter\":\"status\"}]}";

/* Each test replaces parts of this text, which holds every element that is
 * read. */
static const char good_json[] =
    "{\"resourceType\":\"Subscription\",\"id\":\"s1\","
    "\"meta\":{\"profile\":[\"" GUIDE "backport-subscription\"]},"
    "\"status\":\"requested\","
    "\"contact\":[{\"system\":\"email\",\"value\":\"ward@example.org\"}],"
    "\"end\":\"2030-12-31T12:00:00Z\",\"reason\":\"to know\","
    "\"criteria\":\"https://belfry.example/fhir/SubscriptionTopic/stay\","
    "\"_criteria\":{\"extension\":[{\"url\":\"" GUIDE
    "backport-filter-criteria\","
    "\"valueString\":\"Encounter?patient=Patient/123\"}]},"
    "\"channel\":{\"extension\":["
    "{\"url\":\"" GUIDE "backport-heartbeat-period\","
    "\"valueUnsignedInt\":60},"
    "{\"url\":\"" GUIDE "backport-timeout\",\"valueUnsignedInt\":20},"
    "{\"url\":\"" GUIDE "backport-max-count\",\"valuePositiveInt\":10},"
    "{\"url\":\"" SECRET_URL "\",\"valueString\":\"" SECRET "\"}],"
    "\"type\":\"rest-hook\",\"endpoint\":\"https://hook.example.org/in\","
    "\"payload\":\"application/fhir+json\","
    "\"_payload\":{\"extension\":[{\"url\":\"" GUIDE
    "backport-payload-content\",\"valueCode\":\"id-only\"}]},"
    "\"header\":[\"Authorization: Bearer a:b=\",\"X-Ward:\\t 7 \"]}}";

struct fixture {
    struct topic_set *topics;
    struct subscription_rules rules;
    struct buf text;
    struct issues issues;
    struct subscription *s;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct topic *topic;
    struct err e;

    assert_non_null(f);
    f->topics = topic_set_new();
    assert_non_null(f->topics);
    f->rules = (struct subscription_rules){
        .topics = f->topics,
        .base_url = bytes_of("https://belfry.example/fhir"),
        .now_ms = NOW_MS};
    assert_int_equal(topic_compile(bytes_of(topic_json), f->rules.base_url,
                                   &topic, &f->issues),
                     ERR_OK);
    assert_int_equal(topic_set_add(f->topics, &topic, &e), ERR_OK);
    buf_init(&f->text, TEXT_MAX);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    subscription_free(f->s);
    buf_fini(&f->text);
    topic_set_unref(f->topics);
    free(f);
    return 0;
}

/* The text must be legal JSON: what is tested here comes behind the gate. */
static enum err_code read_text(struct fixture *f)
{
    enum err_code rc;
    struct err e;
    cJSON *json;

    assert_int_equal(buf_check(&f->text, &e), ERR_OK);
    assert_int_equal(json_gate(buf_bytes(&f->text), &e), ERR_OK);
    json = cJSON_ParseWithLength(f->text.p, f->text.n);
    assert_non_null(json);
    subscription_free(f->s);
    f->s = NULL;
    f->issues = (struct issues){.count = 0};
    rc = subscription_read(json, &f->rules, &f->s, &f->issues);
    cJSON_Delete(json);
    return rc;
}

/* good_json with the first occurrence of `from` replaced. */
static enum err_code read_with(struct fixture *f, const char *from,
                               const char *to)
{
    const char *at = strstr(good_json, from);

    assert_non_null(at);
    buf_reset(&f->text);
    buf_add(&f->text, bytes_make(good_json, (size_t)(at - good_json)));
    buf_add_text(&f->text, to);
    buf_add_text(&f->text, at + strlen(from));
    return read_text(f);
}

static bool has_issue(const struct issues *issues, const char *expression,
                      enum err_code code)
{
    for (size_t i = 0; i < issues->count; i++) {
        if (strcmp(issues->items[i].expression, expression) == 0 &&
            issues->items[i].code == code)
            return true;
    }
    return false;
}

/* ---- what is refused ---- */

struct bad {
    const char *from;
    const char *to;
    const char *expression;
    enum err_code code;
};

static void check_bad(struct fixture *f, const struct bad *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct bad *c = &cases[i];
        enum err_code rc = read_with(f, c->from, c->to);

        if (rc == ERR_OK || rc != f->issues.items[0].code)
            fail_msg("%s -> %s was not refused", c->from, c->to);
        assert_null(f->s);
        if (has_issue(&f->issues, c->expression, c->code))
            continue;
        fail_msg("%s -> %s: no issue at %s, but at %s: %s", c->from, c->to,
                 c->expression, f->issues.items[0].expression,
                 f->issues.items[0].message);
    }
}

#define CHECK_BAD(f, cases) \
    check_bad((f), (cases), sizeof(cases) / sizeof *(cases))
#define NO ERR_UNPROCESSABLE
#define MISSING ERR_UNPROCESSABLE_REQUIRED

static void bad_root_elements_are_refused(void **state)
{
    static const struct bad cases[] = {
        {"\"Subscription\"", "\"Patient\"", "Subscription.resourceType", NO},
        {"\"status\":\"requested\",", "", "Subscription.status", MISSING},
        {"\"requested\"", "\"error\"", "Subscription.status", NO},
        {"\"requested\"", "\"entered-in-error\"", "Subscription.status", NO},
        {"\"requested\"", "\"Requested\"", "Subscription.status", NO},
        {"\"requested\"", "1", "Subscription.status", NO},
        {"\"requested\"", "\"\"", "Subscription.status", NO},
        {"\"requested\"", "[\"requested\"]", "Subscription.status", NO},
        {"\"requested\"", "null", "Subscription.status", NO},
        {"\"reason\":\"to know\",", "", "Subscription.reason", MISSING},
        {"\"to know\"", "\"\"", "Subscription.reason", NO},
        {"\"to know\"", "\" \\t\"", "Subscription.reason", NO},
        {"\"to know\"", "true", "Subscription.reason", NO},
        {"\"to know\"", "null", "Subscription.reason", NO},
        {"\"reason\"", "\"Reason\"", "Subscription.Reason", NO},
        {"\"reason\"", "\"Reason\"", "Subscription.reason", MISSING},
        {"2030-12-31T12:00:00Z", "2025-12-31T23:59:59Z", "Subscription.end",
         NO},
        {"2030-12-31T12:00:00Z", "2026-01-01T00:00:00Z", "Subscription.end",
         NO},
        {"2030-12-31T12:00:00Z", "2030-12-31", "Subscription.end", NO},
        {"2030-12-31T12:00:00Z", "2030-12-31T12:00:00", "Subscription.end", NO},
        {"\"2030-12-31T12:00:00Z\"", "1924948800", "Subscription.end", NO},
        {"[{\"system\":\"email\",\"value\":\"ward@example.org\"}]",
         "{\"system\":\"email\"}", "Subscription.contact", NO},
        {"[{\"system\"", "[\"x\",{\"system\"", "Subscription.contact[0]", NO},
        {"\"email\",\"value\"", "\"email\",\"name\"",
         "Subscription.contact[0].name", NO},
        {"\"email\"", "5", "Subscription.contact[0].system", NO},
        {"\"id\":\"s1\"", "\"id\":7", "Subscription.id", NO},
        {"\"meta\":{", "\"meta\":[],\"text\":{", "Subscription.meta", NO},
        {"\"id\":\"s1\"", "\"colour\":\"red\"", "Subscription.colour", NO},
        {"\"id\":\"s1\"", "\"tag\":[{\"code\":\"x\"}]", "Subscription.tag", NO},
        {"\"id\":\"s1\"", "\"topic\":\"x\"", "Subscription.topic", NO},
        {"[{\"system\":\"email\",\"value\":\"ward@example.org\"}]", "[]",
         "Subscription.contact", NO},
        {"\"id\":\"s1\"", "\"error\":[\"x\"]", "Subscription.error", NO},
        {"\"id\":\"s1\"", "\"_status\":\"x\"", "Subscription.status", NO},
        {"\"id\":\"s1\"", "\"_channel\":{\"id\":\"x\"}", "Subscription.channel",
         NO},
        {"\"id\":\"s1\"", "\"contained\":{\"resourceType\":\"Patient\"}",
         "Subscription.contained", NO},
        {"\"id\":\"s1\"", "\"text\":{\"status\":null}",
         "Subscription.text.status", NO},
        {"\"id\":\"s1\"", "\"text\":{}", "Subscription.text", NO}};

    CHECK_BAD(*state, cases);
}

#define CRITERIA_AT "Subscription.criteria"
#define CRITERIA "https://belfry.example/fhir/SubscriptionTopic/stay"

static void bad_criteria_are_refused(void **state)
{
    static const struct bad cases[] = {
        {"\"criteria\":\"" CRITERIA "\",", "", "Subscription.criteria",
         MISSING},
        {"\"" CRITERIA "\"", "{\"url\":\"x\"}", CRITERIA_AT, NO},
        {"\"" CRITERIA "\"", "\"\"", CRITERIA_AT, NO},
        {CRITERIA, "stay", CRITERIA_AT, NO},
        {CRITERIA, "/SubscriptionTopic/stay", CRITERIA_AT, NO},
        {CRITERIA, "https://belfry.example/fhir/SubscriptionTopic/none",
         CRITERIA_AT, NO},
        {CRITERIA, CRITERIA "|9", CRITERIA_AT, NO},
        {CRITERIA, CRITERIA "/", CRITERIA_AT, NO},
        {CRITERIA, " " CRITERIA, CRITERIA_AT, NO},
        {CRITERIA, "HTTPS://belfry.example/fhir/SubscriptionTopic/stay",
         CRITERIA_AT, NO}};

    CHECK_BAD(*state, cases);
}

static void a_query_does_not_go_with_the_backport_profile(void **state)
{
    static const char *const criteria[] = {"Observation?code=http://l.org|1",
                                           "/Observation?x=y", "Observation"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof criteria / sizeof *criteria; i++) {
        assert_int_equal(read_with(f, CRITERIA, criteria[i]),
                         ERR_UNPROCESSABLE);
        assert_int_equal(f->issues.count, 1);
        assert_string_equal(f->issues.items[0].expression, CRITERIA_AT);
        assert_non_null(
            strstr(f->issues.items[0].message, "canonical URL of a topic"));
    }
}

/* ---- classic Subscriptions ---- */

static enum err_code read_classic(struct fixture *f, const char *criteria,
                                  const char *channel)
{
    buf_reset(&f->text);
    buf_add_format(&f->text,
                   "{\"resourceType\":\"Subscription\",\"id\":\"c\","
                   "\"status\":\"requested\",\"reason\":\"to know\","
                   "\"criteria\":\"%s\",\"channel\":{\"type\":\"rest-hook\","
                   "\"endpoint\":\"https://hook.example.org/in\"%s}}",
                   criteria, channel);
    return read_text(f);
}

static bool classic_takes(struct fixture *f, const char *resource)
{
    struct search_values *values;
    struct arena arena;
    struct err e;
    bool takes;

    arena_init(&arena, TEXT_MAX);
    assert_int_equal(search_values_read(bytes_of(resource), f->rules.base_url,
                                        &arena, &values, &e),
                     ERR_OK);
    takes = bytes_is(search_values_type(values), f->s->classic_type) &&
            subscription_filters_match(f->s, values);
    arena_fini(&arena);
    return takes;
}

static void classic_criteria_are_evaluated(void **state)
{
    static const char *const criteria[] = {
        "Observation?code=http://loinc.org|1975-2",
        ("/Observation?_format=json&code=http://loinc.org|1975-2&_count=5&"
         "_include:iterate=Patient:link&_sort=-date"),
        "Observation?code=http://loinc.org%7C1975-2"};
    static const char wanted[] =
        "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":"
        "\"http://loinc.org\",\"code\":\"1975-2\"}]}}";
    static const char other[] =
        "{\"resourceType\":\"Observation\",\"code\":{\"coding\":[{\"system\":"
        "\"http://loinc.org\",\"code\":\"1\"}]}}";
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof criteria / sizeof *criteria; i++) {
        assert_int_equal(read_classic(f, criteria[i], ""), ERR_OK);
        assert_true(subscription_is_classic(f->s));
        assert_null(f->s->topic);
        assert_int_equal(f->s->content, CONTENT_EMPTY);
        assert_null(f->s->mime_type);
        assert_true(classic_takes(f, wanted));
        assert_false(classic_takes(f, other));
    }
    assert_int_equal(read_classic(f, "Observation",
                                  ",\"payload\":\"application/fhir+json\""),
                     ERR_OK);
    assert_int_equal(f->s->content, CONTENT_FULL_RESOURCE);
    assert_string_equal(f->s->mime_type, "application/fhir+json");
    assert_true(classic_takes(f, other));
}

static void classic_criteria_that_cannot_be_evaluated_are_refused(void **state)
{
    static const struct {
        const char *criteria;
        const char *channel;
        const char *expression;
        const char *part;
    } cases[] = {
        {"Observation?colour=red", "", CRITERIA_AT, "colour"},
        {"Observation?patient.name=x", "", CRITERIA_AT, "patient.name"},
        {"Observation?status=foo", "", CRITERIA_AT, "'status'"},
        {"Observation?status=foo", "", CRITERIA_AT, "'foo'"},
        {"Observation?_has:Patient:x:y=z", "", CRITERIA_AT, "_has"},
        {"Observation?code:below=x", "", CRITERIA_AT, "code:below"},
        {"Subscription?status=active", "", CRITERIA_AT, "Subscriptions"},
        {"Observation", ",\"payload\":\"text/plain\"",
         "Subscription.channel.payload", ""},
        {"Observation",
         ",\"extension\":[{\"url\":\"" GUIDE
         "backport-max-count\",\"valuePositiveInt\":10}]",
         "Subscription.channel.extension[0]", "topic-based"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_classic(f, cases[i].criteria, cases[i].channel),
                         ERR_UNPROCESSABLE);
        assert_string_equal(f->issues.items[0].expression, cases[i].expression);
        if (!strstr(f->issues.items[0].message, cases[i].part))
            fail_msg("%s: %s", cases[i].criteria, f->issues.items[0].message);
    }
}

#define FILTER_AT "Subscription.criteria.extension[0]"
#define FILTER "Encounter?patient=Patient/123"

static void bad_filters_are_refused(void **state)
{
    static const struct bad cases[] = {
        {FILTER, "Encounter?colour=red", FILTER_AT, NO},
        {FILTER, "Observation?patient=Patient/1", FILTER_AT, NO},
        {FILTER, "Encounter?patient:exact=Patient/1", FILTER_AT, NO},
        {FILTER, "Encounter?class=AMB", FILTER_AT, NO},
        {FILTER, "nonsense", FILTER_AT, NO},
        {FILTER, "patient.name=x", FILTER_AT, NO},
        {FILTER, "Encounter?status=foo", FILTER_AT, NO},
        {FILTER, "status=foo", FILTER_AT, NO},
        {FILTER, "patient=Patient/1&status=foo,Finished", FILTER_AT, NO},
        {"\"valueString\":\"" FILTER "\"", "\"valueUri\":\"" FILTER "\"",
         FILTER_AT, NO},
        {"\"" FILTER "\"", "3", FILTER_AT, NO},
        {"\"" FILTER "\"", "\"\"", FILTER_AT, NO},
        {"\"" FILTER "\"", "\"" FILTER "\",\"valueCode\":\"x\"", FILTER_AT, NO},
        {",\"valueString\":\"" FILTER "\"", "", FILTER_AT, NO},
        {"{\"url\":\"" GUIDE "backport-filter-criteria\"",
         "{\"url\":\"https://vendor.example/filter\"", FILTER_AT, NO},
        {"{\"url\":\"" GUIDE "backport-filter-criteria\"",
         "{\"url\":\"http://hl7.org/fhir/5.0/StructureDefinition/"
         "extension-Subscription.filterBy\"",
         FILTER_AT, NO},
        {"{\"url\":\"" GUIDE "backport-filter-criteria\"",
         "{\"url\":\"" GUIDE "backport-timeout\"", FILTER_AT, NO},
        {"{\"url\":\"" GUIDE "backport-filter-criteria\"",
         "{\"url\":\"" GUIDE "backport-additional-criteria\"", FILTER_AT, NO},
        {"{\"url\":\"" GUIDE "backport-filter-criteria\",", "{", FILTER_AT, NO},
        {"{\"extension\":[{\"url\":\"" GUIDE "backport-filter-criteria\"",
         "{\"extension\":[\"x\",{\"url\":\"" GUIDE "backport-filter-criteria\"",
         FILTER_AT, NO},
        {"\"_criteria\":{", "\"_criteria\":{\"modifierExtension\":[{}],",
         "Subscription.criteria.modifierExtension", NO}};

    CHECK_BAD(*state, cases);
}

#define ENDPOINT_AT "Subscription.channel.endpoint"
#define PAYLOAD_AT "Subscription.channel.payload"
#define TYPE_AT "Subscription.channel.type"
#define CONTENT_AT "Subscription.channel.payload.extension[0]"
#define CONTENT_URL GUIDE "backport-payload-content"
#define ENDPOINT "https://hook.example.org/in"

static void bad_channel_elements_are_refused(void **state)
{
    static const struct bad cases[] = {
        {"\"channel\":{", "\"channel\":[],\"text\":{", "Subscription.channel",
         NO},
        {"\"type\":\"rest-hook\",", "", "Subscription.channel.type", MISSING},
        {"\"rest-hook\"", "\"websocket\"", TYPE_AT, NO},
        {"\"rest-hook\"", "\"email\"", TYPE_AT, NO},
        {"\"rest-hook\"", "\"carrier-pigeon\"", TYPE_AT, NO},
        {"\"rest-hook\"", "[\"rest-hook\"]", TYPE_AT, NO},
        {"\"rest-hook\"",
         "\"rest-hook\",\"_type\":{\"extension\":[{\"url\":\"" GUIDE
         "backport-channel-type\",\"valueCoding\":{\"code\":\"zulip\"}}]}",
         "Subscription.channel.type.extension[0]", NO},
        {"\"rest-hook\"",
         "\"rest-hook\",\"_type\":{\"extension\":[{\"url\":\"https://v.example/"
         "x\",\"valueCode\":\"x\"}]}",
         "Subscription.channel.type.extension[0]", NO},
        {"\"rest-hook\"", "\"rest-hook\",\"_type\":{\"extension\":{}}",
         "Subscription.channel.type.extension", NO},
        {"\"endpoint\":\"" ENDPOINT "\",", "", "Subscription.channel.endpoint",
         MISSING},
        {"\"" ENDPOINT "\"", "null", ENDPOINT_AT, NO},
        {ENDPOINT, "https://u:p@hook.example.org/", ENDPOINT_AT, NO},
        {ENDPOINT, "mailto:ward@example.org", ENDPOINT_AT, NO},
        {"application/fhir+json", "application/fhir+xml", PAYLOAD_AT, NO},
        {"application/fhir+json", "application/json; fhirVersion=4.3",
         PAYLOAD_AT, NO},
        {"X-Ward:\\t 7 ", "Host: x", "Subscription.channel.header[1]", NO},
        {"X-Ward:\\t 7 ", "X: y\\r\\nZ: 1", "Subscription.channel.header[1]",
         NO},
        {"X-Ward:\\t 7 ", "", "Subscription.channel.header[1]", NO},
        {"\"" ENDPOINT "\"", "[\"" ENDPOINT "\"]", ENDPOINT_AT, NO},
        {"\"rest-hook\"", "\"rest-hook\",\"timeout\":3",
         "Subscription.channel.timeout", NO},
        {"\"rest-hook\"",
         "\"rest-hook\",\"modifierExtension\":[{\"url\":\"https://v.example\","
         "\"valueCode\":\"x\"}]",
         "Subscription.channel.modifierExtension", NO},
        {"\"payload\":\"application/fhir+json\",", "",
         "Subscription.channel.payload", MISSING},
        {"\"application/fhir+json\"", "4", PAYLOAD_AT, NO},
        {CONTENT_URL, GUIDE "backport-max-count", CONTENT_AT, NO},
        {CONTENT_URL, "https://vendor.example/content", CONTENT_AT, NO},
        {"\"valueCode\":\"id-only\"", "\"valueString\":\"id-only\"", CONTENT_AT,
         NO},
        {"\"id-only\"", "\"everything\"", CONTENT_AT, NO},
        {"\"id-only\"", "\"ID-ONLY\"", CONTENT_AT, NO},
        {"\"id-only\"", "null", CONTENT_AT ".valueCode", NO},
        {"\"_payload\":{\"extension\":[{\"url\":\"" CONTENT_URL
         "\",\"valueCode\":\"id-only\"}]},",
         "", "Subscription.channel.payload.extension", MISSING},
        {"\"id-only\"}]",
         "\"id-only\"},{\"url\":\"" CONTENT_URL "\",\"valueCode\":\"empty\"}]",
         "Subscription.channel.payload.extension[1]", NO}};

    CHECK_BAD(*state, cases);
}

static void header_array_of_wrong_shape_is_refused(void **state)
{
    static const struct bad cases[] = {
        {"[\"Authorization: Bearer a:b=\",\"X-Ward:\\t 7 \"]",
         "\"Authorization: x\"", "Subscription.channel.header", NO},
        {"[\"Authorization: Bearer a:b=\",\"X-Ward:\\t 7 \"]", "[]",
         "Subscription.channel.header", NO},
        {"\"X-Ward:\\t 7 \"", "7", "Subscription.channel.header[1]", NO},
        {"\"X-Ward:\\t 7 \"", "null", "Subscription.channel.header[1]", NO},
        {"\"X-Ward:\\t 7 \"", "[\"X: y\"]", "Subscription.channel.header[1]",
         NO}};

    CHECK_BAD(*state, cases);
}

#define AT(i) "Subscription.channel.extension[" i "]"
#define PERIOD "\"valueUnsignedInt\":60"
#define TIMEOUT "\"valueUnsignedInt\":20"
#define COUNT "\"valuePositiveInt\":10"

static void bad_channel_extensions_are_refused(void **state)
{
    static const struct bad cases[] = {
        {PERIOD, "\"valueUnsignedInt\":0", AT("0"), NO},
        {PERIOD, "\"valueUnsignedInt\":-60", AT("0"), NO},
        {PERIOD, "\"valueUnsignedInt\":1.5", AT("0"), NO},
        {PERIOD, "\"valueUnsignedInt\":31536001", AT("0"), NO},
        {PERIOD, "\"valueUnsignedInt\":1e300", AT("0"), NO},
        {PERIOD, "\"valueUnsignedInt\":1e999", AT("0"), NO},
        {PERIOD, "\"valueUnsignedInt\":\"60\"", AT("0"), NO},
        {PERIOD, "\"valueUnsignedInt\":null", AT("0"), NO},
        {PERIOD, "\"valueInteger\":60", AT("0"), NO},
        {PERIOD, "\"valueunsignedInt\":60", AT("0"), NO},
        {TIMEOUT, "\"valueUnsignedInt\":0", AT("1"), NO},
        {TIMEOUT, "\"valueUnsignedInt\":301", AT("1"), NO},
        {TIMEOUT, "\"valuePositiveInt\":20", AT("1"), NO},
        {COUNT, "\"valuePositiveInt\":0", AT("2"), NO},
        {COUNT, "\"valuePositiveInt\":1001", AT("2"), NO},
        {COUNT, "\"valuePositiveInt\":0.99", AT("2"), NO},
        {COUNT, "\"valueUnsignedInt\":10", AT("2"), NO},
        {COUNT "}",
         COUNT "},{\"url\":\"" GUIDE "backport-timeout\"," TIMEOUT "}", AT("3"),
         NO},
        {SECRET, "whsec_****", AT("3"), NO},
        {SECRET, "whsec_", AT("3"), NO},
        {SECRET, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", AT("3"),
         NO},
        {"\"valueString\":\"" SECRET "\"", "\"valueCode\":\"" SECRET "\"",
         AT("3"), NO},
        {SECRET_URL, "https://belfry.example/fhir/StructureDefinition/other",
         AT("3"), NO},
        {SECRET_URL, CONTENT_URL, AT("3"), NO},
        {SECRET_URL, "http://hl7.org/fhir/4.3/StructureDefinition/x", AT("3"),
         NO},
        {SECRET_URL, GUIDE "backport-notification-url-location", AT("3"), NO},
        {"{\"extension\":[{\"url\":\"" GUIDE "backport-heartbeat-period\"",
         "{\"extension\":[7,{\"url\":\"" GUIDE "backport-heartbeat-period\"",
         AT("0"), NO}};

    CHECK_BAD(*state, cases);
}

static void misplaced_extensions_are_refused(void **state)
{
    static const struct bad cases[] = {
        {"\"id\":\"s1\"", "\"extension\":{\"url\":\"https://v.example\"}",
         "Subscription.extension", NO},
        {"\"id\":\"s1\"", "\"extension\":[{\"valueCode\":\"x\"}]",
         "Subscription.extension[0]", NO},
        {"\"id\":\"s1\"", "\"extension\":[[]]", "Subscription.extension[0]",
         NO},
        {"\"id\":\"s1\"", "\"extension\":[null]", "Subscription.extension[0]",
         NO},
        {"\"id\":\"s1\"",
         "\"extension\":[{\"url\":\"" GUIDE
         "backport-heartbeat-period\",\"valueUnsignedInt\":9}]",
         "Subscription.extension[0]", NO},
        {"\"id\":\"s1\"",
         "\"extension\":[{\"url\":\"https://v.example/x\",\"valueCode\":\"x\"},"
         "{\"url\":\"" SECRET_URL "\",\"valueString\":\"" SECRET "\"}]",
         "Subscription.extension[1]", NO},
        {"\"id\":\"s1\"",
         "\"extension\":[{\"url\":\"http://hl7.org/fhir/5.0/"
         "StructureDefinition/extension-Subscription.name\","
         "\"valueString\":\"x\"}]",
         "Subscription.extension[0]", NO},
        {"\"id\":\"s1\"", "\"modifierExtension\":[{\"url\":\"x\"}]",
         "Subscription.modifierExtension", NO},
        {"{\"system\":\"email\"",
         "{\"modifierExtension\":[{\"url\":\"x\"}],\"system\":\"email\"",
         "Subscription.contact[0].modifierExtension", NO},
        {"\"id\":\"s1\"",
         "\"_status\":{\"extension\":[{\"url\":\"" GUIDE
         "backport-timeout\",\"valueUnsignedInt\":9}]}",
         "Subscription.status.extension[0]", NO},
        {"\"id\":\"s1\"",
         "\"extension\":[{\"url\":\"https://v.example/x\",\"extension\":["
         "{\"url\":\"" GUIDE "backport-timeout\",\"valueUnsignedInt\":9}]}]",
         "Subscription.extension[0].extension[0]", NO},
        {"\"type\":\"rest-hook\"",
         "\"type\":\"rest-hook\",\"_header\":[null,{\"extension\":[{\"url\":"
         "\"" GUIDE "backport-timeout\",\"valueUnsignedInt\":9}]}]",
         "Subscription.channel.header[1].extension[0]", NO}};

    CHECK_BAD(*state, cases);
}

/* ---- bounds ---- */

static void add_repeated(struct fixture *f, const char *one, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(&f->text, ',');
        buf_add_text(&f->text, one);
    }
}

/* good_json with `from` replaced by n times `one`. */
static enum err_code read_repeated(struct fixture *f, const char *from,
                                   const char *one, size_t n)
{
    const char *at = strstr(good_json, from);

    assert_non_null(at);
    buf_reset(&f->text);
    buf_add(&f->text, bytes_make(good_json, (size_t)(at - good_json)));
    add_repeated(f, one, n);
    buf_add_text(&f->text, at + strlen(from));
    return read_text(f);
}

static void header_count_is_bounded(void **state)
{
    struct fixture *f = *state;
    const char *from = "\"Authorization: Bearer a:b=\",\"X-Ward:\\t 7 \"";

    assert_int_equal(
        read_repeated(f, from, "\"X-A: 1\"", SUBSCRIPTION_HEADERS_MAX), ERR_OK);
    assert_int_equal(f->s->header_count, SUBSCRIPTION_HEADERS_MAX);
    assert_int_equal(
        read_repeated(f, from, "\"X-A: 1\"", SUBSCRIPTION_HEADERS_MAX + 1),
        ERR_UNPROCESSABLE);
    assert_true(has_issue(&f->issues, "Subscription.channel.header", NO));
}

static void filter_count_is_bounded(void **state)
{
    static const char one[] = "{\"url\":\"" GUIDE "backport-filter-criteria\","
                              "\"valueString\":\"" FILTER "\"}";
    struct fixture *f = *state;

    assert_int_equal(read_repeated(f, one, one, SUBSCRIPTION_FILTERS_MAX),
                     ERR_OK);
    assert_int_equal(f->s->filter_count, SUBSCRIPTION_FILTERS_MAX);
    assert_int_equal(read_repeated(f, one, one, SUBSCRIPTION_FILTERS_MAX + 1),
                     ERR_UNPROCESSABLE);
    assert_true(
        has_issue(&f->issues, "Subscription.criteria.extension[32]", NO));
}

static void extension_count_is_bounded(void **state)
{
    static const char one[] =
        "{\"url\":\"https://v.example/x\",\"valueCode\":\"x\"}";
    struct fixture *f = *state;

    buf_reset(&f->text);
    buf_add_text(&f->text, "{\"extension\":[");
    add_repeated(f, one, 65);
    buf_add_text(&f->text, "],");
    buf_add_text(&f->text, good_json + 1);
    assert_int_equal(read_text(f), ERR_UNPROCESSABLE);
    assert_int_equal(f->issues.count, 1);
    assert_string_equal(f->issues.items[0].expression,
                        "Subscription.extension[64]");
}

static void deep_nesting_is_walked(void **state)
{
    struct fixture *f = *state;

    buf_reset(&f->text);
    buf_add_text(&f->text, "{\"text\":");
    for (int i = 0; i < JSON_DEPTH_MAX - 2; i++)
        buf_add_text(&f->text, "{\"a\":");
    buf_add_text(&f->text, "null");
    for (int i = 0; i < JSON_DEPTH_MAX - 2; i++)
        buf_add_char(&f->text, '}');
    buf_add_char(&f->text, ',');
    buf_add_text(&f->text, good_json + 1);
    assert_int_equal(read_text(f), ERR_UNPROCESSABLE);
    assert_int_equal(f->issues.count, 1);
    assert_string_equal(f->issues.items[0].message, "null is not a value");
}

static void issues_are_collected(void **state)
{
    struct fixture *f = *state;

    buf_reset(&f->text);
    buf_add_text(&f->text, "{\"resourceType\":\"Subscription\","
                           "\"channel\":{\"header\":[");
    add_repeated(f, "\"Host: x\"", 3);
    buf_add_text(&f->text, "]}}");
    assert_int_equal(read_text(f), ERR_UNPROCESSABLE_REQUIRED);
    assert_true(has_issue(&f->issues, "Subscription.status", MISSING));
    assert_true(has_issue(&f->issues, "Subscription.reason", MISSING));
    assert_true(has_issue(&f->issues, "Subscription.criteria", MISSING));
    assert_true(has_issue(&f->issues, "Subscription.channel.type", MISSING));
    assert_true(has_issue(&f->issues, "Subscription.channel.payload", MISSING));
    assert_true(has_issue(&f->issues, "Subscription.channel.header[0]", NO));
}

static void issues_are_bounded(void **state)
{
    struct fixture *f = *state;

    buf_reset(&f->text);
    buf_add_text(&f->text, "{\"resourceType\":\"Subscription\"");
    for (int i = 0; i < ISSUES_MAX; i++)
        buf_add_format(&f->text, ",\"x%d\":1", i);
    buf_add_char(&f->text, '}');
    assert_int_equal(read_text(f), ERR_UNPROCESSABLE);
    assert_int_equal(f->issues.count, ISSUES_MAX);
    assert_true(f->issues.dropped > 0);
}

static void refusals_never_repeat_a_secret(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_with(f, "X-Ward:\\t 7 ", "Host: top-secret-value"),
                     ERR_UNPROCESSABLE);
    assert_null(strstr(f->issues.items[0].message, "top-secret"));
    assert_int_equal(read_with(f, "X-Ward:\\t 7 ", "top-secret-value"),
                     ERR_UNPROCESSABLE);
    assert_null(strstr(f->issues.items[0].message, "top-secret"));
    assert_int_equal(read_with(f, SECRET, "whsec_topsecret"),
                     ERR_UNPROCESSABLE);
    assert_null(strstr(f->issues.items[0].message, "topsecret"));
}

/* ---- what is read ---- */

static void every_element_is_read(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_with(f, "", ""), ERR_OK);
    assert_int_equal(f->issues.count, 0);
    assert_string_equal(topic_url(f->s->topic), CRITERIA);
    assert_string_equal(f->s->canonical, CRITERIA);
    assert_int_equal(f->s->filter_count, 1);
    assert_true(bytes_is(f->s->filters[0].resource_type, "Encounter"));
    assert_int_equal(f->s->content, CONTENT_ID_ONLY);
    assert_string_equal(f->s->endpoint, ENDPOINT);
    assert_string_equal(f->s->mime_type, "application/fhir+json");
    assert_int_equal(f->s->header_count, 2);
    assert_string_equal(f->s->headers[0], "Authorization: Bearer a:b=");
    assert_string_equal(f->s->headers[1], "X-Ward: 7");
    assert_string_equal(f->s->secret, SECRET);
    assert_int_equal(f->s->heartbeat_s, 60);
    assert_int_equal(f->s->timeout_s, 20);
    assert_int_equal(f->s->max_count, 10);
    assert_int_equal(f->s->end_ms, 1924948800000);
    assert_false(f->s->off);
}

#define OWN "https://belfry.example/fhir/StructureDefinition/"
#define WITH(url, value) \
    TIMEOUT "},{\"url\":\"" OWN "subscription-" url "\"," value

static void choices_of_delivery_are_read(void **state)
{
    static const struct bad cases[] = {
        {TIMEOUT, WITH("order", "\"valueCode\":\"random\""), AT("2"), NO},
        {TIMEOUT, WITH("order", "\"valueString\":\"strict\""), AT("2"), NO},
        {TIMEOUT, WITH("refusal", "\"valueCode\":\"skip\""), AT("2"), NO},
        {TIMEOUT, WITH("linger", "\"valueUnsignedInt\":60001"), AT("2"), NO},
        {TIMEOUT, WITH("linger", "\"valueUnsignedInt\":-1"), AT("2"), NO},
    };
    struct fixture *f = *state;

    assert_int_equal(read_with(f, "", ""), ERR_OK);
    assert_false(f->s->per_focus);
    assert_false(f->s->park);
    assert_int_equal(f->s->linger_ms, 0);
    assert_int_equal(
        read_with(f, TIMEOUT,
                  WITH("order",
                       "\"valueCode\":\"per-focus\"},{\"url\":\"" OWN
                       "subscription-refusal\",\"valueCode\":"
                       "\"park\"},{\"url\":\"" OWN "subscription-linger\","
                       "\"valueUnsignedInt\":250")),
        ERR_OK);
    assert_true(f->s->per_focus);
    assert_true(f->s->park);
    assert_int_equal(f->s->linger_ms, 250);
    assert_int_equal(
        read_with(f, TIMEOUT, WITH("refusal", "\"valueCode\":\"stop\"")),
        ERR_OK);
    assert_false(f->s->park);
    CHECK_BAD(f, cases);
}

static void smallest_subscription_is_read(void **state)
{
    struct fixture *f = *state;

    buf_reset(&f->text);
    buf_add_text(
        &f->text,
        "{\"resourceType\":\"Subscription\",\"status\":\"off\","
        "\"reason\":\"x\",\"criteria\":\"" CRITERIA "\",\"channel\":{"
        "\"type\":\"rest-hook\",\"endpoint\":\"http://h\","
        "\"payload\":\"application/json\",\"_payload\":{\"extension\":["
        "{\"url\":\"" CONTENT_URL "\",\"valueCode\":\"empty\"}]}}}");
    assert_int_equal(read_text(f), ERR_OK);
    assert_true(f->s->off);
    assert_int_equal(f->s->content, CONTENT_EMPTY);
    assert_int_equal(f->s->filter_count, 0);
    assert_int_equal(f->s->header_count, 0);
    assert_null(f->s->secret);
    assert_int_equal(f->s->heartbeat_s, 0);
    assert_int_equal(f->s->timeout_s, 0);
    assert_int_equal(f->s->max_count, 0);
    assert_int_equal(f->s->end_ms, 0);
}

static void legal_variants_are_read(void **state)
{
    static const char *const cases[][2] = {
        {"\"requested\"", "\"active\""},
        {"\"requested\"", "\"off\""},
        {CRITERIA, CRITERIA "|1.2"},
        {FILTER, "Encounter.patient=Patient/123"},
        {FILTER, "patient=Patient/123"},
        {FILTER, "Encounter?patient=Patient/1,Patient/2&status=finished"},
        {ENDPOINT, "http://127.0.0.1:8081/hook?x=1&y=%20"},
        {ENDPOINT, "https://[::1]:8443/hook"},
        {"application/fhir+json", "application/json"},
        {"application/fhir+json", "application/fhir+json; fhirVersion=4.0"},
        {"application/fhir+json",
         "application/fhir+json; fhirversion=\\\"4.0\\\" ; charset=UTF-8"},
        {"id-only", "full-resource"},
        {"X-Ward:\\t 7 ", "Authorization: Bearer second"},
        {"X-Ward:\\t 7 ", "x-w!#$%&'*+.^_`|~9: a\\tb \\u00e9"},
        {"\"id\":\"s1\"",
         "\"extension\":[{\"url\":\"https://v.example/x\",\"valueCode\":"
         "\"x\"},{\"url\":\"" IDENTIFIER_URL
         "\",\"valueIdentifier\":{\"value\":\"7\"}}]"},
        {"\"valueString\":\"" SECRET "\"}]",
         "\"valueString\":\"" SECRET "\"},{\"url\":\"https://v.example/x\","
         "\"valueCode\":\"x\"}]"},
        {"\"id\":\"s1\"", "\"error\":\"what the server said\""},
        {"\"id\":\"s1\"",
         "\"implicitRules\":\"https://v.example\",\"language\":\"en\","
         "\"_language\":{\"id\":\"l\"},\"text\":{\"status\":\"empty\"}"},
        {"\"type\":\"rest-hook\"",
         "\"id\":\"c\",\"type\":\"rest-hook\",\"_header\":[null,"
         "{\"id\":\"h\"}]"},
        {PERIOD, "\"valueUnsignedInt\":31536000"},
        {TIMEOUT, "\"valueUnsignedInt\":300"},
        {COUNT, "\"valuePositiveInt\":1000"},
        {"2030-12-31T12:00:00Z", "2026-01-01T00:00:00.001Z"},
        {"2030-12-31T12:00:00Z", "2026-01-01T02:00:00+01:00"}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (read_with(f, cases[i][0], cases[i][1]) != ERR_OK)
            fail_msg("%s was refused at %s: %s", cases[i][1],
                     f->issues.items[0].expression, f->issues.items[0].message);
    }
}

static void stored_resource_with_past_end_is_read(void **state)
{
    struct fixture *f = *state;

    f->rules.now_ms = 0;
    assert_int_equal(
        read_with(f, "2030-12-31T12:00:00Z", "2020-12-31T12:00:00Z"), ERR_OK);
    assert_int_equal(f->s->end_ms, 1609416000000);
}

static enum err_code judge(void *ctx, const char *url, struct err *e)
{
    if (strcmp(url, ctx) == 0)
        return ERR_OK;
    return err_set(e, ERR_FORBIDDEN, "the address is not allowed");
}

static void endpoint_policy_decides(void **state)
{
    char allowed[] = ENDPOINT;
    struct fixture *f = *state;

    f->rules.endpoint = judge;
    f->rules.endpoint_ctx = allowed;
    assert_int_equal(read_with(f, "", ""), ERR_OK);
    assert_int_equal(read_with(f, ENDPOINT, "https://other.example.org"),
                     ERR_UNPROCESSABLE);
    assert_true(has_issue(&f->issues, ENDPOINT_AT, NO));
    assert_string_equal(f->issues.items[0].message,
                        "the address is not allowed");
}

/* ---- filters at work ---- */

static bool matches(const struct fixture *f, const char *resource)
{
    struct search_values *values;
    struct arena arena;
    struct err e;
    bool found;

    arena_init(&arena, TEXT_MAX);
    assert_int_equal(search_values_read(bytes_of(resource), f->rules.base_url,
                                        &arena, &values, &e),
                     ERR_OK);
    found = subscription_filters_match(f->s, values);
    arena_fini(&arena);
    return found;
}

static void filters_are_joined_by_and_and_skip_other_types(void **state)
{
    struct fixture *f = *state;
    const char *both = FILTER "\"},{\"url\":\"" GUIDE
                              "backport-filter-criteria\",\"valueString\":"
                              "\"status=finished";

    assert_int_equal(read_with(f, FILTER, both), ERR_OK);
    assert_int_equal(f->s->filter_count, 2);
    assert_true(
        matches(f, "{\"resourceType\":\"Encounter\",\"status\":\"finished\","
                   "\"subject\":{\"reference\":\"Patient/123\"}}"));
    assert_false(
        matches(f, "{\"resourceType\":\"Encounter\",\"status\":\"planned\","
                   "\"subject\":{\"reference\":\"Patient/123\"}}"));
    assert_false(
        matches(f, "{\"resourceType\":\"Encounter\",\"status\":\"finished\","
                   "\"subject\":{\"reference\":\"Patient/124\"}}"));
    assert_true(matches(f, "{\"resourceType\":\"Patient\"}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_root_elements_are_refused),
        TEST(bad_criteria_are_refused),
        TEST(a_query_does_not_go_with_the_backport_profile),
        TEST(classic_criteria_are_evaluated),
        TEST(classic_criteria_that_cannot_be_evaluated_are_refused),
        TEST(bad_filters_are_refused),
        TEST(bad_channel_elements_are_refused),
        TEST(header_array_of_wrong_shape_is_refused),
        TEST(bad_channel_extensions_are_refused),
        TEST(misplaced_extensions_are_refused),
        TEST(header_count_is_bounded),
        TEST(filter_count_is_bounded),
        TEST(extension_count_is_bounded),
        TEST(deep_nesting_is_walked),
        TEST(issues_are_collected),
        TEST(issues_are_bounded),
        TEST(refusals_never_repeat_a_secret),
        TEST(every_element_is_read),
        TEST(choices_of_delivery_are_read),
        TEST(smallest_subscription_is_read),
        TEST(legal_variants_are_read),
        TEST(stored_resource_with_past_end_is_read),
        TEST(endpoint_policy_decides),
        TEST(filters_are_joined_by_and_and_skip_other_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
