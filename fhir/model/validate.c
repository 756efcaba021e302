#include "fhir/model/validate.h"

#include "fhir/model/name.h"
#include "fhir/model/object_check.h"
#include "fhir/model/primitive.h"
#include "fhir/model/scope.h"
#include "fhir/model/walk.h"

#define NAME_SHOWN_BYTES 64

static const struct bytes no_name = {NULL, 0};

/* A value about to be read, at w->at. */
struct value {
    const struct model_type *type;
    const struct model_element *element; /* NULL: the root */
    struct bytes name;                   /* empty for an item of an array */
    struct bytes key;                    /* in JSON, without '_' */
    bool companion;
};

/* ---- primitives ---- */

static const char *const json_names[] = {[PRIMITIVE_STRING] = "a string",
                                         [PRIMITIVE_NUMBER] = "a number",
                                         [PRIMITIVE_BOOLEAN] = "true or false"};

static bool is_json(char first, enum primitive_json wanted)
{
    switch (wanted) {
    case PRIMITIVE_STRING:
        return first == '"';
    case PRIMITIVE_NUMBER:
        return first == '-' || (first >= '0' && first <= '9');
    case PRIMITIVE_BOOLEAN:
        return first == 't' || first == 'f';
    }
    return false;
}

/* ISO 4217 codes are not in R4's definitions, their form is sure. */
static bool is_currency(struct bytes code)
{
    if (code.n != 3)
        return false;
    for (size_t i = 0; i < 3; i++)
        if (code.p[i] < 'A' || code.p[i] > 'Z')
            return false;
    return true;
}

static void check_code(struct walk *w, const struct value *v, struct bytes code)
{
    const struct model_value_set *set =
        model_value_set_of(v->element->required);

    if (v->element->required == MODEL_VALUE_SET_currencies &&
        !is_currency(code))
        walk_report(w, ERR_UNPROCESSABLE_CODE, v->name,
                    "must be a currency code: three capital letters");
    else if (model_value_set_is_listed(set) &&
             !model_value_set_has_code(set, code))
        object_refuse_code(w, v->name, set, code);
}

static bool is_uri(const struct model_type *type)
{
    return type->id == MODEL_TYPE_uri || type->id == MODEL_TYPE_url ||
           type->id == MODEL_TYPE_canonical;
}

static void check_meaning(struct walk *w, const struct value *v,
                          struct bytes text)
{
    if (v->element->required != MODEL_VALUE_SET_NONE)
        check_code(w, v, text);
    if (walk_top(w)->type->id == MODEL_TYPE_Reference &&
        bytes_is(v->name, "reference"))
        scope_check_reference(w, v->name, text);
    else if (is_uri(v->type) && text.p[0] == '#')
        scope_note_uri(w, text);
}

static void read_primitive(struct walk *w, const struct value *v, char first)
{
    enum primitive_json wanted = primitive_json_of(v->type->id);
    struct bytes text;
    const char *problem;

    if (!is_json(first, wanted)) {
        (void)walk_skip(w);
        walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, v->name,
                    first == 'n' ? "must not be null"
                                 : "must be %s of JSON (%s)",
                    json_names[wanted], v->type->name);
        return;
    }
    text =
        first == '"' ? walk_take_string(w) : json_text(w->text, walk_skip(w));
    if (w->failed)
        return;
    problem = primitive_problem(v->type->id, text);
    if (problem)
        walk_report(w, ERR_UNPROCESSABLE, v->name, "%s", problem);
    else
        check_meaning(w, v, text);
}

/* ---- objects ---- */

/* The type that resourceType names, which need not be the first member. */
static const struct model_type *find_resource_type(struct walk *w,
                                                   struct bytes name)
{
    const struct model_type *type;
    struct json_item item;

    if (!json_member(w->text, (struct json_span){w->at, w->text.n},
                     "resourceType", &item)) {
        walk_report(w, ERR_UNPROCESSABLE_REQUIRED, name,
                    "resourceType is required");
        return NULL;
    }
    type = w->text.p[item.value.begin] == '"'
               ? model_type_find(walk_string(w, item.value))
               : NULL;
    if (type && type->kind == MODEL_RESOURCE && !model_type_is_abstract(type))
        return type;
    walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, name,
                "resourceType must be the name of an R4 resource type");
    return NULL;
}

