/* fhirpath_table: expressions and what they yield, as a table; for the tests.
 * Owns:   nothing.
 * Thread: one at a time. */
#ifndef BELFRY_TESTS_UNIT_FHIRPATH_TABLE_H
#define BELFRY_TESTS_UNIT_FHIRPATH_TABLE_H

#include "tests/unit/fhirpath_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct expectation {
    const char *expression;
    const char *want;
};

/* Every one is tried, and those that fail are told. */
static inline void check(const char *text, const struct expectation *cases,
                         size_t n)
{
    cJSON *tree = NULL;
    size_t failed = 0;

    if (text)
        assert_int_equal(json_tree_parse(bytes_of(text), &tree, NULL), ERR_OK);
    for (size_t i = 0; i < n; i++) {
        struct fhirpath_run run;
        const char *have = fhirpath_run(&run, cases[i].expression, tree);

        if (strcmp(have, cases[i].want) != 0) {
            print_message("%s: %s, not %s; %s\n", cases[i].expression, have,
                          cases[i].want, run.e.message);
            failed++;
        }
        fhirpath_run_fini(&run);
    }
    cJSON_Delete(tree);
    assert_int_equal(failed, 0);
}

#define CHECK(text, cases) \
    check(text, cases, sizeof(cases) / sizeof((cases)[0]))

#endif
