#include "fhir/model/scope.h"

#include "fhir/model/reference.h"

struct contained {
    struct contained *next;
    struct bytes id;
    const struct model_type *type;
    const char *expression;
    bool refers_up; /* something in it refers to "#" */
};

struct local {
    struct local *next;
    struct bytes id;
    const struct model_type_use *use; /* NULL: of a uri */
    const char *expression;           /* NULL: of a uri */
};

struct scope {
    struct contained *contained;
    struct contained **contained_end;
    size_t contained_count;
    struct local *locals;
    struct local **locals_end;
    bool refers_up; /* of the contained resource that is open */
};

static const struct bytes no_name = {NULL, 0};

static void *take(struct walk *w, size_t n)
{
    void *p = arena_alloc(w->scratch, n);

    if (!p)
        w->failed = true;
    return p;
}

struct scope *scope_new(struct walk *w)
{
    struct scope *scope = take(w, sizeof *scope);

    if (!scope)
        return NULL;
    scope->contained_end = &scope->contained;
    scope->locals_end = &scope->locals;
    return scope;
}

static void add_local(struct walk *w, struct bytes id,
                      const struct model_type_use *use, const char *expression)
{
    struct scope *scope = walk_top(w)->scope;
    struct local *l = scope ? take(w, sizeof *l) : NULL;

    if (!l)
        return;
    *l = (struct local){NULL, id, use, expression};
    *scope->locals_end = l;
    scope->locals_end = &l->next;
    if (id.n == 0)
        scope->refers_up = true;
}

void scope_note_uri(struct walk *w, struct bytes text)
{
    add_local(w, bytes_from(text, 1), NULL, NULL);
}

/* How the element that holds the Reference allows it; NULL when it is no
 * element of the tables (a Reference on its own). */
static const struct model_type_use *use_of(const struct walk_frame *f)
{
    return f->element ? model_element_use(f->element, f->type) : NULL;
}

static void refuse_target(struct walk *w, struct bytes name,
                          const struct model_type_use *use, const char *type)
{
    walk_report(w, ERR_UNPROCESSABLE, name,
                "must not refer to a resource of type %s; allowed: %s", type,
                use->targets);
}

static void check_target(struct walk *w, struct bytes name, struct bytes type)
{
    const struct model_type_use *use = use_of(walk_top(w));
    const struct model_type *known = model_type_find(type);

    if (use && known && !model_use_targets(use, type))
        refuse_target(w, name, use, known->name);
}

void scope_check_reference(struct walk *w, struct bytes name, struct bytes text)
{
    struct bytes part;

    switch (reference_form_of(text, &part)) {
    case REFERENCE_LOCAL:
        add_local(w, part, use_of(walk_top(w)), walk_expression(w, name));
        break;
    case REFERENCE_RESTFUL:
        check_target(w, name, part);
        break;
    case REFERENCE_QUERY:
        if (w->frames[0].type->id != MODEL_TYPE_Bundle)
            walk_report(w, ERR_UNPROCESSABLE, name,
                        "a conditional reference belongs in a transaction");
        break;
    case REFERENCE_BAD:
        walk_report(w, ERR_UNPROCESSABLE, name,
                    "must be Type/id, an absolute URL, a urn: or #id");
        break;
    case REFERENCE_ABSOLUTE:
        break;
    }
}

static struct contained *find_contained(const struct scope *scope,
                                        struct bytes id)
{
    struct contained *c = scope->contained;

    while (c && !bytes_equal(c->id, id))
        c = c->next;
    return c;
}

static struct bytes id_of(struct walk *w)
{
    struct json_span span;

    if (!walk_member(w, walk_top(w), "id", &span) ||
        w->text.p[span.begin] != '"')
        return no_name;
    return walk_string(w, span);
}

/* dom-4, dom-5 */
static void check_meta(struct walk *w)
{
    static const char *const refused[] = {"versionId", "lastUpdated",
                                          "security"};
    struct json_span meta;
    struct json_item item;

    if (!walk_member(w, walk_top(w), "meta", &meta))
        return;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (json_member(w->text, meta, refused[i], &item))
            walk_report(w, ERR_UNPROCESSABLE_INVARIANT, bytes_of("meta"),
                        "a contained resource must not have meta.%s",
                        refused[i]);
}

void scope_begin_contained(struct scope *scope)
{
    scope->refers_up = false;
}

static void keep_contained(struct walk *w, struct bytes id)
{
    const struct walk_frame *f = walk_top(w);
    struct contained *c = take(w, sizeof *c);

    if (!c)
        return;
    *c = (struct contained){NULL, id, f->type, walk_expression(w, no_name),
                            f->scope->refers_up};
    *f->scope->contained_end = c;
    f->scope->contained_end = &c->next;
    f->scope->contained_count++;
}

void scope_end_contained(struct walk *w)
{
    const struct walk_frame *f = walk_top(w);
    struct bytes id = id_of(w);

    if (!f->scope)
        return;
    check_meta(w);
    if (id.n == 0) {
        walk_report(w, ERR_UNPROCESSABLE_REQUIRED, bytes_of("id"),
                    "a contained resource must have an id");
    } else if (find_contained(f->scope, id)) {
        walk_report(w, ERR_UNPROCESSABLE, bytes_of("id"),
                    "another contained resource has this id");
    } else if (f->scope->contained_count == SCOPE_CONTAINED_MAX) {
        walk_report(w, ERR_UNPROCESSABLE, no_name,
                    "a resource may have %d contained resources here",
                    SCOPE_CONTAINED_MAX);
    } else {
        keep_contained(w, id);
    }
}

static void check_local(struct walk *w, const struct scope *scope,
                        const struct local *l)
{
    const struct contained *c = find_contained(scope, l->id);

    if (!l->expression || l->id.n == 0)
        return;
    if (!c)
        issues_add(w->issues, ERR_UNPROCESSABLE_INVARIANT, l->expression,
                   "ref-1: there is no contained resource with this id");
    else if (l->use && !model_use_targets(l->use, bytes_of(c->type->name)))
        issues_add(w->issues, ERR_UNPROCESSABLE, l->expression,
                   "must not refer to a resource of type %s; allowed: %s",
                   c->type->name, l->use->targets);
}

static bool is_referred_to(const struct scope *scope, struct bytes id)
{
    for (const struct local *l = scope->locals; l; l = l->next)
        if (bytes_equal(l->id, id))
            return true;
    return false;
}

void scope_finish(struct walk *w, const struct scope *scope)
{
    for (const struct local *l = scope->locals; l; l = l->next)
        check_local(w, scope, l);
    for (const struct contained *c = scope->contained; c; c = c->next)
        if (!c->refers_up && !is_referred_to(scope, c->id) && c->expression)
            issues_add(w->issues, ERR_UNPROCESSABLE_INVARIANT, c->expression,
                       "dom-3: nothing in the resource refers to this "
                       "contained resource");
}
