#include "fhir/model/subset.h"

#include "fhir/json/edit.h"

#define SUBSETTED                                          \
    "{\"system\":\"http://terminology.hl7.org/CodeSystem/" \
    "v3-ObservationValue\",\"code\":\"SUBSETTED\"}"

static const char *const summaries[MODEL_TYPE_COUNT] = {
#define MODEL_SUMMARY(id, names) [MODEL_TYPE_##id] = (names),
#include "profiles/r4/summary.inc"
#undef MODEL_SUMMARY
};

/* ---- which members stay ---- */

static bool lists(const char *names, struct bytes name)
{
    struct bytes rest = bytes_of(names);

    while (rest.n > 0)
        if (bytes_equal(bytes_split(rest, ' ', &rest), name))
            return true;
    return false;
}

static bool is_summary(const struct model_type *type, struct bytes name)
{
    for (const struct model_type *t = type; t; t = t->base)
        if (lists(summaries[t->id], name))
            return true;
    return false;
}

static bool is_always_kept(struct bytes member)
{
    static const char names[] =
        "resourceType id meta implicitRules modifierExtension";

    return lists(names, member);
}

static bool is_asked_for(const struct subset *s, struct bytes member,
                         const struct model_found *found)
{
    for (size_t i = 0; i < s->element_count; i++)
        if (bytes_equal(s->elements[i], member) ||
            bytes_is(s->elements[i], found->element->name))
            return true;
    return false;
}

/* "_status" goes with "status". */
static struct bytes plain_name(struct bytes text, struct json_span key)
{
    struct bytes name =
        bytes_make(text.p + key.begin + 1, key.end - key.begin - 2);

    return name.n > 1 && name.p[0] == '_' ? bytes_from(name, 1) : name;
}

/* One that the model does not know stays: what is stored may be more than R4
 * has, where validation is lenient. */
static bool is_kept(const struct subset *s, const struct model_type *type,
                    struct bytes name, struct model_found *found)
{
    if (!model_type_member(type, name, found)) {
        *found = (struct model_found){NULL, NULL};
        return s->kind == SUBSET_DATA || is_always_kept(name);
    }
    if (is_always_kept(name))
        return true;
    switch (s->kind) {
    case SUBSET_SUMMARY:
        return found->element->min > 0 ||
               is_summary(type, bytes_of(found->element->name));
    case SUBSET_TEXT:
        return found->element->min > 0 || bytes_is(name, "text");
    case SUBSET_DATA:
        return !bytes_is(name, "text");
    case SUBSET_ELEMENTS:
        return found->element->min > 0 || is_asked_for(s, name, found);
    case SUBSET_NONE:
    case SUBSET_COUNT:
        break;
    }
    return true;
}

/* ---- writing ---- */

/* An object, or an array of objects, of a type of which a part is shown. */
struct level {
    struct json_span container;
    size_t position;
    const struct model_type *type;
    bool array;
    bool begun; /* something is written in it */
};

struct writing {
    const struct subset *subset;
    struct bytes text;
    struct buf *out;
    struct level levels[SUBSET_DEPTH_MAX];
    size_t depth;
};

/* True when an object of the type would not become an empty one. */
static bool leaves_something(const struct writing *w, struct json_span object,
                             const struct model_type *type)
{
    struct json_item item;
    struct model_found found;
    size_t position = 0;

    while (json_next(w->text, object, &position, &item))
        if (is_kept(w->subset, type, plain_name(w->text, item.key), &found))
            return true;
    return false;
}

static bool is_partial(const struct writing *w, const struct model_type *type)
{
    return w->subset->kind == SUBSET_SUMMARY && type &&
           type->kind == MODEL_BACKBONE && summaries[type->id] &&
           w->depth < SUBSET_DEPTH_MAX;
}

static void open_level(struct writing *w, struct json_span value,
                       const struct model_type *type)
{
    bool array = w->text.p[value.begin] == '[';

    buf_add_char(w->out, array ? '[' : '{');
    w->levels[w->depth++] =
        (struct level){.container = value, .type = type, .array = array};
}

/* Of a part what the summary has of it; anything else as it stands. */
static void write_value(struct writing *w, struct json_span value,
                        const struct model_type *type)
{
    char first = w->text.p[value.begin];

    if (is_partial(w, type) &&
        (first == '[' || (first == '{' && leaves_something(w, value, type))))
        open_level(w, value, type);
    else
        buf_add(w->out, json_text(w->text, value));
}

static void write_item(struct writing *w, struct level *l,
                       const struct json_item *item)
{
    struct model_found found = {NULL, l->type};

    if (!l->array &&
        !is_kept(w->subset, l->type, plain_name(w->text, item->key), &found))
        return;
    if (l->begun)
        buf_add_char(w->out, ',');
    l->begun = true;
    if (!l->array) {
        buf_add(w->out, json_text(w->text, item->key));
        buf_add_char(w->out, ':');
    }
    write_value(w, item->value, found.type);
}

static void write_all(struct writing *w)
{
    struct json_item item;

    open_level(w, json_root(w->text), w->subset->type);
    while (w->depth > 0) {
        struct level *l = &w->levels[w->depth - 1];

        if (json_next(w->text, l->container, &l->position, &item)) {
            write_item(w, l, &item);
            continue;
        }
        buf_add_char(w->out, l->array ? ']' : '}');
        w->depth--;
    }
}

/* What is stored has a meta: its version stands there. */
static void add_tag(struct json_editor *ed)
{
    struct json_item meta, tag;

    if (!json_member(ed->text, json_root(ed->text), "meta", &meta))
        return;
    if (json_member(ed->text, meta.value, "tag", &tag))
        json_edit_append(ed, tag.value, bytes_of(SUBSETTED));
    else
        json_edit_add_member(ed, meta.value, "tag",
                             bytes_of("[" SUBSETTED "]"));
}

enum err_code subset_write(const struct subset *s, struct bytes text,
                           struct arena *scratch, struct buf *out,
                           struct err *e)
{
    struct buf part;
    struct writing w = {.subset = s, .text = text, .out = &part};
    struct json_editor ed;
    enum err_code code;

    buf_init(&part, text.n + 1);
    write_all(&w);
    code = buf_check(&part, e);
    if (code == ERR_OK) {
        json_editor_init(&ed, buf_bytes(&part), scratch);
        add_tag(&ed);
        code = json_editor_apply(&ed, out, e);
    }
    buf_fini(&part);
    return code;
}

/* ---- reading ---- */

enum err_code subset_read_elements(struct subset *s, struct bytes list,
                                   struct err *e)
{
    while (list.n > 0) {
        struct bytes name = bytes_split(list, ',', &list);
        struct model_found found;

        if (name.n == 0)
            continue;
        if (!model_type_element(s->type, name) &&
            !model_type_member(s->type, name, &found))
            return err_set(e, ERR_INVALID,
                           "_elements: %s has no element '%.*s' of its own",
                           s->type->name, (int)(name.n < 64 ? name.n : 64),
                           name.p);
        if (s->element_count == SUBSET_ELEMENTS_MAX)
            return err_set(e, ERR_INVALID, "_elements names more than %d",
                           SUBSET_ELEMENTS_MAX);
        s->elements[s->element_count++] = name;
    }
    return s->element_count > 0
               ? ERR_OK
               : err_set(e, ERR_INVALID, "_elements names no element");
}
