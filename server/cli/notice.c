#include "server/cli/notice.h"

#include <cjson/cJSON.h>

#include "fhir/json/gate.h"

/* What is still to be told of the bundle while its events are walked. */
struct telling {
    struct buf *out;
    const cJSON *entry; /* the next one that no event claimed */
};

void notice_add_plain(struct buf *out, struct bytes text)
{
    size_t n = text.n < NOTICE_TEXT_BYTES ? text.n : NOTICE_TEXT_BYTES;

    /* not in the middle of a character */
    while (n < text.n && n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        /* U+0080 to U+009F, which terminals obey too, are C2 80 to C2 9F */
        bool control = c < 0x20 || c == 0x7f ||
                       (c == 0xc2 && i + 1 < text.n &&
                        (unsigned char)text.p[i + 1] < 0xa0);

        if (control)
            buf_add_char(out, '?');
        else
            buf_add_char(out, text.p[i]);
        if (control && c == 0xc2)
            i++;
    }
    if (n < text.n)
        buf_add_text(out, "...");
}

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* The string, or an empty one for anything else. */
static struct bytes text_of(const cJSON *item)
{
    return cJSON_IsString(item) ? bytes_of(item->valuestring) : bytes_of("");
}

static bool is(const cJSON *item, const char *text)
{
    return bytes_is(text_of(item), text);
}

/* The first parameter or part of the name; NULL when there is none. */
static const cJSON *named(const cJSON *list, const char *name)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, list)
    {
        if (is(member(item, "name"), name))
            return item;
    }
    return NULL;
}

static struct bytes value(const cJSON *list, const char *name, const char *key)
{
    return text_of(member(named(list, name), key));
}

static struct bytes reference(const cJSON *list, const char *name)
{
    return text_of(
        member(member(named(list, name), "valueReference"), "reference"));
}

/* "Type/id" of a reference or URL that may be absolute. */
static struct bytes short_reference(struct bytes text)
{
    unsigned slashes = 0;

    for (size_t i = text.n; i > 0; i--)
        if (text.p[i - 1] == '/' && ++slashes == 2)
            return bytes_from(text, i);
    return text;
}

static void add_or(struct telling *t, struct bytes text, const char *otherwise)
{
    if (text.n)
        notice_add_plain(t->out, text);
    else
        buf_add_text(t->out, otherwise);
}

/* What the entry's request says happened (section "entry rules" of the
 * backport's payloads: the triggering interaction, with its status). */
static const char *interaction(const cJSON *entry)
{
    const cJSON *method = member(member(entry, "request"), "method");
    const cJSON *status = member(member(entry, "response"), "status");

    if (is(method, "POST"))
        return "create";
    if (is(method, "PUT"))
        return bytes_starts(text_of(status), "201") ? "create (PUT)" : "update";
    if (is(method, "DELETE"))
        return "delete";
    return "";
}

/* The next unclaimed entry that is about the focus: events and their entries
 * stand in the same order. */
static const cJSON *claim_entry(struct telling *t, struct bytes focus)
{
    for (const cJSON *entry = t->entry; entry; entry = entry->next)
        if (focus.n && bytes_equal(text_of(member(entry, "fullUrl")), focus)) {
            t->entry = entry->next;
            return entry;
        }
    return NULL;
}

static void tell_resource(struct telling *t, const cJSON *resource)
{
    struct bytes status = text_of(member(resource, "status"));

    if (!cJSON_IsObject(resource))
        return;
    buf_add_text(t->out, "      ");
    add_or(t, text_of(member(resource, "resourceType")), "(no resourceType)");
    buf_add_char(t->out, '/');
    add_or(t, text_of(member(resource, "id")), "(no id)");
    if (status.n) {
        buf_add_text(t->out, ", status ");
        notice_add_plain(t->out, status);
    }
    buf_add_char(t->out, '\n');
}

static void tell_event(struct telling *t, const cJSON *event)
{
    const cJSON *part = member(event, "part");
    struct bytes focus = reference(part, "focus");
    const cJSON *entry = claim_entry(t, focus);

    buf_add_text(t->out, "  #");
    add_or(t, value(part, "event-number", "valueString"), "?");
    buf_add_text(t->out, "  ");
    add_or(t, value(part, "timestamp", "valueInstant"), "(no time)");
    if (entry) {
        buf_add_text(t->out, "  ");
        buf_add_text(t->out, interaction(entry));
    }
    buf_add_text(t->out, "  ");
    add_or(t, short_reference(focus), "(no focus)");
    buf_add_char(t->out, '\n');
    tell_resource(t, member(entry, "resource"));
}

static void tell_status(struct telling *t, const cJSON *list)
{
    struct bytes count =
        value(list, "events-since-subscription-start", "valueString");
    struct bytes topic = value(list, "topic", "valueCanonical");

    add_or(t, value(list, "type", "valueCode"), "(no type)");
    buf_add_text(t->out, "  ");
    add_or(t, short_reference(reference(list, "subscription")),
           "(no subscription)");
    buf_add_text(t->out, "  status ");
    add_or(t, value(list, "status", "valueCode"), "(none)");
    buf_add_text(t->out, "  events so far ");
    add_or(t, count, "(not told)");
    if (topic.n) {
        buf_add_text(t->out, "  topic ");
        notice_add_plain(t->out, topic);
    }
    buf_add_char(t->out, '\n');
}

static enum err_code tell_bundle(struct telling *t, const cJSON *bundle,
                                 struct err *e)
{
    const cJSON *entries = member(bundle, "entry");
    const cJSON *first = cJSON_GetArrayItem(entries, 0);
    const cJSON *status = member(first, "resource");
    const cJSON *list = member(status, "parameter");
    const cJSON *item;

    if (!is(member(bundle, "resourceType"), "Bundle"))
        return err_set(e, ERR_UNPROCESSABLE, "not a Bundle");
    if (!cJSON_IsArray(entries) ||
        !is(member(status, "resourceType"), "Parameters"))
        return err_set(e, ERR_UNPROCESSABLE,
                       "the first entry is not a Parameters resource");
    t->entry = first->next;
    tell_status(t, list);
    cJSON_ArrayForEach(item, list)
    {
        if (is(member(item, "name"), "notification-event"))
            tell_event(t, item);
    }
    return ERR_OK;
}

enum err_code notice_write(struct buf *out, struct bytes body, struct err *e)
{
    struct telling t = {.out = out};
    enum err_code code;
    cJSON *bundle;

    code = json_gate(body, e);
    if (code != ERR_OK)
        return code;
    bundle = cJSON_ParseWithLength(body.p, body.n);
    if (!bundle)
        return err_nomem(e);
    code = tell_bundle(&t, bundle, e);
    cJSON_Delete(bundle);
    return code;
}
