#include "fhir/json/stored.h"

#include <stdio.h>
#include <stdlib.h>

#include "fhir/json/edit.h"
#include "storage/base/instant.h"

/* The three members with their keys, and what JSON may add to the id. */
#define STORED_EXTRA_BYTES 256
#define ID_ESCAPED_MAX 6
#define TIME_HOLE "0000-00-00T00:00:00.000Z"

_Static_assert(sizeof TIME_HOLE == INSTANT_TEXT_BYTES + 1,
               "the hole is as wide as an instant");

struct splice {
    struct bytes text;
    struct json_span root;
    struct json_editor editor;
    struct bytes id; /* as JSON, with quotes */
};

static char first_byte(struct bytes text, struct json_span span)
{
    return span.begin < span.end ? text.p[span.begin] : '\0';
}

/* "Patient.meta"; "$this.meta" when the text does not say what it is. */
static enum err_code refuse(const struct splice *s, const char *key,
                            const char *problem, struct err *e)
{
    char expression[ERR_EXPRESSION_BYTES];
    struct json_item type;
    struct bytes name = bytes_of("$this");
    int n;

    if (json_member(s->text, s->root, "resourceType", &type) &&
        first_byte(s->text, type.value) == '"' &&
        type.value.end - type.value.begin <= 66)
        name = bytes_make(s->text.p + type.value.begin + 1,
                          type.value.end - type.value.begin - 2);
    n = snprintf(expression, sizeof expression, "%.*s.%s", BYTES_ARG(name),
                 key);
    if (n < 0)
        expression[0] = '\0';
    return err_set_at(e, ERR_INVALID, expression, "%s", problem);
}

static void add_member(struct splice *s, const struct json_item *before,
                       const char *key, struct bytes value)
{
    if (before)
        json_edit_insert_member(&s->editor, before, key, value);
    else
        json_edit_add_member(&s->editor, s->root, key, value);
}

/* NULL where the text has no such member. */
struct members {
    const struct json_item *type;
    const struct json_item *id;
    const struct json_item *meta;
    struct json_item items[3];
};

static void find_members(const struct splice *s, struct members *m)
{
    static const char *const keys[] = {"resourceType", "id", "meta"};
    const struct json_item **const found[] = {&m->type, &m->id, &m->meta};
    struct json_item item;
    size_t position = 0;

    *m = (struct members){0};
    while ((!m->type || !m->id || !m->meta) &&
           json_next(s->text, s->root, &position, &item)) {
        for (size_t i = 0; i < 3; i++) {
            if (json_string_is(s->text, item.key, keys[i])) {
                m->items[i] = item;
                *found[i] = &m->items[i];
            }
        }
    }
}

static enum err_code splice_id(struct splice *s, const struct members *m,
                               struct err *e)
{
    if (!m->id)
        add_member(s, m->type, "id", s->id);
    else if (first_byte(s->text, m->id->value) != '"')
        return refuse(s, "id", "id must be a string", e);
    else
        json_edit_replace(&s->editor, m->id->value, s->id);
    return ERR_OK;
}

static enum err_code splice_meta(struct splice *s, const struct members *m,
                                 struct err *e)
{
    const char *meta = "{\"versionId\":\"\",\"lastUpdated\":\"" TIME_HOLE "\"}";

    if (!m->meta) {
        add_member(s, m->id ? m->id : m->type, "meta", bytes_of(meta));
        return ERR_OK;
    }
    if (first_byte(s->text, m->meta->value) != '{')
        return refuse(s, "meta", "meta must be an object", e);
    json_edit_set_member(&s->editor, m->meta->value, "versionId",
                         bytes_of("\"\""));
    json_edit_set_member(&s->editor, m->meta->value, "lastUpdated",
                         bytes_of("\"" TIME_HOLE "\""));
    return ERR_OK;
}

static enum err_code splice_all(struct splice *s, struct err *e)
{
    struct members m;
    enum err_code code;

    find_members(s, &m);
    code = splice_id(s, &m, e);
    return code == ERR_OK ? splice_meta(s, &m, e) : code;
}

/* Finds the two holes in the finished text. */
static enum err_code find_holes(struct stored_text *t, struct err *e)
{
    struct bytes text = bytes_make(t->p, t->n);
    struct json_item meta, version, time;

    if (!json_member(text, json_root(text), "meta", &meta) ||
        !json_member(text, meta.value, "versionId", &version) ||
        !json_member(text, meta.value, "lastUpdated", &time))
        return err_set(e, ERR_BUG, "the spliced text has no meta");
    t->version_at = version.value.begin + 1;
    t->time_at = time.value.begin + 1;
    return ERR_OK;
}

static enum err_code make(struct splice *s, struct buf *result,
                          struct stored_text *out, struct err *e)
{
    enum err_code code = splice_all(s, e);

    if (code == ERR_OK)
        code = json_editor_apply(&s->editor, result, e);
    if (code != ERR_OK)
        return code;
    out->p = buf_take(result, &out->n);
    if (!out->p)
        return err_nomem(e);
    return find_holes(out, e);
}

enum err_code stored_text_make(struct bytes text, struct bytes id,
                               struct arena *scratch, struct stored_text *out,
                               struct err *e)
{
    struct splice s = {.text = text, .root = json_root(text)};
    struct buf id_json, result;
    enum err_code code;

    *out = (struct stored_text){0};
    json_editor_init(&s.editor, text, scratch);
    buf_init(&id_json, id.n * ID_ESCAPED_MAX + 2);
    buf_init(&result, text.n + id.n * ID_ESCAPED_MAX + STORED_EXTRA_BYTES);
    buf_add_json_string(&id_json, id);
    code = buf_check(&id_json, e);
    s.id = buf_bytes(&id_json);
    if (code == ERR_OK)
        code = make(&s, &result, out, e);
    if (code != ERR_OK)
        stored_text_fini(out);
    buf_fini(&id_json);
    buf_fini(&result);
    return code;
}

void stored_text_fini(struct stored_text *t)
{
    free(t->p);
    *t = (struct stored_text){0};
}

static size_t digits_of(uint64_t value)
{
    size_t n = 1;

    while (value >= 10) {
        value /= 10;
        n++;
    }
    return n;
}

size_t stored_text_size(const struct stored_text *t, uint64_t version)
{
    return t->n + digits_of(version);
}

void stored_text_fill(const struct stored_text *t, uint64_t version,
                      int64_t time_ms, char *out)
{
    size_t digits = digits_of(version);
    size_t time_at = t->time_at + (t->time_at > t->version_at ? digits : 0);
    char *hole = out + t->version_at;

    memcpy(out, t->p, t->version_at);
    for (size_t i = digits; i > 0; i--) {
        hole[i - 1] = (char)('0' + version % 10);
        version /= 10;
    }
    memcpy(hole + digits, t->p + t->version_at, t->n - t->version_at);
    instant_format(time_ms, out + time_at);
}
