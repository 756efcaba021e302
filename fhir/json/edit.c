#include "fhir/json/edit.h"

enum edit_kind { REPLACE, ADD_MEMBER, INSERT_MEMBER, REMOVE_MEMBER, APPEND };

struct json_edit {
    enum edit_kind kind;
    struct json_span container; /* of a member or element; unused by REPLACE */
    /* REPLACE: the span; INSERT_MEMBER: the value before; REMOVE_MEMBER: the
     * key */
    struct json_span target;
    struct bytes key; /* of a new member: the text, not yet JSON */
    struct bytes with;
    /* worked out by json_editor_apply() */
    struct json_span gap; /* what the edit takes away */
    bool comma_before;
    bool comma_after;
};

void json_editor_init(struct json_editor *ed, struct bytes text,
                      struct arena *arena)
{
    *ed = (struct json_editor){.text = text, .arena = arena};
}

static char opener(const struct json_editor *ed, struct json_span span)
{
    return span.begin < ed->text.n ? ed->text.p[span.begin] : '\0';
}

/* Nearly all texts need a few edits only. */
#define EDITS_FIRST 8

/* Room for one edit more, where the bound allows it. */
static bool make_room(struct json_editor *ed)
{
    size_t n = ed->room ? ed->room * 2 : EDITS_FIRST;
    struct json_edit *edits;

    if (ed->count < ed->room)
        return true;
    if (ed->count == JSON_EDITS_MAX)
        return false;
    edits = arena_calloc(ed->arena, n, sizeof *edits);
    if (!edits)
        return false;
    if (ed->count > 0)
        memcpy(edits, ed->edits, ed->count * sizeof *edits);
    ed->edits = edits;
    ed->room = n;
    return true;
}

/* The next free edit; NULL once the editor failed. */
static struct json_edit *add_edit(struct json_editor *ed, enum edit_kind kind)
{
    struct json_edit *edit;

    if (ed->failed || !make_room(ed)) {
        ed->failed = true;
        return NULL;
    }
    edit = &ed->edits[ed->count++];
    *edit = (struct json_edit){.kind = kind};
    return edit;
}

static struct bytes keep(struct json_editor *ed, struct bytes text)
{
    struct bytes copy = arena_copy(ed->arena, text);

    if (!copy.p)
        ed->failed = true;
    return copy;
}

void json_edit_replace(struct json_editor *ed, struct json_span span,
                       struct bytes with)
{
    struct json_edit *edit = add_edit(ed, REPLACE);

    if (!edit)
        return;
    edit->target = span;
    edit->with = keep(ed, with);
}

void json_edit_add_member(struct json_editor *ed, struct json_span container,
                          const char *key, struct bytes value)
{
    struct json_edit *edit;

    if (opener(ed, container) != '{')
        ed->failed = true;
    edit = add_edit(ed, ADD_MEMBER);
    if (!edit)
        return;
    edit->container = container;
    edit->key = keep(ed, bytes_of(key));
    edit->with = keep(ed, value);
}

void json_edit_insert_member(struct json_editor *ed,
                             const struct json_item *before, const char *key,
                             struct bytes value)
{
    struct json_edit *edit = add_edit(ed, INSERT_MEMBER);

    if (!edit)
        return;
    edit->target = before->value;
    edit->key = keep(ed, bytes_of(key));
    edit->with = keep(ed, value);
}

void json_edit_set_member(struct json_editor *ed, struct json_span container,
                          const char *key, struct bytes value)
{
    struct json_item item;

    if (json_member(ed->text, container, key, &item))
        json_edit_replace(ed, item.value, value);
    else
        json_edit_add_member(ed, container, key, value);
}

static bool is_removed(const struct json_editor *ed, struct json_span key)
{
    for (size_t i = 0; i < ed->count; i++)
        if (ed->edits[i].kind == REMOVE_MEMBER &&
            ed->edits[i].target.begin == key.begin)
            return true;
    return false;
}

void json_edit_remove_member(struct json_editor *ed, struct json_span container,
                             const char *key)
{
    struct json_item item;
    struct json_edit *edit;

    if (!json_member(ed->text, container, key, &item) ||
        is_removed(ed, item.key))
        return;
    edit = add_edit(ed, REMOVE_MEMBER);
    if (!edit)
        return;
    edit->container = container;
    edit->target = item.key;
}

void json_edit_append(struct json_editor *ed, struct json_span container,
                      struct bytes value)
{
    struct json_edit *edit;

    if (opener(ed, container) != '[')
        ed->failed = true;
    edit = add_edit(ed, APPEND);
    if (!edit)
        return;
    edit->container = container;
    edit->with = keep(ed, value);
}

/* Another edit of this kind in the same container, from index on. */
static bool has_other(const struct json_editor *ed, size_t from, size_t to,
                      const struct json_edit *like)
{
    for (size_t i = from; i < to; i++)
        if (ed->edits[i].kind == like->kind &&
            ed->edits[i].container.begin == like->container.begin)
            return true;
    return false;
}

