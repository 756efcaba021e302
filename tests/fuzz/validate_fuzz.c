/* Whatever passes the gate can be judged: each problem has a kind, words and a
 * place, and judging twice says the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fhir/json/gate.h"
#include "fhir/model/validate.h"
#include "fhir/outcome/outcome.h"

#define ARENA_BYTES (1U << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void judge(struct bytes text, struct issues *issues)
{
    struct arena scratch;
    struct err e;

    issues->count = issues->dropped = 0;
    arena_init(&scratch, ARENA_BYTES);
    require(model_validate(text, &scratch, issues, &e) == ERR_OK,
            "the scratch memory is enough");
    arena_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct issues first, second;
    struct bytes text = bytes_make((const char *)data, size);
    struct err e;

    if (json_gate(text, &e) != ERR_OK)
        return 0;
    judge(text, &first);
    judge(text, &second);
    require(first.count == second.count && first.dropped == second.dropped,
            "judging twice says the same");
    for (size_t i = 0; i < first.count; i++) {
        const struct err *item = &first.items[i];

        require(outcome_http_status(item->code) == 422, "a problem is a 422");
        require(item->message[0] != '\0', "a problem has words");
        require(!strcmp(item->expression, second.items[i].expression),
                "judging twice names the same element");
    }
    return 0;
}