/* An object of the type is the top frame from here on. */
static struct walk_frame *open_object(struct walk *w, const struct value *v,
                                      const struct model_type *type)
{
    const struct walk_frame *parent = w->depth ? walk_top(w) : NULL;
    struct walk_frame *f = walk_push(w);

    if (!f) {
        w->failed = true;
        return NULL;
    }
    f->type = type;
    f->element = v->element;
    f->name = v->name;
    f->companion = v->companion;
    if (parent) {
        f->scope = parent->scope;
        f->contained = parent->contained;
    }
    return f;
}

static bool is_contained(const struct value *v)
{
    return v->element && strcmp(v->element->name, "contained") == 0;
}

static void open_contained(struct walk *w, const struct value *v,
                           const struct model_type *type)
{
    struct walk_frame *f;

    if (walk_top(w)->contained)
        walk_report(w, ERR_UNPROCESSABLE_INVARIANT, v->name,
                    "dom-2: a contained resource must not contain another");
    f = open_object(w, v, type);
    if (!f)
        return;
    f->contained = true;
    if (f->scope)
        scope_begin_contained(f->scope);
}

static void open_resource(struct walk *w, const struct value *v)
{
    const struct model_type *type = find_resource_type(w, v->name);
    struct walk_frame *f;

    if (!type) {
        (void)walk_skip(w);
        return;
    }
    if (is_contained(v)) {
        open_contained(w, v, type);
        return;
    }
    f = open_object(w, v, type);
    if (!f)
        return;
    f->contained = false;
    f->scope = f->own_scope = scope_new(w);
    if (w->depth == 1)
        f->name = bytes_of(type->name);
}

static void close_object(struct walk *w)
{
    const struct walk_frame *f = walk_top(w);

    object_check(w);
    if (f->own_scope)
        scope_finish(w, f->own_scope);
    else if (f->contained && f->type->kind == MODEL_RESOURCE)
        scope_end_contained(w);
    w->depth--;
}

/* ---- values ---- */

static void refuse_shape(struct walk *w, const struct value *v,
                         const char *wanted)
{
    walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, v->name, "must be %s (%s)",
                wanted, v->type->name);
    (void)walk_skip(w);
}

static void read_single(struct walk *w, const struct value *v)
{
    char first = walk_peek(w);

    if (v->type->kind == MODEL_PRIMITIVE && !v->companion) {
        if (first == '{' || first == '[')
            refuse_shape(w, v, json_names[primitive_json_of(v->type->id)]);
        else
            read_primitive(w, v, first);
    } else if (first != '{') {
        refuse_shape(w, v, "an object");
    } else if (v->type->id == MODEL_TYPE_Resource) {
        open_resource(w, v);
    } else {
        (void)open_object(w, v, v->type);
    }
}

static void open_array(struct walk *w, const struct value *v)
{
    const struct walk_frame *parent = walk_top(w);
    struct walk_frame *f = walk_push(w);

    if (!f) {
        w->failed = true;
        return;
    }
    f->array = true;
    f->type = v->type;
    f->element = v->element;
    f->name = v->name;
    f->key = v->key;
    f->companion = v->companion;
    f->scope = parent->scope;
    f->contained = parent->contained;
}

static void read_value(struct walk *w, const struct value *v)
{
    char first = walk_peek(w);

    if (v->element->many && first == '[') {
        open_array(w, v);
        return;
    }
    if (v->element->many)
        walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, v->name,
                    "must be an array of JSON");
    if (first == '[')
        refuse_shape(w, v, "a single value and not an array");
    else
        read_single(w, v);
}

/* ---- members ---- */

static void add_pair(struct walk *w, struct walk_frame *object,
                     const struct walk_pair *pair)
{
    struct walk_pair *p = object->pairs;

    while (p && !bytes_equal(p->name, pair->name))
        p = p->next;
    if (p)
        return;
    p = arena_alloc(w->scratch, sizeof *p);
    if (!p) {
        w->failed = true;
        return;
    }
    *p = *pair;
    p->next = object->pairs;
    object->pairs = p;
}

/* R4 formats.html#choice: one type of a choice at most. */
static void note_choice(struct walk *w, const struct model_found *found)
{
    struct walk_frame *f = walk_top(w);

    for (size_t i = 0; i < f->choice_count; i++) {
        const struct walk_choice *c = &f->choices[i];

        if (c->element != found->element)
            continue;
        if (c->type != found->type)
            walk_report(w, ERR_UNPROCESSABLE_STRUCTURE,
                        bytes_of(found->element->name),
                        "%s[x] has more than one type: %s and %s",
                        found->element->name, c->type->name, found->type->name);
        return;
    }
    if (f->choice_count < WALK_CHOICES_MAX)
        f->choices[f->choice_count++] =
            (struct walk_choice){found->element, found->type};
}

