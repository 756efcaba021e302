#include "server/cli/config.h"

#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "server/base/log.h"

#define ARGS_MAX 16

/* One reading: flags and variables as literals, and what came of it. */
struct trial {
    const char *flags[ARGS_MAX];
    const char *environment[ARGS_MAX];
    struct config config;
    struct err err;
    bool help;
    enum err_code code;
};

static void run(struct trial *t)
{
    struct option_input in = {.argv = t->flags, .environment = t->environment};

    while (t->flags[in.argc])
        in.argc++;
    t->code = config_read(&in, &t->config, &t->help, &t->err);
}

/* Runs and expects a refusal that says text. */
static void refuse(struct trial *t, const char *text)
{
    run(t);
    assert_int_equal(t->code, ERR_INVALID);
    if (!strstr(t->err.message, text))
        fail_msg("\"%s\" does not say \"%s\"", t->err.message, text);
    config_fini(&t->config);
}

static void accept(struct trial *t)
{
    run(t);
    if (t->code != ERR_OK)
        fail_msg("refused: %s", t->err.message);
}

/* A file with the text; the path is the caller's to free and unlink. */
static char *make_file(const char *text)
{
    char *path = strdup("/tmp/belfry-config-XXXXXX");
    int fd;

    assert_non_null(path);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void drop_file(char *path)
{
    unlink(path);
    free(path);
}

static void without_options_the_defaults_hold(void **state)
{
    struct trial t = {0};

    (void)state;
    accept(&t);
    assert_string_equal(t.config.listen, "127.0.0.1:8080");
    assert_string_equal(t.config.data, "./data");
    assert_null(t.config.base_url);
    assert_false(t.config.dev);
    assert_int_equal(t.config.map_bytes, (uint64_t)64 << 30);
    assert_int_equal(t.config.body_bytes, 4 << 20);
    assert_int_equal(t.config.log_format, LOG_JSON);
    assert_int_equal(t.config.log_level, LOG_INFO);
    assert_int_equal(t.config.drain_s, 25);
    assert_int_equal(t.config.retry_s.count, 11);
    assert_int_equal(t.config.retry_s.items[0], 5);
    assert_int_equal(t.config.retry_s.items[10], 86400);
    assert_int_equal(t.config.topics.count, 0);
    config_fini(&t.config);
}

static void flag_beats_environment_beats_file(void **state)
{
    char *path = make_file("# three keys\n\ndrain = 1\nmax-count = 2\n"
                           "timeout=3\n");
    struct trial t = {
        .flags = {"--drain", "9", "--config", path},
        .environment = {"BELFRY_DRAIN=8", "BELFRY_MAX_COUNT=7", "HOME=/x"}};

    (void)state;
    accept(&t);
    assert_int_equal(t.config.drain_s, 9);
    assert_int_equal(t.config.max_count, 7);
    assert_int_equal(t.config.timeout_s, 3);
    config_fini(&t.config);
    drop_file(path);
}

static void environment_names_the_file(void **state)
{
    char *path = make_file("log-format = text\r\n");
    char variable[80];
    struct trial t = {.environment = {variable}};

    (void)state;
    assert_true(snprintf(variable, sizeof variable, "BELFRY_CONFIG=%s", path) >
                0);
    accept(&t);
    assert_int_equal(t.config.log_format, LOG_TEXT);
    config_fini(&t.config);
    drop_file(path);
}

static void repeated_topics_add_up_within_a_source(void **state)
{
    char *path = make_file("topics = f1\ntopics = f2\n");
    struct trial flags = {.flags = {"--topics", "a", "--topics=b"},
                          .environment = {"BELFRY_TOPICS=c:d:e"}};
    struct trial variable = {.flags = {"--config", path},
                             .environment = {"BELFRY_TOPICS=c:d:e"}};
    struct trial file = {.flags = {"--config", path}};

    (void)state;
    accept(&flags);
    assert_int_equal(flags.config.topics.count, 2);
    assert_string_equal(flags.config.topics.items[1], "b");
    accept(&variable);
    assert_int_equal(variable.config.topics.count, 3);
    assert_string_equal(variable.config.topics.items[0], "c");
    accept(&file);
    assert_int_equal(file.config.topics.count, 2);
    assert_string_equal(file.config.topics.items[1], "f2");
    config_fini(&flags.config);
    config_fini(&variable.config);
    config_fini(&file.config);
    drop_file(path);
}

static void last_flag_of_a_name_counts(void **state)
{
    struct trial t = {
        .flags = {"--drain=1", "--dev", "--drain=2", "--dev=false"}};

    (void)state;
    accept(&t);
    assert_int_equal(t.config.drain_s, 2);
    assert_false(t.config.dev);
    config_fini(&t.config);
}

static void unknown_flag_names_the_nearest(void **state)
{
    struct trial t = {.flags = {"--lisen", "127.0.0.1:1"}};

    (void)state;
    refuse(&t, "--lisen: no such option; did you mean --listen?");
}

static void unknown_flag_without_a_neighbour_is_refused(void **state)
{
    struct trial t = {.flags = {"--frobnicate"}};

    (void)state;
    refuse(&t, "--frobnicate: no such option");
    assert_null(strstr(t.err.message, "did you mean"));
}

static void unknown_variable_names_the_nearest(void **state)
{
    struct trial t = {.environment = {"BELFRY_MAX_BODDY=4M"}};

    (void)state;
    refuse(&t, "BELFRY_MAX_BODDY: no such option; did you mean "
               "BELFRY_MAX_BODY?");
}

static void lower_case_variable_is_not_an_option(void **state)
{
    struct trial t = {.environment = {"BELFRY_drain=1"}};

    (void)state;
    refuse(&t, "BELFRY_drain: no such option");
}

static void unknown_key_names_line_and_nearest(void **state)
{
    char *path = make_file("dev = true\n\ndta = x\n");
    struct trial t = {.flags = {"--config", path}};

    (void)state;
    refuse(&t, ":3: dta: no such option; did you mean data?");
    drop_file(path);
}

static void key_given_twice_in_the_file_is_refused(void **state)
{
    char *path = make_file("drain = 1\ndrain = 2\n");
    struct trial t = {.flags = {"--config", path}};

    (void)state;
    refuse(&t, ":2: drain: given twice");
    drop_file(path);
}

static void file_line_without_equals_is_refused(void **state)
{
    char *path = make_file("dev\n");
    struct trial t = {.flags = {"--config", path}};

    (void)state;
    refuse(&t, ":1: not of the form \"name = value\"");
    drop_file(path);
}

static void file_cannot_name_another_file(void **state)
{
    char *path = make_file("config = other\n");
    struct trial t = {.flags = {"--config", path}};

    (void)state;
    refuse(&t, ":1: config: no such option");
    drop_file(path);
}

static void missing_file_is_an_error(void **state)
{
    struct trial t = {.flags = {"--config", "/nowhere/belfry.conf"}};

    (void)state;
    run(&t);
    assert_int_equal(t.code, ERR_IO);
    assert_non_null(strstr(t.err.message, "/nowhere/belfry.conf"));
    config_fini(&t.config);
}

static void authentication_is_refused_by_name(void **state)
{
    struct trial flag = {.flags = {"--auth", "f"}};
    struct trial variable = {.environment = {"BELFRY_TLS_CLIENT_CA=f"}};

    (void)state;
    refuse(&flag, "--auth: authentication comes with a later version");
    refuse(&variable, "BELFRY_TLS_CLIENT_CA: authentication comes with a "
                      "later version");
}

static void numbers_outside_their_bounds_are_refused(void **state)
{
    static const char *const wrong[] = {
        "--drain=3601",      "--drain=-1",    "--drain=",
        "--drain=1.5",       "--drain=01",    "--http-threads=0",
        "--http-threads=65", "--timeout=301", "--drain=18446744073709551616",
        "--max-count=1001",  "--drain=9s"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct trial t = {.flags = {wrong[i]}};

        refuse(&t, "is not a whole number from");
    }
}

static void sizes_take_binary_units(void **state)
{
    struct trial t = {
        .flags = {"--map-size=2T", "--max-body=64k", "--max-header=4096"}};

    (void)state;
    accept(&t);
    assert_int_equal(t.config.map_bytes, (uint64_t)2 << 40);
    assert_int_equal(t.config.body_bytes, 64 << 10);
    assert_int_equal(t.config.header_bytes, 4096);
    config_fini(&t.config);
}

static void bad_sizes_are_refused(void **state)
{
    static const char *const wrong[] = {"--max-body=4X",
                                        "--max-body=M",
                                        "--max-body=1023",
                                        "--max-body=4 M",
                                        "--max-body=99999999999999999T",
                                        "--map-size=65T"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct trial t = {.flags = {wrong[i]}};

        refuse(&t, "is not a size in bytes");
    }
}

static void retry_schedule_is_a_list(void **state)
{
    struct trial t = {.flags = {"--retry-schedule", "1, 2,3"}};

    (void)state;
    accept(&t);
    assert_int_equal(t.config.retry_s.count, 3);
    assert_int_equal(t.config.retry_s.items[2], 3);
    config_fini(&t.config);
}

static void bad_retry_schedules_are_refused(void **state)
{
    static const char *const wrong[] = {"1,,2", "1,", "0", "1;2", "604801"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct trial t = {.flags = {"--retry-schedule", wrong[i]}};

        refuse(&t, "--retry-schedule: ");
    }
}

static void retry_schedule_is_bounded(void **state)
{
    struct trial t = {.flags = {"--retry-schedule",
                                "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                                "1,1,1,1,1,1,1,1,1,1,1"}};

    (void)state;
    refuse(&t, "more than 32 numbers");
}

static void unknown_word_names_the_nearest(void **state)
{
    struct trial t = {.flags = {"--log-format=jsn"}};

    (void)state;
    refuse(&t, "--log-format: not one of json|text; did you mean json?");
}

static void switch_takes_true_or_false_only(void **state)
{
    struct trial wrong = {.environment = {"BELFRY_DEV=yes"}};
    struct trial right = {.environment = {"BELFRY_DEV=true"}};

    (void)state;
    refuse(&wrong, "BELFRY_DEV: neither true nor false");
    accept(&right);
    assert_true(right.config.dev);
    config_fini(&right.config);
}

static void flag_without_its_value_is_refused(void **state)
{
    struct trial t = {.flags = {"--data"}};

    (void)state;
    refuse(&t, "--data: the value is missing (DIR)");
}

static void empty_text_is_refused(void **state)
{
    struct trial t = {.environment = {"BELFRY_DATA="}};

    (void)state;
    refuse(&t, "BELFRY_DATA: the value is empty");
}

static void stray_argument_is_refused(void **state)
{
    struct trial t = {.flags = {"data"}};

    (void)state;
    refuse(&t, "unexpected argument \"data\"");
}

static void help_is_asked_for_beside_errors(void **state)
{
    struct trial t = {.flags = {"--nonsense", "--help"}};

    (void)state;
    accept(&t);
    assert_true(t.help);
    config_fini(&t.config);
}

static void dev_refuses_other_addresses_than_loopback(void **state)
{
    struct trial t = {.flags = {"--dev", "--listen", "0.0.0.0:8080"}};

    (void)state;
    refuse(&t, "--dev binds to loopback only");
}

static void beyond_loopback_says_what_is_missing(void **state)
{
    struct trial plain = {.flags = {"--listen", "192.0.2.1:8080"}};
    struct trial tls = {
        .flags = {"--listen", "[::]:8080", "--tls-cert=c", "--tls-key=k"}};

    (void)state;
    refuse(&plain, "needs TLS (--tls-cert, --tls-key) and authentication");
    refuse(&tls, "needs authentication");
    assert_non_null(strstr(tls.err.message, "reverse proxy"));
}

static void tls_needs_both_files(void **state)
{
    struct trial cert = {.flags = {"--tls-cert=c"}};
    struct trial key = {.flags = {"--tls-key=k"}};

    (void)state;
    refuse(&cert, "--tls-cert needs --tls-key");
    refuse(&key, "--tls-key needs --tls-cert");
}

static void loopback_addresses_are_known(void **state)
{
    static const char *const loopback[] = {"127.0.0.1:8080", "127.9.9.9:0",
                                           "[::1]:65535"};
    static const char *const other[] = {"0.0.0.0:1", "[::]:1", "10.0.0.1:1",
                                        "[::ffff:127.0.0.1]:1"};

    (void)state;
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++) {
        struct trial t = {.flags = {"--dev", "--listen", loopback[i]}};

        accept(&t);
        config_fini(&t.config);
    }
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        struct trial t = {.flags = {"--dev", "--listen", other[i]}};

        refuse(&t, "--dev binds to loopback only");
    }
}

static void malformed_addresses_are_refused(void **state)
{
    static const char *const wrong[] = {
        "8080",         "127.0.0.1",    "127.0.0.1:",  "127.0.0.1:65536",
        "localhost:80", "127.0.0.1:08", "::1:80",      "[::1]80",
        "[::1:80",      ":80",          "127.0.0.1:x", "127.0.0.1:80 "};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct trial t = {.flags = {"--listen", wrong[i]}};

        refuse(&t, "is not a numeric address with a port");
    }
}

