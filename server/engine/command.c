#include "server/engine/command.h"

#include <stdlib.h>

#include "server/engine/condition.h"

struct command *command_new(size_t arena_bytes)
{
    struct command *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->prepared_upon = UINT64_MAX;
    arena_init(&c->arena, arena_bytes);
    return c;
}

static void free_one(struct command *c)
{
    stored_text_fini(&c->text);
    condition_free(c->condition);
    subscription_free(c->subscription);
    topic_unref(c->topic);
    arena_fini(&c->arena);
    free(c);
}

void command_free(struct command *c)
{
    if (!c)
        return;
    while (c->parts) {
        struct command *part = c->parts; /* has no parts of its own */

        c->parts = part->next;
        free_one(part);
    }
    free_one(c);
}

size_t command_bytes(const struct command *c)
{
    size_t n = sizeof *c + c->text.n + c->arena.used;

    for (const struct command *part = c->parts; part; part = part->next)
        n += sizeof *part + part->text.n + part->arena.used;
    return n;
}
