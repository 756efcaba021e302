/* The rest-hook channel against an HTTP server of the test's own that can
 * misbehave. */
#include "server/delivery/rest_hook.h"

#include "tests/unit/hook_server.h"

#include <curl/curl.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

struct world {
    struct server server;
    struct egress_rules *rules;
    struct poller *poller;
    struct rest_hook *hook;
    struct channel channel;
    struct delivery_counters counters;
    struct subscription definition;
    char endpoint[128];
    const char *body;
    size_t body_n;
    uint64_t definition_number;
    unsigned released;
    /* instead of taking note of the completion */
    void (*complete)(void *ctx, struct attempt *a, const struct outcome *o);
    void *complete_ctx;
    /* the last completion */
    unsigned completed;
    struct outcome outcome;
    struct attempt *attempt;
};

/* ---- the channel ---- */

static bool make(void *ctx, struct attempt *a, struct message *out)
{
    struct world *w = ctx;

    if (!w->body)
        return false;
    buf_add(&out->body, bytes_make(w->body, w->body_n));
    signature_message_id(bytes_of("s.1"), a->first, a->first + 1, out->id);
    out->definition = &w->definition;
    out->definition_number = w->definition_number;
    out->reference = (struct definition *)w; /* only its presence matters */
    return true;
}

static void release(void *ctx, struct message *m)
{
    struct world *w = ctx;

    w->released++;
    m->reference = NULL;
}

static void complete(void *ctx, struct attempt *a, const struct outcome *o)
{
    struct world *w = ctx;

    if (w->complete) {
        w->complete(w->complete_ctx, a, o);
        return;
    }
    w->completed++;
    w->outcome = *o;
    w->attempt = a;
}

static char mime[] = "application/fhir+json; fhirVersion=4.0";
static char secret[] = SECRET;

static struct world *world_new(enum manner manner, const char *answer,
                               const char *rules)
{
    struct world *w = calloc(1, sizeof *w);
    struct rest_hook_config c = {.clock = clock_system(),
                                 .maker = {make, release, w},
                                 .dns_servers = "127.0.0.1:1",
                                 .timeout_ms = 2500,
                                 .in_flight = 8,
                                 .complete = complete,
                                 .ctx = w};
    struct err e;

    assert_non_null(w);
    w->server.manner = manner;
    w->server.answer = answer;
    server_start(&w->server);
    assert_int_equal(egress_new(&w->rules, &e), ERR_OK);
    assert_int_equal(egress_add(w->rules, bytes_of(rules), "rules", &e),
                     ERR_OK);
    assert_int_equal(poller_new(&w->poller, &e), ERR_OK);
    c.egress = w->rules;
    c.poller = w->poller;
    c.counters = &w->counters;
    assert_int_equal(rest_hook_new(&c, &w->hook, &e), ERR_OK);
    w->channel = rest_hook_channel(w->hook);
    w->body = "{\"resourceType\":\"Bundle\"}";
    w->body_n = strlen(w->body);
    w->definition = (struct subscription){
        .endpoint = w->endpoint, .mime_type = mime, .secret = secret};
    w->definition_number = 5;
    assert_true(snprintf(w->endpoint, sizeof w->endpoint,
                         "http://127.0.0.1:%u/hook?x=1", w->server.port) > 0);
    return w;
}

#define NEAR "allow http\nallow port any\nallow loopback\n"
#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"

static void world_free(struct world *w)
{
    rest_hook_free(w->hook);
    poller_free(w->poller);
    egress_free(w->rules);
    server_stop(&w->server);
    free(w);
}

static void endpoint_is(struct world *w, const char *start, unsigned port)
{
    assert_true(
        snprintf(w->endpoint, sizeof w->endpoint, "%s:%u/", start, port) > 0);
    w->definition_number++;
}

static void run_until(struct world *w, unsigned completed)
{
    struct timeval begin;
    struct timeval now;

    assert_int_equal(gettimeofday(&begin, NULL), 0);
    do {
        int wait = rest_hook_wait_ms(w->hook);

        rest_hook_turn(w->hook);
        if (w->completed >= completed)
            return;
        poller_wait(w->poller, wait < 0 || wait > 50 ? 50 : wait);
        assert_int_equal(gettimeofday(&now, NULL), 0);
    } while (now.tv_sec - begin.tv_sec < 15);
    fail_msg("no completion");
}

