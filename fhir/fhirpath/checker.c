#include "fhir/fhirpath/checker.h"

#include "fhir/fhirpath/external.h"
#include "fhir/fhirpath/function.h"
#include "fhir/fhirpath/lexer.h"
#include "fhir/fhirpath/types.h"
#include "fhir/model/element.h"

#define TYPES_MAX 8
#define SYSTEM_MAX 4
#define NAME_SHOWN 60

/* What a part yields: one of these types. */
struct shape {
    bool any; /* nothing is known, or too much */
    bool unordered;
    const struct model_type *types[TYPES_MAX];
    const char *system[SYSTEM_MAX];
    unsigned char type_count;
    unsigned char system_count;
};

struct checker {
    const struct checker_options *o;
    struct node *root;
    struct err *e;
    struct shape context;
    enum err_code failed;
};

/* self is the shape of $this. */
static struct shape check_node(struct checker *c, struct node *n,
                               const struct shape *self);

/* --- shapes --- */

static struct shape shape_any(void)
{
    return (struct shape){.any = true};
}

static struct shape shape_system(const char *name)
{
    return (struct shape){.system = {name}, .system_count = 1};
}

static void add_system(struct shape *s, const char *name)
{
    for (size_t i = 0; i < s->system_count; i++)
        if (strcmp(s->system[i], name) == 0)
            return;
    if (s->system_count == SYSTEM_MAX)
        s->any = true;
    else
        s->system[s->system_count++] = name;
}

/* Of an abstract type anything may come. */
static void add_type(struct shape *s, const struct model_type *type)
{
    for (size_t i = 0; i < s->type_count; i++)
        if (s->types[i] == type)
            return;
    if (s->type_count == TYPES_MAX || model_type_is_abstract(type))
        s->any = true;
    else
        s->types[s->type_count++] = type;
}

static struct shape shape_type(const struct model_type *type)
{
    struct shape s = {.any = false};

    add_type(&s, type);
    return s;
}

static void add_shape(struct shape *s, const struct shape *more)
{
    s->any = s->any || more->any;
    s->unordered = s->unordered || more->unordered;
    for (size_t i = 0; i < more->type_count; i++)
        add_type(s, more->types[i]);
    for (size_t i = 0; i < more->system_count; i++)
        add_system(s, more->system[i]);
}

static bool is_known(const struct shape *s)
{
    return !s->any && (s->type_count > 0 || s->system_count > 0);
}

/* --- refusing --- */

static void refuse(struct checker *c, const struct node *n, const char *reason)
{
    if (!c->failed)
        c->failed = lexer_refuse(c->e, ERR_INVALID, c->o->text, n->offset, "%s",
                                 reason);
}

static int shown(struct bytes text)
{
    return (int)(text.n < NAME_SHOWN ? text.n : NAME_SHOWN);
}

static void refuse_member(struct checker *c, const struct node *n,
                          const struct shape *left)
{
    const char *where =
        left->type_count > 0 ? left->types[0]->name : left->system[0];

    if (!c->failed)
        c->failed = lexer_refuse(c->e, ERR_INVALID, c->o->text, n->offset,
                                 "%s has no element %.*s", where,
                                 shown(n->name), n->name.p);
}

static void doom(struct checker *c, const struct node *n, const char *what,
                 struct bytes name)
{
    if (!c->o->doomed->code)
        (void)lexer_refuse(c->o->doomed, ERR_INVALID, c->o->text, n->offset,
                           "there is no %s%.*s", what, shown(name), name.p);
}

static void check_type(struct checker *c, const struct node *n, bool only_asks)
{
    if (types_is_unknown(&n->type) && !(only_asks && n->type.is_foreign))
        doom(c, n, "type ", n->type.name);
}

/* --- members --- */

static bool names_type(const struct node *n, const struct model_type *type)
{
    const struct model_type *named;

    if (n->left || n->name.p[0] < 'A' || n->name.p[0] > 'Z')
        return false;
    named = model_type_find(n->name);
    return named && model_type_is(type, named);
}

