#include "server/engine/lazy_trees.h"

#include <stdlib.h>

#include "fhir/json/tree.h"

static const cJSON *need(struct lazy_trees *l, cJSON **tree, struct bytes text,
                         struct err *e)
{
    if (!*tree && json_tree_parse(text, tree, e) != ERR_OK)
        l->failed = e->code;
    return *tree;
}

static const cJSON *previous(void *ctx, struct err *e)
{
    struct lazy_trees *l = ctx;

    return l->before.n ? need(l, &l->previous, l->before, e) : NULL;
}

static const cJSON *current(void *ctx, struct err *e)
{
    struct lazy_trees *l = ctx;
    size_t n;

    if (!l->after)
        return NULL;
    n = stored_text_size(l->after, l->version);
    if (!l->text) {
        l->text = malloc(n);
        if (!l->text) {
            l->failed = err_nomem(e);
            return NULL;
        }
        stored_text_fill(l->after, l->version, l->trees.now_ms, l->text);
    }
    return need(l, &l->current, bytes_make(l->text, n), e);
}

void lazy_trees_init(struct lazy_trees *l, int64_t time_ms)
{
    *l = (struct lazy_trees){.failed = ERR_OK};
    arena_init(&l->arena, LAZY_TREES_BYTES);
    l->trees = (struct change_trees){.previous = previous,
                                     .current = current,
                                     .ctx = l,
                                     .arena = &l->arena,
                                     .now_ms = time_ms};
}

void lazy_trees_fini(struct lazy_trees *l)
{
    cJSON_Delete(l->current);
    cJSON_Delete(l->previous);
    free(l->text);
    arena_fini(&l->arena);
}