/* One attempt from its begin to its completion. */
/* 0: no answer came. */
static int status_of(struct outcome o)
{
    static const char before[] = "HTTP status ";
    uint64_t status = 0;

    if (strncmp(o.said, before, strlen(before)) == 0)
        assert_true(bytes_to_u64(bytes_of(o.said + strlen(before)), &status));
    return (int)status;
}

static struct outcome post(struct world *w)
{
    struct attempt a = {.subscription = 9,
                        .definition = w->definition_number,
                        .type = NOTIFY_EVENT,
                        .first = 3};
    unsigned before = w->completed;

    assert_true(w->channel.begin(w->channel.ctx, &a));
    assert_int_equal(w->completed, before); /* never from within begin() */
    run_until(w, before + 1);
    assert_int_equal(w->completed, before + 1);
    assert_ptr_equal(w->attempt, &a);
    return w->outcome;
}

static size_t occurrences(const char *text, const char *part)
{
    size_t n = 0;

    while ((text = strstr(text, part)) != NULL) {
        n++;
        text += strlen(part);
    }
    return n;
}

/* The value of a request's header line; the test's own to free. */
static char *header_of(const char *request, const char *name)
{
    const char *at = strstr(request, name);
    const char *end;

    assert_non_null(at);
    at += strlen(name) + 2;
    end = strstr(at, "\r\n");
    assert_non_null(end);
    return strndup(at, (size_t)(end - at));
}

/* ---- tests ---- */

static void a_post_carries_what_it_should(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);
    char one[] = "X-Tag: one";
    char two[] = "X-Tag: two: and = three";
    char empty[] = "X-Empty:";
    char *headers[] = {one, two, empty};
    struct outcome o;

    (void)state;
    w->definition.headers = headers;
    w->definition.header_count = 3;
    o = post(w);
    assert_int_equal(status_of(o), 204);
    assert_non_null(strstr(w->server.last, "POST /hook?x=1 HTTP/1.1\r\n"));
    assert_int_equal(occurrences(w->server.last,
                                 "\r\nContent-Type: application/fhir+json; "
                                 "fhirVersion=4.0\r\n"),
                     1);
    assert_int_equal(occurrences(w->server.last, "\r\nX-Tag: one\r\n"), 1);
    assert_int_equal(
        occurrences(w->server.last, "\r\nX-Tag: two: and = three\r\n"), 1);
    assert_int_equal(occurrences(w->server.last, "\r\nX-Empty:"), 1);
    assert_int_equal(occurrences(w->server.last, "\r\nUser-Agent: belfry/"), 1);
    assert_int_equal(occurrences(w->server.last, "Expect"), 0);
    assert_non_null(strstr(w->server.last, "\r\n\r\n{\"resourceType\""));
    assert_int_equal(w->released, 1);
    world_free(w);
}

static void a_post_verifies_as_standard_webhooks(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);
    struct signature_key key;
    struct signature_headers h;
    struct signer *signer;
    char *id;
    char *timestamp;
    char *signature;

    (void)state;
    post(w);
    id = header_of(w->server.last, "webhook-id");
    timestamp = header_of(w->server.last, "webhook-timestamp");
    signature = header_of(w->server.last, "webhook-signature");
    assert_string_equal(id, "msg_s_2e1_3_4");
    h = (struct signature_headers){bytes_of(id), bytes_of(timestamp),
                                   bytes_of(signature)};
    assert_int_equal(signature_key_parse(bytes_of(SECRET), &key, NULL), ERR_OK);
    assert_int_equal(signer_new(&signer, NULL), ERR_OK);
    assert_int_equal(signer_verify(signer, &key, &h,
                                   bytes_make(w->body, w->body_n),
                                   clock_wall_ms(clock_system()) / 1000, NULL),
                     ERR_OK);
    signer_free(signer);
    free(id);
    free(timestamp);
    free(signature);
    world_free(w);
}

