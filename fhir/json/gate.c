#include "fhir/json/gate.h"

#include "fhir/json/number.h"
#include "fhir/json/place.h"
#include "fhir/json/unescape.h"
#include "fhir/json/utf8.h"

#include <endian.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Most resources never hold more keys open at once. */
#define KEYS_INLINE 128
/* Up to here a new key is compared with the hashes of those before it; a
 * larger object is sorted once when it closes, so that no choice of keys
 * makes it slow. */
#define KEYS_LINEAR 32

struct key {
    const char *p; /* behind the opening quote */
    uint32_t hash; /* of the unescaped text */
    uint16_t n;    /* raw */
    bool escaped;
};

struct level {
    size_t first_key; /* the object's keys are the top of the key stack */
    uint64_t seen;    /* one bit per key, by its hash */
    size_t token;     /* its own */
    bool array;
    bool started; /* has a member or element */
};

struct gate {
    const char *begin;
    const char *at;
    const char *end;
    unsigned depth;

    struct key *keys; /* inline_keys or heap */
    size_t key_count;
    size_t key_capacity;

    struct json_tokens *tokens; /* NULL: none are wanted */

    const char *problem;
    const char *problem_at;
    const char *path_end;
    bool no_memory;

    struct level levels[JSON_DEPTH_MAX];
    struct key inline_keys[KEYS_INLINE];
};

static bool fail(struct gate *g, const char *at, const char *problem)
{
    g->problem = problem;
    g->problem_at = at;
    g->path_end = at;
    return false;
}

static void skip_some_space(struct gate *g)
{
    const char *p = g->at;

    while (p < g->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    g->at = p;
}

/* Most texts have none. */
static inline void skip_space(struct gate *g)
{
    if (g->at < g->end && (unsigned char)*g->at <= ' ')
        skip_some_space(g);
}

/* strings */

#define EACH_BYTE(x) (0x0101010101010101ULL * (x))

/* The top bit of each byte that is a control character, a quote, a backslash
 * or not ASCII. Marks above the lowest one may be wrong: borrows travel up. */
static inline uint64_t special_bytes(uint64_t word)
{
    uint64_t control = word - EACH_BYTE(0x20);
    uint64_t quote = (word ^ EACH_BYTE('"')) - EACH_BYTE(1);
    uint64_t backslash = (word ^ EACH_BYTE('\\')) - EACH_BYTE(1);

    return (control | quote | backslash | word) & EACH_BYTE(0x80);
}

#ifdef __SSE2__
/* One bit for each of sixteen bytes; what is not ASCII is below zero. */
static inline int special_sixteen(const char *p)
{
    const __m128i part = _mm_loadu_si128((const __m128i_u *)p);
    const __m128i low = _mm_cmplt_epi8(part, _mm_set1_epi8(0x20));
    const __m128i quote = _mm_cmpeq_epi8(part, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(part, _mm_set1_epi8('\\'));

    return _mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, backslash)));
}
#endif