static void add_member(struct shape *out, struct node *n,
                       const struct model_type *type)
{
    const struct model_element *element;

    if (names_type(n, type)) {
        add_type(out, type);
        return;
    }
    element = model_type_element(type, n->name);
    if (!element)
        return;
    if (!n->known_type) {
        n->known_type = type;
        n->known_element = element;
    }
    for (size_t i = 0; i < element->type_count; i++)
        add_type(out, element->types[i].type);
    if (element->choice && element->type_count > TYPES_MAX)
        out->any = true;
}

static struct shape check_member(struct checker *c, struct node *n,
                                 const struct shape *left)
{
    struct shape out = {.unordered = left->unordered};

    if (!is_known(left))
        return shape_any();
    for (size_t i = 0; i < left->type_count; i++)
        add_member(&out, n, left->types[i]);
    if (!out.any && !is_known(&out) && c->o->strict)
        refuse_member(c, n, left);
    return out.any || is_known(&out) ? out : shape_any();
}

/* --- functions --- */

static bool is_boolean(const struct shape *s)
{
    for (size_t i = 0; i < s->system_count; i++)
        if (strcmp(s->system[i], "Boolean") == 0)
            return true;
    for (size_t i = 0; i < s->type_count; i++)
        if (s->types[i]->id == MODEL_TYPE_boolean)
            return true;
    return false;
}

static bool may_be_string(const struct shape *s)
{
    if (!is_known(s))
        return true;
    for (size_t i = 0; i < s->system_count; i++)
        if (strcmp(s->system[i], "String") == 0)
            return true;
    for (size_t i = 0; i < s->type_count; i++)
        if (s->types[i]->kind == MODEL_PRIMITIVE)
            return true;
    return false;
}

static bool are_different(const struct node *a, const struct node *b)
{
    if (a->kind != NODE_LITERAL || b->kind != NODE_LITERAL ||
        a->literal.kind != b->literal.kind)
        return false;
    if (a->literal.kind == FHIRPATH_INTEGER)
        return a->literal.integer != b->literal.integer;
    return a->literal.kind == FHIRPATH_STRING &&
           !bytes_equal(a->literal.string, b->literal.string);
}

/* Different literals side by side, as the first of those that follow. */
static bool is_surely_many(const struct node *n)
{
    while (n->kind == NODE_BINARY && n->op == OPERATOR_UNION) {
        if (are_different(n->left, n->right))
            return true;
        n = n->left;
    }
    return false;
}

/* --- what has an order --- */

enum order_group {
    ORDER_OF_NUMBERS = 1,
    ORDER_OF_STRINGS = 2,
    ORDER_OF_DATES = 4,
    ORDER_OF_TIMES = 8,
    ORDER_UNKNOWN = 15
};

static unsigned order_of_system(const char *name)
{
    static const struct {
        const char *name;
        enum order_group group;
    } groups[] = {
        {"Integer", ORDER_OF_NUMBERS},  {"Decimal", ORDER_OF_NUMBERS},
        {"Quantity", ORDER_OF_NUMBERS}, {"String", ORDER_OF_STRINGS},
        {"Date", ORDER_OF_DATES},       {"DateTime", ORDER_OF_DATES},
        {"Time", ORDER_OF_TIMES},
    };

    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strcmp(groups[i].name, name) == 0)
            return groups[i].group;
    return 0;
}

static unsigned order_of_type(const struct model_type *type)
{
    switch ((int)type->id) {
    case MODEL_TYPE_boolean:
        return 0;
    case MODEL_TYPE_integer:
    case MODEL_TYPE_positiveInt:
    case MODEL_TYPE_unsignedInt:
    case MODEL_TYPE_decimal:
        return ORDER_OF_NUMBERS;
    case MODEL_TYPE_date:
    case MODEL_TYPE_dateTime:
    case MODEL_TYPE_instant:
        return ORDER_OF_DATES;
    case MODEL_TYPE_time:
        return ORDER_OF_TIMES;
    default:
        if (model_type_is(type, model_type_of(MODEL_TYPE_Quantity)))
            return ORDER_OF_NUMBERS;
        return type->kind == MODEL_PRIMITIVE ? ORDER_OF_STRINGS : 0;
    }
}