static void framing_headers_cannot_be_overridden(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);
    char lines[][40] = {"Host: evil.example",         "content-length: 1",
                        "Transfer-Encoding: chunked", "webhook-id: mine",
                        "Expect: 100-continue",       "no colon at all",
                        "X-Split: a\r\nX-Evil: b"};
    char *headers[7];

    (void)state;
    for (int i = 0; i < 7; i++)
        headers[i] = lines[i];
    w->definition.headers = headers;
    w->definition.header_count = 7;
    assert_int_equal(status_of(post(w)), 204);
    assert_null(strcasestr(w->server.last, "evil"));
    assert_null(strcasestr(w->server.last, "chunked"));
    assert_null(strcasestr(w->server.last, "expect"));
    assert_null(strcasestr(w->server.last, "colon"));
    assert_null(strstr(w->server.last, "mine"));
    assert_int_equal(occurrences(w->server.last, "Content-Length: 25\r\n"), 1);
    world_free(w);
}

static void statuses_are_handed_on(void **state)
{
    static const struct {
        const char *answer;
        int status;
        int64_t retry_after_ms;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, 0},
        {"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, 0},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, 0},
        {"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 410, 0},
        {"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
         429, 120000},
        {"HTTP/1.1 503 No\r\nRetry-After: never\r\nContent-Length: 0\r\n\r\n",
         503, 0},
        {"HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\n"
         "Content-Length: 0\r\n\r\n",
         503, -1},
        {"HTTP/1.1 503 No\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
         "Content-Length: 0\r\n\r\n",
         503, 0},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\n"
         "Content-Length: 0\r\n\r\n",
         201, 0},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = world_new(ANSWER, cases[i].answer, NEAR);
        struct outcome o = post(w);

        assert_int_equal(status_of(o), cases[i].status);
        if (cases[i].retry_after_ms >= 0)
            assert_int_equal(o.retry_after_ms, cases[i].retry_after_ms);
        else /* absurd: whatever is made of it, no overflow */
            assert_in_range(o.retry_after_ms, 0, 7 * 24 * 3600 * 1000);
        world_free(w);
    }
}

static void redirects_are_not_followed(void **state)
{
    struct world *w = world_new(ANSWER,
                                "HTTP/1.1 307 Elsewhere\r\n"
                                "Location: /other\r\n"
                                "Content-Length: 0\r\n\r\n",
                                NEAR);

    (void)state;
    assert_int_equal(status_of(post(w)), 307);
    assert_int_equal(requests_of(&w->server), 1);
    world_free(w);
}

static void connections_are_reused(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(status_of(post(w)), 204);
    assert_int_equal(requests_of(&w->server), 20);
    assert_int_equal(connections_of(&w->server), 1);
    world_free(w);
}

static void a_large_body_arrives_whole(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);
    size_t n = (size_t)2 << 20;
    char *body = malloc(n);

    (void)state;
    assert_non_null(body);
    memset(body, 'x', n);
    w->body = body;
    w->body_n = n;
    assert_int_equal(status_of(post(w)), 204);
    assert_true(w->server.last_n > n);
    free(body);
    world_free(w);
}

struct relay {
    struct world *w;
    unsigned left;
};

/* As the scheduler does: the next attempt begins when one completes. */
static void complete_and_begin(void *ctx, struct attempt *a,
                               const struct outcome *o)
{
    struct relay *relay = ctx;

    assert_int_equal(o->failure, FAILURE_CONNECT);
    relay->w->completed++;
    if (relay->left > 0) {
        relay->left--;
        assert_true(relay->w->channel.begin(relay->w->channel.ctx, a));
    }
}

static void failures_in_a_row_all_complete(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);
    struct relay relay = {w, 500};
    struct attempt a = {.subscription = 9, .type = NOTIFY_EVENT, .first = 3};

    (void)state;
    endpoint_is(w, "http://127.0.0.1", 1); /* refused at once: no waiting */
    w->complete = complete_and_begin;
    w->complete_ctx = &relay;
    assert_true(w->channel.begin(w->channel.ctx, &a));
    while (w->completed < 501) {
        int wait;

        rest_hook_turn(w->hook);
        wait = rest_hook_wait_ms(w->hook);
        /* a wait without end is only right when somebody will end it: here
         * there is always a transfer with a timeout */
        assert_true(w->completed == 501 || wait >= 0);
        if (w->completed < 501)
            poller_wait(w->poller, wait);
    }
    world_free(w);
}

