#include "fhir/fhirpath/functions.h"

#include "fhir/fhirpath/compare.h"
#include "fhir/fhirpath/external.h"
#include "fhir/fhirpath/navigate.h"

/* --- criteria --- */

static bool holds_for(struct evaluation *ev, const struct call *call,
                      size_t index, enum truth *out)
{
    const struct node *criteria = call->node->args[0];
    struct fhirpath_collection c = {NULL, 0, 0};

    return eval_for_item(ev, criteria, &call->focus->items[index], index, &c) &&
           eval_truth(ev, criteria, &c, out);
}

bool function_where(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    for (size_t i = 0; i < call->focus->n; i++) {
        enum truth truth;

        if (!holds_for(ev, call, i, &truth))
            return false;
        if (truth == TRUTH_TRUE && !eval_add(ev, out, call->focus->items[i]))
            return false;
    }
    return true;
}

bool function_all(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    enum truth truth = TRUTH_TRUE;

    for (size_t i = 0; i < call->focus->n && truth == TRUTH_TRUE; i++)
        if (!holds_for(ev, call, i, &truth))
            return false;
    return eval_add_boolean(ev, out, truth == TRUTH_TRUE);
}

bool function_exists(struct evaluation *ev, const struct call *call,
                     struct fhirpath_collection *out)
{
    enum truth truth = TRUTH_FALSE;

    if (call->node->arg_count == 0)
        return eval_add_boolean(ev, out, call->focus->n > 0);
    for (size_t i = 0; i < call->focus->n && truth != TRUTH_TRUE; i++)
        if (!holds_for(ev, call, i, &truth))
            return false;
    return eval_add_boolean(ev, out, truth == TRUTH_TRUE);
}

/* --- projections --- */

static bool project(struct evaluation *ev, const struct node *projection,
                    const struct fhirpath_collection *c,
                    struct fhirpath_collection *out)
{
    for (size_t i = 0; i < c->n; i++) {
        struct fhirpath_collection one = {NULL, 0, 0};

        if (!eval_for_item(ev, projection, &c->items[i], i, &one) ||
            !eval_add_all(ev, out, &one))
            return false;
    }
    return true;
}

bool function_select(struct evaluation *ev, const struct call *call,
                     struct fhirpath_collection *out)
{
    return project(ev, call->node->args[0], call->focus, out);
}

static bool add_unless_there(struct evaluation *ev, struct fhirpath_item item,
                             bool always, struct fhirpath_collection *out)
{
    bool found = false;

    if (!always && !compare_contains(ev, out, &item, &found))
        return false;
    return found || eval_add(ev, out, item);
}

/* What the projection yields, of that again, and so on. */
static bool repeat(struct evaluation *ev, const struct call *call, bool always,
                   struct fhirpath_collection *out)
{
    struct fhirpath_collection round = eval_shared(call->focus);

    while (round.n > 0) {
        struct fhirpath_collection next = {NULL, 0, 0};
        size_t before = out->n;

        if (!project(ev, call->node->args[0], &round, &next))
            return false;
        for (size_t i = 0; i < next.n; i++)
            if (!add_unless_there(ev, next.items[i], always, out))
                return false;
        if (out->n == before)
            break;
        round = (struct fhirpath_collection){out->items + before,
                                             out->n - before, out->n - before};
    }
    return true;
}

bool function_repeat(struct evaluation *ev, const struct call *call,
                     struct fhirpath_collection *out)
{
    return repeat(ev, call, false, out);
}

bool function_repeat_all(struct evaluation *ev, const struct call *call,
                         struct fhirpath_collection *out)
{
    return repeat(ev, call, true, out);
}

/* --- the tree (FHIRPath 2.0, 5.8) --- */

bool function_children(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    for (size_t i = 0; i < call->focus->n; i++)
        if (!navigate_children(ev, &call->focus->items[i], out))
            return false;
    return true;
}

