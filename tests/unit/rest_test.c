/* Reads, writes and $status over HTTP: what a client gets, and what a careless
 * one is told. */
#include "tests/unit/rest_rig.h"

#define P1(rest) "{\"resourceType\":\"Patient\",\"id\":\"p1\"" rest "}"

static struct answer *answer_of(void **state)
{
    return &((struct rest_rig *)*state)->answer;
}

static void has(void **state, const char *header)
{
    if (!strcasestr(answer_of(state)->head, header))
        fail_msg("no '%s' in %s", header, answer_of(state)->head);
}

static void body_has(void **state, const char *part)
{
    if (!strstr(answer_of(state)->body, part))
        fail_msg("no '%s' in %s", part, answer_of(state)->body);
}

static void a_resource_is_created_read_changed_and_deleted(void **state)
{
    struct rest_rig *r = *state;

    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/p1", "", P1("")),
                     201);
    has(state, "\r\nETag: W/\"1\"\r\n");
    has(state, "\r\nLocation: " RIG_BASE "/Patient/p1/_history/1\r\n");
    has(state, "\r\nLast-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Patient/p1",
                                  "Accept: application/json\r\n", NULL),
                     200);
    has(state, "\r\nContent-Type: application/json;");
    body_has(state, "\"versionId\":\"1\"");
    assert_int_equal(
        rest_rig_write(r, "PUT /fhir/Patient/p1", "", P1(",\"active\":true")),
        200);
    has(state, "\r\nETag: W/\"2\"\r\n");
    assert_int_equal(
        rest_rig_ask(r, "GET /fhir/Patient/p1/_history/1", "", NULL), 200);
    assert_null(strstr(r->answer.body, "active"));
    assert_int_equal(rest_rig_ask(r, "DELETE /fhir/Patient/p1", "", NULL), 204);
    assert_int_equal(r->answer.body_bytes, 0);
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Patient/p1", "", NULL), 410);
    rest_rig_refused(r, "deleted", "");
    assert_int_equal(
        rest_rig_ask(r, "GET /fhir/Patient/p1/_history/2", "", NULL), 200);
    assert_int_equal(
        rest_rig_ask(r, "GET /fhir/Patient/p1/_history/3", "", NULL), 410);
}

static void a_create_gives_an_id_whatever_the_body_says(void **state)
{
    struct rest_rig *r = *state;

    assert_int_equal(rest_rig_write(r, "POST /fhir/Patient", "", P1("")), 201);
    assert_null(strstr(r->answer.body, "\"p1\""));
    has(state, "\r\nLocation: " RIG_BASE "/Patient/");
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Patient/p1", "", NULL), 404);
    rest_rig_refused(r, "not-found", "Patient/p1");
}

static void deleting_what_is_not_there_succeeds_twice(void **state)
{
    struct rest_rig *r = *state;

    assert_int_equal(rest_rig_ask(r, "DELETE /fhir/Patient/no", "", NULL), 204);
    assert_int_equal(rest_rig_ask(r, "DELETE /fhir/Patient/no", "", NULL), 204);
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Patient/no", "", NULL), 404);
}

static void a_deleted_resource_can_be_put_again(void **state)
{
    struct rest_rig *r = *state;

    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/p1", "", P1("")),
                     201);
    assert_int_equal(rest_rig_ask(r, "DELETE /fhir/Patient/p1", "", NULL), 204);
    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/p1",
                                    "If-None-Match: *\r\n", P1("")),
                     201);
    has(state, "\r\nETag: W/\"3\"\r\n");
    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/p1",
                                    "If-None-Match: *\r\n", P1("")),
                     412);
    rest_rig_refused(r, "conflict", "If-None-Match");
}

