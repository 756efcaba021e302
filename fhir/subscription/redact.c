#include "fhir/subscription/redact.h"

#include "fhir/json/edit.h"
#include "fhir/json/unescape.h"
#include "fhir/subscription/wire.h"

#include <stdio.h>

#define SECRET_MASK "whsec_" REDACT_MASK
#define PATH_BYTES 96

static bool is_kind(struct bytes text, struct json_span span, char first)
{
    return span.end > span.begin && text.p[span.begin] == first;
}

/* The member when its JSON type is the one that starts with `first`. */
static bool find(struct bytes text, struct json_span object, const char *key,
                 char first, struct json_span *out)
{
    struct json_item item;

    if (!json_member(text, object, key, &item) ||
        !is_kind(text, item.value, first))
        return false;
    *out = item.value;
    return true;
}

static bool find_channel(struct bytes text, struct json_span *channel)
{
    return find(text, json_root(text), "channel", '{', channel);
}

/* The meaning of the string at span; {NULL, 0} without memory. */
static struct bytes string_at(struct bytes text, struct json_span span,
                              struct arena *scratch)
{
    struct bytes raw =
        bytes_make(text.p + span.begin + 1, span.end - span.begin - 2);
    char *out = arena_alloc(scratch, raw.n + 1);

    if (!out)
        return bytes_make(NULL, 0);
    return bytes_make(out, json_unescape(raw, out));
}

/* ---- the secret's extension ---- */

struct secret_cursor {
    struct json_span extensions;
    size_t position;
    size_t index; /* of the element found */
};

/* The next secret's valueString among the channel's extensions. */
static bool next_secret(struct bytes text, struct secret_cursor *c,
                        struct json_span *value)
{
    struct json_item item;

    while (json_next(text, c->extensions, &c->position, &item)) {
        struct json_span url;

        c->index++;
        if (find(text, item.value, "url", '"', &url) &&
            json_string_is(text, url, REDACT_SECRET_URL) &&
            find(text, item.value, "valueString", '"', value))
            return true;
    }
    return false;
}

static bool first_secret(struct bytes text, struct json_span *value)
{
    struct secret_cursor c = {.position = 0};
    struct json_span channel;

    return text.n && find_channel(text, &channel) &&
           find(text, channel, "extension", '[', &c.extensions) &&
           next_secret(text, &c, value);
}

/* ---- showing ---- */

static void replace_with_string(struct json_editor *ed, struct json_span span,
                                struct bytes text)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    buf_add_json_string(&b, text);
    if (b.failed == ERR_OK)
        json_edit_replace(ed, span, buf_bytes(&b));
    else
        ed->failed = true;
    buf_fini(&b);
}

static void mask_header(struct json_editor *ed, struct json_span span)
{
    struct bytes line = string_at(ed->text, span, ed->arena);
    struct wire_header h;
    size_t n;
    char *masked;

    if (!line.p || !wire_split_header(line, &h)) {
        json_edit_replace(ed, span, bytes_of("\"" REDACT_MASK "\""));
        return;
    }
    n = h.name.n + strlen(": " REDACT_MASK);
    masked = arena_alloc(ed->arena, n);
    if (!masked) {
        ed->failed = true;
        return;
    }
    memcpy(masked, h.name.p, h.name.n);
    memcpy(masked + h.name.n, ": " REDACT_MASK, n - h.name.n);
    replace_with_string(ed, span, bytes_make(masked, n));
}

/* The next header of the list; false when there is none. */
static bool next_header(struct bytes text, const struct json_span *list,
                        size_t *position, struct json_item *item)
{
    return list->end > list->begin && json_next(text, *list, position, item);
}

/* Whether the header at that place was sent with a value of its own. */
static bool is_clear(struct json_editor *ed, struct bytes sent,
                     const struct json_item *item)
{
    struct bytes line = string_at(sent, item->value, ed->arena);
    struct wire_header h;

    return line.p && wire_split_header(line, &h) &&
           !bytes_is(h.value, REDACT_MASK);
}

/* Completing keeps the places of headers, so the n-th stored is the n-th
 * sent. */
static void mask_headers(struct json_editor *ed, struct json_span channel,
                         struct bytes sent)
{
    struct json_span headers, own = {0, 0}, sent_channel;
    struct json_item item, mine;
    size_t position = 0, at = 0;

