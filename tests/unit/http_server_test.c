#include "tests/unit/http_client.h"

#define HOST "Host: a.example\r\n"

static int setup(void **state)
{
    struct app *a = malloc(sizeof *a);

    assert_non_null(a);
    app_init(a);
    app_start(a);
    *state = a;
    return 0;
}

static int teardown(void **state)
{
    app_stop(*state);
    free(*state);
    return 0;
}

static void assert_body(const struct answer *got, const char *text)
{
    assert_int_equal(got->status, 200);
    assert_int_equal(got->body_bytes, strlen(text));
    assert_memory_equal(got->body, text, strlen(text));
}

static void assert_asked(struct app *a, const char *request, const char *body)
{
    struct answer got;

    client_ask(a, request, &got);
    assert_body(&got, body);
}

static void assert_refused(struct app *a, const char *request, int status)
{
    struct answer got;
    int fd = client_connect(a);

    client_say(fd, request);
    if (!client_read(fd, &got) || got.status != status)
        fail_msg("got %d for %s", got.status, request);
    assert_non_null(strstr(got.head, "\r\nConnection: close\r\n"));
    assert_true(client_sees_end(fd));
    close(fd);
}

static void post_is_echoed(void **state)
{
    assert_asked(*state,
                 "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
                 "POST /a?\nhello");
}

static void raw_path_and_query_are_preserved(void **state)
{
    assert_asked(*state,
                 "GET /a%2Fb%20c?d=%41+e&f&&=g%00 HTTP/1.1\r\n" HOST "\r\n",
                 "GET /a%2Fb%20c?d=%41+e&f&&=g%00\n");
}

static void long_target_is_preserved(void **state)
{
    char request[2048];
    char expected[2048];
    char query[1200];

    memset(query, 'q', sizeof query - 1);
    query[sizeof query - 1] = '\0';
    (void)snprintf(request, sizeof request,
                   "GET /a?%s HTTP/1.1\r\n" HOST "\r\n", query);
    (void)snprintf(expected, sizeof expected, "GET /a?%s\n", query);
    assert_asked(*state, request, expected);
}

static void absolute_form_is_accepted(void **state)
{
    assert_asked(*state, "GET http://a.example/b?c HTTP/1.1\r\n" HOST "\r\n",
                 "GET /b?c\n");
}

static void connection_is_kept_for_the_next_request(void **state)
{
    struct answer got;
    int fd = client_connect(*state);

    for (int i = 0; i < 50; i++) {
        client_say(fd, "PUT /k HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx");
        assert_true(client_read(fd, &got));
        assert_body(&got, "PUT /k?\nx");
    }
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct answer got;
    int fd = client_connect(*state);

    client_say(fd,
               "POST /1 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\none"
               "GET /wait HTTP/1.1\r\n" HOST "\r\n"
               "POST /3 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
               "2\r\nth\r\n3\r\nree\r\n0\r\n\r\n"
               "GET /4 HTTP/1.1\r\n" HOST "\r\n");
    assert_true(client_read(fd, &got));
    assert_body(&got, "POST /1?\none");
    assert_true(client_read(fd, &got));
    assert_body(&got, "GET /wait?\n");
    assert_true(client_read(fd, &got));
    assert_body(&got, "POST /3?\nthree");
    assert_true(client_read(fd, &got));
    assert_body(&got, "GET /4?\n");
    close(fd);
}

static void chunked_body_is_joined(void **state)
{
    assert_asked(*state,
                 "POST /c HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
                 "\r\n5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n"
                 "Trailer: z\r\n\r\n",
                 "POST /c?\nhello world");
}

static void large_body_arrives_whole(void **state)
{
    static char body[60000];
    struct answer got;
    int fd = client_connect(*state);

    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)('a' + i % 23);
    client_say(fd, "POST /l HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
    assert_true(client_send(fd, body, sizeof body));
    assert_true(client_read(fd, &got));
    assert_int_equal(got.body_bytes, sizeof body + 9);
    assert_memory_equal(got.body + 9, body, sizeof body);
    close(fd);
}

