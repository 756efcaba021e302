#include "server/cli/receipts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define EVENTS 20

/* The sender's side: the chain over EVENTS events behind `since`. */
struct fixture {
    struct signature_key key;
    struct chain_maker maker;
    struct receipts *receipts;
    uint64_t since;
    struct chain_value chain[EVENTS + 1]; /* by number - since */
    struct chain_value digest[EVENTS + 1];
};

static void make_chain(struct fixture *f, uint64_t since)
{
    struct err e;

    f->since = since;
    assert_int_equal(chain_start(&f->maker, since, &f->chain[0], &e), ERR_OK);
    for (uint64_t i = 1; i <= EVENTS; i++) {
        const struct chain_event event = {since + i, bytes_of("Patient"),
                                          bytes_of("p1"), since + i};

        assert_int_equal(chain_digest(&f->maker, &event, &f->digest[i], &e),
                         ERR_OK);
        assert_int_equal(chain_link(f->maker.signer, &f->chain[i - 1],
                                    &f->digest[i], &f->chain[i], &e),
                         ERR_OK);
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err e;

    assert_non_null(f);
    f->maker = (struct chain_maker){NULL, &f->key, bytes_of("s1")};
    assert_int_equal(signature_key_parse(bytes_of(SECRET), &f->key, &e),
                     ERR_OK);
    assert_int_equal(signer_new(&f->maker.signer, &e), ERR_OK);
    assert_int_equal(receipts_new(&f->key, &f->receipts, &e), ERR_OK);
    make_chain(f, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    receipts_free(f->receipts);
    signer_free(f->maker.signer);
    free(f);
    return 0;
}

/* A bundle with the events first to last (none when first is 0). */
struct told {
    uint64_t first;
    uint64_t last;
    uint64_t number; /* that the chain is told for */
    bool empty;
    uint64_t forged; /* this event's version is another; 0: none */
};

static void add_event(struct fixture *f, const struct told *t, uint64_t number,
                      struct buf *b)
{
    char digest[CHAIN_TEXT_BYTES];

    chain_format(&f->digest[number - f->since], digest);
    buf_add_format(b,
                   ",{\"name\":\"notification-event\",\"part\":[{\"name\":"
                   "\"event-number\",\"valueString\":\"%llu\"},",
                   (unsigned long long)number);
    if (t->empty)
        buf_add_format(
            b, "{\"name\":\"event-digest\",\"valueString\":\"%s\"}]}", digest);
    else
        buf_add_format(b,
                       "{\"name\":\"focus\",\"valueReference\":{\"reference\":"
                       "\"https://h.example/fhir/Patient/p1\"}},{\"name\":"
                       "\"focus-version\",\"valueId\":\"%llu\"}]}",
                       (unsigned long long)(number == t->forged ? 99 : number));
}

static void expect(struct fixture *f, struct told t, const char *wanted)
{
    char value[CHAIN_TEXT_BYTES];
    struct buf b, out;
    struct err e;

    buf_init(&b, 1 << 16);
    buf_init(&out, 1 << 16);
    chain_format(&f->chain[t.number - f->since], value);
    buf_add_text(&b, "{\"entry\":[{\"resource\":{\"parameter\":[{\"name\":"
                     "\"subscription\",\"valueReference\":{\"reference\":"
                     "\"https://h.example/fhir/Subscription/s1\"}}");
    for (uint64_t n = t.first; n > 0 && n <= t.last; n++)
        add_event(f, &t, n, &b);
    buf_add_format(&b,
                   ",{\"name\":\"event-chain\",\"part\":[{\"name\":\"since\","
                   "\"valueString\":\"%llu\"},{\"name\":\"event-number\","
                   "\"valueString\":\"%llu\"},{\"name\":\"value\","
                   "\"valueString\":\"%s\"}]}]}}]}",
                   (unsigned long long)f->since, (unsigned long long)t.number,
                   value);
    assert_int_equal(receipts_take(f->receipts, buf_bytes(&b), &out, &e),
                     ERR_OK);
    buf_add_char(&out, '\0');
    assert_int_equal(buf_check(&out, &e), ERR_OK);
    assert_string_equal(out.p, wanted);
    buf_fini(&out);
    buf_fini(&b);
}

static void all_events_in_order_are_complete(void **state)
{
    struct fixture *f = *state;

    expect(f, (struct told){0}, "  proof: complete up to event 0\n");
    expect(f, (struct told){1, 3, 3, false, 0},
           "  proof: complete up to event 3\n");
    expect(f, (struct told){2, 4, 4, false, 0},
           "  proof: complete up to event 4\n");
    expect(f, (struct told){5, 5, 5, true, 0},
           "  proof: complete up to event 5\n");
    expect(f, (struct told){.number = 5}, "  proof: complete up to event 5\n");
    expect(f, (struct told){1, 2, 2, false, 0}, "");
}

static void what_is_missing_is_told_until_it_comes(void **state)
{
    struct fixture *f = *state;

    expect(f, (struct told){1, 1, 1, false, 0},
           "  proof: complete up to event 1\n");
    expect(f, (struct told){4, 5, 5, false, 0},
           "  proof: events 2 to 3 are MISSING so far\n");
    expect(f, (struct told){.number = 5},
           "  proof: events 2 to 3 are MISSING so far\n");
    expect(f, (struct told){3, 3, 3, false, 0},
           "  proof: events 2 to 2 are MISSING so far\n");
    expect(f, (struct told){2, 2, 5, false, 0},
           "  proof: complete up to event 5\n");
    expect(f, (struct told){.number = 7},
           "  proof: events 6 to 7 are still to come\n");
}

static void another_version_differs(void **state)
{
    struct fixture *f = *state;

    expect(f, (struct told){1, 3, 3, false, 2},
           "  proof: DIFFERS from what the server recorded, at or before "
           "event 3\n");
}

static void a_late_receiver_begins_where_it_is_told(void **state)
{
    struct fixture *f = *state;

    expect(f, (struct told){7, 8, 8, false, 0},
           "  proof: events 1 to 6 came before this receiver; the proof "
           "begins here\n");
    expect(f, (struct told){9, 9, 9, false, 0},
           "  proof: complete up to event 9\n");
}

static void a_new_secret_begins_a_new_chain(void **state)
{
    struct fixture *f = *state;

    expect(f, (struct told){1, 4, 4, false, 0},
           "  proof: complete up to event 4\n");
    make_chain(f, 6);
    expect(f, (struct told){.number = 6}, "  proof: complete up to event 6\n");
    expect(f, (struct told){7, 9, 9, false, 0},
           "  proof: complete up to event 9\n");
}

static void no_proof_says_nothing(void **state)
{
    static const char *const bodies[] = {
        "{}", "[]", "{\"entry\":[{\"resource\":{\"parameter\":3}}]}",
        "{\"entry\":[{\"resource\":{\"parameter\":[{\"name\":\"event-chain\"},"
        "{\"name\":\"subscription\",\"valueReference\":{\"reference\":\"s\"}}]"
        "}}]}"};
    struct fixture *f = *state;
    struct buf out;
    struct err e;

    buf_init(&out, 1024);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_int_equal(
            receipts_take(f->receipts, bytes_of(bodies[i]), &out, &e), ERR_OK);
    assert_int_equal(out.n, 0);
    buf_fini(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_events_in_order_are_complete),
        TEST(what_is_missing_is_told_until_it_comes),
        TEST(another_version_differs),
        TEST(a_late_receiver_begins_where_it_is_told),
        TEST(a_new_secret_begins_a_new_chain),
        TEST(no_proof_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