static void preconditions_that_fail_change_nothing(void **state)
{
    static const struct {
        const char *line;
        const char *header;
        int status;
        const char *code;
    } rows[] = {
        {"PUT /fhir/Patient/p1", "If-Match: W/\"2\"\r\n", 412, "conflict"},
        {"PUT /fhir/Patient/p1", "If-Match: \"x\"\r\n", 412, "conflict"},
        {"PUT /fhir/Patient/p1", "If-None-Match: *\r\n", 412, "conflict"},
        {"PUT /fhir/Patient/p1", "If-None-Match: W/\"1\"\r\n", 412, "conflict"},
        {"PUT /fhir/Patient/p1", "If-Match: 1\r\n", 400, "invalid"},
        {"PUT /fhir/Patient/p1", "If-Match: \r\n", 400, "invalid"},
    };
    struct rest_rig *r = *state;

    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/p1", "", P1("")),
                     201);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(rest_rig_write(r, rows[i].line, rows[i].header,
                                        P1(",\"active\":true")),
                         rows[i].status);
        rest_rig_refused(r, rows[i].code, "");
    }
    assert_int_equal(rest_rig_ask(r, "DELETE /fhir/Patient/p1",
                                  "If-Match: W/\"9\"\r\n", NULL),
                     412);
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Patient/p1", "", NULL), 200);
    has(state, "\r\nETag: W/\"1\"\r\n");
    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/no",
                                    "If-Match: W/\"1\"\r\n",
                                    "{\"resourceType\":\"Patient\","
                                    "\"id\":\"no\"}"),
                     412);
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Patient/no", "", NULL), 404);
}

static void a_read_is_answered_304_when_nothing_changed(void **state)
{
    struct rest_rig *r = *state;

    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/p1", "", P1("")),
                     201);
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Patient/p1",
                                  "If-None-Match: W/\"1\"\r\n", NULL),
                     304);
    assert_int_equal(r->answer.body_bytes, 0);
    has(state, "\r\nETag: W/\"1\"\r\n");
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Patient/p1",
                                  "If-None-Match: W/\"2\"\r\n", NULL),
                     200);
    assert_int_equal(
        rest_rig_ask(r, "GET /fhir/Patient/p1",
                     "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n",
                     NULL),
        304);
    assert_int_equal(
        rest_rig_ask(r, "GET /fhir/Patient/p1",
                     "If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT\r\n",
                     NULL),
        200);
}

static void prefer_decides_what_a_write_returns(void **state)
{
    struct rest_rig *r = *state;

    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/p1",
                                    "Prefer: return=minimal\r\n", P1("")),
                     201);
    assert_int_equal(r->answer.body_bytes, 0);
    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/p1",
                                    "Prefer: return=OperationOutcome\r\n",
                                    P1("")),
                     200);
    body_has(state, "\"OperationOutcome\"");
    body_has(state, "\"information\"");
    assert_int_equal(rest_rig_write(r, "PUT /fhir/Patient/p1", "", P1("")),
                     200);
    body_has(state, "\"Patient\"");
}

static void a_body_at_fault_is_refused_with_the_place(void **state)
{
    static const struct {
        const char *body;
        const char *code;
        const char *part;
    } rows[] = {
        {"", "invalid", "no body"},
        {"null", "structure", ""},
        {"[]", "structure", ""},
        {"{", "structure", "line 1"},
        {P1(",\"active\":true,"), "structure", "line 1"},
        {P1(",\"a\":1,\"a\":2"), "structure", "a"},
        {P1("") "{}", "structure", ""},
        {P1(",\"x\":\"\\ud800\""), "structure", ""},
        {P1(",\"x\":01"), "structure", ""},
        {"{\"id\":\"p1\"}", "invalid", "Patient.resourceType"},
        {"{\"resourceType\":\"Basic\",\"id\":\"p1\"}", "invalid",
         "Patient.resourceType"},
        {"{\"resourceType\":7,\"id\":\"p1\"}", "invalid",
         "Patient.resourceType"},
        {"{\"resourceType\":\"Patient\"}", "invalid", "Patient.id"},
        {"{\"resourceType\":\"Patient\",\"id\":\"p2\"}", "invalid",
         "Patient.id"},
        {"{\"resourceType\":\"Patient\",\"id\":7}", "invalid", "Patient.id"},
    };
    struct rest_rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rest_rig_write(r, "PUT /fhir/Patient/p1", "", rows[i].body) != 400)
            fail_msg("%s: %d", rows[i].body, r->answer.status);
        rest_rig_refused(r, rows[i].code, rows[i].part);
    }
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Patient/p1", "", NULL), 404);
}

