#include "fhir/bundle/link.h"

#include "fhir/json/unescape.h"
#include "fhir/model/types.h"

/* Longer strings are no URL that an entry could have as its fullUrl. */
#define LINK_URL_BYTES 1024

void link_table_init(struct link_table *t, const uint64_t seed[2],
                     struct arena *arena)
{
    *t = (struct link_table){.seed = {seed[0], seed[1]}, .arena = arena};
    map_init(&t->map);
}

void link_table_fini(struct link_table *t)
{
    map_fini(&t->map);
}

void link_table_reset(struct link_table *t)
{
    map_fini(&t->map);
    map_init(&t->map);
    t->first = NULL;
}

static bool is_from(const void *object, const void *key)
{
    return bytes_equal(((const struct link *)object)->from,
                       *(const struct bytes *)key);
}

static const struct link *find(const struct link_table *t, struct bytes url)
{
    return map_find(&t->map, bytes_hash(url, t->seed), is_from, &url);
}

bool link_table_has(const struct link_table *t, struct bytes from)
{
    return find(t, from) != NULL;
}

bool link_table_add(struct link_table *t, struct bytes from, struct bytes to,
                    bool *repeated)
{
    struct link *l;

    *repeated = find(t, from) != NULL;
    if (*repeated)
        return true;
    l = arena_alloc(t->arena, sizeof *l);
    if (!l)
        return false;
    *l = (struct link){from, to, t->first};
    t->first = l;
    return map_insert(&t->map, bytes_hash(from, t->seed), l);
}

/* Where a copy stands: text up to `done` is in out. */
struct rewrite {
    const struct link_table *table;
    struct bytes text;
    struct bytes base; /* of the entry's fullUrl, with its last '/' */
    struct buf *out;
    size_t done;
};

static void replace(struct rewrite *w, size_t begin, size_t end,
                    struct bytes with)
{
    buf_add(w->out, bytes_make(w->text.p + w->done, begin - w->done));
    buf_add(w->out, with);
    w->done = end;
}

/* "https://host/fhir/Patient/1" has the base "https://host/fhir/". */
static struct bytes base_of(struct bytes full_url)
{
    size_t n = full_url.n;

    if (!bytes_starts(full_url, "http"))
        return bytes_make(NULL, 0);
    for (int slashes = 0; n > 0; n--)
        if (full_url.p[n - 1] == '/' && ++slashes == 2)
            return bytes_make(full_url.p, n);
    return bytes_make(NULL, 0);
}

static const struct link *link_of(const struct rewrite *w, struct bytes value)
{
    char joined[LINK_URL_BYTES];
    const struct link *l = find(w->table, value);

    if (l || w->base.n == 0 || bytes_find(value, '/') == value.n ||
        bytes_find(value, ':') < value.n || w->base.n + value.n > sizeof joined)
        return l;
    memcpy(joined, w->base.p, w->base.n);
    memcpy(joined + w->base.n, value.p, value.n);
    return find(w->table, bytes_make(joined, w->base.n + value.n));
}

static void rewrite_string(struct rewrite *w, struct json_span span)
{
    struct bytes raw =
        bytes_make(w->text.p + span.begin + 1, span.end - span.begin - 2);
    char value[LINK_URL_BYTES];
    const struct link *l;

    if (raw.n == 0 || raw.n > sizeof value)
        return;
    l = link_of(w, bytes_make(value, json_unescape(raw, value)));
    if (l)
        replace(w, span.begin + 1, span.end - 1, l->to);
}

/* An attribute of the narrative whose quotes stand escaped in the JSON:
 * href=\"url\" or, with single quotes, href='url'. */
static void rewrite_attribute(struct rewrite *w, size_t at, size_t end)
{
    char quote = w->text.p[at];
    size_t from, to;

    if (quote == '\\' && at + 1 < end && w->text.p[at + 1] == '"')
        from = at + 2;
    else if (quote == '\'')
        from = at + 1;
    else
        return;
    to = from;
    while (to < end && w->text.p[to] != '"' && w->text.p[to] != '\'' &&
           w->text.p[to] != '\\')
        to++;
    if (to < end && to - from <= LINK_URL_BYTES) {
        const struct link *l =
            link_of(w, bytes_make(w->text.p + from, to - from));

        if (l)
            replace(w, from, to, l->to);
    }
}

static void rewrite_narrative(struct rewrite *w, struct json_span span)
{
    static const char *const names[] = {"href=", "src="};

    for (size_t i = span.begin; i < span.end; i++)
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            if (bytes_starts(bytes_make(w->text.p + i, span.end - i), names[k]))
                rewrite_attribute(w, i + strlen(names[k]), span.end);
}

/* One past the closing quote of the string that begins at `at`. */
static size_t string_end(struct bytes text, size_t at)
{
    for (at++; text.p[at] != '"'; at++)
        if (text.p[at] == '\\')
            at++;
    return at + 1;
}

static bool is_key(struct bytes text, size_t end)
{
    while (text.p[end] == ' ' || text.p[end] == '\t' || text.p[end] == '\n' ||
           text.p[end] == '\r')
        end++;
    return text.p[end] == ':';
}

/* Every string of a value that passed the gate, and stands in an object: there
 * is a byte behind each of them. */
static void rewrite_strings(struct rewrite *w, struct json_span span)
{
    bool narrative = false;

    for (size_t at = span.begin; at < span.end; at++) {
        struct json_span string = {at, at};

        if (w->text.p[at] != '"')
            continue;
        string.end = string_end(w->text, at);
        at = string.end - 1;
        if (is_key(w->text, string.end)) {
            narrative = json_string_is(w->text, string, "div");
        } else if (narrative) {
            rewrite_narrative(w, string);
            narrative = false;
        } else {
            rewrite_string(w, string);
        }
    }
}

/* --- conditional references --- */

static bool tell(struct bytes text, struct json_span string, link_each *each,
                 void *ctx)
{
    struct bytes raw =
        bytes_make(text.p + string.begin + 1, string.end - string.begin - 2);
    char value[LINK_URL_BYTES];
    struct bytes reference;
    size_t mark = bytes_find(raw, '?');

    if (mark == raw.n || raw.n > sizeof value ||
        !model_is_resource_type(bytes_make(raw.p, mark)))
        return true;
    reference = bytes_make(value, json_unescape(raw, value));
    return each(ctx, reference);
}

bool link_conditionals(struct bytes text, struct json_span span,
                       link_each *each, void *ctx)
{
    bool is_reference = false;

    for (size_t at = span.begin; at < span.end; at++) {
        struct json_span string = {at, at};

        if (text.p[at] != '"')
            continue;
        string.end = string_end(text, at);
        at = string.end - 1;
        if (is_key(text, string.end)) {
            is_reference = json_string_is(text, string, "reference");
            continue;
        }
        if (is_reference && !tell(text, string, each, ctx))
            return false;
        is_reference = false;
    }
    return true;
}

void link_rewrite(const struct link_table *t, struct bytes text,
                  struct json_span span, struct bytes full_url, struct buf *out)
{
    struct rewrite w = {.table = t,
                        .text = text,
                        .base = base_of(full_url),
                        .out = out,
                        .done = span.begin};

    if (t->map.count > 0)
        rewrite_strings(&w, span);
    buf_add(out, bytes_make(text.p + w.done, span.end - w.done));
}