bool function_descendants(struct evaluation *ev, const struct call *call,
                          struct fhirpath_collection *out)
{
    if (!function_children(ev, call, out))
        return false;
    for (size_t i = 0; i < out->n; i++) {
        struct fhirpath_item item = out->items[i];

        if (!navigate_children(ev, &item, out))
            return false;
    }
    return true;
}

/* --- aggregates (FHIRPath 2.0, 7) --- */

bool function_aggregate(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    struct fhirpath_collection *total = eval_alloc(ev, sizeof *total);
    struct eval_scope outer = ev->scope;
    bool ok = total != NULL;

    if (ok && call->node->arg_count > 1)
        ok = eval_apart(ev, call->node->args[1], total);
    for (size_t i = 0; ok && i < call->focus->n; i++) {
        struct fhirpath_collection next = {NULL, 0, 0};

        ev->scope.total = total;
        ok = eval_for_item(ev, call->node->args[0], &call->focus->items[i], i,
                           &next);
        ev->scope = outer;
        *total = next;
    }
    if (ok)
        *out = eval_shared(total);
    return ok;
}

/* --- choices --- */

static bool branch(struct evaluation *ev, const struct call *call, size_t i,
                   const struct eval_scope *scope,
                   struct fhirpath_collection *out)
{
    return i >= call->node->arg_count ||
           eval_in(ev, call->node->args[i], scope, out);
}

/* The branch not taken is not evaluated. */
bool function_iif(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    struct eval_scope scope = ev->scope;
    struct fhirpath_collection criterion = {NULL, 0, 0};
    struct fhirpath_item item;
    bool present;

    if (call->node->left) {
        if (call->focus->n > 1)
            return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                             "iif() of %zu items", call->focus->n);
        scope.self = call->focus;
    }
    if (!branch(ev, call, 0, &scope, &criterion) ||
        !eval_one_of(ev, call->node->args[0], &criterion, FHIRPATH_BOOLEAN,
                     &item, &present))
        return false;
    return branch(ev, call, present && item.boolean ? 1 : 2, &scope, out);
}

bool function_coalesce(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    for (size_t i = 0; i < call->node->arg_count && out->n == 0; i++)
        if (!eval_apart(ev, call->node->args[i], out))
            return false;
    return true;
}

/* --- utility (FHIRPath 2.0, 5.9) --- */

bool function_trace(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    struct fhirpath_collection shown = eval_shared(call->focus);
    struct fhirpath_item name;
    bool present;

    if (!eval_argument(ev, call, 0, FHIRPATH_STRING, &name, &present))
        return false;
    if (call->node->arg_count > 1) {
        shown = (struct fhirpath_collection){NULL, 0, 0};
        if (!project(ev, call->node->args[1], call->focus, &shown))
            return false;
    }
    if (ev->input->trace)
        ev->input->trace(ev->input->trace_ctx,
                         present ? name.string : bytes_of(""), &shown);
    *out = eval_shared(call->focus);
    return true;
}

bool function_define_variable(struct evaluation *ev, const struct call *call,
                              struct fhirpath_collection *out)
{
    struct eval_scope scope = ev->scope;
    struct fhirpath_collection value = eval_shared(call->focus);
    struct fhirpath_item name;
    bool present;

    if (!eval_argument(ev, call, 0, FHIRPATH_STRING, &name, &present))
        return false;
    if (!present)
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "defineVariable() needs a name");
    if (call->node->arg_count > 1) {
        scope.self = call->focus;
        value = (struct fhirpath_collection){NULL, 0, 0};
        if (!eval_in(ev, call->node->args[1], &scope, &value))
            return false;
    }
    *out = eval_shared(call->focus);
    return external_define(ev, call->node, name.string, &value);
}

/* --- sort() --- */

/* The keys of an item, one for each argument. */
struct sort_row {
    struct fhirpath_item item;
    struct fhirpath_item *keys;
    bool *present;
};

