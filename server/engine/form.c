#include "server/engine/form.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "fhir/search/table.h"
#include "server/security/signature.h"

/* Far above what the limits of a Subscription allow. */
#define FORM_TEXT_MAX ((size_t)16 << 20)

void form_table_init(struct form_table *t, struct bytes base_url,
                     const uint64_t seed[2])
{
    *t = (struct form_table){.base_url = base_url, .seed = {seed[0], seed[1]}};
    map_init(&t->shapes);
    buf_init(&t->key, FORM_TEXT_MAX);
    buf_init(&t->values, FORM_TEXT_MAX);
}

void form_table_fini(struct form_table *t)
{
    assert(t->shapes.count == 0);
    map_fini(&t->shapes);
    buf_fini(&t->key);
    buf_fini(&t->values);
    blocks_fini(&t->blocks);
}

/* ---- texts: a length of two bytes, then the bytes ---- */

static void put_number(struct buf *b, size_t n)
{
    buf_add_char(b, (char)(n >> 8));
    buf_add_char(b, (char)n);
}

static void put_text(struct buf *b, struct bytes text)
{
    put_number(b, text.n);
    buf_add(b, text);
}

static bool take_number(struct bytes *from, size_t *out)
{
    if (from->n < 2)
        return false;
    *out = (size_t)(unsigned char)from->p[0] << 8 | (unsigned char)from->p[1];
    *from = bytes_from(*from, 2);
    return true;
}

static bool take_text(struct bytes *from, struct bytes *out)
{
    size_t n;

    if (!take_number(from, &n) || from->n < n)
        return false;
    *out = bytes_make(from->p, n);
    *from = bytes_from(*from, n);
    return true;
}

/* The text of one of the values, the first is 1. False when there is none. */
static bool find_value(struct bytes values, size_t value, struct bytes *out)
{
    for (; value > 0; value--)
        if (!take_text(&values, out))
            return false;
    return true;
}

struct bytes form_value(const struct form *f, uint16_t value)
{
    struct bytes text = {NULL, 0};
    bool found = find_value(bytes_make(f->data, f->values_bytes), value, &text);

    assert(found && value > 0);
    (void)found;
    return text;
}

/* ---- the key ---- */

/* Which of the values it is; put behind them when it is new. Filters of many
 * types often ask for one value. */
static size_t place_value(struct buf *values, struct bytes value)
{
    struct bytes rest = buf_bytes(values), text;
    size_t n = 0;

    while (take_text(&rest, &text)) {
        n++;
        if (bytes_equal(text, value))
            return n;
    }
    put_text(values, value);
    return n + 1;
}

static void write_filter(struct form_table *t, const struct filter *f)
{
    struct query_split split = {.before = query_text(f->query)};
    size_t value = 0;

    if (query_split_anchor(f->query, &split))
        value = place_value(&t->values, split.value);
    put_text(&t->key, f->resource_type);
    put_number(&t->key, value);
    put_text(&t->key, split.before);
    put_text(&t->key, split.after);
}

static enum err_code write_text(struct form_table *t,
                                const struct subscription *s, struct err *e)
{
    enum err_code code;

    buf_reset(&t->key);
    buf_reset(&t->values);
    put_text(&t->key, bytes_of(s->classic_type));
    put_text(&t->key, bytes_of(s->classic_type ? "" : s->canonical));
    for (size_t i = 0; i < s->filter_count; i++)
        write_filter(t, &s->filters[i]);
    code = buf_check(&t->key, e);
    return code == ERR_OK ? buf_check(&t->values, e) : code;
}

/* ---- shapes ---- */

/* What a shape is made of, and found by: the same topic of a later time is
 * another one. */
struct shape_source {
    struct bytes key;
    struct bytes values; /* of the first form, to compile the filters with */
    struct topic *topic;
    const char *classic_type;
};

static void shape_free(struct shape *s)
{
    for (size_t i = 0; i < s->filter_count; i++)
        query_free(s->filters[i].query);
    free(s->filters);
    topic_unref(s->topic);
    free(s->key);
    free(s);
}

static enum err_code damaged(struct err *e)
{
    return err_set(e, ERR_FORMAT, "what a row says of its filters is damaged");
}

/* The topic may have changed since the filter was accepted: it is asked
 * again, with the type in front so that it makes exactly one query. */
static enum err_code ask_topic(const struct form_table *t,
                               const struct topic *topic, struct bytes text,
                               struct shape_filter *out, struct err *e)
{
    struct filter filters[TOPIC_TYPES_MAX];
    size_t n = 0;
    enum err_code code =
        topic_filter_compile(topic, text, t->base_url, filters, &n, e);

