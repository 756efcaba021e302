#include "fhir/search/index_key.h"

#include <stdlib.h>

#include "fhir/search/fold.h"

#define U64_HEAD_BYTES 12
#define LAST_UPDATED "_lastUpdated"

/* --- heads --- */

/* FNV-1a: needs to be the same in every run, not hard to collide. */
static uint32_t fold_name(uint32_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static void put_space(enum index_kind kind, struct index_space space, char *out)
{
    uint32_t hash = fold_name(2166136261u, space.type);

    if (space.code)
        hash = fold_name(fold_name(hash, "."), space.code);
    if (space.dimension)
        hash ^= (uint32_t)(space.dimension >> 32);
    hash ^= hash >> 24;
    out[0] = (char)kind;
    for (int i = 0; i < 3; i++)
        out[1 + i] = (char)(hash >> (16 - 8 * i) & 0xff);
}

void index_head_u64(enum index_kind kind, struct index_space space,
                    uint64_t value, struct index_head *out)
{
    put_space(kind, space, out->bytes);
    for (int i = 0; i < 8; i++)
        out->bytes[4 + i] = (char)(value >> (56 - 8 * i) & 0xff);
    out->n = U64_HEAD_BYTES;
}

void index_head_text(struct index_space space, struct bytes text,
                     struct index_head *out)
{
    put_space(INDEX_TEXT, space, out->bytes);
    out->n = 4 + fold_write(text, out->bytes + 4, INDEX_TEXT_BYTES);
}

uint64_t index_order_time(int64_t time_ms)
{
    return (uint64_t)time_ms ^ (uint64_t)1 << 63;
}

/* IEEE 754: the bits of positive numbers are in order, those of negative ones
 * in the opposite order. */
uint64_t index_order_number(double number)
{
    uint64_t bits, sign = (uint64_t)1 << 63;
    double plain = number + 0.0; /* -0 is 0 */

    memcpy(&bits, &plain, sizeof bits);
    return bits & sign ? ~bits : bits | sign;
}

uint64_t index_hash(enum index_form form, struct bytes text)
{
    const uint64_t seed[2] = {form, INDEX_FORM};

    return bytes_hash(text, seed);
}

uint64_t index_hash_reference(const struct search_reference *r)
{
    return index_hash(search_reference_is_local(r) ? INDEX_LOCAL : INDEX_URI,
                      r->id);
}

bool index_has_parameter(const struct search_parameter *p)
{
    if (strcmp(p->code, "status") == 0 || p->type == SEARCH_COMPOSITE)
        return true;
    for (size_t i = 0; i < p->path_count; i++)
        if (p->paths[i].leaf != SEARCH_LEAF_BOOLEAN &&
            p->paths[i].leaf != SEARCH_LEAF_CODE &&
            p->paths[i].leaf != SEARCH_LEAF_DECEASED &&
            p->paths[i].leaf != SEARCH_LEAF_ID)
            return true;
    return false;
}

/* --- the keys of a resource --- */

struct keys {
    const struct search_values *values;
    struct bytes id;
    struct arena *arena;
    struct bytes *items;
    size_t count;
    size_t capacity;
    bool failed;
};

static struct bytes *next_item(struct keys *k)
{
    size_t capacity = k->capacity ? k->capacity * 2 : 32;
    struct bytes *items;

    if (k->count < k->capacity)
        return &k->items[k->count++];
    items = arena_calloc(k->arena, capacity, sizeof *items);
    if (!items)
        return NULL;
    if (k->count > 0)
        memcpy(items, k->items, k->count * sizeof *items);
    k->items = items;
    k->capacity = capacity;
    return &k->items[k->count++];
}

static void add(struct keys *k, const struct index_head *head)
{
    bool text = head->bytes[0] == INDEX_TEXT;
    char *key = arena_alloc(k->arena, head->n + (text ? 1 : 0) + k->id.n);
    struct bytes *item = key ? next_item(k) : NULL;
    size_t n = head->n;

    if (!item) {
        k->failed = true;
        return;
    }
    memcpy(key, head->bytes, head->n);
    if (text)
        key[n++] = '\0';
    memcpy(key + n, k->id.p, k->id.n);
    *item = bytes_make(key, n + k->id.n);
}

static struct index_space whole_type(const struct keys *k)
{
    return (struct index_space){.type = k->values->base->type};
}

static void add_u64(struct keys *k, enum index_kind kind,
                    struct index_space space, uint64_t value)
{
    struct index_head head;

    index_head_u64(kind, space, value, &head);
    add(k, &head);
}

static void add_text(struct keys *k, struct bytes text)
{
    struct index_head head;

    index_head_text(whole_type(k), text, &head);
    if (head.n > 4)
        add(k, &head);
}

static void add_range(struct keys *k, const struct search_parameter *p,
                      struct search_range range)
{
    struct index_space space = {.type = k->values->base->type, .code = p->code};
    bool is_short = range.from_ms != INT64_MIN && range.to_ms != INT64_MAX &&
                    range.to_ms - range.from_ms <= INDEX_SHORT_MS;

    add_u64(k, is_short ? INDEX_DATE : INDEX_DATE_FROM, space,
            index_order_time(range.from_ms));
    if (!is_short)
        add_u64(k, INDEX_DATE_TO, space, index_order_time(range.to_ms));
}

static void add_quantity(struct keys *k, const struct search_quantity *q)
{
    struct index_space space = whole_type(k);
    bool plain = q->low >= q->high;

    add_u64(k, plain ? INDEX_NUMBER : INDEX_NUMBER_LOW, space,
            index_order_number(q->low));
    if (!plain)
        add_u64(k, INDEX_NUMBER_HIGH, space, index_order_number(q->high));
    if (!q->dimension)
        return;
    space.dimension = q->dimension;
    add_u64(k, plain ? INDEX_BASE : INDEX_BASE_LOW, space,
            index_order_number(q->base_low));
    if (!plain)
        add_u64(k, INDEX_BASE_HIGH, space, index_order_number(q->base_high));
}

static void add_simple(struct keys *k, const struct search_parameter *p,
                       const struct search_value *value)
{
    struct index_space space = whole_type(k);

    switch (p->type) {
    case SEARCH_TOKEN:
        if (value->token.code.n > 0)
            add_u64(k, INDEX_HASH, space,
                    index_hash(INDEX_TOKEN, value->token.code));
        break;
    case SEARCH_REFERENCE:
        add_u64(k, INDEX_HASH, space,
                value->by_identifier
                    ? index_hash(INDEX_IDENTIFIER, value->reference.id)
                    : index_hash_reference(&value->reference));
        break;
    case SEARCH_URI:
        add_u64(k, INDEX_HASH, space, index_hash(INDEX_URI, value->text));
        break;
    case SEARCH_STRING:
        add_text(k, value->text);
        break;
    case SEARCH_DATE:
        add_range(k, p, value->range);
        break;
    case SEARCH_NUMBER:
    case SEARCH_QUANTITY:
        add_quantity(k, &value->quantity);
        break;
    case SEARCH_COMPOSITE:
        break;
    }
}

/* Nearly always the parts stand in the index already, by parameters of their
 * own; the name space of a date would be another. */
static void add_parts(struct keys *k, const struct search_parameter *p,
                      const struct search_slot *parts)
{
    for (size_t i = 0; i < p->component_count; i++)
        for (size_t n = 0; n < parts[i].count; n++)
            if (p->components[i].type != SEARCH_DATE)
                add_simple(k, &p->components[i], &parts[i].values[n]);
}

static const struct search_slot *add_base(struct keys *k,
                                          const struct search_base *base,
                                          const struct search_slot *slot)
{
    for (size_t i = 0; i < base->count; i++, slot++) {
        const struct search_parameter *p = &base->parameters[i];

        if (!index_has_parameter(p))
            continue;
        for (size_t n = 0; n < slot->count; n++)
            if (p->type == SEARCH_COMPOSITE)
                add_parts(k, p, slot->values[n].parts);
            else
                add_simple(k, p, &slot->values[n]);
    }
    return slot;
}

int index_key_compare(struct bytes a, struct bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare_items(const void *a, const void *b)
{
    return index_key_compare(*(const struct bytes *)a,
                             *(const struct bytes *)b);
}

static void sort(struct keys *k)
{
    size_t kept = 0;

    if (k->count == 0)
        return;
    qsort(k->items, k->count, sizeof *k->items, compare_items);
    for (size_t i = 1; i < k->count; i++)
        if (!bytes_equal(k->items[i], k->items[kept]))
            k->items[++kept] = k->items[i];
    k->count = kept + 1;
}

enum err_code index_keys(const struct search_values *v, struct bytes id,
                         struct arena *arena, struct bytes **out, size_t *n,
                         struct err *e)
{
    struct keys k = {.values = v, .id = id, .arena = arena};

    (void)add_base(&k, search_base_common(), add_base(&k, v->base, v->slots));
    if (k.failed)
        return err_nomem(e);
    sort(&k);
    *out = k.items;
    *n = k.count;
    return ERR_OK;
}

struct bytes index_key_written(const char *type, int64_t time_ms,
                               struct bytes id, char out[INDEX_KEY_BYTES_MAX])
{
    struct index_head head;

    index_head_u64(INDEX_DATE,
                   (struct index_space){.type = type, .code = LAST_UPDATED},
                   index_order_time(time_ms), &head);
    memcpy(out, head.bytes, head.n);
    memcpy(out + head.n, id.p, id.n);
    return bytes_make(out, head.n + id.n);
}

struct bytes index_key_id(struct bytes key)
{
    if (key.n > 4 && key.p[0] == INDEX_TEXT)
        return bytes_from(key, 5 + bytes_find(bytes_from(key, 4), '\0'));
    return bytes_from(key, U64_HEAD_BYTES);
}