static void head_has_the_length_and_no_body(void **state)
{
    struct answer got;
    int fd = client_connect(*state);

    client_say(fd, "HEAD /h HTTP/1.1\r\n" HOST "\r\n");
    assert_true(client_read_head(fd, &got));
    assert_int_equal(got.status, 200);
    assert_non_null(strstr(got.head, "\r\nContent-Length: 9\r\n"));
    client_say(fd, "GET /next HTTP/1.1\r\n" HOST "\r\n");
    assert_true(client_read(fd, &got));
    assert_body(&got, "GET /next?\n");
    close(fd);
}

static void expect_100_continue_is_answered(void **state)
{
    struct answer got;
    int fd = client_connect(*state);

    client_say(fd, "POST /e HTTP/1.1\r\n" HOST
                   "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_true(client_read_head(fd, &got));
    assert_int_equal(got.status, 100);
    client_say(fd, "ok");
    assert_true(client_read(fd, &got));
    assert_body(&got, "POST /e?\nok");
    close(fd);
}

static void header_names_have_no_case(void **state)
{
    assert_asked(*state,
                 "GET /header HTTP/1.1\r\n" HOST "X-TeSt:   a b \t\r\n\r\n",
                 "a b");
}

static void repeated_headers_are_joined(void **state)
{
    assert_asked(*state,
                 "GET /header HTTP/1.1\r\n" HOST
                 "X-Test: a\r\nX-Other: b\r\nx-test: \r\nX-TEST: c\r\n\r\n",
                 "a, , c");
}

static void empty_header_is_not_an_absent_one(void **state)
{
    struct answer got;

    assert_asked(*state, "GET /header HTTP/1.1\r\n" HOST "X-Test:\r\n\r\n", "");
    client_ask(*state, "GET /header HTTP/1.1\r\n" HOST "X-Tes: a\r\n\r\n",
               &got);
    assert_int_equal(got.status, 404);
}

static void close_is_honoured_both_ways(void **state)
{
    static const char *const asks[] = {"GET /close HTTP/1.1\r\n" HOST "\r\n",
                                       "GET /a HTTP/1.1\r\n" HOST
                                       "Connection: close\r\n\r\n",
                                       "GET /a HTTP/1.0\r\n\r\n"};
    struct answer got;

    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        int fd = client_connect(*state);

        client_say(fd, asks[i]);
        assert_true(client_read(fd, &got));
        assert_int_equal(got.status, 200);
        assert_non_null(strstr(got.head, "\r\nConnection: close\r\n"));
        assert_true(client_sees_end(fd));
        close(fd);
    }
}

static void ambiguous_framing_is_refused(void **state)
{
    static const char *const bad[] = {
        "POST /a HTTP/1.1\r\n" HOST
        "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /a HTTP/1.1\r\n" HOST
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\n" HOST
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
        "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\nabc",
        "POST /a HTTP/1.1\r\n" HOST
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(*state, bad[i], 400);
    assert_int_equal(atomic_load(&((struct app *)*state)->handled), 0);
}

/* The daemon refuses these by itself, and sends the head twice. */
static void content_length_that_is_no_number_is_refused(void **state)
{
    static const char *const bad[] = {"3, 3", "-3", "abc", "0x3", ""};
    struct answer got;
    char request[256];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(request, sizeof request,
                       "POST /a HTTP/1.1\r\n" HOST
                       "Content-Length: %s\r\n\r\nabc",
                       bad[i]);
        client_ask(*state, request, &got);
        assert_int_equal(got.status, 400);
    }
    assert_int_equal(atomic_load(&((struct app *)*state)->handled), 0);
}

