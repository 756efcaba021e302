#include "server/engine/subs.h"

#include <assert.h>
#include <stdlib.h>

#define SUBS_FIRST 64

_Static_assert(sizeof(struct sub) <= 128, "a sub is small");

void subs_init(struct subs *t, const uint64_t seed[2])
{
    *t = (struct subs){.seed = {seed[0], seed[1]}};
    pool_init(&t->pool, sizeof(struct sub));
}

void subs_fini(struct subs *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->handles[i])
            subs_free(t, subs_at(t, t->handles[i]));
    free(t->numbers);
    free(t->handles);
    subs_forget_loaded(t);
    handle_set_fini(&t->by_id);
    pool_fini(&t->pool);
    *t = (struct subs){0};
}

/* ---- one of them ---- */

/* How an id is kept: as it is, with its length, or in one of these forms. */
#define ID_OUTSIDE 254
#define ID_UUID 255

#define UUID_TEXT 36
#define UUID_BYTES 16

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool has_dash(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

/* False for anything but a UUID in lower case. */
static bool pack_uuid(struct bytes id, char out[UUID_BYTES])
{
    size_t digits = 0;

    if (id.n != UUID_TEXT)
        return false;
    memset(out, 0, UUID_BYTES);
    for (size_t i = 0; i < UUID_TEXT; i++) {
        int digit = digit_of(id.p[i]);

        if (has_dash(i) ? id.p[i] != '-' : digit < 0)
            return false;
        if (has_dash(i))
            continue;
        out[digits / 2] = (char)((unsigned char)out[digits / 2] << 4 | digit);
        digits++;
    }
    return true;
}

static struct bytes unpack_uuid(const char *in, char out[SUB_ID_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    size_t digits = 0;

    for (size_t i = 0; i < UUID_TEXT; i++) {
        unsigned char byte = (unsigned char)in[digits / 2];

        if (has_dash(i)) {
            out[i] = '-';
            continue;
        }
        out[i] = hex[digits % 2 == 0 ? byte >> 4 : byte & 15];
        digits++;
    }
    return bytes_make(out, UUID_TEXT);
}

static bool set_id(struct sub *s, struct bytes id)
{
    char *text;

    if (id.n <= SUB_ID_INSIDE) {
        s->id_form = (uint8_t)id.n;
        memcpy(s->id, id.p, id.n);
        return true;
    }
    if (pack_uuid(id, s->id)) {
        s->id_form = ID_UUID;
        return true;
    }
    text = strndup(id.p, id.n);
    if (!text)
        return false;
    s->id_form = ID_OUTSIDE;
    memcpy(s->id, &text, sizeof text);
    return true;
}

static char *outside_id(const struct sub *s)
{
    char *text;

    memcpy(&text, s->id, sizeof text);
    return text;
}

struct bytes sub_id(const struct sub *s, char out[SUB_ID_BYTES])
{
    if (s->id_form == ID_UUID)
        return unpack_uuid(s->id, out);
    if (s->id_form == ID_OUTSIDE)
        return bytes_of(outside_id(s));
    return bytes_make(s->id, s->id_form);
}

static bool has_id(const struct sub *s, struct bytes id)
{
    char text[SUB_ID_BYTES];

    return bytes_equal(sub_id(s, text), id);
}

struct sub *subs_new(struct subs *t, uint64_t number, struct bytes id)
{
    uint32_t handle = id.n <= SUB_ID_BYTES ? pool_take(&t->pool) : 0;
    struct sub *s;

    if (handle == 0)
        return NULL;
    s = subs_at(t, handle);
    s->number = number;
    s->handle = handle;
    if (handle <= t->loaded_count)
        t->loaded[handle - 1] = 0;
    if (set_id(s, id))
        return s;
    pool_give(&t->pool, handle);
    return NULL;
}

void subs_free(struct subs *t, struct sub *s)
{
    if (!s)
        return;
    assert(!s->form);
    sub_set_rare(s, NULL);
    if (s->id_form == ID_OUTSIDE)
        free(outside_id(s));
    pool_give(&t->pool, s->handle);
}

struct sub_rare sub_rare_of(const struct sub *s)
{
    return s->rare ? *s->rare : (struct sub_rare){0};
}

const char *sub_error(const struct sub *s)
{
    return s->rare && s->rare->error ? s->rare->error : "";
}

void sub_set_rare(struct sub *s, struct sub_rare *rare)
{
    struct sub_rare *old = s->rare;

    if (old && (!rare || old->error != rare->error))
        free(old->error);
    if (old && (!rare || old->acked != rare->acked))
        free(old->acked);
    if (old != rare)
        free(old);
    if (rare && rare_is_empty(rare)) {
        free(rare);
        rare = NULL;
    }
    s->rare = rare;
}

/* ---- the start ---- */

uint64_t subs_loaded_as_of(const struct subs *t, const struct sub *s)
{
    return s->handle <= t->loaded_count ? t->loaded[s->handle - 1] : 0;
}

bool subs_note_loaded(struct subs *t, const struct sub *s, uint64_t as_of)
{
    uint32_t count = t->loaded_count;

    if (s->handle > count) {
        uint64_t *grown;

        count += count / 2 + SUBS_FIRST;
        if (count < s->handle)
            count = s->handle;
        grown = realloc(t->loaded, count * sizeof *grown);
        if (!grown)
            return false;
        memset(grown + t->loaded_count, 0,
               (count - t->loaded_count) * sizeof *grown);
        t->loaded = grown;
        t->loaded_count = count;
    }
    t->loaded[s->handle - 1] = as_of;
    return true;
}

void subs_forget_loaded(struct subs *t)
{
    free(t->loaded);
    t->loaded = NULL;
    t->loaded_count = 0;
}

/* ---- all of them ---- */

static uint64_t hash_of(const struct subs *t, const struct sub *s)
{
    char text[SUB_ID_BYTES];

    return bytes_hash(sub_id(s, text), t->seed);
}

bool subs_has_room(const struct subs *t, size_t n)
{
    return t->capacity - t->count >= n && handle_set_has_room(&t->by_id, n);
}

static bool grow(struct subs *t, size_t capacity)
{
    uint64_t *numbers = realloc(t->numbers, capacity * sizeof *numbers);
    uint32_t *handles;

    if (!numbers)
        return false;
    t->numbers = numbers;
    handles = realloc(t->handles, capacity * sizeof *handles);
    if (!handles)
        return false;
    t->handles = handles;
    t->capacity = capacity;
    return true;
}

bool subs_reserve(struct subs *t, size_t n)
{
    size_t capacity = t->capacity;

    if (!handle_set_reserve(&t->by_id, n))
        return false;
    while (capacity - t->count < n) /* by an eighth: spare room is memory */
        capacity += capacity / 8 + SUBS_FIRST;
    return capacity == t->capacity || grow(t, capacity);
}

void subs_add(struct subs *t, struct sub *s)
{
    assert(t->count < t->capacity);
    assert(t->count == 0 || t->numbers[t->count - 1] < s->number);
    t->numbers[t->count] = s->number;
    t->handles[t->count++] = s->handle;
    handle_set_insert(&t->by_id, hash_of(t, s), s->handle);
}

bool subs_add_id(const struct subs *t, struct handle_set *set,
                 const struct sub *s)
{
    if (!handle_set_reserve(set, 1))
        return false;
    handle_set_insert(set, hash_of(t, s), s->handle);
    return true;
}

void subs_remove_id(const struct subs *t, struct handle_set *set,
                    const struct sub *s)
{
    handle_set_remove(set, hash_of(t, s), s->handle);
}

/* Index of the first with a number of at least `number`. */
static size_t lower_bound(const struct subs *t, uint64_t number)
{
    size_t from = 0, to = t->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (t->numbers[middle] < number)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void squeeze(struct subs *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->count; i++) {
        if (!t->handles[i])
            continue;
        t->numbers[kept] = t->numbers[i];
        t->handles[kept++] = t->handles[i];
    }
    t->count = kept;
    t->deleted = 0;
}

void subs_remove(struct subs *t, struct sub *s)
{
    size_t at = lower_bound(t, s->number);

    assert(at < t->count && t->handles[at] == s->handle);
    t->handles[at] = 0;
    subs_remove_id(t, &t->by_id, s);
    if (++t->deleted > t->count / 2)
        squeeze(t);
}

struct sub *subs_find(const struct subs *t, uint64_t number)
{
    size_t at = lower_bound(t, number);

    return at < t->count && t->numbers[at] == number && t->handles[at]
               ? subs_at(t, t->handles[at])
               : NULL;
}

struct wanted {
    const struct subs *subs;
    struct bytes id;
};

static bool is_wanted(const void *ctx, uint32_t handle)
{
    const struct wanted *w = ctx;

    return has_id(subs_at(w->subs, handle), w->id);
}

struct sub *subs_find_id_in(const struct subs *t, const struct handle_set *set,
                            struct bytes id)
{
    struct wanted w = {t, id};
    uint32_t handle =
        handle_set_find(set, bytes_hash(id, t->seed), is_wanted, &w);

    return handle ? subs_at(t, handle) : NULL;
}

struct sub *subs_find_id(const struct subs *t, struct bytes id)
{
    return subs_find_id_in(t, &t->by_id, id);
}

struct sub *subs_after(const struct subs *t, uint64_t after)
{
    size_t at = after == UINT64_MAX ? t->count : lower_bound(t, after + 1);

    while (at < t->count && !t->handles[at])
        at++;
    return at < t->count ? subs_at(t, t->handles[at]) : NULL;
}