static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte that needs a look, or end. */
static inline const char *skip_plain(const char *p, const char *end)
{
    uint64_t word, special;

#ifdef __SSE2__
    while (end - p >= 16) {
        const int found = special_sixteen(p);

        if (found)
            return p + __builtin_ctz((unsigned)found);
        p += 16;
    }
#endif
    while (end - p >= 8) {
        memcpy(&word, p, sizeof word);
        special = special_bytes(le64toh(word));
        if (special)
            return p + __builtin_ctzll(special) / 8;
        p += 8;
    }
    while (p < end && is_plain((unsigned char)*p))
        p++;
    return p;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The code unit of the `\uXXXX` at p; -1 when there is none. */
static int32_t unicode_unit(const char *p, const char *end)
{
    int32_t unit = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);

        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Bytes of the escape at p, 0 after a failure. */
static size_t scan_unicode_escape(struct gate *g, const char *p)
{
    int32_t unit = unicode_unit(p, g->end), low;

    if (unit < 0)
        (void)fail(g, p, "\\u must be followed by four hexadecimal digits");
    else if (unit == 0)
        (void)fail(g, p, "the character NUL is not allowed");
    else if (unit < 0xd800 || unit > 0xdfff)
        return 6;
    else if (unit >= 0xdc00)
        (void)fail(g, p, "a low surrogate without the high one before it");
    else {
        low = unicode_unit(p + 6, g->end);
        if (low >= 0xdc00 && low <= 0xdfff)
            return 12;
        (void)fail(g, p, "a high surrogate without the low one behind it");
    }
    return 0;
}

static size_t scan_escape(struct gate *g, const char *p)
{
    char c = g->end - p > 1 ? p[1] : '\0';

    if (c == 'u')
        return scan_unicode_escape(g, p);
    if (c != '\0' && strchr("\"\\/bfnrt", c))
        return 2;
    (void)fail(g, p, "a backslash must begin an escape of JSON");
    return 0;
}

/* Bytes of what stands at p, which is not plain and not a quote; 0 after a
 * failure. */
static size_t scan_special(struct gate *g, const char *p)
{
    size_t n;

    if (*p == '\\')
        return scan_escape(g, p);
    if ((unsigned char)*p < 0x80) {
        (void)fail(g, p, "a control character must be escaped");
        return 0;
    }
    n = utf8_sequence(p, (size_t)(g->end - p));
    if (n == 0)
        (void)fail(g, p, "the text is not valid UTF-8");
    return n;
}

/* What is special stands at p. */
static bool scan_special_string(struct gate *g, const char *p, bool *escaped)
{
    size_t n;

    for (;;) {
        p = skip_plain(p, g->end);
        if (p == g->end)
            return fail(g, g->at - 1, "the string has no end");
        if (*p == '"')
            break;
        *escaped |= *p == '\\';
        n = scan_special(g, p);
        if (n == 0)
            return false;
        p += n;
    }
    g->at = p + 1;
    return true;
}

/* From behind the opening quote to behind the closing one. */
static inline bool scan_string(struct gate *g, bool *escaped)
{
    const char *p = skip_plain(g->at, g->end);

    *escaped = false;
    if (p == g->end || *p != '"')
        return scan_special_string(g, p, escaped);
    g->at = p + 1;
    return true;
}

/* numbers and literals */

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* Digits, of which at least one is needed; NULL without. */
static const char *need_digits(struct gate *g, const char *p)
{
    const char *after = skip_digits(p, g->end);

    if (after > p)
        return after;
    (void)fail(g, p, "a number needs a digit here");
    return NULL;
}

static const char *scan_integer(struct gate *g, const char *p)
{
    const char *after;

    if (*p == '-')
        p++;
    after = need_digits(g, p);
    if (after && *p == '0' && after > p + 1) {
        (void)fail(g, p, "a number may not have a leading zero");
        return NULL;
    }
    return after;
}

/* RFC 8259, 6. */
static bool scan_number(struct gate *g)
{
    const char *p = scan_integer(g, g->at);

    if (p && p < g->end && *p == '.')
        p = need_digits(g, p + 1);
    if (p && p < g->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < g->end && (*p == '+' || *p == '-'))
            p++;
        p = need_digits(g, p);
    }
    if (!p)
        return false;
    if (p - g->at > JSON_NUMBER_BYTES_MAX)
        return fail(g, g->at, "the number is too long");
    g->at = p;
    return true;
}

static bool scan_literal(struct gate *g, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(g->end - g->at) < n || memcmp(g->at, word, n) != 0)
        return fail(g, g->at, "a value was expected");
    g->at += n;
    return true;
}

/* keys */

/* The first n bytes at p, n < 8, of which so many more may be read. */
static inline uint64_t load_tail(const char *p, size_t n, size_t readable)
{
    uint64_t word = 0;

    if (readable < sizeof word) {
        memcpy(&word, p, n);
        return le64toh(word);
    }
    memcpy(&word, p, sizeof word);
    return le64toh(word) & ((1ULL << (8 * n)) - 1);
}

static inline uint32_t hash_text(const char *p, size_t n, const char *end)
{
    uint64_t h = n, word;

    while (n >= sizeof word) {
        memcpy(&word, p, sizeof word);
        h = (h ^ le64toh(word)) * 0x9e3779b97f4a7c15ULL;
        h ^= h >> 32;
        p += sizeof word;
        n -= sizeof word;
    }
    h = (h ^ load_tail(p, n, (size_t)(end - p))) * 0x9e3779b97f4a7c15ULL;
    return (uint32_t)(h >> 32);
}

static uint32_t hash_escaped(const struct key *key)
{
    char text[JSON_KEY_BYTES_MAX];
    size_t n = json_unescape(bytes_make(key->p, key->n), text);

    return hash_text(text, n, text + n);
}

/* Any total order that puts equal keys beside each other. */
static int compare_keys(const struct key *a, const struct key *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    if (a->escaped || b->escaped)
        return json_unescaped_compare(bytes_make(a->p, a->n),
                                      bytes_make(b->p, b->n));
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    return memcmp(a->p, b->p, a->n);
}

static int compare_for_sort(const void *a, const void *b)
{
    const struct key *key_a = a;
    const struct key *key_b = b;
    int order = compare_keys(key_a, key_b);

    if (order != 0)
        return order;
    return key_a->p < key_b->p ? -1 : 1;
}