static unsigned order_of(const struct shape *s)
{
    unsigned groups = 0;

    if (!is_known(s))
        return ORDER_UNKNOWN;
    for (size_t i = 0; i < s->system_count; i++)
        groups |= order_of_system(s->system[i]);
    for (size_t i = 0; i < s->type_count; i++)
        groups |= order_of_type(s->types[i]);
    return groups;
}

/* What literals and results of functions are is the evaluation's to judge; an
 * element is judged here, by the model. */
static void check_order(struct checker *c, const struct node *n,
                        const struct shape *left, const struct shape *right)
{
    bool is_order =
        n->op >= OPERATOR_LESS && n->op <= OPERATOR_GREATER_OR_EQUAL;
    bool has_element = left->type_count > 0 || right->type_count > 0;

    if (c->o->strict && is_order && has_element &&
        !(order_of(left) & order_of(right)))
        refuse(c, n, "these two have no order with each other");
}

/* NOLINTBEGIN(misc-no-recursion): PARSER_HEIGHT_MAX bounds the tree */
static struct shape check_iif(struct checker *c, struct node *n,
                              const struct shape *left,
                              const struct shape *self)
{
    const struct shape *inner = n->left ? left : self;
    struct shape criterion = check_node(c, n->args[0], inner);
    struct shape out = check_node(c, n->args[1], inner);

    if (n->left && is_surely_many(n->left))
        refuse(c, n, "iif() of more than one item");
    if (is_known(&criterion) && !is_boolean(&criterion))
        refuse(c, n->args[0], "the criterion is no boolean");
    if (n->arg_count > 2) {
        struct shape other = check_node(c, n->args[2], inner);

        if (!is_known(&other))
            out.any = true;
        add_shape(&out, &other);
    }
    return is_known(&out) ? out : shape_any();
}

static struct shape result_of(struct checker *c, struct node *n,
                              const struct shape *left,
                              const struct shape *first)
{
    struct shape out = shape_any();

    switch (n->function->result) {
    case RESULT_ANY:
        return out;
    case RESULT_FOCUS:
        return *left;
    case RESULT_BOOLEAN:
        return shape_system("Boolean");
    case RESULT_INTEGER:
        return shape_system("Integer");
    case RESULT_DECIMAL:
        return shape_system("Decimal");
    case RESULT_STRING:
        return shape_system("String");
    case RESULT_SELECT:
        out = *first;
        out.unordered = out.unordered || left->unordered;
        return out;
    case RESULT_TYPE:
        check_type(c, n, bytes_is(n->name, "is"));
        if (bytes_is(n->name, "is"))
            return shape_system("Boolean");
        return n->type.model && !n->type.system ? shape_type(n->type.model)
                                                : shape_any();
    case RESULT_CHILDREN:
        out.unordered = true;
        return out;
    }
    return out;
}

static struct shape check_function(struct checker *c, struct node *n,
                                   const struct shape *left,
                                   const struct shape *self)
{
    const struct fhirpath_function *f = n->function;
    struct shape first = shape_any();
    bool inner = f->per_item || bytes_is(n->name, "defineVariable") ||
                 bytes_is(n->name, "trace");

    if (bytes_is(n->name, "iif"))
        return check_iif(c, n, left, self);
    if (bytes_is(n->name, "not") && n->left && is_surely_many(n->left))
        refuse(c, n, "not() of more than one item");
    for (size_t i = 0; f->result != RESULT_TYPE && i < n->arg_count; i++) {
        /* repeat() looks at what it yielded before */
        struct shape any = shape_any();
        bool repeats =
            bytes_is(n->name, "repeat") || bytes_is(n->name, "repeatAll");
        struct shape arg =
            check_node(c, n->args[i], repeats ? &any : (inner ? left : self));

        if (i == 0)
            first = arg;
    }
    if (c->o->strict && f->of_string && !may_be_string(left))
        refuse(c, n, "the function needs a string");
    if (c->o->strict && f->ordered && left->unordered)
        refuse(c, n, "its input has no order");
    return result_of(c, n, left, &first);
}

