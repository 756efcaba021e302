#include "server/security/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Computed with Python's hmac and hashlib after server/gap-proof.md. */
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define START "2ceef71afddda2a5e8e4f0620db77c3a"
#define DIGEST "36a881ab2f4563dbdaecc26b59ca25c2"
#define LINK "b587829a14d379ee52f4d8f6eac016df"
#define START_MAX "644236bf902d6487ae973390dc9440be"

struct fixture {
    struct signature_key key;
    struct chain_maker maker;
};

static int setup(void **state)
{
    static struct fixture f;
    struct err e;

    f.maker = (struct chain_maker){NULL, &f.key, bytes_of("s.1")};
    assert_int_equal(signature_key_parse(bytes_of(SECRET), &f.key, &e), ERR_OK);
    assert_int_equal(signer_new(&f.maker.signer, &e), ERR_OK);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    signer_free(f->maker.signer);
    return 0;
}

static void assert_value(const struct chain_value *v, const char *wanted)
{
    char text[CHAIN_TEXT_BYTES];

    chain_format(v, text);
    assert_string_equal(text, wanted);
}

static void values_are_those_of_the_definition(void **state)
{
    const struct fixture *f = *state;
    const struct chain_event event = {1, bytes_of("Patient"), bytes_of("p1"),
                                      3};
    struct chain_value start, digest, link;
    struct err e;

    assert_int_equal(chain_start(&f->maker, 0, &start, &e), ERR_OK);
    assert_value(&start, START);
    assert_int_equal(chain_digest(&f->maker, &event, &digest, &e), ERR_OK);
    assert_value(&digest, DIGEST);
    assert_int_equal(chain_link(f->maker.signer, &start, &digest, &link, &e),
                     ERR_OK);
    assert_value(&link, LINK);
    assert_int_equal(chain_start(&f->maker, UINT64_MAX, &start, &e), ERR_OK);
    assert_value(&start, START_MAX);
}

static void every_part_of_an_event_counts(void **state)
{
    const struct fixture *f = *state;
    const struct chain_event others[] = {
        {2, bytes_of("Patient"), bytes_of("p1"), 3},
        {1, bytes_of("Person"), bytes_of("p1"), 3},
        {1, bytes_of("Patient"), bytes_of("p2"), 3},
        {1, bytes_of("Patient"), bytes_of("p1"), 4}};
    struct chain_value wanted, digest;
    struct err e;

    assert_true(chain_parse(bytes_of(DIGEST), &wanted));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(chain_digest(&f->maker, &others[i], &digest, &e),
                         ERR_OK);
        assert_memory_not_equal(&wanted, &digest, sizeof wanted);
    }
}

static void only_its_own_form_is_parsed(void **state)
{
    struct chain_value v;

    (void)state;
    assert_true(chain_parse(bytes_of(LINK), &v));
    assert_value(&v, LINK);
    assert_false(chain_parse(bytes_of(LINK "0"), &v));
    assert_false(chain_parse(bytes_of(&LINK[1]), &v));
    assert_false(chain_parse(bytes_of(""), &v));
    assert_false(chain_parse(bytes_of("B587829A14D379EE52F4D8F6EAC016DF"), &v));
    assert_false(chain_parse(bytes_of("g587829a14d379ee52f4d8f6eac016df"), &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_the_definition),
        cmocka_unit_test(every_part_of_an_event_counts),
        cmocka_unit_test(only_its_own_form_is_parsed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