static void a_request_at_fault_is_refused_with_its_status(void **state)
{
    static const struct {
        const char *line;
        const char *headers;
        const char *body;
        int status;
        const char *code;
        const char *part;
    } rows[] = {
        {"PUT /fhir/Patient/p1", "", P1(""), 415, "not-supported", ""},
        {"PUT /fhir/Patient/p1", "Content-Type: application/fhir+xml\r\n",
         P1(""), 415, "not-supported", "application/fhir+json"},
        {"GET /fhir/Patient/p1", "Accept: text/html\r\n", NULL, 406,
         "not-supported", "application/fhir+json"},
        {"GET /fhir/Patient/p1?_format=xml", "", NULL, 406, "not-supported",
         ""},
        {"GET /fhir/Patient/p1?frob=1", "", NULL, 400, "not-supported", "frob"},
        {"PUT /fhir/Patient/p1?frob=1", REST_RIG_FHIR, P1(""), 400,
         "not-supported", "frob"},
        {"PUT /fhir/Patient/p_1", REST_RIG_FHIR, P1(""), 400, "invalid", "id"},
        {"DELETE /fhir/Patient/p_1", "", NULL, 400, "invalid", "id"},
        {"GET /fhir/Patient/p1/_history/x", "", NULL, 404, "not-found", ""},
        {"GET /fhir/Patient/p1/_history/0", "", NULL, 404, "not-found", ""},
        {"POST /fhir/Frob", REST_RIG_FHIR, P1(""), 404, "not-found", "Frob"},
        {"POST /fhir/metadata", REST_RIG_FHIR, "{}", 405, "not-supported",
         "GET"},
        {"GET /elsewhere", "", NULL, 404, "not-found", ""},
    };
    struct rest_rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rest_rig_ask(r, rows[i].line, rows[i].headers, rows[i].body) !=
            rows[i].status)
            fail_msg("%s: %d %s", rows[i].line, r->answer.status,
                     r->answer.body);
        rest_rig_refused(r, rows[i].code, rows[i].part);
    }
}

static void a_method_that_is_refused_tells_those_allowed(void **state)
{
    struct rest_rig *r = *state;

    assert_int_equal(rest_rig_ask(r, "DELETE /fhir/metadata", "", NULL), 405);
    has(state, "\r\nAllow: GET, HEAD\r\n");
}

static void
a_subscription_is_judged_and_its_refusal_names_the_element(void **state)
{
    static const char stored[] =
        "{\"resourceType\":\"Subscription\",\"id\":\"s1\",\"status\":"
        "\"requested\",\"reason\":\"r\",\"criteria\":\"" RIG_TOPIC
        "\",\"channel\":{\"type\":\"rest-hook\",\"endpoint\":\"%s\","
        "\"payload\":\"application/fhir+json\",\"_payload\":{\"extension\":[{"
        "\"url\":\"" RIG_BX "backport-payload-content\",\"valueCode\":\"%s\"}]"
        "}}}";
    static const struct {
        const char *endpoint;
        const char *content;
        const char *part; /* NULL: it is good */
    } rows[] = {
        {"http://evil.example/", "id-only", "Subscription.channel.endpoint"},
        {"ftp://hook.example/", "id-only", "Subscription.channel.endpoint"},
        {"http://127.0.0.1:9/", "everything", "Subscription.channel.payload"},
        {"http://127.0.0.1:9/", "id-only", NULL},
    };
    struct rest_rig *r = *state;
    char secret[20] = "";

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[2048];
        int status;

        assert_true(snprintf(body, sizeof body, stored, rows[i].endpoint,
                             rows[i].content) > 0);
        status = rest_rig_write(r, "PUT /fhir/Subscription/s1", "", body);
        if (status != (rows[i].part ? 422 : 201))
            fail_msg("%d %s", status, r->answer.body);
        if (rows[i].part) {
            body_has(state, rows[i].part);
            assert_int_equal(
                rest_rig_ask(r, "GET /fhir/Subscription/s1", "", NULL), 404);
        }
    }
    body_has(state, "whsec_");
    memcpy(secret, strstr(r->answer.body, "whsec_"), sizeof secret - 1);
    assert_int_equal(rest_rig_ask(r, "GET /fhir/Subscription/s1", "", NULL),
                     200);
    assert_null(strstr(r->answer.body, secret));
}

