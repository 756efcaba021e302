#include "fhir/fhirpath/functions.h"

#include "fhir/fhirpath/compare.h"

/* --- existence (FHIRPath 2.0, 5.1) --- */

bool function_empty(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    return eval_add_boolean(ev, out, call->focus->n == 0);
}

bool function_count(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    return eval_add(ev, out, fhirpath_integer((int32_t)call->focus->n));
}

bool function_not(struct evaluation *ev, const struct call *call,
                  struct fhirpath_collection *out)
{
    enum truth truth;

    if (!eval_truth(ev, call->node, call->focus, &truth))
        return false;
    return truth == TRUTH_EMPTY ||
           eval_add_boolean(ev, out, truth == TRUTH_FALSE);
}

/* Is there an item of that value, all of them being booleans? */
static bool any_is(struct evaluation *ev, const struct call *call, bool value,
                   bool *out)
{
    *out = false;
    for (size_t i = 0; i < call->focus->n; i++) {
        struct fhirpath_item item;

        if (!eval_value(ev, &call->focus->items[i], &item) ||
            item.kind != FHIRPATH_BOOLEAN)
            return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                             "%.*s() needs booleans",
                             BYTES_ARG(call->node->name));
        *out = *out || item.boolean == value;
    }
    return true;
}

bool function_all_true(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    bool found;

    return any_is(ev, call, false, &found) && eval_add_boolean(ev, out, !found);
}

bool function_all_false(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    bool found;

    return any_is(ev, call, true, &found) && eval_add_boolean(ev, out, !found);
}

bool function_any_true(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    bool found;

    return any_is(ev, call, true, &found) && eval_add_boolean(ev, out, found);
}

bool function_any_false(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    bool found;

    return any_is(ev, call, false, &found) && eval_add_boolean(ev, out, found);
}

static bool is_subset(struct evaluation *ev,
                      const struct fhirpath_collection *part,
                      const struct fhirpath_collection *whole, bool *out)
{
    *out = true;
    for (size_t i = 0; i < part->n && *out; i++)
        if (!compare_contains(ev, whole, &part->items[i], out))
            return false;
    return true;
}

bool function_subset_of(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    struct fhirpath_collection other = {NULL, 0, 0};
    bool is;

    return eval_apart(ev, call->node->args[0], &other) &&
           is_subset(ev, call->focus, &other, &is) &&
           eval_add_boolean(ev, out, is);
}

bool function_superset_of(struct evaluation *ev, const struct call *call,
                          struct fhirpath_collection *out)
{
    struct fhirpath_collection other = {NULL, 0, 0};
    bool is;

    return eval_apart(ev, call->node->args[0], &other) &&
           is_subset(ev, &other, call->focus, &is) &&
           eval_add_boolean(ev, out, is);
}

static bool add_new(struct evaluation *ev, struct fhirpath_collection *out,
                    const struct fhirpath_collection *more)
{
    for (size_t i = 0; i < more->n; i++) {
        bool found;

        if (!compare_contains(ev, out, &more->items[i], &found))
            return false;
        if (!found && !eval_add(ev, out, more->items[i]))
            return false;
    }
    return true;
}

bool function_distinct(struct evaluation *ev, const struct call *call,
                       struct fhirpath_collection *out)
{
    return add_new(ev, out, call->focus);
}

bool function_is_distinct(struct evaluation *ev, const struct call *call,
                          struct fhirpath_collection *out)
{
    struct fhirpath_collection different = {NULL, 0, 0};

    return add_new(ev, &different, call->focus) &&
           eval_add_boolean(ev, out, different.n == call->focus->n);
}

/* --- subsetting (5.3) --- */

/* The items from first on, n of them at most. */
static bool add_range(struct evaluation *ev, const struct call *call,
                      size_t first, size_t n, struct fhirpath_collection *out)
{
    for (size_t i = first; i < call->focus->n && i - first < n; i++)
        if (!eval_add(ev, out, call->focus->items[i]))
            return false;
    return true;
}

bool function_single(struct evaluation *ev, const struct call *call,
                     struct fhirpath_collection *out)
{
    if (call->focus->n > 1)
        return eval_fail(ev, call->node, ERR_UNPROCESSABLE,
                         "single() of %zu items", call->focus->n);
    return add_range(ev, call, 0, 1, out);
}

bool function_first(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    return add_range(ev, call, 0, 1, out);
}

bool function_last(struct evaluation *ev, const struct call *call,
                   struct fhirpath_collection *out)
{
    return call->focus->n == 0 ||
           add_range(ev, call, call->focus->n - 1, 1, out);
}

bool function_tail(struct evaluation *ev, const struct call *call,
                   struct fhirpath_collection *out)
{
    return add_range(ev, call, 1, SIZE_MAX, out);
}

static bool take_count(struct evaluation *ev, const struct call *call,
                       size_t *out, bool *present)
{
    struct fhirpath_item item;

    if (!eval_argument(ev, call, 0, FHIRPATH_INTEGER, &item, present))
        return false;
    *out = *present && item.integer > 0 ? (size_t)item.integer : 0;
    return true;
}

bool function_skip(struct evaluation *ev, const struct call *call,
                   struct fhirpath_collection *out)
{
    size_t n;
    bool present;

    return take_count(ev, call, &n, &present) &&
           (!present || add_range(ev, call, n, SIZE_MAX, out));
}

bool function_take(struct evaluation *ev, const struct call *call,
                   struct fhirpath_collection *out)
{
    size_t n;
    bool present;

    return take_count(ev, call, &n, &present) &&
           (!present || add_range(ev, call, 0, n, out));
}

/* Those that are, or are not, in the other one; repeats kept or not. */
static bool filter_by(struct evaluation *ev, const struct call *call,
                      bool inside, struct fhirpath_collection *out)
{
    struct fhirpath_collection other = {NULL, 0, 0};

    if (!eval_apart(ev, call->node->args[0], &other))
        return false;
    for (size_t i = 0; i < call->focus->n; i++) {
        const struct fhirpath_item *item = &call->focus->items[i];
        bool found;
        bool repeated = false;

        if (!compare_contains(ev, &other, item, &found) ||
            (inside && !compare_contains(ev, out, item, &repeated)))
            return false;
        if (found == inside && !repeated && !eval_add(ev, out, *item))
            return false;
    }
    return true;
}

bool function_intersect(struct evaluation *ev, const struct call *call,
                        struct fhirpath_collection *out)
{
    return filter_by(ev, call, true, out);
}

bool function_exclude(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    return filter_by(ev, call, false, out);
}

/* --- combining (5.4) --- */

bool function_union(struct evaluation *ev, const struct call *call,
                    struct fhirpath_collection *out)
{
    struct fhirpath_collection other = {NULL, 0, 0};

    return eval_apart(ev, call->node->args[0], &other) &&
           add_new(ev, out, call->focus) && add_new(ev, out, &other);
}

/* The order is kept, whether it is asked for or not. */
bool function_combine(struct evaluation *ev, const struct call *call,
                      struct fhirpath_collection *out)
{
    struct fhirpath_collection other = {NULL, 0, 0};
    struct fhirpath_item order;
    bool present;

    return eval_argument(ev, call, 1, FHIRPATH_BOOLEAN, &order, &present) &&
           eval_apart(ev, call->node->args[0], &other) &&
           eval_add_all(ev, out, call->focus) && eval_add_all(ev, out, &other);
}