    if (code != ERR_OK)
        return code;
    if (n == 1 && bytes_equal(filters[0].resource_type, out->type)) {
        out->query = filters[0].query;
        return ERR_OK;
    }
    while (n > 0)
        filter_fini(&filters[--n]);
    return damaged(e);
}

/* text is "Type?query". */
static enum err_code compile_filter(const struct form_table *t,
                                    const struct shape *s, struct bytes text,
                                    struct shape_filter *out, struct err *e)
{
    struct query_split split;
    enum err_code code =
        s->topic ? ask_topic(t, s->topic, text, out, e)
                 : query_compile(out->type, bytes_from(text, out->type.n + 1),
                                 t->base_url, &out->query, e);

    if (code != ERR_OK)
        return code;
    if (query_split_anchor(out->query, &split) == (out->value > 0))
        return ERR_OK;
    query_free(out->query);
    out->query = NULL;
    return damaged(e);
}

static enum err_code read_filter(const struct form_table *t,
                                 const struct shape *s, struct bytes *key,
                                 struct bytes values, struct shape_filter *out,
                                 struct err *e)
{
    struct bytes before, after, value = {NULL, 0};
    struct buf text;
    size_t which;
    enum err_code code;

    if (!take_text(key, &out->type) || !take_number(key, &which) ||
        !take_text(key, &before) || !take_text(key, &after) ||
        !find_value(values, which, &value))
        return damaged(e);
    out->value = (uint16_t)which;
    buf_init(&text, QUERY_TEXT_MAX + 128);
    buf_add(&text, out->type);
    buf_add_char(&text, '?');
    buf_add(&text, before);
    buf_add(&text, value);
    buf_add(&text, after);
    code = buf_check(&text, e);
    if (code == ERR_OK)
        code = compile_filter(t, s, buf_bytes(&text), out, e);
    buf_fini(&text);
    return code;
}

static enum err_code read_filters(const struct form_table *t, struct shape *s,
                                  struct bytes values, struct err *e)
{
    struct bytes key = bytes_make(s->key, s->key_bytes), skipped;

    if (!take_text(&key, &skipped) || !take_text(&key, &skipped))
        return damaged(e);
    while (key.n > 0) {
        struct shape_filter *grown =
            realloc(s->filters, (s->filter_count + 1) * sizeof *s->filters);
        enum err_code code;

        if (!grown)
            return err_nomem(e);
        s->filters = grown;
        s->filters[s->filter_count] = (struct shape_filter){.query = NULL};
        code = read_filter(t, s, &key, values, &s->filters[s->filter_count], e);
        if (code != ERR_OK)
            return code;
        s->filter_count++;
    }
    return ERR_OK;
}

static struct shape *shape_new(const struct shape_source *from, uint64_t hash)
{
    struct shape *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->key = malloc(from->key.n);
    if (!s->key) {
        free(s);
        return NULL;
    }
    memcpy(s->key, from->key.p, from->key.n);
    s->key_bytes = from->key.n;
    s->hash = hash;
    s->topic = topic_ref(from->topic);
    s->classic_type = from->classic_type;
    return s;
}

static enum err_code make_shape(struct form_table *t,
                                const struct shape_source *from, uint64_t hash,
                                struct shape **out, struct err *e)
{
    struct shape *s = shape_new(from, hash);
    enum err_code code = s ? read_filters(t, s, from->values, e) : ERR_NOMEM;

    if (code == ERR_OK && !map_insert(&t->shapes, hash, s))
        code = ERR_NOMEM;
    if (code == ERR_NOMEM)
        err_nomem(e);
    if (code != ERR_OK && s) {
        shape_free(s);
        s = NULL;
    }
    *out = s;
    return code;
}

static bool shape_equal(const void *object, const void *key)
{
    const struct shape *s = object;
    const struct shape_source *from = key;

    return s->topic == from->topic &&
           bytes_equal(bytes_make(s->key, s->key_bytes), from->key);
}

static enum err_code need_shape(struct form_table *t,
                                const struct shape_source *from,
                                struct shape **out, struct err *e)
{
    uint64_t hash = bytes_hash(from->key, t->seed);

    *out = map_find(&t->shapes, hash, shape_equal, from);
    return *out ? ERR_OK : make_shape(t, from, hash, out, e);
}

static void release_shape(struct form_table *t, struct shape *s)
{
    if (s->users > 0)
        return;
    map_remove(&t->shapes, s->hash, s);
    shape_free(s);
}

/* ---- forms ---- */