    if (!find(ed->text, channel, "header", '[', &headers))
        return;
    if (sent.n && find_channel(sent, &sent_channel))
        (void)find(sent, sent_channel, "header", '[', &own);
    while (json_next(ed->text, headers, &position, &item)) {
        bool clear = next_header(sent, &own, &at, &mine) &&
                     is_kind(sent, mine.value, '"') &&
                     is_clear(ed, sent, &mine);

        if (!clear && is_kind(ed->text, item.value, '"'))
            mask_header(ed, item.value);
    }
}

static bool shows_secret(const struct subscription_face *face)
{
    struct json_span own;

    if (first_secret(face->sent, &own))
        return !json_string_is(face->sent, own, SECRET_MASK);
    return face->sent.n && face->fresh;
}

static void mask_channel(struct json_editor *ed,
                         const struct subscription_face *face)
{
    struct secret_cursor c = {.position = 0};
    struct json_span channel;
    struct json_span secret;

    if (!find_channel(ed->text, &channel))
        return;
    mask_headers(ed, channel, face->sent);
    if (shows_secret(face) ||
        !find(ed->text, channel, "extension", '[', &c.extensions))
        return;
    while (next_secret(ed->text, &c, &secret))
        json_edit_replace(ed, secret, bytes_of("\"" SECRET_MASK "\""));
}

/* The text as JSON string in a buf that the caller ends; false once failed. */
static bool to_json(struct json_editor *ed, const char *text, struct buf *b)
{
    buf_init(b, SIZE_MAX / 2);
    buf_add_json_string(b, bytes_of(text));
    if (b->failed != ERR_OK)
        ed->failed = true;
    return b->failed == ERR_OK;
}

static void put_status(struct json_editor *ed, enum subscription_status status)
{
    struct buf b;

    if (to_json(ed, subscription_status_text(status), &b))
        json_edit_set_member(ed, json_root(ed->text), "status", buf_bytes(&b));
    buf_fini(&b);
}

/* A new error goes behind status, so that resourceType stays in front. */
static void put_error(struct json_editor *ed, const char *error)
{
    struct json_span root = json_root(ed->text);
    struct json_item status;
    struct json_item old;
    struct buf b;

    if (to_json(ed, error, &b)) {
        if (json_member(ed->text, root, "error", &old) ||
            !json_member(ed->text, root, "status", &status))
            json_edit_set_member(ed, root, "error", buf_bytes(&b));
        else
            json_edit_insert_member(ed, &status, "error", buf_bytes(&b));
    }
    buf_fini(&b);
}

enum err_code subscription_show(struct bytes text,
                                const struct subscription_face *face,
                                struct arena *scratch, struct buf *out,
                                struct err *e)
{
    struct json_editor ed;

    json_editor_init(&ed, text, scratch);
    put_status(&ed, face->status);
    if (face->error)
        put_error(&ed, face->error);
    else
        json_edit_remove_member(&ed, json_root(text), "error");
    mask_channel(&ed, face);
    return json_editor_apply(&ed, out, e);
}

/* ---- completing ---- */

struct completion {
    struct json_editor ed;
    const struct subscription_previous *previous;
    struct issues *issues;
};

static void set_status(struct completion *c)
{
    struct json_span status;

    if (find(c->ed.text, json_root(c->ed.text), "status", '"', &status) &&
        json_string_is(c->ed.text, status, "active"))
        json_edit_replace(&c->ed, status, bytes_of("\"requested\""));
}

static void refuse_mask(struct completion *c, const char *what, size_t index)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof path, "Subscription.channel.%s[%zu]", what,
                   index);
    issues_add(c->issues, ERR_UNPROCESSABLE, path,
               "the value is masked and there is no earlier value that it "
               "could stand for");
}

static struct wire_header header_at(struct completion *c, struct bytes text,
                                    struct json_span span)
{
    struct bytes line = string_at(text, span, c->ed.arena);
    struct wire_header h = {line, {NULL, 0}};

    if (!line.p)
        c->ed.failed = true;
    else if (!wire_split_header(line, &h))
        h = (struct wire_header){{NULL, 0}, line};
    return h;
}

/* The headers of one text; the bound keeps what a client sends cheap, past it
 * subscription_read() refuses. */
struct header_list {
    struct bytes names[SUBSCRIPTION_HEADERS_MAX];
    struct bytes values[SUBSCRIPTION_HEADERS_MAX];
    struct json_span spans[SUBSCRIPTION_HEADERS_MAX];
    size_t n;
};

static void list_headers(struct completion *c, struct bytes text,
                         struct header_list *out)
{
    struct json_span channel;
    struct json_span headers;
    struct json_item item;
    size_t position = 0;

