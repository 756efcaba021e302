#include "fhir/fhirpath/external.h"

#define NAME_SHOWN 60

static const struct {
    const char *name;
    const char *value;
} constants[] = {
    {"ucum", "http://unitsofmeasure.org"},
    {"sct", "http://snomed.info/sct"},
    {"loinc", "http://loinc.org"},
};

/* %"vs-..." and %"ext-..." stand for addresses of HL7's. */
static const struct {
    const char *prefix;
    const char *base;
} prefixes[] = {
    {"vs-", "http://hl7.org/fhir/ValueSet/"},
    {"ext-", "http://hl7.org/fhir/StructureDefinition/"},
};

enum tree {
    TREE_RESOURCE,
    TREE_ROOT,
    TREE_CURRENT,
    TREE_PREVIOUS,
    TREE_CONTEXT,
    TREES
};

static const char *const tree_names[] = {"resource", "rootResource", "current",
                                         "previous", "context"};

static enum tree find_tree(struct bytes name)
{
    int i = 0;

    while (i < TREES && !bytes_is(name, tree_names[i]))
        i++;
    return (enum tree)i;
}

static const char *find_constant(struct bytes name)
{
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        if (bytes_is(name, constants[i].name))
            return constants[i].value;
    return NULL;
}

bool external_is_known(struct bytes name)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (bytes_starts(name, prefixes[i].prefix))
            return true;
    return find_constant(name) || find_tree(name) != TREES;
}

static bool add_tree(struct evaluation *ev, const cJSON *tree,
                     struct fhirpath_collection *out)
{
    return !tree || eval_add(ev, out, fhirpath_resource(tree));
}

static bool tree_value(struct evaluation *ev, enum tree tree,
                       struct fhirpath_collection *out)
{
    const struct fhirpath_input *input = ev->input;

    switch (tree) {
    case TREE_RESOURCE:
        return add_tree(ev, input->resource, out);
    case TREE_ROOT:
        return add_tree(ev, input->root ? input->root : input->resource, out);
    case TREE_CURRENT:
        return add_tree(ev, input->current, out);
    case TREE_PREVIOUS:
        return add_tree(ev, input->previous, out);
    case TREE_CONTEXT:
        *out = eval_shared(&ev->context);
        return true;
    case TREES:
        break;
    }
    return false;
}

static bool join(struct evaluation *ev, const char *base, struct bytes rest,
                 struct fhirpath_collection *out)
{
    size_t n = strlen(base);
    char *text = eval_alloc(ev, n + rest.n + 1);

    if (!text)
        return false;
    memcpy(text, base, n);
    memcpy(text + n, rest.p, rest.n);
    return eval_add_text(ev, out, bytes_make(text, n + rest.n));
}

static const struct eval_variable *find_variable(const struct evaluation *ev,
                                                 struct bytes name)
{
    for (const struct eval_variable *v = ev->variables; v; v = v->next)
        if (bytes_equal(v->name, name))
            return v;
    return NULL;
}

bool external_value(struct evaluation *ev, const struct node *n,
                    struct fhirpath_collection *out)
{
    const struct eval_variable *variable = find_variable(ev, n->name);
    const char *constant = find_constant(n->name);
    enum tree tree = find_tree(n->name);

    if (variable) {
        *out = eval_shared(&variable->value);
        return true;
    }
    if (tree != TREES)
        return tree_value(ev, tree, out);
    if (constant)
        return eval_add_text(ev, out, bytes_of(constant));
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (bytes_starts(n->name, prefixes[i].prefix))
            return join(ev, prefixes[i].base,
                        bytes_from(n->name, strlen(prefixes[i].prefix)), out);
    return eval_fail(ev, n, ERR_UNPROCESSABLE, "there is no %%%.*s",
                     (int)(n->name.n < NAME_SHOWN ? n->name.n : NAME_SHOWN),
                     n->name.p);
}

bool external_define(struct evaluation *ev, const struct node *n,
                     struct bytes name, const struct fhirpath_collection *value)
{
    struct eval_variable *v;

    if (external_is_known(name) || find_variable(ev, name))
        return eval_fail(ev, n, ERR_UNPROCESSABLE, "%%%.*s is there already",
                         (int)(name.n < NAME_SHOWN ? name.n : NAME_SHOWN),
                         name.p);
    v = eval_alloc(ev, sizeof *v);
    if (!v)
        return false;
    *v = (struct eval_variable){name, *value, ev->variables};
    ev->variables = v;
    return true;
}