static bool fail_duplicate(struct gate *g, const struct key *key)
{
    (void)fail(g, key->p - 1, "the object has this key twice");
    g->path_end = key->p + key->n + 1;
    return false;
}

static bool grow_keys(struct gate *g)
{
    size_t capacity = g->key_capacity * 2;
    struct key *old = g->keys == g->inline_keys ? NULL : g->keys;
    struct key *keys = realloc(old, capacity * sizeof *keys);

    if (!keys) {
        g->no_memory = true;
        return false;
    }
    if (!old)
        memcpy(keys, g->inline_keys, sizeof g->inline_keys);
    g->keys = keys;
    g->key_capacity = capacity;
    return true;
}

/* One of the keys with this bit is the same. */
static bool is_repeated(const struct gate *g, const struct key *key)
{
    size_t first = g->levels[g->depth - 1].first_key;

    for (size_t i = first; i < g->key_count; i++)
        if (g->keys[i].hash == key->hash && compare_keys(&g->keys[i], key) == 0)
            return true;
    return false;
}

static inline bool add_key(struct gate *g, struct key key)
{
    struct level *top = &g->levels[g->depth - 1];
    size_t count = g->key_count - top->first_key;
    uint64_t bit = 1ULL << (key.hash >> 26);

    if (count == JSON_MEMBERS_MAX)
        return fail(g, key.p - 1, "the object has too many members");
    if (count < KEYS_LINEAR && (top->seen & bit) && is_repeated(g, &key))
        return fail_duplicate(g, &key);
    if (g->key_count == g->key_capacity && !grow_keys(g))
        return false;
    top->seen |= bit;
    g->keys[g->key_count++] = key;
    return true;
}

/* The first key of a large object that repeats an earlier one, or NULL. */
static const struct key *find_duplicate(struct key *keys, size_t count)
{
    const struct key *first = NULL;

    qsort(keys, count, sizeof *keys, compare_for_sort);
    for (size_t i = 1; i < count; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) == 0 &&
            (!first || keys[i].p < first->p))
            first = &keys[i];
    return first;
}

static bool scan_key(struct gate *g)
{
    struct key key = {.p = g->at + 1};
    size_t n;

    if (g->at == g->end || *g->at != '"')
        return fail(g, g->at, "a key was expected");
    g->at++;
    if (!scan_string(g, &key.escaped))
        return false;
    n = (size_t)(g->at - 1 - key.p);
    if (n > JSON_KEY_BYTES_MAX)
        return fail(g, key.p - 1, "the key is too long");
    key.n = (uint16_t)n;
    key.hash =
        key.escaped ? hash_escaped(&key) : hash_text(key.p, key.n, g->end);
    if (!add_key(g, key))
        return false;
    skip_space(g);
    if (g->at == g->end || *g->at != ':')
        return fail(g, g->at, "a colon was expected");
    g->at++;
    return true;
}

/* tokens */

/* The value at g->at begins; of a member, its key was the last one. */
static inline bool begin_token(struct gate *g, bool member)
{
    struct json_tokens *t = g->tokens;
    struct json_token *token;
    const struct key *key;

    if (t->count == t->capacity && !json_tokens_grow(t)) {
        g->no_memory = true;
        return false;
    }
    token = &t->items[t->count++];
    *token = (struct json_token){.begin = (uint32_t)(g->at - g->begin)};
    if (!member)
        return true;
    key = &g->keys[g->key_count - 1];
    token->key = (uint32_t)(key->p - g->begin);
    token->key_bytes = key->n;
    token->key_escaped = key->escaped;
    return true;
}

/* The value ends before g->at. */
static inline void end_token(struct gate *g, size_t index)
{
    struct json_token *token = &g->tokens->items[index];

    token->end = (uint32_t)(g->at - g->begin);
    token->next = (uint32_t)g->tokens->count;
}

/* structure */

static bool open_level(struct gate *g, bool array)
{
    struct level *level;

    if (g->depth == JSON_DEPTH_MAX)
        return fail(g, g->at, "the nesting is too deep");
    level = &g->levels[g->depth++];
    level->first_key = g->key_count;
    level->seen = 0;
    level->array = array;
    level->started = false;
    level->token = g->tokens ? g->tokens->count - 1 : 0;
    g->at++;
    return true;
}

