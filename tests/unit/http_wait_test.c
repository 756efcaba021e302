#include "tests/unit/http_client.h"

#include <sys/resource.h>
#include <time.h>

#define GET_WAIT "GET /wait HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define GET_BLOCK "GET /block HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define GET_PLAIN "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define PIPELINE 16
#define READY_MAX 512

static int setup(void **state)
{
    struct app *a = malloc(sizeof *a);

    assert_non_null(a);
    app_init(a);
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

/* Sends `rounds` times a pipeline of requests on each of four connections, so
 * that the loop and the resuming thread meet at every point. */
static void ask_many(struct app *a, int rounds)
{
    struct answer got;
    int fds[4];

    for (size_t i = 0; i < 4; i++)
        fds[i] = client_connect(a);
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < 4 * PIPELINE; i++)
            client_say(fds[i % 4], GET_WAIT);
        for (size_t i = 0; i < 4 * PIPELINE; i++) {
            assert_true(client_read(fds[i % 4], &got));
            assert_int_equal(got.status, 200);
        }
    }
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
}

static void resume_at_once_is_never_lost(void **state)
{
    struct app *a = *state;

    a->config.loops = 2;
    app_start(a);
    ask_many(a, 300);
    assert_int_equal(atomic_load(&a->handled), 300 * 4 * PIPELINE);
}

static void resume_within_handle_is_never_lost(void **state)
{
    struct app *a = *state;

    a->delay_us = -1;
    app_start(a);
    ask_many(a, 30);
}

static void late_resume_is_never_lost(void **state)
{
    struct app *a = *state;

    a->delay_us = 500;
    app_start(a);
    ask_many(a, 10);
}

/* The loop sleeps until it is woken; only the kick is in its way. */
static void kick_wakes_a_sleeping_loop_promptly(void **state)
{
    struct app *a = *state;
    struct answer got;
    double start;
    int fd;

    a->delay_us = 20000;
    app_start(a);
    fd = client_connect(a);
    start = seconds();
    for (int i = 0; i < 10; i++) {
        client_say(fd, GET_WAIT);
        assert_true(client_read(fd, &got));
    }
    assert_true(seconds() - start < 3); /* 0.2 s; 10 s by the sweep's tick */
    close(fd);
}

static void client_that_leaves_while_waiting_is_done(void **state)
{
    struct app *a = *state;

    a->delay_us = 100000;
    app_start(a);
    for (int i = 0; i < 20; i++) {
        int fd = client_connect(a);

        client_say(fd, GET_WAIT);
        close(fd);
    }
    for (int i = 0; i < 500 && atomic_load(&a->done) < 20; i++)
        usleep(10000);
    assert_int_equal(atomic_load(&a->done), 20);
    for (int i = 0; i < 500 && http_server_busy(a->server) > 0; i++)
        usleep(10000);
    assert_int_equal(http_server_busy(a->server), 0);
}

static void busy_counts_requests_and_not_connections(void **state)
{
    struct app *a = *state;
    int waiting;
    int idle;

    a->delay_us = 300000;
    app_start(a);
    idle = client_connect(a);
    waiting = client_connect(a);
    assert_int_equal(http_server_busy(a->server), 0);
    client_say(waiting, GET_WAIT);
    for (int i = 0; i < 200 && http_server_busy(a->server) == 0; i++)
        usleep(1000);
    assert_int_equal(http_server_busy(a->server), 1);
    close(waiting);
    close(idle);
}

