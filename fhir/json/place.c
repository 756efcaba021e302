#include "fhir/json/place.h"

#include "fhir/json/gate.h"
#include "fhir/json/unescape.h"

#include <stdio.h>

#define TYPE_NAME_MAX 64

struct level {
    bool array;
    bool has_key;
    struct bytes key; /* raw, without quotes */
    size_t index;
};

struct walk {
    struct bytes text; /* ends where the path ends */
    size_t at;
    struct bytes type; /* the value of the root's resourceType, or empty */
    unsigned depth;
    struct level levels[JSON_DEPTH_MAX];
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_identifier(struct bytes name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!is_letter(c) && c != '_' && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.n > 0;
}

/* Steps over the string at w->at; false when the path ends inside it. */
static bool read_string(struct walk *w, struct bytes *raw)
{
    size_t i = w->at + 1;

    while (i < w->text.n && w->text.p[i] != '"')
        i += w->text.p[i] == '\\' ? 2 : 1;
    if (i >= w->text.n)
        return false;
    *raw = bytes_make(w->text.p + w->at + 1, i - w->at - 1);
    w->at = i + 1;
    return true;
}

static bool on_string(struct walk *w)
{
    struct level *top = w->depth ? &w->levels[w->depth - 1] : NULL;
    struct bytes raw;

    if (!top || !read_string(w, &raw))
        return false;
    if (!top->array && !top->has_key) {
        top->key = raw;
        top->has_key = true;
    } else if (w->depth == 1 && raw.n <= TYPE_NAME_MAX && is_identifier(raw) &&
               json_unescaped_is(top->key, bytes_of("resourceType"))) {
        w->type = raw;
    }
    return true;
}

static void on_comma(struct walk *w)
{
    struct level *top = &w->levels[w->depth - 1];

    top->has_key = false;
    top->index++;
}

/* False where the path ends. */
static bool step(struct walk *w)
{
    char c = w->text.p[w->at];

    if (c == '"')
        return on_string(w);
    if (c == '{' || c == '[') {
        if (w->depth == JSON_DEPTH_MAX)
            return false;
        w->levels[w->depth++] = (struct level){.array = c == '['};
    } else if ((c == '}' || c == ']') && w->depth > 0) {
        w->depth--;
    } else if (c == ',' && w->depth > 0) {
        on_comma(w);
    }
    w->at++;
    return true;
}

struct path {
    char *p;
    size_t n;
    bool full;
};

static void put(struct path *path, const char *text, size_t n)
{
    if (path->full || n >= ERR_EXPRESSION_BYTES - path->n) {
        path->full = true;
        return;
    }
    memcpy(path->p + path->n, text, n);
    path->n += n;
}

/* FHIRPath, lexical elements: a name that is no identifier stands between
 * backticks; JSON's escapes are FHIRPath's too. */
static void put_key(struct path *path, struct bytes key)
{
    bool plain = is_identifier(key);

    put(path, ".", 1);
    if (plain) {
        put(path, key.p, key.n);
        return;
    }
    put(path, "`", 1);
    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] == '`')
            put(path, "\\", 1);
        put(path, key.p + i, 1);
    }
    put(path, "`", 1);
}

static void put_level(struct path *path, const struct level *level)
{
    size_t before = path->n;
    char index[24];
    int n;

    if (level->array) {
        n = snprintf(index, sizeof index, "[%zu]", level->index);
        put(path, index, n > 0 ? (size_t)n : 0);
    } else if (level->has_key) {
        put_key(path, level->key);
    }
    if (path->full)
        path->n = before;
}

static void write_path(const struct walk *w, char out[ERR_EXPRESSION_BYTES])
{
    struct path path = {.p = out};

    if (w->type.n)
        put(&path, w->type.p, w->type.n);
    else
        put(&path, "$this", 5);
    for (unsigned i = 0; i < w->depth && !path.full; i++)
        put_level(&path, &w->levels[i]);
    out[path.n] = '\0';
}

static void count_lines(struct bytes before, struct json_place *out)
{
    out->line = out->column = 1;
    for (size_t i = 0; i < before.n; i++) {
        if (before.p[i] == '\n') {
            out->line++;
            out->column = 1;
        } else if (((unsigned char)before.p[i] & 0xc0) != 0x80) {
            out->column++;
        }
    }
}

void json_place_find(struct bytes text, size_t offset, size_t path_end,
                     struct json_place *out)
{
    struct walk w;

    w.text = bytes_make(text.p, path_end);
    w.at = 0;
    w.type = bytes_make(NULL, 0);
    w.depth = 0;
    while (w.at < w.text.n && step(&w))
        ;
    write_path(&w, out->path);
    count_lines(bytes_make(text.p, offset), out);
}