/* Every value that a filter of the shape wants must be there. */
static bool has_values(const struct shape *s, struct bytes values)
{
    struct bytes text;

    for (size_t i = 0; i < s->filter_count; i++)
        if (!find_value(values, s->filters[i].value, &text))
            return false;
    return true;
}

static size_t size_of(size_t values_bytes, size_t secret_bytes)
{
    return offsetof(struct form, data) + values_bytes + secret_bytes;
}

static struct form *make_form(struct form_table *t,
                              const struct form_text *text)
{
    uint32_t handle =
        blocks_take(&t->blocks, size_of(text->values.n, text->secret.n));
    struct form *f;

    if (handle == 0)
        return NULL;
    f = blocks_at(&t->blocks, handle);
    f->link.form = handle;
    f->values_bytes = (uint32_t)text->values.n & 0xFFFFFFU;
    f->secret_bytes = (uint32_t)text->secret.n & 0x7FU;
    if (text->values.n)
        memcpy(f->data, text->values.p, text->values.n);
    if (text->secret.n)
        memcpy(f->data + text->values.n, text->secret.p, text->secret.n);
    return f;
}

static enum err_code form_make(struct form_table *t,
                               const struct shape_source *from,
                               struct bytes secret, struct form **out,
                               struct err *e)
{
    const struct form_text text = {from->key, from->values, secret};
    struct shape *shape;
    enum err_code code = need_shape(t, from, &shape, e);

    *out = NULL;
    if (code != ERR_OK)
        return code;
    if (!has_values(shape, from->values) || secret.n > SIGNATURE_KEY_MAX)
        code = damaged(e);
    if (code == ERR_OK)
        *out = make_form(t, &text);
    if (!*out) {
        release_shape(t, shape);
        return code == ERR_OK ? err_nomem(e) : code;
    }
    (*out)->shape = shape;
    shape->users++;
    return ERR_OK;
}

/* The topic or the classic type that a key names. */
static enum err_code find_source(const struct topic_set *topics,
                                 struct shape_source *from, struct err *e)
{
    struct bytes rest = from->key, type, canonical;
    const struct search_base *base;

    if (!take_text(&rest, &type) || !take_text(&rest, &canonical))
        return damaged(e);
    if (type.n > 0) {
        base = search_base_find(type);
        from->classic_type = base ? base->type : NULL;
        return base ? ERR_OK : damaged(e);
    }
    from->topic = topic_set_find(topics, canonical);
    if (from->topic)
        return ERR_OK;
    return err_set(e, ERR_UNPROCESSABLE,
                   "topic %.*s is not offered by this server",
                   BYTES_ARG(canonical));
}

enum err_code form_load(struct form_table *t, const struct topic_set *topics,
                        const struct form_text *text, struct form **out,
                        struct err *e)
{
    struct shape_source from = {.key = text->key, .values = text->values};
    enum err_code code = find_source(topics, &from, e);

    *out = NULL;
    return code == ERR_OK ? form_make(t, &from, text->secret, out, e) : code;
}

enum err_code form_new(struct form_table *t, const struct subscription *s,
                       struct form **out, struct err *e)
{
    struct signature_key key = {.n = 0};
    enum err_code code = write_text(t, s, e);
    struct shape_source from = {buf_bytes(&t->key), buf_bytes(&t->values),
                                s->topic, s->classic_type};

    *out = NULL;
    if (code != ERR_OK)
        return code;
    /* one that cannot be read signs nothing and proves nothing */
    if (s->secret &&
        signature_key_parse(bytes_of(s->secret), &key, NULL) != ERR_OK)
        key.n = 0;
    code = form_make(t, &from, bytes_make((const char *)key.p, key.n), out, e);
    signature_key_fini(&key);
    return code;
}

void form_free(struct form_table *t, struct form **f)
{
    struct form *gone = *f;

    *f = NULL;
    if (!gone)
        return;
    gone->shape->users--;
    release_shape(t, gone->shape);
    /* which clears it, and the secret with it */
    blocks_give(&t->blocks, gone->link.form,
                size_of(gone->values_bytes, gone->secret_bytes));
}

struct form_text form_text(const struct form *f)
{
    return (struct form_text){bytes_make(f->shape->key, f->shape->key_bytes),
                              bytes_make(f->data, f->values_bytes),
                              form_secret(f)};
}

struct bytes form_secret(const struct form *f)
{
    return bytes_make(f->data + f->values_bytes, f->secret_bytes);
}

struct bytes form_canonical(const struct form *f)
{
    struct bytes key = bytes_make(f->shape->key, f->shape->key_bytes);
    struct bytes text = {NULL, 0};
    bool whole = take_text(&key, &text) && take_text(&key, &text);

    assert(whole);
    (void)whole;
    return text;
}