/* --- variables --- */

/* Does a defineVariable() below n define the name, or any? */
static bool defines(const struct node *n, struct bytes name)
{
    if (!n)
        return false;
    if (n->kind == NODE_FUNCTION && bytes_is(n->name, "defineVariable") &&
        (n->args[0]->kind != NODE_LITERAL ||
         n->args[0]->literal.kind != FHIRPATH_STRING ||
         bytes_equal(n->args[0]->literal.string, name)))
        return true;
    for (size_t i = 0; i < n->arg_count; i++)
        if (defines(n->args[i], name))
            return true;
    return defines(n->left, name) || defines(n->right, name);
}

static struct shape check_external(struct checker *c, const struct node *n)
{
    if (!external_is_known(n->name) && !defines(c->root, n->name))
        doom(c, n, "%", n->name);
    if (bytes_is(n->name, "context"))
        return c->context;
    if (c->context.type_count == 1 &&
        c->context.types[0]->kind == MODEL_RESOURCE &&
        (bytes_is(n->name, "resource") || bytes_is(n->name, "current") ||
         bytes_is(n->name, "previous")))
        return c->context;
    return shape_any();
}

/* --- the rest --- */

static struct shape check_binary(struct checker *c, struct node *n,
                                 const struct shape *self)
{
    struct shape left = check_node(c, n->left, self);
    struct shape right = check_node(c, n->right, self);

    check_order(c, n, &left, &right);
    if (n->op < OPERATOR_UNION)
        return shape_system("Boolean");
    if (n->op != OPERATOR_UNION)
        return shape_any();
    add_shape(&left, &right);
    return left;
}

static struct shape check_type_operator(struct checker *c, struct node *n,
                                        const struct shape *self)
{
    (void)check_node(c, n->left, self);
    check_type(c, n, n->kind == NODE_TYPE_IS);
    if (n->kind == NODE_TYPE_IS)
        return shape_system("Boolean");
    return n->type.model && !n->type.system ? shape_type(n->type.model)
                                            : shape_any();
}

static struct shape shape_of_literal(const struct node *n)
{
    bool is_system;
    struct bytes name = fhirpath_type_name(&n->literal, &is_system);

    return shape_system(name.p);
}

static struct shape check_node(struct checker *c, struct node *n,
                               const struct shape *self)
{
    struct shape left = *self;

    switch (n->kind) {
    case NODE_LITERAL:
        return shape_of_literal(n);
    case NODE_EMPTY:
        return (struct shape){.any = false};
    case NODE_THIS:
        return left;
    case NODE_INDEX:
        return shape_system("Integer");
    case NODE_TOTAL:
        return shape_any();
    case NODE_EXTERNAL:
        return check_external(c, n);
    case NODE_POLARITY:
        return check_node(c, n->right, self);
    case NODE_BINARY:
        return check_binary(c, n, self);
    case NODE_TYPE_IS:
    case NODE_TYPE_AS:
        return check_type_operator(c, n, self);
    case NODE_MEMBER:
    case NODE_FUNCTION:
    case NODE_INDEXER:
        break;
    }
    if (n->left)
        left = check_node(c, n->left, self);
    if (n->kind == NODE_MEMBER)
        return check_member(c, n, &left);
    if (n->kind == NODE_FUNCTION)
        return check_function(c, n, &left, self);
    (void)check_node(c, n->right, self);
    return left;
}

/* NOLINTEND(misc-no-recursion) */

enum err_code checker_check(const struct checker_options *o, struct node *root,
                            struct err *e)
{
    struct checker c = {.o = o, .root = root, .e = e, .context = {.any = true}};
    const struct model_type *type =
        o->context ? model_type_find(bytes_of(o->context)) : NULL;
    struct shape found;

    if (type)
        c.context = shape_type(type);
    found = check_node(&c, root, &c.context);
    /* elements are true when there is one (FHIRPath 4.5) */
    if (o->criterion && is_known(&found) && found.type_count == 0 &&
        !is_boolean(&found))
        refuse(&c, root, "a criterion is true or false, this is neither");
    return c.failed;
}
