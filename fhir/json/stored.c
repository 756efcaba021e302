#include "fhir/json/stored.h"

#include <stdio.h>
#include <stdlib.h>

#include "storage/base/instant.h"

/* The three members with their keys, and what JSON may add to the id. */
#define STORED_EXTRA_BYTES 256
#define ID_ESCAPED_MAX 6
#define TIME_HOLE "0000-00-00T00:00:00.000Z"

_Static_assert(sizeof TIME_HOLE == INSTANT_TEXT_BYTES + 1,
               "the hole is as wide as an instant");

/* id, and meta or the two members of it. */
#define EDITS_MAX 3

enum value { VALUE_ID, VALUE_META, VALUE_VERSION, VALUE_TIME };

struct edit {
    size_t begin, end;  /* what goes; nothing for an insertion */
    const char *before; /* what stands in front of the value */
    enum value value;
    bool comma; /* behind the value */
};

struct splice {
    const struct json_tokens *tokens;
    uint32_t type, id, meta; /* JSON_NONE where the text has none */
    struct edit edits[EDITS_MAX];
    size_t count;
};

/* ---- what goes where ---- */

/* "Patient.meta"; "$this.meta" when the text does not say what it is. */
static enum err_code refuse(const struct splice *s, const char *key,
                            const char *problem, struct err *e)
{
    char expression[ERR_EXPRESSION_BYTES];
    struct bytes name = bytes_of("$this");
    int n;

    if (s->type != JSON_NONE && json_token_first(s->tokens, s->type) == '"' &&
        json_token_raw(s->tokens, s->type).n <= 64)
        name = json_token_raw(s->tokens, s->type);
    n = snprintf(expression, sizeof expression, "%.*s.%s", BYTES_ARG(name),
                 key);
    if (n < 0)
        expression[0] = '\0';
    return err_set_at(e, ERR_INVALID, expression, "%s", problem);
}

/* Kept in the order of the text; those at one place in the order in which
 * they were added. */
static void add_edit(struct splice *s, struct edit edit)
{
    size_t at = s->count++;

    for (; at > 0 && s->edits[at - 1].begin > edit.begin; at--)
        s->edits[at] = s->edits[at - 1];
    s->edits[at] = edit;
}

static void replace(struct splice *s, uint32_t value, enum value with)
{
    const struct json_token *t = json_token(s->tokens, value);

    add_edit(s, (struct edit){t->begin, t->end, "", with, false});
}

/* Behind a member, or first in an object. */
static void insert_behind(struct splice *s, uint32_t member, const char *key,
                          enum value value)
{
    size_t at = json_token(s->tokens, member)->end;

    add_edit(s, (struct edit){at, at, key, value, false});
}

static void insert_first(struct splice *s, uint32_t object, const char *key,
                         enum value value, bool more)
{
    const struct json_token *t = json_token(s->tokens, object);
    size_t at = t->begin + 1;

    add_edit(s,
             (struct edit){at, at, key, value, more || t->next > object + 1});
}

static void find_members(struct splice *s)
{
    const struct json_tokens *t = s->tokens;

    for (uint32_t i = JSON_ROOT + 1; i < t->count; i = json_token(t, i)->next) {
        if (json_token_is_named(t, i, bytes_make("resourceType", 12)))
            s->type = i;
        else if (json_token_is_named(t, i, bytes_make("id", 2)))
            s->id = i;
        else if (json_token_is_named(t, i, bytes_make("meta", 4)))
            s->meta = i;
    }
}

static enum err_code splice_id(struct splice *s, struct err *e)
{
    if (s->id == JSON_NONE && s->type == JSON_NONE)
        insert_first(s, JSON_ROOT, "\"id\":", VALUE_ID, s->meta == JSON_NONE);
    else if (s->id == JSON_NONE)
        insert_behind(s, s->type, ",\"id\":", VALUE_ID);
    else if (json_token_first(s->tokens, s->id) != '"')
        return refuse(s, "id", "id must be a string", e);
    else
        replace(s, s->id, VALUE_ID);
    return ERR_OK;
}