static bool keeps_member(const struct json_editor *ed,
                         struct json_span container)
{
    struct json_item item;
    size_t position = 0;

    while (json_next(ed->text, container, &position, &item))
        if (!is_removed(ed, item.key))
            return true;
    return false;
}

static void place_addition(const struct json_editor *ed, size_t index)
{
    struct json_edit *edit = &ed->edits[index];
    size_t at = edit->container.begin + 1;

    edit->gap = (struct json_span){at, at};
    edit->comma_after = has_other(ed, index + 1, ed->count, edit) ||
                        keeps_member(ed, edit->container);
}

static void place_append(const struct json_editor *ed, size_t index)
{
    struct json_edit *edit = &ed->edits[index];
    struct json_item item;
    size_t position = 0, at = edit->container.begin + 1;
    bool any = false;

    while (json_next(ed->text, edit->container, &position, &item)) {
        any = true;
        at = item.value.end;
    }
    edit->gap = (struct json_span){at, at};
    edit->comma_before = any || has_other(ed, 0, index, edit);
}

/* A member goes with the comma before it when one that stays is there, else
 * with the comma behind it: the gaps of neighbours touch, never overlap. */
static void place_removal(const struct json_editor *ed, size_t index)
{
    struct json_edit *edit = &ed->edits[index];
    struct json_item item;
    size_t position = 0, previous_end = 0;
    bool kept = false;

    while (json_next(ed->text, edit->container, &position, &item) &&
           item.key.begin != edit->target.begin) {
        kept = kept || !is_removed(ed, item.key);
        previous_end = item.value.end;
    }
    edit->gap = (struct json_span){item.key.begin, item.value.end};
    if (kept)
        edit->gap.begin = previous_end;
    else if (json_next(ed->text, edit->container, &position, &item))
        edit->gap.end = item.key.begin;
}

static void place_all(const struct json_editor *ed)
{
    for (size_t i = 0; i < ed->count; i++) {
        switch (ed->edits[i].kind) {
        case REPLACE:
            ed->edits[i].gap = ed->edits[i].target;
            break;
        case ADD_MEMBER:
            place_addition(ed, i);
            break;
        case INSERT_MEMBER:
            ed->edits[i].gap.begin = ed->edits[i].target.end;
            ed->edits[i].gap.end = ed->edits[i].target.end;
            ed->edits[i].comma_before = true;
            break;
        case REMOVE_MEMBER:
            place_removal(ed, i);
            break;
        case APPEND:
            place_append(ed, i);
            break;
        }
    }
}

static bool stands_behind(const struct json_edit *a, const struct json_edit *b)
{
    if (a->gap.begin != b->gap.begin)
        return a->gap.begin > b->gap.begin;
    /* an insertion goes before what is taken away at the same place */
    return a->gap.end > a->gap.begin && b->gap.end == b->gap.begin;
}

/* Stable, so that additions at one place keep their order. */
static void sort_edits(struct json_editor *ed)
{
    for (size_t i = 1; i < ed->count; i++) {
        struct json_edit moving = ed->edits[i];
        size_t at = i;

        while (at > 0 && stands_behind(&ed->edits[at - 1], &moving)) {
            ed->edits[at] = ed->edits[at - 1];
            at--;
        }
        ed->edits[at] = moving;
    }
}

static void write_edit(const struct json_edit *edit, struct buf *out)
{
    if (edit->comma_before)
        buf_add_char(out, ',');
    if (edit->kind == ADD_MEMBER || edit->kind == INSERT_MEMBER) {
        buf_add_json_string(out, edit->key);
        buf_add_char(out, ':');
    }
    buf_add(out, edit->with);
    if (edit->comma_after)
        buf_add_char(out, ',');
}

static enum err_code describe_failure(const struct json_editor *ed,
                                      struct err *e)
{
    if (arena_failed(ed->arena))
        return err_nomem(e);
    if (ed->count == JSON_EDITS_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d edits to one text",
                       JSON_EDITS_MAX);
    return err_set(e, ERR_BUG, "an edit to what is no object or array");
}

enum err_code json_editor_apply(struct json_editor *ed, struct buf *out,
                                struct err *e)
{
    size_t at = 0;

    if (ed->failed)
        return describe_failure(ed, e);
    place_all(ed);
    sort_edits(ed);
    for (size_t i = 0; i < ed->count; i++) {
        const struct json_edit *edit = &ed->edits[i];

        if (edit->gap.begin < at || edit->gap.end < edit->gap.begin ||
            edit->gap.end > ed->text.n)
            return err_set(e, ERR_BUG, "edits to a JSON text overlap");
        buf_add(out, bytes_make(ed->text.p + at, edit->gap.begin - at));
        write_edit(edit, out);
        at = edit->gap.end;
    }
    buf_add(out, bytes_from(ed->text, at));
    return buf_check(out, e);
}