static void status_tells_of_one_of_some_and_of_all(void **state)
{
    struct rest_rig *r = *state;

    rig_subscribe(r->rig, "s1", &(struct rig_wish){0});
    rig_subscribe(r->rig, "s2", &(struct rig_wish){0});
    rig_encounter(r->rig, "e1", "1");
    assert_int_equal(
        rest_rig_ask(r, "GET /fhir/Subscription/s1/$status", "", NULL), 200);
    body_has(state, "\"Bundle\"");
    body_has(state, "query-status");
    body_has(state, "Subscription/s1");
    assert_null(strstr(r->answer.body, "Subscription/s2"));
    body_has(state, "\"requested\"");
    assert_int_equal(
        rest_rig_ask(r, "GET /fhir/Subscription/$status", "", NULL), 200);
    body_has(state, "Subscription/s2");
    assert_int_equal(
        rest_rig_ask(r, "GET /fhir/Subscription/$status?id=s2", "", NULL), 200);
    assert_null(strstr(r->answer.body, "Subscription/s1"));
    assert_int_equal(
        rest_rig_ask(r, "GET /fhir/Subscription/$status?status=active", "",
                     NULL),
        200);
    assert_null(strstr(r->answer.body, "Subscription/s1"));
    assert_int_equal(
        rest_rig_write(r, "POST /fhir/Subscription/$status", "",
                       "{\"resourceType\":\"Parameters\",\"parameter\":[{"
                       "\"name\":\"id\",\"valueId\":\"s1\"}]}"),
        200);
    body_has(state, "Subscription/s1");
}

static void status_refuses_what_it_does_not_know(void **state)
{
    static const struct {
        const char *line;
        const char *body;
        int status;
        const char *code;
    } rows[] = {
        {"GET /fhir/Subscription/no/$status", NULL, 404, "not-found"},
        {"GET /fhir/Subscription/$status?frob=1", NULL, 400, "not-supported"},
        {"GET /fhir/Subscription/$status?status=frob", NULL, 400, "invalid"},
        {"POST /fhir/Subscription/$status", "{\"resourceType\":\"Patient\"}",
         400, "invalid"},
        {"POST /fhir/Subscription/$status", "{", 400, "structure"},
        {"POST /fhir/Subscription/$status",
         "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"frob\","
         "\"valueString\":\"x\"}]}",
         400, "not-supported"},
        {"DELETE /fhir/Subscription/$status", NULL, 405, "not-supported"},
    };
    struct rest_rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rest_rig_write(r, rows[i].line, "", rows[i].body) != rows[i].status)
            fail_msg("%s: %d %s", rows[i].line, r->answer.status,
                     r->answer.body);
        rest_rig_refused(r, rows[i].code, "");
    }
}

static void health_tells_that_writes_are_taken(void **state)
{
    struct rest_rig *r = *state;

    assert_int_equal(rest_rig_ask(r, "GET /health", "", NULL), 200);
    assert_int_equal(rest_rig_ask(r, "GET /health/live", "", NULL), 200);
}

#define WITH_RIG(test) \
    cmocka_unit_test_setup_teardown(test, rest_rig_open, rest_rig_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_resource_is_created_read_changed_and_deleted),
        WITH_RIG(a_create_gives_an_id_whatever_the_body_says),
        WITH_RIG(deleting_what_is_not_there_succeeds_twice),
        WITH_RIG(a_deleted_resource_can_be_put_again),
        WITH_RIG(preconditions_that_fail_change_nothing),
        WITH_RIG(a_read_is_answered_304_when_nothing_changed),
        WITH_RIG(prefer_decides_what_a_write_returns),
        WITH_RIG(a_body_at_fault_is_refused_with_the_place),
        WITH_RIG(a_request_at_fault_is_refused_with_its_status),
        WITH_RIG(a_method_that_is_refused_tells_those_allowed),
        WITH_RIG(a_subscription_is_judged_and_its_refusal_names_the_element),
        WITH_RIG(status_tells_of_one_of_some_and_of_all),
        WITH_RIG(status_refuses_what_it_does_not_know),
        WITH_RIG(health_tells_that_writes_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