static void note_member(struct walk *w, const struct model_found *found,
                        const struct value *v)
{
    struct walk_frame *f = walk_top(w);

    walk_mark(f, found->element);
    if (found->element->choice)
        note_choice(w, found);
    if (v->companion)
        add_pair(w, f, &(struct walk_pair){.found = *found, .name = v->key});
    if (bytes_is(v->name, "id"))
        f->has_id = true;
}

static void refuse_member(struct walk *w, struct bytes key)
{
    const struct model_type *type = walk_top(w)->type;
    const struct model_element *element = model_type_element(type, key);

    if (key.n > NAME_SHOWN_BYTES)
        key.n = NAME_SHOWN_BYTES;
    if (element && element->choice)
        walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, key,
                    "in JSON the name of %s[x] ends with its type",
                    element->name);
    else
        walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, key,
                    "%s has no such element", type->name);
    (void)walk_skip(w);
}

#define NEXT_TRIED 8

/* Most texts keep R4's order: the next elements are tried before the table. */
static bool find_element(struct walk_frame *f, struct bytes name,
                         struct model_found *out)
{
    const struct model_type *t = f->type;
    size_t end = f->next + NEXT_TRIED;

    for (size_t i = f->next; i < end && i < t->element_count; i++) {
        const struct model_element *element = &t->elements[i];

        if (element->choice || name.n == 0 || name.p[0] != element->name[0] ||
            model_name_order(name, element->name) != 0)
            continue;
        *out = (struct model_found){element, element->types[0].type};
        f->next = i + 1;
        return true;
    }
    return model_type_member(t, name, out);
}

/* R4 has no extensions in XHTML. */
static bool may_have_companion(const struct model_type *type)
{
    return type->kind == MODEL_PRIMITIVE && type->id != MODEL_TYPE_xhtml;
}

static void read_member(struct walk *w, struct bytes key)
{
    struct walk_frame *f = walk_top(w);
    struct model_found found;
    struct value v = {.companion = key.n > 1 && key.p[0] == '_'};

    (void)walk_peek(w);
    if (f->type->kind == MODEL_RESOURCE && bytes_is(key, "resourceType")) {
        (void)walk_skip(w);
        return;
    }
    v.key = bytes_from(key, v.companion);
    if (!find_element(f, v.key, &found) ||
        (v.companion && !may_have_companion(found.type))) {
        refuse_member(w, key);
        return;
    }
    v.type = found.type;
    v.element = found.element;
    v.name = bytes_of(found.element->name);
    note_member(w, &found, &v);
    read_value(w, &v);
}

/* ---- the walk ---- */

static void step_object(struct walk *w)
{
    if (walk_peek(w) != '"') {
        w->at++;
        close_object(w);
        return;
    }
    walk_top(w)->count++;
    read_member(w, walk_take_string(w));
}

static void read_null(struct walk *w, const struct walk_frame *array)
{
    struct walk_pair pair = {.found = {array->element, array->type},
                             .name = array->key};

    (void)walk_skip(w);
    if (array->type->kind == MODEL_PRIMITIVE)
        add_pair(w, &w->frames[w->depth - 2], &pair);
    else
        walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, no_name,
                    "must not be null");
}

static void step_array(struct walk *w)
{
    struct walk_frame *f = walk_top(w);
    struct value v = {
        .type = f->type, .element = f->element, .companion = f->companion};
    char first = walk_peek(w);

    if (first == ']' || first == '\0') {
        w->at++;
        if (f->count == 0)
            walk_report(w, ERR_UNPROCESSABLE_STRUCTURE, no_name,
                        "must not be an empty array");
        w->depth--;
        return;
    }
    f->count++;
    if (first == 'n')
        read_null(w, f);
    else
        read_single(w, &v);
}

enum err_code model_validate(struct bytes text, struct arena *scratch,
                             struct issues *issues, struct err *e)
{
    struct walk w;
    struct value root = {.type = model_type_of(MODEL_TYPE_Resource)};

    w.text = text;
    w.at = 0;
    w.scratch = scratch;
    w.issues = issues;
    w.failed = false;
    w.depth = 0;
    (void)walk_peek(&w);
    open_resource(&w, &root);
    while (w.depth > 0 && !w.failed) {
        if (walk_top(&w)->array)
            step_array(&w);
        else
            step_object(&w);
    }
    return w.failed ? err_nomem(e) : ERR_OK;
}
