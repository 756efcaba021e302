#include "tests/unit/http_client.h"

#include <time.h>

#define HOST "Host: a.example\r\n"

static int setup(void **state)
{
    struct app *a = malloc(sizeof *a);

    assert_non_null(a);
    app_init(a);
    a->config.limits.idle_s = 1;
    a->config.limits.request_s = 1;
    a->config.limits.connections = 4;
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

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* An answer of handler.refuse, which ends the connection. */
static void assert_refusal(int fd, int status, const char *reason)
{
    struct answer got;

    assert_true(client_read(fd, &got));
    assert_int_equal(got.status, status);
    assert_string_equal(got.body, reason);
    assert_non_null(strstr(got.head, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(got.head, "\r\nConnection: close\r\n"));
    assert_true(client_sees_end(fd));
    close(fd);
}

static void announced_large_body_is_refused_before_it_comes(void **state)
{
    int fd = client_connect(*state);

    client_say(fd, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 65537\r\n\r\n");
    assert_refusal(fd, 413, "the body is too large");
    fd = client_connect(*state);
    client_say(fd, "POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                   "Content-Length: 18446744073709551615\r\n\r\n");
    assert_refusal(fd, 413, "the body is too large");
}

/* A client that only reads once it has sent all must not get a reset. */
static void refusal_reaches_a_client_that_sends_on(void **state)
{
    static char body[8 << 20];
    int fd = client_connect(*state);

    client_say(fd,
               "POST /a HTTP/1.1\r\n" HOST "Content-Length: 8388608\r\n\r\n");
    assert_true(client_send(fd, body, sizeof body));
    assert_refusal(fd, 413, "the body is too large");
}

static void chunked_large_body_is_refused(void **state)
{
    static char chunk[4096];
    int fd = client_connect(*state);

    client_say(fd, "POST /a HTTP/1.1\r\n" HOST
                   "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 17; i++) {
        client_say(fd, "1000\r\n");
        assert_true(client_send(fd, chunk, sizeof chunk));
        client_say(fd, "\r\n");
    }
    client_say(fd, "0\r\n\r\n");
    assert_refusal(fd, 413, "the body is too large");
    assert_int_equal(atomic_load(&((struct app *)*state)->handled), 0);
}

static void body_of_exactly_the_limit_is_taken(void **state)
{
    static char body[65536];
    struct answer got;
    int fd = client_connect(*state);

    client_say(fd, "POST /header HTTP/1.1\r\n" HOST
                   "X-Test: y\r\nContent-Length: 65536\r\n\r\n");
    assert_true(client_send(fd, body, sizeof body));
    assert_true(client_read(fd, &got));
    assert_int_equal(got.status, 200);
    close(fd);
}

/* A request whose head has exactly n bytes. */
static void say_head(int fd, size_t n)
{
    static const char start[] = "GET /a HTTP/1.1\r\n" HOST "X: ";
    char head[32768];

    assert_true(n < sizeof head);
    memset(head, 'x', n);
    memcpy(head, start, sizeof start - 1);
    memcpy(head + n - 4, "\r\n\r\n", 4);
    client_send(fd, head, n);
}

static void headers_are_limited_to_the_byte(void **state)
{
    struct answer got;
    int fd = client_connect(*state);

    say_head(fd, 8192);
    assert_true(client_read(fd, &got));
    assert_int_equal(got.status, 200);
    say_head(fd, 8193);
    assert_refusal(fd, 431, "the request line and headers are too large");
}

/* Past its memory the daemon answers by itself. */
static void headers_far_past_the_limit_are_refused(void **state)
{
    struct answer got;
    int fd = client_connect(*state);

    say_head(fd, 32000);
    assert_true(client_read(fd, &got));
    assert_int_equal(got.status, 431);
    assert_true(client_sees_end(fd));
    close(fd);
    assert_int_equal(atomic_load(&((struct app *)*state)->handled), 0);
}

/* Sends one byte every 100 ms until the server ends the connection; returns
 * the seconds that it took. */
static double drip(int fd)
{
    double start = seconds();

    while (seconds() - start < 10) {
        char byte;

        usleep(100000);
        if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0 ||
            !client_send(fd, "x", 1))
            break;
    }
    return seconds() - start;
}

static void assert_timed_out(struct app *a, const char *start, double least_s,
                             double most_s)
{
    int fd = client_connect(a);
    double took_s;

    client_say(fd, start);
    took_s = drip(fd);
    if (took_s < least_s || took_s > most_s)
        fail_msg("\"%s\" took %.2f s", start, took_s);
    assert_refusal(fd, 408, "the request was not complete in time");
}

static void slow_body_is_timed_out(void **state)
{
    assert_timed_out(*state,
                     "POST /a HTTP/1.1\r\n" HOST "Content-Length: 999\r\n\r\n",
                     0.5, 3);
    assert_int_equal(atomic_load(&((struct app *)*state)->handled), 0);
}

static void slow_headers_are_timed_out(void **state)
{
    assert_timed_out(*state, "POST /a HTTP/1.1\r\n" HOST "X: ", 0.5, 3);
}

static void slow_request_line_is_timed_out(void **state)
{
    assert_timed_out(*state, "GET /", 1.5, 5);
}

static void stalled_body_is_timed_out(void **state)
{
    int fd = client_connect(*state);

    client_say(fd, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc");
    assert_refusal(fd, 408, "the request was not complete in time");
}

static void idle_connection_is_closed_without_a_word(void **state)
{
    struct answer got;
    double start = seconds();
    int never = client_connect(*state);
    int kept = client_connect(*state);

    client_say(kept, "GET /a HTTP/1.1\r\n" HOST "\r\n");
    assert_true(client_read(kept, &got));
    assert_true(client_sees_end(kept));
    assert_true(client_sees_end(never));
    assert_true(seconds() - start > 0.9);
    assert_true(seconds() - start < 4);
    close(kept);
    close(never);
}

static void waiting_request_has_all_the_time(void **state)
{
    struct app *a = *state;
    struct answer got;

    a->delay_us = 4000000;
    client_ask(a, "GET /wait HTTP/1.1\r\n" HOST "\r\n", &got);
    assert_int_equal(got.status, 200);
}

/* A client that sends its requests slowly but in time is left alone. */
static void steady_client_is_left_alone(void **state)
{
    struct answer got;
    int fd = client_connect(*state);

    for (int i = 0; i < 5; i++) {
        client_say(fd, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 2\r\n");
        usleep(300000);
        client_say(fd, "\r\nab");
        assert_true(client_read(fd, &got));
        assert_int_equal(got.status, 200);
        usleep(300000);
    }
    close(fd);
}

static void connections_past_the_limit_get_503(void **state)
{
    struct app *a = *state;
    struct answer got;
    int fds[4];
    int fd;

    for (int i = 0; i < 4; i++) {
        fds[i] = client_connect(a);
        client_say(fds[i], "GET /a HTTP/1.1\r\n" HOST "\r\n");
        assert_true(client_read(fds[i], &got));
        assert_int_equal(got.status, 200);
    }
    fd = client_connect(a);
    client_say(fd, "GET /a HTTP/1.1\r\n" HOST "\r\n");
    assert_refusal(fd, 503, "the server has too many connections");
    close(fds[0]);
    usleep(100000);
    client_ask(a, "GET /a HTTP/1.1\r\n" HOST "\r\n", &got);
    assert_int_equal(got.status, 200);
    for (int i = 1; i < 4; i++)
        close(fds[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(announced_large_body_is_refused_before_it_comes),
        TEST(refusal_reaches_a_client_that_sends_on),
        TEST(chunked_large_body_is_refused),
        TEST(body_of_exactly_the_limit_is_taken),
        TEST(headers_are_limited_to_the_byte),
        TEST(headers_far_past_the_limit_are_refused),
        TEST(slow_body_is_timed_out),
        TEST(slow_headers_are_timed_out),
        TEST(slow_request_line_is_timed_out),
        TEST(stalled_body_is_timed_out),
        TEST(idle_connection_is_closed_without_a_word),
        TEST(waiting_request_has_all_the_time),
        TEST(steady_client_is_left_alone),
        TEST(connections_past_the_limit_get_503),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