static bool close_level(struct gate *g)
{
    const struct level *top = &g->levels[g->depth - 1];
    struct key *keys = g->keys + top->first_key;
    size_t count = g->key_count - top->first_key;
    const struct key *duplicate;

    if (count > KEYS_LINEAR) {
        duplicate = find_duplicate(keys, count);
        if (duplicate)
            return fail_duplicate(g, duplicate);
    }
    g->key_count = top->first_key;
    g->depth--;
    g->at++;
    if (g->tokens)
        end_token(g, top->token);
    return true;
}

static bool scan_text_value(struct gate *g)
{
    bool escaped;

    g->at++;
    if (!scan_string(g, &escaped))
        return false;
    if (g->tokens)
        g->tokens->items[g->tokens->count - 1].escaped = escaped;
    return true;
}

static bool scan_scalar(struct gate *g)
{
    switch (*g->at) {
    case '"':
        return scan_text_value(g);
    case 't':
        return scan_literal(g, "true");
    case 'f':
        return scan_literal(g, "false");
    case 'n':
        return scan_literal(g, "null");
    default:
        if (*g->at == '-' || (*g->at >= '0' && *g->at <= '9'))
            return scan_number(g);
        return fail(g, g->at, "a value was expected");
    }
}

/* An object or array is only opened here: the loop of scan_text() goes on
 * inside it. */
static bool scan_value(struct gate *g, bool member)
{
    skip_space(g);
    if (g->at == g->end)
        return fail(g, g->at, "the text ends where a value was expected");
    if (g->tokens && !begin_token(g, member))
        return false;
    if (*g->at == '{' || *g->at == '[')
        return open_level(g, *g->at == '[');
    if (!scan_scalar(g))
        return false;
    if (g->tokens)
        end_token(g, g->tokens->count - 1);
    return true;
}

/* The next member or element of the innermost level, or its end. */
static bool scan_next(struct gate *g)
{
    struct level *top = &g->levels[g->depth - 1];
    char close = top->array ? ']' : '}';

    skip_space(g);
    if (g->at == g->end)
        return fail(g, g->at, "the text ends inside an object or array");
    if (*g->at == close)
        return close_level(g);
    if (top->started) {
        if (*g->at != ',')
            return fail(g, g->at, "a comma or the end was expected");
        g->at++;
        skip_space(g);
    }
    top->started = true;
    if (!top->array && !scan_key(g))
        return false;
    return scan_value(g, !top->array);
}

static bool scan_text(struct gate *g)
{
    skip_space(g);
    if (g->at == g->end)
        return fail(g, g->at, "the text is empty");
    if (g->end - g->at >= 3 && memcmp(g->at, "\xef\xbb\xbf", 3) == 0)
        return fail(g, g->at, "a byte order mark is not allowed");
    if (*g->at != '{')
        return fail(g, g->at, "the text must be one JSON object");
    if (!scan_value(g, false))
        return false;
    while (g->depth > 0)
        if (!scan_next(g))
            return false;
    skip_space(g);
    if (g->at != g->end)
        return fail(g, g->at, "nothing may follow the JSON object");
    return true;
}

static enum err_code refuse(const struct gate *g, struct bytes text,
                            struct err *e)
{
    struct json_place place;

    if (g->no_memory)
        return err_nomem(e);
    json_place_find(text, (size_t)(g->problem_at - g->begin),
                    (size_t)(g->path_end - g->begin), &place);
    return err_set_at(e, ERR_SYNTAX, place.path, "line %zu, column %zu: %s",
                      place.line, place.column, g->problem);
}

/* Levels and keys are set as they come into use. */
static void init(struct gate *g, struct bytes text, struct json_tokens *tokens)
{
    g->begin = text.n ? text.p : "";
    g->at = g->begin;
    g->end = g->begin + text.n;
    g->depth = 0;
    g->keys = g->inline_keys;
    g->key_count = 0;
    g->key_capacity = KEYS_INLINE;
    g->no_memory = false;
    g->tokens = tokens;
}

static enum err_code run(struct bytes text, struct json_tokens *tokens,
                         struct err *e)
{
    struct gate g;
    enum err_code code = ERR_OK;

    init(&g, text, tokens);
    if (!scan_text(&g))
        code = refuse(&g, text, e);
    if (g.keys != g.inline_keys)
        free(g.keys);
    return code;
}

enum err_code json_gate(struct bytes text, struct err *e)
{
    return run(text, NULL, e);
}

enum err_code json_gate_read(struct bytes text, struct json_tokens *out,
                             struct err *e)
{
    enum err_code code;

    out->text = text;
    out->count = 0;
    if (text.n > UINT32_MAX)
        return err_set(e, ERR_TOO_LARGE, "a JSON text has at most 4 GB");
    code = run(text, out, e);
    if (code != ERR_OK)
        out->count = 0;
    return code;
}
