#include "fhir/fhirpath/compare.h"

#include "fhir/fhirpath/letters.h"
#include "fhir/fhirpath/quantity.h"
#include "fhir/json/tree.h"

/* --- numbers --- */

bool compare_decimal_of(const struct fhirpath_item *item, struct decimal *out)
{
    if (item->kind == FHIRPATH_INTEGER)
        *out = decimal_of(item->integer);
    else if (item->kind == FHIRPATH_DECIMAL)
        *out = *item->decimal;
    else
        return false;
    return true;
}

bool compare_quantity_of(const struct fhirpath_item *item,
                         struct fhirpath_quantity *out)
{
    if (item->kind == FHIRPATH_QUANTITY) {
        *out = *item->quantity;
        return true;
    }
    out->unit = bytes_of("1");
    out->calendar = false;
    return compare_decimal_of(item, &out->value);
}

static bool is_number(const struct fhirpath_item *item)
{
    return item->kind == FHIRPATH_INTEGER || item->kind == FHIRPATH_DECIMAL;
}

/* --- trees of JSON --- */

/* Two trees and how they are to be compared. */
struct trees {
    struct evaluation *ev;
    bool equivalent; /* strings as ~ has it, arrays in any order */
};

static bool same_tree(const struct trees *t, const cJSON *a, const cJSON *b,
                      bool *out);

static bool same_number(const cJSON *a, const cJSON *b)
{
    struct decimal x;
    struct decimal y;

    if (!decimal_parse(json_tree_number(a), &x) ||
        !decimal_parse(json_tree_number(b), &y))
        return bytes_equal(json_tree_number(a), json_tree_number(b));
    return decimal_compare(&x, &y) == 0;
}

static size_t count_members(const cJSON *object)
{
    size_t n = 0;

    for (const cJSON *m = object->child; m; m = m->next)
        n += strcmp(m->string, "fhir_comments") != 0;
    return n;
}

/* NOLINTBEGIN(misc-no-recursion): the gate bounds the depth of JSON */
static bool same_object(const struct trees *t, const cJSON *a, const cJSON *b,
                        bool *out)
{
    *out = count_members(a) == count_members(b);
    for (const cJSON *m = a->child; *out && m; m = m->next) {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(b, m->string);

        if (strcmp(m->string, "fhir_comments") == 0)
            continue;
        *out = other != NULL;
        if (other && !same_tree(t, m, other, out))
            return false;
    }
    return true;
}

static bool same_list(const struct trees *t, const cJSON *a, const cJSON *b,
                      bool *out)
{
    const cJSON *x = a->child;
    const cJSON *y = b->child;

    *out = true;
    for (; *out && x && y; x = x->next, y = y->next)
        if (!same_tree(t, x, y, out))
            return false;
    *out = *out && !x && !y;
    return true;
}

#define SET_MAX 256

static bool same_set(const struct trees *t, const cJSON *a, const cJSON *b,
                     bool *out)
{
    bool used[SET_MAX] = {false};
    int n = cJSON_GetArraySize(a);

    *out = n == cJSON_GetArraySize(b);
    if (!*out || n > SET_MAX)
        return !*out || same_list(t, a, b, out);
    for (const cJSON *x = a->child; *out && x; x = x->next) {
        const cJSON *y = b->child;
        bool found = false;

        for (size_t i = 0; !found && y; y = y->next, i++) {
            if (used[i])
                continue;
            if (!same_tree(t, x, y, &found))
                return false;
            used[i] = found;
        }
        *out = found;
    }
    return true;
}

static bool same_tree(const struct trees *t, const cJSON *a, const cJSON *b,
                      bool *out)
{
    *out = false;
    if (!eval_step(t->ev, 1))
        return false;
    if (!a || !b)
        return true;
    if ((a->type & 0xFF) != (b->type & 0xFF))
        return true;
    if (cJSON_IsObject(a))
        return same_object(t, a, b, out);
    if (cJSON_IsArray(a))
        return t->equivalent ? same_set(t, a, b, out) : same_list(t, a, b, out);
    if (cJSON_IsNumber(a))
        *out = same_number(a, b);
    else if (cJSON_IsString(a) && t->equivalent)
        *out = letters_equivalent(bytes_of(a->valuestring),
                                  bytes_of(b->valuestring));
    else if (cJSON_IsString(a))
        *out = strcmp(a->valuestring, b->valuestring) == 0;
    else
        *out = true;
    return true;
}

/* NOLINTEND(misc-no-recursion) */

