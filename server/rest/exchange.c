#include "server/rest/exchange.h"

#include "server/engine/condition.h"
#include "server/rest/bundle_post.h"

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
    command_free(x->write.command);
    x->write.command = NULL;
    condition_free(x->conditional.condition);
    x->conditional.condition = NULL;
    bundle_run_free(x->bundle);
    x->bundle = NULL;
    json_tokens_fini(&x->tokens);
    arena_fini(&x->scratch);
}
