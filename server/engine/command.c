#include "server/engine/command.h"

#include <stdlib.h>

struct command *command_new(size_t arena_bytes)
{
    struct command *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->prepared_upon = UINT64_MAX;
    arena_init(&c->arena, arena_bytes);
    return c;
}

void command_free(struct command *c)
{
    if (!c)
        return;
    stored_text_fini(&c->text);
    subscription_free(c->subscription);
    arena_fini(&c->arena);
    free(c);
}