static void drain_finishes_what_began_and_refuses_the_rest(void **state)
{
    struct app *a = *state;
    struct answer got;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const void *name = &to;
    int waiting;
    int receiving;
    int idle;
    int fresh;

    a->delay_us = 400000;
    app_start(a);
    idle = client_connect(a);
    waiting = client_connect(a);
    receiving = client_connect(a);
    client_say(idle, GET_PLAIN);
    assert_true(client_read(idle, &got));
    client_say(waiting, GET_WAIT);
    client_say(receiving, "POST /p HTTP/1.1\r\nHost: a.example\r\n"
                          "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_true(client_read_head(receiving, &got));
    http_server_drain(a->server);
    usleep(50000);
    fresh = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = htons((uint16_t)http_server_port(a->server));
    assert_int_not_equal(connect(fresh, name, sizeof to), 0);
    client_say(idle, GET_PLAIN);
    assert_true(client_read(idle, &got));
    assert_int_equal(got.status, 503);
    assert_non_null(strstr(got.head, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(got.head, "\r\nConnection: close\r\n"));
    assert_true(client_sees_end(idle));
    client_say(receiving, "ok");
    assert_true(client_read(receiving, &got));
    assert_int_equal(got.status, 200);
    assert_non_null(strstr(got.head, "\r\nConnection: close\r\n"));
    assert_true(client_read(waiting, &got));
    assert_int_equal(got.status, 200);
    assert_true(client_sees_end(waiting));
    close(fresh);
    close(idle);
    close(waiting);
    close(receiving);
}

static void stop_answers_what_was_resumed(void **state)
{
    struct app *a = *state;
    struct answer got;
    int fd;

    a->delay_us = 50000;
    app_start(a);
    fd = client_connect(a);
    client_say(fd, GET_WAIT);
    while (atomic_load(&a->handled) == 0)
        usleep(1000);
    /* joins the resuming thread first, then stops the server */
    app_stop(a);
    assert_true(client_read(fd, &got));
    assert_int_equal(got.status, 200);
    close(fd);
    app_init(a);
    app_start(a);
}

static void stop_is_done_with_idle_and_half_sent_requests(void **state)
{
    struct app *a = *state;
    int idle;
    int half;

    app_start(a);
    idle = client_connect(a);
    half = client_connect(a);
    client_say(half, "POST /a HTTP/1.1\r\nHost: a.example\r\n"
                     "Content-Length: 10\r\n\r\nabc");
    usleep(50000);
    app_stop(a);
    assert_true(client_sees_end(idle));
    assert_true(client_sees_end(half));
    close(idle);
    close(half);
    app_init(a);
    app_start(a);
}

/* While one request holds up the loop, count others become ready: an epoll
 * loop that reads 128 events at a time must not wait for more. */
static void assert_all_answered(struct app *a, size_t count, const char *ask)
{
    struct answer got;
    int fds[READY_MAX];
    int blocker = client_connect(a);
    double start;

    for (size_t i = 0; i < count; i++) {
        fds[i] = client_connect(a);
        client_say(fds[i], GET_PLAIN);
        assert_true(client_read(fds[i], &got));
    }
    client_say(blocker, GET_BLOCK);
    usleep(BLOCK_US / 3);
    start = seconds();
    for (size_t i = 0; i < count; i++)
        client_say(fds[i], ask);
    for (size_t i = 0; i < count; i++) {
        assert_true(client_read(fds[i], &got));
        assert_int_equal(got.status, 200);
        close(fds[i]);
    }
    if (seconds() - start > 5)
        fail_msg("%zu answers took %.1f s", count, seconds() - start);
    close(blocker);
}

static void any_number_of_ready_connections_is_served(void **state)
{
    static const size_t counts[] = {127, 128, 129, 256, 512};
    struct app *a = *state;
    struct rlimit files;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    app_start(a);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_all_answered(a, counts[i], GET_PLAIN);
        assert_all_answered(a, counts[i], GET_WAIT);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(resume_at_once_is_never_lost),
        TEST(resume_within_handle_is_never_lost),
        TEST(late_resume_is_never_lost),
        TEST(kick_wakes_a_sleeping_loop_promptly),
        TEST(client_that_leaves_while_waiting_is_done),
        TEST(busy_counts_requests_and_not_connections),
        TEST(drain_finishes_what_began_and_refuses_the_rest),
        TEST(stop_answers_what_was_resumed),
        TEST(stop_is_done_with_idle_and_half_sent_requests),
        TEST(any_number_of_ready_connections_is_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