static bool same_nodes(const struct trees *t, const struct fhirpath_item *a,
                       const struct fhirpath_item *b, bool *out)
{
    const struct fhirpath_node *x = &a->node;
    const struct fhirpath_node *y = &b->node;

    *out = a->kind == b->kind && (x->json != NULL) == (y->json != NULL) &&
           (x->json != NULL || (x->more != NULL) == (y->more != NULL));
    if (!*out || a->kind != FHIRPATH_NODE)
        return true;
    if (x->json)
        return x->json == y->json || same_tree(t, x->json, y->json, out);
    return same_tree(t, x->more, y->more, out);
}

/* --- equality --- */

static enum truth truth_of(bool value)
{
    return value ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth equal_moments(const struct moment *a, const struct moment *b)
{
    enum moment_order order;

    if ((a->kind == MOMENT_TIME) != (b->kind == MOMENT_TIME))
        return TRUTH_FALSE;
    order = moment_compare(a, b);
    return order == MOMENT_UNCERTAIN ? TRUTH_EMPTY
                                     : truth_of(order == MOMENT_EQUAL);
}

static enum truth equal_numbers(const struct fhirpath_item *a,
                                const struct fhirpath_item *b)
{
    struct fhirpath_quantity x;
    struct fhirpath_quantity y;
    int order;

    if (a->kind == FHIRPATH_INTEGER && b->kind == FHIRPATH_INTEGER)
        return truth_of(a->integer == b->integer);
    if (!compare_quantity_of(a, &x) || !compare_quantity_of(b, &y))
        return TRUTH_FALSE;
    if (!quantity_compare(&x, &y, false, &order))
        return TRUTH_EMPTY;
    return truth_of(order == 0);
}

static bool is_numeric(const struct fhirpath_item *item)
{
    return is_number(item) || item->kind == FHIRPATH_QUANTITY;
}

static enum truth equal_values(const struct fhirpath_item *a,
                               const struct fhirpath_item *b)
{
    if (is_numeric(a) && is_numeric(b))
        return equal_numbers(a, b);
    if (a->kind != b->kind)
        return TRUTH_FALSE;
    if (a->kind == FHIRPATH_BOOLEAN)
        return truth_of(a->boolean == b->boolean);
    if (a->kind == FHIRPATH_MOMENT)
        return equal_moments(a->moment, b->moment);
    if (a->kind == FHIRPATH_STRING)
        return truth_of(bytes_equal(a->string, b->string));
    return truth_of(bytes_equal(a->type->space, b->type->space) &&
                    bytes_equal(a->type->name, b->type->name));
}

/* a = b of two items. */
static bool equal_items(struct evaluation *ev, const struct fhirpath_item *a,
                        const struct fhirpath_item *b, enum truth *out)
{
    struct trees trees = {.ev = ev};
    struct fhirpath_item x;
    struct fhirpath_item y;
    bool same;

    if (!eval_step(ev, 1))
        return false;
    if (eval_value(ev, a, &x) && eval_value(ev, b, &y)) {
        *out = equal_values(&x, &y);
        return true;
    }
    if (!same_nodes(&trees, a, b, &same))
        return false;
    *out = truth_of(same);
    return true;
}

bool compare_all_equal(struct evaluation *ev,
                       const struct fhirpath_collection *a,
                       const struct fhirpath_collection *b, enum truth *out)
{
    enum truth all = TRUTH_TRUE;

    *out = TRUTH_FALSE;
    if (a->n != b->n)
        return true;
    for (size_t i = 0; i < a->n && all != TRUTH_FALSE; i++) {
        enum truth one;

        if (!equal_items(ev, &a->items[i], &b->items[i], &one))
            return false;
        if (one != TRUTH_TRUE)
            all = one;
    }
    *out = all;
    return true;
}

bool compare_contains(struct evaluation *ev,
                      const struct fhirpath_collection *c,
                      const struct fhirpath_item *item, bool *out)
{
    *out = false;
    for (size_t i = 0; i < c->n && !*out; i++) {
        enum truth equal;

        if (!equal_items(ev, &c->items[i], item, &equal))
            return false;
        *out = equal == TRUTH_TRUE;
    }
    return true;
}

/* --- equivalence --- */

static bool equivalent_numbers(const struct fhirpath_item *a,
                               const struct fhirpath_item *b)
{
    struct fhirpath_quantity x;
    struct fhirpath_quantity y;

    return compare_quantity_of(a, &x) && compare_quantity_of(b, &y) &&
           quantity_is_equivalent(&x, &y);
}

static bool equivalent_moments(const struct moment *a, const struct moment *b)
{
    return a->precision == b->precision &&
           (a->kind == MOMENT_TIME) == (b->kind == MOMENT_TIME) &&
           moment_compare(a, b) == MOMENT_EQUAL;
}

static bool equivalent_values(const struct fhirpath_item *a,
                              const struct fhirpath_item *b)
{
    if (is_numeric(a) && is_numeric(b))
        return equivalent_numbers(a, b);
    if (a->kind == FHIRPATH_STRING && b->kind == FHIRPATH_STRING)
        return letters_equivalent(a->string, b->string);
    if (a->kind == FHIRPATH_MOMENT && b->kind == FHIRPATH_MOMENT)
        return equivalent_moments(a->moment, b->moment);
    return equal_values(a, b) == TRUTH_TRUE;
}

/* a ~ b of two items. */
static bool equivalent_items(struct evaluation *ev,
                             const struct fhirpath_item *a,
                             const struct fhirpath_item *b, bool *out)
{
    struct trees trees = {.ev = ev, .equivalent = true};
    struct fhirpath_item x;
    struct fhirpath_item y;

    if (!eval_step(ev, 1))
        return false;
    if (!eval_value(ev, a, &x) || !eval_value(ev, b, &y))
        return same_nodes(&trees, a, b, out);
    *out = equivalent_values(&x, &y);
    return true;
}

/* Each item of a has one of b to itself. */
static bool pair_up(struct evaluation *ev, const struct fhirpath_collection *a,
                    const struct fhirpath_collection *b, bool *used, bool *out)
{
    *out = true;
    for (size_t i = 0; i < a->n && *out; i++) {
        bool found = false;

        for (size_t j = 0; j < b->n && !found; j++) {
            if (used[j])
                continue;
            if (!equivalent_items(ev, &a->items[i], &b->items[j], &found))
                return false;
            used[j] = found;
        }
        *out = found;
    }
    return true;
}

bool compare_all_equivalent(struct evaluation *ev,
                            const struct fhirpath_collection *a,
                            const struct fhirpath_collection *b, bool *out)
{
    bool *used;

    *out = a->n == b->n;
    if (!*out || a->n == 0)
        return true;
    used = eval_alloc(ev, a->n * sizeof *used);
    return used && pair_up(ev, a, b, used, out);
}

/* --- order --- */

static bool order_numbers(const struct fhirpath_item *a,
                          const struct fhirpath_item *b, int *order,
                          bool *known)
{
    struct fhirpath_quantity x;
    struct fhirpath_quantity y;

    if (!compare_quantity_of(a, &x) || !compare_quantity_of(b, &y))
        return false;
    *known = quantity_compare(&x, &y, false, order);
    return true;
}

static bool order_moments(const struct moment *a, const struct moment *b,
                          int *order, bool *known)
{
    enum moment_order found;

    if ((a->kind == MOMENT_TIME) != (b->kind == MOMENT_TIME))
        return false;
    found = moment_compare(a, b);
    *known = found != MOMENT_UNCERTAIN;
    *order = found == MOMENT_EQUAL ? 0 : (found == MOMENT_BEFORE ? -1 : 1);
    return true;
}

static int order_strings(struct bytes a, struct bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;

    if (order == 0)
        order = (a.n > b.n) - (a.n < b.n);
    return order;
}

static bool order_values(const struct fhirpath_item *a,
                         const struct fhirpath_item *b, int *order, bool *known)
{
    *known = true;
    if (is_numeric(a) && is_numeric(b))
        return order_numbers(a, b, order, known);
    if (a->kind != b->kind)
        return false;
    if (a->kind == FHIRPATH_MOMENT)
        return order_moments(a->moment, b->moment, order, known);
    if (a->kind != FHIRPATH_STRING)
        return false;
    *order = order_strings(a->string, b->string);
    return true;
}

bool compare_order(struct evaluation *ev, const struct node *n,
                   const struct fhirpath_item *a, const struct fhirpath_item *b,
                   int *order, bool *known)
{
    struct fhirpath_item x = *a;
    struct fhirpath_item y = *b;

    *order = 0;
    (void)eval_value(ev, a, &x);
    (void)eval_value(ev, b, &y);
    if (order_values(&x, &y, order, known))
        return true;
    return eval_fail(ev, n, ERR_UNPROCESSABLE,
                     "these two have no order with each other");
}
