/* tokens: where each value of a JSON text stands, recorded while the text
 * passes the gate, so that nothing behind it looks for quotes and brackets
 * again.
 * Owns:   the array (heap), which grows and can be used for one text after
 *         another; the text is borrowed.
 * Thread: one at a time; once filled, any that reads.
 * Bounds: one token a value: at most half as many as the text has bytes.
 *
 * Tokens stand in the order of the text: the root is the first, the children
 * of a container follow it, and each knows where its next neighbour stands.
 * So an index names a value; JSON_NONE says that there is none. */
#ifndef BELFRY_FHIR_JSON_TOKENS_H
#define BELFRY_FHIR_JSON_TOKENS_H

#include "storage/base/arena.h"

#define JSON_NONE UINT32_MAX
#define JSON_ROOT 0

struct json_token {
    uint32_t key;   /* offset behind the key's opening quote; 0: no member */
    uint32_t begin; /* offset of the value's first byte */
    uint32_t end;   /* one past its last */
    uint32_t next;  /* index behind all that is in it */
    uint16_t key_bytes; /* between the key's quotes */
    bool key_escaped;
    bool escaped; /* a string with an escape */
};

struct json_tokens {
    struct bytes text;
    struct json_token *items;
    size_t count;
    size_t capacity;
};

static inline const struct json_token *json_token(const struct json_tokens *t,
                                                  uint32_t i)
{
    return &t->items[i];
}

/* The value's first byte says what it is: '{', '[', '"', 't', 'f', 'n', or a
 * digit or '-'. */
static inline char json_token_first(const struct json_tokens *t, uint32_t i)
{
    return t->text.p[t->items[i].begin];
}

/* What stands between the quotes of the key, escapes and all. */
static inline struct bytes json_token_raw_key(const struct json_tokens *t,
                                              uint32_t i)
{
    return bytes_make(t->text.p + t->items[i].key, t->items[i].key_bytes);
}

/* The value as it stands in the text. */
static inline struct bytes json_token_text(const struct json_tokens *t,
                                           uint32_t i)
{
    return bytes_make(t->text.p + t->items[i].begin,
                      t->items[i].end - t->items[i].begin);
}

/* What stands between the quotes of a string. */
static inline struct bytes json_token_raw(const struct json_tokens *t,
                                          uint32_t i)
{
    return bytes_make(t->text.p + t->items[i].begin + 1,
                      t->items[i].end - t->items[i].begin - 2);
}

/* True when the key means the name. */
bool json_token_is_named(const struct json_tokens *t, uint32_t i,
                         struct bytes name);

/* The member of the object with this name; JSON_NONE without one, and when
 * what object names is none. */
uint32_t json_token_member(const struct json_tokens *t, uint32_t object,
                           struct bytes name);

/* The text that a string means, in the arena where it has escapes; {NULL, 0}
 * without memory. The value must be a string. */
struct bytes json_token_string(const struct json_tokens *t, uint32_t i,
                               struct arena *arena);

/* True when the value is a string that means the text. */
bool json_token_string_is(const struct json_tokens *t, uint32_t i,
                          struct bytes want);

/* A zeroed struct json_tokens is an empty one. */
void json_tokens_fini(struct json_tokens *t);

/* Room for one token more; false without memory. */
bool json_tokens_grow(struct json_tokens *t);

#endif
