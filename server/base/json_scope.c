#include "server/base/json_scope.h"

#include <assert.h>
#include <stdlib.h>

/* Measured on R4 resources: a tree takes six to eight times its text. */
#define TREE_PER_TEXT 8
#define ALIGN _Alignof(max_align_t)

/* cJSON's hooks have no argument to carry it. */
static _Thread_local struct json_scope *current;

static void *take(size_t n)
{
    struct json_scope *s = current;
    size_t rounded = (n + ALIGN - 1) & ~(ALIGN - 1);
    void *at;

    if (!s || rounded < n || rounded > s->size - s->used) {
        if (s)
            s->spilled = true;
        return malloc(n);
    }
    at = s->block + s->used;
    s->used += rounded;
    return at;
}

static bool is_in(const struct json_scope *s, const void *p)
{
    const char *at = p;

    return s->block && at >= s->block && at < s->block + s->size;
}

static void give(void *p)
{
    for (const struct json_scope *s = current; s; s = s->outer)
        if (is_in(s, p))
            return;
    free(p);
}

void json_scope_install(void)
{
    cJSON_Hooks hooks = {.malloc_fn = take, .free_fn = give};

    cJSON_InitHooks(&hooks);
}

void json_scope_enter(struct json_scope *s, size_t text_bytes)
{
    size_t size = text_bytes < JSON_SCOPE_BYTES_MAX / TREE_PER_TEXT
                      ? text_bytes * TREE_PER_TEXT
                      : JSON_SCOPE_BYTES_MAX;

    *s = (struct json_scope){.outer = current};
#ifndef ARENA_EMULATE
    s->block = malloc(size ? size : 1);
#endif
    s->size = s->block ? size : 0;
    current = s;
}

void json_scope_delete(const struct json_scope *s, cJSON *tree)
{
    assert(current == s);
    /* nothing used: the hooks are not installed */
    if (s->spilled || s->used == 0)
        cJSON_Delete(tree);
}

void json_scope_leave(struct json_scope *s)
{
    assert(current == s);
    current = s->outer;
    free(s->block);
    s->block = NULL;
}