static void base_url_is_checked(void **state)
{
    static const char *const wrong[] = {
        "--base-url=ftp://x/fhir",   "--base-url=http://",
        "--base-url=http://x/fhir/", "--base-url=http://x/fhir?a",
        "--base-url=http://x/a b",   "--base-url=x"};
    struct trial right = {.flags = {"--base-url=https://fhir.example/r4"}};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct trial t = {.flags = {wrong[i]}};

        refuse(&t, "--base-url: ");
    }
    accept(&right);
    assert_string_equal(right.config.base_url, "https://fhir.example/r4");
    config_fini(&right.config);
}

static void help_names_every_option_and_default(void **state)
{
    static const char *const wanted[] = {"--config FILE",
                                         "--listen ADDR:PORT",
                                         "--data DIR",
                                         "--base-url URL",
                                         "--topics DIR",
                                         "--tls-cert FILE",
                                         "--tls-key FILE",
                                         "--egress FILE",
                                         "--dev\n",
                                         "--log-format json",
                                         "--log-level debug",
                                         "--drain SECONDS",
                                         "--map-size SIZE",
                                         "--index TYPES",
                                         "--http-threads N",
                                         "--max-body SIZE",
                                         "--max-header SIZE",
                                         "--max-connections N",
                                         "--idle-timeout SECONDS",
                                         "--request-timeout",
                                         "--handshake-delay MS",
                                         "--handshake-attempts N",
                                         "--retry-schedule",
                                         "--retry-for SECONDS",
                                         "--timeout SECONDS",
                                         "--max-count N",
                                         "--endpoint-concurrency",
                                         "--ca-file FILE",
                                         "--delivery-concurrency",
                                         "Default: 127.0.0.1:8080",
                                         "Default: 64G",
                                         "Default: 604800",
                                         "From 16M to 64T.",
                                         "BELFRY_LISTEN"};
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    (void)state;
    assert_non_null(out);
    config_help(out);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!strstr(text, wanted[i]))
            fail_msg("the help does not say \"%s\"", wanted[i]);
    assert_null(strstr(text, "--auth"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_the_defaults_hold),
        cmocka_unit_test(flag_beats_environment_beats_file),
        cmocka_unit_test(environment_names_the_file),
        cmocka_unit_test(repeated_topics_add_up_within_a_source),
        cmocka_unit_test(last_flag_of_a_name_counts),
        cmocka_unit_test(unknown_flag_names_the_nearest),
        cmocka_unit_test(unknown_flag_without_a_neighbour_is_refused),
        cmocka_unit_test(unknown_variable_names_the_nearest),
        cmocka_unit_test(lower_case_variable_is_not_an_option),
        cmocka_unit_test(unknown_key_names_line_and_nearest),
        cmocka_unit_test(key_given_twice_in_the_file_is_refused),
        cmocka_unit_test(file_line_without_equals_is_refused),
        cmocka_unit_test(file_cannot_name_another_file),
        cmocka_unit_test(missing_file_is_an_error),
        cmocka_unit_test(authentication_is_refused_by_name),
        cmocka_unit_test(numbers_outside_their_bounds_are_refused),
        cmocka_unit_test(sizes_take_binary_units),
        cmocka_unit_test(bad_sizes_are_refused),
        cmocka_unit_test(retry_schedule_is_a_list),
        cmocka_unit_test(bad_retry_schedules_are_refused),
        cmocka_unit_test(retry_schedule_is_bounded),
        cmocka_unit_test(unknown_word_names_the_nearest),
        cmocka_unit_test(switch_takes_true_or_false_only),
        cmocka_unit_test(flag_without_its_value_is_refused),
        cmocka_unit_test(empty_text_is_refused),
        cmocka_unit_test(stray_argument_is_refused),
        cmocka_unit_test(help_is_asked_for_beside_errors),
        cmocka_unit_test(dev_refuses_other_addresses_than_loopback),
        cmocka_unit_test(beyond_loopback_says_what_is_missing),
        cmocka_unit_test(tls_needs_both_files),
        cmocka_unit_test(loopback_addresses_are_known),
        cmocka_unit_test(malformed_addresses_are_refused),
        cmocka_unit_test(base_url_is_checked),
        cmocka_unit_test(help_names_every_option_and_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