    out->n = 0;
    if (text.n == 0 || !find_channel(text, &channel) ||
        !find(text, channel, "header", '[', &headers))
        return;
    while (out->n < SUBSCRIPTION_HEADERS_MAX &&
           json_next(text, headers, &position, &item)) {
        struct wire_header h = {{NULL, 0}, {NULL, 0}};

        if (is_kind(text, item.value, '"'))
            h = header_at(c, text, item.value);
        out->names[out->n] = h.name;
        out->values[out->n] = h.value;
        out->spans[out->n++] = item.value;
    }
}

/* How many of the first n names are that name. */
static size_t count_name(const struct header_list *list, size_t n,
                         struct bytes name)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++)
        found += wire_same_name(list->names[i], name);
    return found;
}

/* The index of the ordinal-th header of that name, list->n without one. */
static size_t find_header(const struct header_list *list, struct bytes name,
                          size_t ordinal)
{
    size_t i = 0;

    while (i < list->n && (!wire_same_name(list->names[i], name) ||
                           count_name(list, i, name) != ordinal))
        i++;
    return i;
}

static void unmask_headers(struct completion *c)
{
    struct header_list sent;
    struct header_list before;

    list_headers(c, c->ed.text, &sent);
    list_headers(c, c->previous->text, &before);
    for (size_t i = 0; i < sent.n; i++) {
        struct bytes name = sent.names[i];
        size_t at;

        if (!bytes_is(sent.values[i], REDACT_MASK))
            continue;
        at = find_header(&before, name, count_name(&sent, i, name));
        if (at < before.n)
            json_edit_replace(&c->ed, sent.spans[i],
                              json_text(c->previous->text, before.spans[at]));
        else
            refuse_mask(c, "header", i);
    }
}

/* The secret to keep, as JSON text in out: the previous one or a new one. */
static bool kept_secret(struct completion *c, struct buf *out)
{
    struct json_span before;

    if (first_secret(c->previous->text, &before))
        buf_add(out, json_text(c->previous->text, before));
    else if (c->previous->new_secret)
        buf_add_json_string(out, bytes_of(c->previous->new_secret));
    else
        return false;
    return true;
}

static void add_secret(struct completion *c, struct json_span channel)
{
    struct json_item item;
    struct buf b;
    bool array;

    array = find(c->ed.text, channel, "extension", '[', &item.value);
    if (!array && json_member(c->ed.text, channel, "extension", &item))
        return; /* of a wrong type: subscription_read() refuses it */
    buf_init(&b, SIZE_MAX / 2);
    if (!array)
        buf_add_char(&b, '[');
    buf_add_text(&b, "{\"url\":\"" REDACT_SECRET_URL "\",\"valueString\":");
    if (kept_secret(c, &b)) {
        buf_add_char(&b, '}');
        if (!array)
            buf_add_char(&b, ']');
        if (b.failed != ERR_OK)
            c->ed.failed = true;
        else if (array)
            json_edit_append(&c->ed, item.value, buf_bytes(&b));
        else
            json_edit_add_member(&c->ed, channel, "extension", buf_bytes(&b));
    }
    buf_fini(&b);
}

/* Only the first one: a second is refused by subscription_read(). */
static void complete_secret(struct completion *c, struct json_span channel)
{
    struct secret_cursor cursor = {.position = 0};
    struct bytes text = c->ed.text;
    struct json_span value;
    struct json_span before;

    if (!find(text, channel, "extension", '[', &cursor.extensions) ||
        !next_secret(text, &cursor, &value)) {
        add_secret(c, channel);
        return;
    }
    if (!json_string_is(text, value, SECRET_MASK))
        return;
    if (first_secret(c->previous->text, &before))
        json_edit_replace(&c->ed, value, json_text(c->previous->text, before));
    else
        refuse_mask(c, "extension", cursor.index - 1);
}

enum err_code subscription_complete(
    struct bytes text, const struct subscription_previous *previous,
    struct arena *scratch, struct buf *out, struct issues *issues)
{
    struct completion c = {.previous = previous, .issues = issues};
    struct err e = {.code = ERR_OK};
    struct json_span channel;

    json_editor_init(&c.ed, text, scratch);
    set_status(&c);
    json_edit_remove_member(&c.ed, json_root(text), "error");
    if (find_channel(text, &channel)) {
        unmask_headers(&c);
        complete_secret(&c, channel);
    }
    if (issues->count > 0)
        return issues->items[0].code;
    if (json_editor_apply(&c.ed, out, &e) == ERR_OK)
        return ERR_OK;
    issues_add_err(issues, &e);
    return e.code;
}