static bool make_key(struct evaluation *ev, const struct call *call, size_t i,
                     size_t key, struct sort_row *row)
{
    const struct node *n = call->node->args[key];
    struct fhirpath_collection c = {NULL, 0, 0};

    return eval_for_item(ev, n, &call->focus->items[i], i, &c) &&
           eval_one(ev, n, &c, &row->keys[key], &row->present[key]);
}

static bool make_row(struct evaluation *ev, const struct call *call, size_t i,
                     struct sort_row *row)
{
    size_t keys = call->node->arg_count;

    row->item = call->focus->items[i];
    row->keys = eval_alloc(ev, (keys + 1) * sizeof *row->keys);
    row->present = eval_alloc(ev, (keys + 1) * sizeof *row->present);
    if (!row->keys || !row->present)
        return false;
    if (keys == 0) {
        row->keys[0] = row->item;
        row->present[0] = true;
    }
    for (size_t key = 0; key < keys; key++)
        if (!make_key(ev, call, i, key, row))
            return false;
    return true;
}

/* What is missing is lower than anything; -{} is missing as well. */
static bool compare_keys(struct evaluation *ev, const struct call *call,
                         const struct sort_row *a, const struct sort_row *b,
                         size_t key, int *out)
{
    const struct node *arg =
        call->node->arg_count ? call->node->args[key] : NULL;
    bool known = true;

    *out = a->present[key] - b->present[key];
    if (a->present[key] && b->present[key]) {
        if (!compare_order(ev, call->node, &a->keys[key], &b->keys[key], out,
                           &known))
            return false;
        if (!known)
            *out = 0;
        if (arg && arg->negated)
            *out = -*out;
    }
    if (arg && arg->descending)
        *out = -*out;
    return true;
}

static bool compare_rows(struct evaluation *ev, const struct call *call,
                         const struct sort_row *a, const struct sort_row *b,
                         int *out)
{
    size_t keys = call->node->arg_count ? call->node->arg_count : 1;

    *out = 0;
    for (size_t key = 0; key < keys && *out == 0; key++)
        if (!compare_keys(ev, call, a, b, key, out))
            return false;
    return true;
}

/* Merges rows[begin, middle) and rows[middle, end); equal ones keep their
 * order. */
static bool merge(struct evaluation *ev, const struct call *call,
                  struct sort_row *rows, struct sort_row *room,
                  const size_t bounds[3])
{
    size_t i = bounds[0];
    size_t j = bounds[1];

    for (size_t k = bounds[0]; k < bounds[2]; k++) {
        int order = i < bounds[1] ? 0 : 1;

        if (i < bounds[1] && j < bounds[2] &&
            (!eval_step(ev, 1) ||
             !compare_rows(ev, call, &rows[i], &rows[j], &order)))
            return false;
        room[k] = order <= 0 ? rows[i++] : rows[j++];
    }
    memcpy(rows + bounds[0], room + bounds[0],
           (bounds[2] - bounds[0]) * sizeof *rows);
    return true;
}

static bool sort_rows(struct evaluation *ev, const struct call *call,
                      struct sort_row *rows, struct sort_row *room)
{
    size_t n = call->focus->n;

    for (size_t width = 1; width < n; width *= 2)
        for (size_t i = 0; i + width < n; i += 2 * width) {
            size_t end = i + 2 * width < n ? i + 2 * width : n;
            const size_t bounds[3] = {i, i + width, end};

            if (!merge(ev, call, rows, room, bounds))
                return false;
        }
    return true;
}

bool function_sort(struct evaluation *ev, const struct call *call,
                   struct fhirpath_collection *out)
{
    size_t n = call->focus->n;
    struct sort_row *rows = eval_alloc(ev, (n + 1) * sizeof *rows);
    struct sort_row *room = eval_alloc(ev, (n + 1) * sizeof *room);

    if (!rows || !room)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!make_row(ev, call, i, &rows[i]))
            return false;
    if (!sort_rows(ev, call, rows, room))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!eval_add(ev, out, rows[i].item))
            return false;
    return true;
}