static void silence_is_a_timeout(void **state)
{
    struct world *w = world_new(HANG, NULL, NEAR);

    (void)state;
    w->definition.timeout_s = 1;
    assert_int_equal(post(w).failure, FAILURE_TIMEOUT);
    world_free(w);
}

static void nobody_there_is_no_connection(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);

    (void)state;
    endpoint_is(w, "http://127.0.0.1", 1);
    assert_int_equal(post(w).failure, FAILURE_CONNECT);
    world_free(w);
}

static void an_unknown_name_is_told_as_such(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);

    (void)state;
    endpoint_is(w, "http://nowhere.example", w->server.port);
    assert_int_equal(post(w).failure, FAILURE_NAME);
    world_free(w);
}

static void localhost_is_found_without_dns(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);

    (void)state;
    endpoint_is(w, "http://localhost", w->server.port);
    assert_int_equal(status_of(post(w)), 204);
    assert_int_equal(status_of(post(w)), 204);
    assert_non_null(strstr(w->server.last, "Host: localhost:"));
    assert_int_equal(connections_of(&w->server), 1);
    world_free(w);
}

static void forbidden_targets_see_nothing(void **state)
{
    static const char *const urls[] = {
        "http://127.0.0.1",  "http://localhost",       "http://127.1",
        "http://0x7f000001", "http://[::ffff:7f00:1]", "http://2130706433",
        "https://127.0.0.1", "ftp://127.0.0.1"};
    struct world *w =
        world_new(ANSWER, NO_CONTENT, "allow http\nallow port any\n");

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        endpoint_is(w, urls[i], w->server.port);
        assert_int_equal(post(w).failure, FAILURE_FORBIDDEN);
    }
    assert_int_equal(connections_of(&w->server), 0);
    world_free(w);
}

static void plain_http_is_refused_by_default(void **state)
{
    struct world *w =
        world_new(ANSWER, NO_CONTENT, "allow loopback\nallow port any\n");

    (void)state;
    assert_int_equal(post(w).failure, FAILURE_FORBIDDEN);
    assert_int_equal(connections_of(&w->server), 0);
    world_free(w);
}

static void https_to_a_plain_server_is_a_tls_failure(void **state)
{
    struct world *w = world_new(ANSWER, "HTTP/1.1 400 Bad\r\n\r\n", NEAR);

    (void)state;
    w->definition.timeout_s = 1;
    endpoint_is(w, "https://127.0.0.1", w->server.port);
    w->server.manner = CLOSE;
    assert_in_set(post(w).failure,
                  ((unsigned long[]){FAILURE_TLS, FAILURE_TIMEOUT}), 2);
    assert_int_equal(requests_of(&w->server), 0);
    world_free(w);
}

static void no_answer_is_a_closed_connection(void **state)
{
    struct world *w = world_new(CLOSE, NULL, NEAR);

    (void)state;
    assert_int_equal(post(w).failure, FAILURE_CLOSED);
    assert_int_equal(requests_of(&w->server), 1);
    world_free(w);
}

/* A reused connection that dies under a request: libcurl would send it again
 * by itself. Here the second sending is one that we made and counted. */
static void a_dead_reused_connection_is_resent_once_and_counted(void **state)
{
    struct world *w = world_new(CLOSE_ONCE, NO_CONTENT, NEAR);

    (void)state;
    assert_int_equal(status_of(post(w)), 204);
    assert_int_equal(status_of(post(w)), 204);
    assert_int_equal(requests_of(&w->server), 3);
    assert_int_equal(counter_get(&w->counters.hidden_reposts), 1);
    assert_int_equal(counter_get(&w->counters.attempts), 3);
    world_free(w);
}

static void a_server_that_always_closes_gets_no_storm(void **state)
{
    struct world *w = world_new(CLOSE_AFTER, NO_CONTENT, NEAR);

    (void)state;
    assert_int_equal(status_of(post(w)), 204);
    assert_int_equal(post(w).failure, FAILURE_CLOSED);
    assert_int_equal(requests_of(&w->server), 3);
    world_free(w);
}

