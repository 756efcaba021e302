#include "fhir/json/tokens.h"

#include <stdlib.h>

#include "fhir/json/unescape.h"

/* Resources have a value for every 16 to 20 bytes. */
#define TEXT_PER_TOKEN 16
#define TOKENS_MIN 16

bool json_token_is_named(const struct json_tokens *t, uint32_t i,
                         struct bytes name)
{
    const struct json_token *token = &t->items[i];
    const char *key = t->text.p + token->key;

    if (token->key_escaped)
        return json_unescaped_is(json_token_raw_key(t, i), name);
    /* most names differ here already */
    return token->key_bytes == name.n &&
           (name.n == 0 ||
            (key[0] == name.p[0] && memcmp(key, name.p, name.n) == 0));
}

uint32_t json_token_member(const struct json_tokens *t, uint32_t object,
                           struct bytes name)
{
    uint32_t end = t->items[object].next;

    if (json_token_first(t, object) != '{')
        return JSON_NONE;
    for (uint32_t i = object + 1; i < end; i = t->items[i].next)
        if (json_token_is_named(t, i, name))
            return i;
    return JSON_NONE;
}

struct bytes json_token_string(const struct json_tokens *t, uint32_t i,
                               struct arena *arena)
{
    struct bytes raw = json_token_raw(t, i);
    char *out;

    if (!t->items[i].escaped)
        return raw;
    out = arena_alloc(arena, raw.n + 1);
    if (!out)
        return bytes_make(NULL, 0);
    return bytes_make(out, json_unescape(raw, out));
}

bool json_token_string_is(const struct json_tokens *t, uint32_t i,
                          struct bytes want)
{
    return json_token_first(t, i) == '"' &&
           json_unescaped_is(json_token_raw(t, i), want);
}

void json_tokens_fini(struct json_tokens *t)
{
    free(t->items);
    *t = (struct json_tokens){.items = NULL};
}

bool json_tokens_grow(struct json_tokens *t)
{
    size_t capacity =
        t->capacity ? t->capacity * 2 : t->text.n / TEXT_PER_TOKEN + TOKENS_MIN;
    struct json_token *items = realloc(t->items, capacity * sizeof *items);

    if (!items)
        return false;
    t->items = items;
    t->capacity = capacity;
    return true;
}