static void malformed_requests_are_refused(void **state)
{
    static const char *const bad[] = {
        "GET /a#b HTTP/1.1\r\n" HOST "\r\n",
        "GET /a b HTTP/1.1\r\n" HOST "\r\n",
        "GET a HTTP/1.1\r\n" HOST "\r\n",
        "CONNECT a.example:443 HTTP/1.1\r\n" HOST "\r\n",
        "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n",
        "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET /a HTTP/1.1\r\n" HOST "X\x01Y: z\r\n\r\n",
        "GET /a HTTP/1.1\r\n" HOST "no colon\r\n\r\n",
        "GET /a FTP/1.1\r\n" HOST "\r\n"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(*state, bad[i], 400);
    assert_int_equal(atomic_load(&((struct app *)*state)->handled), 0);
}

static void garbage_ends_the_connection(void **state)
{
    static const char *const bad[] = {"\x16\x03\x01\x02garbage\r\n\r\n",
                                      "GET\r\n\r\n", "\r\n\r\n \r\n\r\n"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct answer got;
        int fd = client_connect(*state);

        client_say(fd, bad[i]);
        shutdown(fd, SHUT_WR);
        if (client_read(fd, &got))
            assert_int_not_equal(got.status, 200);
        close(fd);
    }
    assert_asked(*state, "GET /a HTTP/1.1\r\n" HOST "\r\n", "GET /a?\n");
}

static void client_may_leave_at_any_time(void **state)
{
    static const char text[] =
        "POST /wait HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc";

    for (size_t n = 0; n < sizeof text; n++) {
        int fd = client_connect(*state);

        assert_true(client_send(fd, text, n));
        close(fd);
    }
    assert_asked(*state, "GET /a HTTP/1.1\r\n" HOST "\r\n", "GET /a?\n");
}

static void several_loops_share_one_port(void **state)
{
    struct app a;
    struct answer got;

    (void)state;
    app_init(&a);
    a.config.loops = 4;
    app_start(&a);
    for (int i = 0; i < 64; i++) {
        client_ask(&a, "GET /wait HTTP/1.1\r\n" HOST "\r\n", &got);
        assert_body(&got, "GET /wait?\n");
    }
    app_stop(&a);
}

/* Containers often come without IPv6. */
static bool has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6,
                                    .sin6_addr = in6addr_loopback};
    const void *name = &loopback;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && bind(fd, name, sizeof loopback) == 0;

    if (fd >= 0)
        close(fd);
    return bound;
}

static void ipv6_address_is_taken(void **state)
{
    struct app a;

    (void)state;
    if (!has_ipv6())
        skip();
    app_init(&a);
    a.config.address = "[::1]:0";
    app_start(&a);
    assert_true(http_server_port(a.server) > 0);
    app_stop(&a);
}

static void unusable_addresses_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      ":80",
                                      "localhost:0",
                                      "::1:80",
                                      "[::1]",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:8x",
                                      "300.0.0.1:0"};
    struct http_server *server = NULL;
    struct app a;

    (void)state;
    app_init(&a);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = {0};

        a.config.address = bad[i];
        assert_int_equal(http_server_start(&a.config, &server, &e),
                         ERR_INVALID);
        assert_true(strlen(e.message) > 0);
    }
}

/* Also with several loops, whose sockets would share the port with it. */
static void taken_port_is_an_error(void **state)
{
    struct app *a = *state;
    struct http_server *server = NULL;
    struct http_config config = a->config;
    char address[32];

    (void)snprintf(address, sizeof address, "127.0.0.1:%u",
                   http_server_port(a->server));
    config.address = address;
    for (config.loops = 1; config.loops <= 2; config.loops++) {
        struct err e = {0};

        assert_int_equal(http_server_start(&config, &server, &e), ERR_IO);
        assert_non_null(strstr(e.message, "port"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(post_is_echoed),
        TEST(raw_path_and_query_are_preserved),
        TEST(long_target_is_preserved),
        TEST(absolute_form_is_accepted),
        TEST(connection_is_kept_for_the_next_request),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(chunked_body_is_joined),
        TEST(large_body_arrives_whole),
        TEST(head_has_the_length_and_no_body),
        TEST(expect_100_continue_is_answered),
        TEST(header_names_have_no_case),
        TEST(repeated_headers_are_joined),
        TEST(empty_header_is_not_an_absent_one),
        TEST(close_is_honoured_both_ways),
        TEST(ambiguous_framing_is_refused),
        TEST(content_length_that_is_no_number_is_refused),
        TEST(malformed_requests_are_refused),
        TEST(garbage_ends_the_connection),
        TEST(client_may_leave_at_any_time),
        cmocka_unit_test(several_loops_share_one_port),
        cmocka_unit_test(ipv6_address_is_taken),
        cmocka_unit_test(unusable_addresses_are_refused),
        TEST(taken_port_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