static void an_endless_body_does_not_undo_a_success(void **state)
{
    struct world *w = world_new(FLOOD_BODY, NULL, NEAR);
    struct outcome o;

    (void)state;
    o = post(w);
    assert_int_equal(status_of(o), 200);
    world_free(w);
}

static void an_endless_header_is_cut(void **state)
{
    struct world *w = world_new(FLOOD_HEADER, NULL, NEAR);

    (void)state;
    assert_int_equal(post(w).failure, FAILURE_GARBLED);
    world_free(w);
}

static void what_is_not_http_is_garbled(void **state)
{
    struct world *w = world_new(ANSWER, "220 mail.example ESMTP\r\n", NEAR);

    (void)state;
    assert_int_equal(post(w).failure, FAILURE_GARBLED);
    world_free(w);
}

static void a_message_that_cannot_be_made_does_not_begin(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);
    struct attempt a = {.subscription = 9, .type = NOTIFY_EVENT, .first = 3};

    (void)state;
    w->body = NULL;
    assert_false(w->channel.begin(w->channel.ctx, &a));
    rest_hook_turn(w->hook);
    assert_int_equal(w->completed, 0);
    world_free(w);
}

static void a_new_definition_brings_its_own_headers(void **state)
{
    struct world *w = world_new(ANSWER, NO_CONTENT, NEAR);
    char one[] = "X-Tag: one";
    char two[] = "X-Tag: two";
    char *headers[] = {one};

    (void)state;
    w->definition.headers = headers;
    w->definition.header_count = 1;
    assert_int_equal(status_of(post(w)), 204);
    headers[0] = two;
    assert_int_equal(status_of(post(w)), 204);
    assert_non_null(strstr(w->server.last, "X-Tag: one")); /* kept ready */
    w->definition_number++;
    assert_int_equal(status_of(post(w)), 204);
    assert_non_null(strstr(w->server.last, "X-Tag: two"));
    world_free(w);
}

static void attempts_in_flight_come_back_at_the_end(void **state)
{
    struct world *w = world_new(HANG, NULL, NEAR);
    struct attempt a = {.subscription = 9, .type = NOTIFY_EVENT, .first = 3};

    (void)state;
    assert_true(w->channel.begin(w->channel.ctx, &a));
    for (int i = 0; i < 10; i++) {
        rest_hook_turn(w->hook);
        poller_wait(w->poller, 10);
    }
    rest_hook_free(w->hook);
    w->hook = NULL;
    assert_int_equal(w->completed, 1);
    assert_int_equal(w->outcome.failure, FAILURE_LOCAL);
    assert_int_equal(w->released, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_carries_what_it_should),
        cmocka_unit_test(a_post_verifies_as_standard_webhooks),
        cmocka_unit_test(framing_headers_cannot_be_overridden),
        cmocka_unit_test(statuses_are_handed_on),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(connections_are_reused),
        cmocka_unit_test(a_large_body_arrives_whole),
        cmocka_unit_test(failures_in_a_row_all_complete),
        cmocka_unit_test(silence_is_a_timeout),
        cmocka_unit_test(nobody_there_is_no_connection),
        cmocka_unit_test(an_unknown_name_is_told_as_such),
        cmocka_unit_test(localhost_is_found_without_dns),
        cmocka_unit_test(forbidden_targets_see_nothing),
        cmocka_unit_test(plain_http_is_refused_by_default),
        cmocka_unit_test(https_to_a_plain_server_is_a_tls_failure),
        cmocka_unit_test(no_answer_is_a_closed_connection),
        cmocka_unit_test(a_dead_reused_connection_is_resent_once_and_counted),
        cmocka_unit_test(a_server_that_always_closes_gets_no_storm),
        cmocka_unit_test(an_endless_body_does_not_undo_a_success),
        cmocka_unit_test(an_endless_header_is_cut),
        cmocka_unit_test(what_is_not_http_is_garbled),
        cmocka_unit_test(a_message_that_cannot_be_made_does_not_begin),
        cmocka_unit_test(a_new_definition_brings_its_own_headers),
        cmocka_unit_test(attempts_in_flight_come_back_at_the_end),
    };
    int failures;

    /* OpenSSL writes without MSG_NOSIGNAL; the server blocks signals */
    (void)signal(SIGPIPE, SIG_IGN);
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
        return 1;
    failures = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failures;
}
