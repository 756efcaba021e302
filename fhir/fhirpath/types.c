#include "fhir/fhirpath/types.h"

#include "fhir/model/element.h"

#define NAME_SHOWN 60

bool types_is_unknown(const struct node_type *type)
{
    return !type->system && !type->model;
}

static bool check_known(struct evaluation *ev, const struct node *n)
{
    const struct bytes name = n->type.name;

    if (!types_is_unknown(&n->type))
        return true;
    return eval_fail(ev, n, ERR_UNPROCESSABLE, "there is no type %.*s",
                     (int)(name.n < NAME_SHOWN ? name.n : NAME_SHOWN), name.p);
}

static bool is_of_system(const struct fhirpath_item *item,
                         const struct node_type *type)
{
    bool is_system;
    struct bytes name = fhirpath_type_name(item, &is_system);

    return type->system && is_system &&
           (bytes_is(name, type->system) || strcmp(type->system, "Any") == 0);
}

static bool is_of_type(const struct fhirpath_item *item,
                       const struct node_type *type)
{
    if (item->kind != FHIRPATH_NODE)
        return is_of_system(item, type);
    return type->model && item->node.type &&
           model_type_is(item->node.type, type->model);
}

/* as() and ofType() take a code for no string: HL7's cases ask for it. */
static bool is_as(const struct fhirpath_item *item,
                  const struct node_type *type)
{
    if (item->kind == FHIRPATH_NODE && type->model &&
        type->model->kind == MODEL_PRIMITIVE)
        return item->node.type == type->model;
    return is_of_type(item, type);
}

bool types_is(struct evaluation *ev, const struct node *n,
              const struct fhirpath_collection *c,
              struct fhirpath_collection *out)
{
    if (!n->type.is_foreign && !check_known(ev, n))
        return false;
    if (c->n > 1)
        return eval_fail(ev, n, ERR_UNPROCESSABLE,
                         "one item is needed here, and there are %zu", c->n);
    return c->n == 0 ||
           eval_add_boolean(ev, out, is_of_type(&c->items[0], &n->type));
}

bool types_filter(struct evaluation *ev, const struct node *n,
                  const struct fhirpath_collection *c,
                  struct fhirpath_collection *out)
{
    if (!check_known(ev, n))
        return false;
    for (size_t i = 0; i < c->n; i++)
        if (is_as(&c->items[i], &n->type) && !eval_add(ev, out, c->items[i]))
            return false;
    return true;
}

bool types_as(struct evaluation *ev, const struct node *n,
              const struct fhirpath_collection *c,
              struct fhirpath_collection *out)
{
    if (c->n > 1 && !ev->as_filters)
        return eval_fail(ev, n, ERR_UNPROCESSABLE,
                         "one item is needed here, and there are %zu", c->n);
    return types_filter(ev, n, c, out);
}