static enum err_code splice_meta(struct splice *s, struct err *e)
{
    uint32_t before = s->id != JSON_NONE ? s->id : s->type;
    uint32_t version, time;

    if (s->meta == JSON_NONE && before == JSON_NONE)
        insert_first(s, JSON_ROOT, "\"meta\":", VALUE_META, false);
    else if (s->meta == JSON_NONE)
        insert_behind(s, before, ",\"meta\":", VALUE_META);
    if (s->meta == JSON_NONE)
        return ERR_OK;
    if (json_token_first(s->tokens, s->meta) != '{')
        return refuse(s, "meta", "meta must be an object", e);
    version = json_token_member(s->tokens, s->meta, bytes_of("versionId"));
    time = json_token_member(s->tokens, s->meta, bytes_of("lastUpdated"));
    if (version != JSON_NONE)
        replace(s, version, VALUE_VERSION);
    else
        insert_first(s, s->meta, "\"versionId\":", VALUE_VERSION,
                     time == JSON_NONE);
    if (time != JSON_NONE)
        replace(s, time, VALUE_TIME);
    else
        insert_first(s, s->meta, "\"lastUpdated\":", VALUE_TIME, false);
    return ERR_OK;
}

/* ---- the text ---- */

/* Behind the opening quote of a value that begins where out ends. */
static void write_version(struct buf *out, struct stored_text *t)
{
    t->version_at = out->n + 1;
    buf_add(out, bytes_make("\"\"", 2));
}

static void write_time(struct buf *out, struct stored_text *t)
{
    static const char hole[] = "\"" TIME_HOLE "\"";

    t->time_at = out->n + 1;
    buf_add(out, bytes_make(hole, sizeof hole - 1));
}

static void write_value(const struct edit *edit, struct bytes id,
                        struct buf *out, struct stored_text *t)
{
    switch (edit->value) {
    case VALUE_ID:
        buf_add_json_string(out, id);
        break;
    case VALUE_META:
        buf_add_text(out, "{\"versionId\":");
        write_version(out, t);
        buf_add_text(out, ",\"lastUpdated\":");
        write_time(out, t);
        buf_add_char(out, '}');
        break;
    case VALUE_VERSION:
        write_version(out, t);
        break;
    case VALUE_TIME:
        write_time(out, t);
        break;
    }
}

static void write_all(const struct splice *s, struct bytes id, struct buf *out,
                      struct stored_text *t)
{
    struct bytes text = s->tokens->text;
    size_t at = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct edit *edit = &s->edits[i];

        buf_add(out, bytes_make(text.p + at, edit->begin - at));
        buf_add_text(out, edit->before);
        write_value(edit, id, out, t);
        if (edit->comma)
            buf_add_char(out, ',');
        at = edit->end;
    }
    buf_add(out, bytes_from(text, at));
}

enum err_code stored_text_make(const struct json_tokens *tokens,
                               struct bytes id, struct stored_text *out,
                               struct err *e)
{
    struct splice s = {.tokens = tokens,
                       .type = JSON_NONE,
                       .id = JSON_NONE,
                       .meta = JSON_NONE};
    size_t max = tokens->text.n + id.n * ID_ESCAPED_MAX + STORED_EXTRA_BYTES;
    struct buf text;
    enum err_code code;

    *out = (struct stored_text){0};
    find_members(&s);
    code = splice_id(&s, e);
    if (code == ERR_OK)
        code = splice_meta(&s, e);
    if (code != ERR_OK)
        return code;
    buf_init(&text, max);
    /* all at once: the text does not move while it grows */
    if (buf_extend(&text, max))
        text.n = 0;
    write_all(&s, id, &text, out);
    code = buf_check(&text, e);
    if (code == ERR_OK)
        out->p = buf_take(&text, &out->n);
    if (!out->p)
        *out = (struct stored_text){0};
    buf_fini(&text);
    return code == ERR_OK && !out->p ? err_nomem(e) : code;
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
