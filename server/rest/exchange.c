#include "server/rest/exchange.h"

#include "fhir/outcome/issues.h"

/* A text may be held several times while it is edited, and its search values
 * beside it. */
#define SCRATCH_BODIES 6

struct exchange *exchange_new(const struct rest *r,
                              struct http_request *request)
{
    struct exchange *x = arena_alloc(request->arena, sizeof *x);

    if (!x)
        return NULL;
    x->rest = r;
    x->request = request;
    arena_init(&x->scratch,
               r->config.body_bytes * SCRATCH_BODIES + EXCHANGE_SCRATCH_EXTRA);
    return x;
}

void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    command_free(x->command);
    x->command = NULL;
    arena_fini(&x->scratch);
}

struct issues *exchange_issues(struct exchange *x)
{
    if (!x->issues)
        x->issues = arena_alloc(&x->scratch, sizeof *x->issues);
    if (x->issues)
        *x->issues = (struct issues){.count = 0};
    return x->issues;
}
