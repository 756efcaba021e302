#include "server/delivery/batch.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"x\":1.10}"

struct fixture {
    struct subscription_state state;
    struct subscription definition;
    struct event events[3];
    struct batch batch;
    struct buf out;
    char canonical[64];
};

static struct event event_of(uint64_t number)
{
    return (struct event){.number = number,
                          .time_ms = 1700000000000 + (int64_t)number,
                          .interaction = INTERACTION_UPDATE,
                          .type = bytes_of("Patient"),
                          .id = bytes_of("p1"),
                          .text = bytes_of(TEXT)};
}

static void init(struct fixture *f, enum notification_type type)
{
    *f = (struct fixture){
        .state = {.number = 40,
                  .definition = 40,
                  .id = "s1",
                  .status = STATUS_ACTIVE,
                  .last_event = 9,
                  .requested_ms = 1690000000000},
        .definition = {.content = CONTENT_FULL_RESOURCE},
        .events = {event_of(4), event_of(5), event_of(6)},
        .canonical = "https://belfry.example/fhir/SubscriptionTopic/t"};
    f->definition.canonical = f->canonical;
    f->batch = (struct batch){.base_url = bytes_of("https://h.example/fhir"),
                              .state = &f->state,
                              .definition = &f->definition,
                              .type = type,
                              .now_ms = 1700000099000};
    if (type == NOTIFY_EVENT) {
        f->batch.events = f->events;
        f->batch.event_count = 3;
    }
    buf_init(&f->out, 1 << 20);
}

/* The bundle as a text; it is the test's to free. */
static char *write_batch(struct fixture *f)
{
    struct arena arena;
    size_t n;

    arena_init(&arena, 1 << 20);
    assert_int_equal(batch_write(&f->batch, &arena, &f->out, NULL), ERR_OK);
    arena_fini(&arena);
    return buf_take(&f->out, &n);
}

static bool has_since(const char *text, const char *count)
{
    char wanted[128];

    assert_true(snprintf(wanted, sizeof wanted,
                         "\"events-since-subscription-start\",\"valueString\":"
                         "\"%s\"",
                         count) > 0);
    return strstr(text, wanted) != NULL;
}

static void the_same_batch_is_the_same_bytes(void **state)
{
    struct fixture f;
    char *one;
    char *two;

    (void)state;
    init(&f, NOTIFY_EVENT);
    one = write_batch(&f);
    f.batch.now_ms += 86400000; /* a day later, and more has happened */
    f.state.last_event = 900;
    f.state.attempts = 7;
    two = write_batch(&f);
    assert_string_equal(one, two);
    free(one);
    free(two);
}

static void other_events_make_another_bundle(void **state)
{
    struct fixture f;
    char *one;
    char *two;

    (void)state;
    init(&f, NOTIFY_EVENT);
    one = write_batch(&f);
    f.batch.event_count = 2;
    two = write_batch(&f);
    assert_non_null(strstr(one, "\"id\":\""));
    assert_memory_not_equal(strstr(one, "\"id\":\""), strstr(two, "\"id\":\""),
                            40);
    free(one);
    free(two);
}

static void events_carry_numbers_time_and_text(void **state)
{
    struct fixture f;
    char *text;

    (void)state;
    init(&f, NOTIFY_EVENT);
    text = write_batch(&f);
    assert_true(has_since(text, "6"));
    assert_non_null(strstr(text, "\"valueCode\":\"active\""));
    assert_non_null(strstr(text, "\"timestamp\":\"2023-11-14T22:13:20.006Z\""));
    assert_non_null(strstr(text, "\"x\":1.10"));
    free(text);
}

static void events_asked_for_again_are_the_same_message(void **state)
{
    struct fixture f;
    char *before, *after;

    (void)state;
    init(&f, NOTIFY_EVENT);
    before = write_batch(&f);
    f.state.definition = 50; /* another endpoint, another header */
    after = write_batch(&f);
    assert_string_equal(before, after);
    free(after);
    f.definition.content = CONTENT_ID_ONLY;
    after = write_batch(&f);
    /* "{"resourceType":"Bundle","id":"... */
    assert_memory_not_equal(before, after, 70);
    free(after);
    free(before);
}

static void the_first_handshake_starts_from_zero(void **state)
{
    struct fixture f;
    char *text;

    (void)state;
    init(&f, NOTIFY_HANDSHAKE);
    text = write_batch(&f);
    assert_true(has_since(text, "0"));
    assert_non_null(strstr(text, "\"valueCode\":\"requested\""));
    assert_non_null(strstr(text, "\"valueCode\":\"handshake\""));
    free(text);
    f.state.definition = 50; /* negotiated anew */
    text = write_batch(&f);
    assert_true(has_since(text, "9"));
    free(text);
}

static void a_heartbeat_tells_the_count(void **state)
{
    struct fixture f;
    char *text;

    (void)state;
    init(&f, NOTIFY_HEARTBEAT);
    text = write_batch(&f);
    assert_true(has_since(text, "9"));
    assert_non_null(strstr(text, "\"valueCode\":\"heartbeat\""));
    free(text);
}

static void message_ids_never_meet(void **state)
{
    struct fixture f;
    char id[SIGNATURE_ID_BYTES];

    (void)state;
    init(&f, NOTIFY_EVENT);
    batch_message_id(&f.batch, id);
    assert_string_equal(id, "msg_s1_4_6");
    init(&f, NOTIFY_HANDSHAKE);
    batch_message_id(&f.batch, id);
    assert_string_equal(id, "msg_s1_0_40");
    init(&f, NOTIFY_HEARTBEAT);
    batch_message_id(&f.batch, id);
    assert_string_equal(id, "msg_s1_0_1700000099000");
}

static void a_bundle_past_the_bound_is_an_error(void **state)
{
    struct fixture f;
    struct arena arena;

    (void)state;
    init(&f, NOTIFY_EVENT);
    buf_init(&f.out, 100);
    arena_init(&arena, 1 << 20);
    assert_int_equal(batch_write(&f.batch, &arena, &f.out, NULL),
                     ERR_TOO_LARGE);
    arena_fini(&arena);
    buf_fini(&f.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_batch_is_the_same_bytes),
        cmocka_unit_test(other_events_make_another_bundle),
        cmocka_unit_test(events_carry_numbers_time_and_text),
        cmocka_unit_test(events_asked_for_again_are_the_same_message),
        cmocka_unit_test(the_first_handshake_starts_from_zero),
        cmocka_unit_test(a_heartbeat_tells_the_count),
        cmocka_unit_test(message_ids_never_meet),
        cmocka_unit_test(a_bundle_past_the_bound_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
