#include "fhir/fhirpath/parser.h"

#include "fhir/fhirpath/function.h"
#include "fhir/fhirpath/lexer.h"
#include "fhir/model/element.h"

struct parser {
    struct lexer lexer;
    struct token token; /* the one to look at */
    unsigned depth;
    enum err_code failed;
};

/* Deeper expressions come back through this. */
static struct node *parse_expression(struct parser *p, int level);

/* --- failing, and tokens --- */

#define REFUSE(p, offset, ...)                                             \
    ((p)->failed = lexer_refuse((p)->lexer.e, ERR_SYNTAX, (p)->lexer.text, \
                                offset, __VA_ARGS__))

static void *take_memory(struct parser *p, size_t n)
{
    void *memory = arena_alloc(p->lexer.arena, n);

    if (!memory)
        p->failed = err_nomem(p->lexer.e);
    return memory;
}

static bool advance(struct parser *p)
{
    p->failed = lexer_next(&p->lexer, &p->token);
    return !p->failed;
}

static bool is_symbol(const struct parser *p, const char *symbol)
{
    return p->token.kind == TOKEN_SYMBOL && bytes_is(p->token.text, symbol);
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_NAME && bytes_is(p->token.text, word);
}

static bool unexpected(struct parser *p, const char *wanted)
{
    if (p->token.kind == TOKEN_END)
        REFUSE(p, p->token.offset, "%s is expected, not the end", wanted);
    else
        REFUSE(p, p->token.offset, "%s is expected, not \"%.*s\"", wanted,
               (int)(p->token.text.n < 40 ? p->token.text.n : 40),
               p->token.text.p);
    return false;
}

static bool expect(struct parser *p, const char *symbol)
{
    if (!is_symbol(p, symbol))
        return unexpected(p, symbol);
    return advance(p);
}

/* --- nodes --- */

static unsigned short height_of(const struct node *n)
{
    return n ? n->height : 0;
}

/* NULL after a failure, as is any tree with a NULL below where one belongs. */
static struct node *new_node(struct parser *p, enum node_kind kind,
                             size_t offset, struct node *left,
                             struct node *right)
{
    struct node *n = take_memory(p, sizeof *n);
    unsigned short below =
        height_of(left) > height_of(right) ? height_of(left) : height_of(right);

    if (!n)
        return NULL;
    *n = (struct node){.kind = kind,
                       .offset = (uint32_t)offset,
                       .height = (unsigned short)(below + 1),
                       .left = left,
                       .right = right};
    if (n->height > PARSER_HEIGHT_MAX) {
        p->failed =
            lexer_refuse(p->lexer.e, ERR_TOO_LARGE, p->lexer.text, offset,
                         "more than %d steps in a row", PARSER_HEIGHT_MAX);
        return NULL;
    }
    return n;
}

/* --- literals --- */

static struct node *literal(struct parser *p, struct fhirpath_item item)
{
    struct node *n = new_node(p, NODE_LITERAL, p->token.offset, NULL, NULL);

    if (n)
        n->literal = item;
    return n && advance(p) ? n : NULL;
}

static bool is_calendar_unit(struct bytes word)
{
    static const char *const words[] = {"year",   "month",      "week",
                                        "day",    "hour",       "minute",
                                        "second", "millisecond"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i]);

        if (bytes_starts(word, words[i]) &&
            (word.n == n || (word.n == n + 1 && word.p[n] == 's')))
            return true;
    }
    return false;
}

static struct node *quantity(struct parser *p, size_t offset,
                             const struct decimal *value)
{
    struct fhirpath_quantity *q = take_memory(p, sizeof *q);
    struct node *n;

    if (!q)
        return NULL;
    *q = (struct fhirpath_quantity){.value = *value,
                                    .unit = p->token.text,
                                    .calendar = p->token.kind == TOKEN_NAME};
    n = literal(
        p, (struct fhirpath_item){.kind = FHIRPATH_QUANTITY, .quantity = q});
    if (n)
        n->offset = (uint32_t)offset;
    return n;
}

/* An integer, or a decimal: with a point, or past 32 bits. */
static struct node *number(struct parser *p)
{
    struct bytes text = p->token.text;
    size_t offset = p->token.offset;
    struct decimal *value = take_memory(p, sizeof *value);
    struct node *n = new_node(p, NODE_LITERAL, offset, NULL, NULL);
    int64_t whole = 0;

    if (!value || !n)
        return NULL;
    if (!decimal_parse(text, value)) {
        REFUSE(p, offset, "this number is too long");
        return NULL;
    }
    if (!advance(p))
        return NULL;
    if (p->token.kind == TOKEN_STRING ||
        (p->token.kind == TOKEN_NAME && is_calendar_unit(p->token.text)))
        return quantity(p, offset, value);
    if (bytes_find(text, '.') == text.n && decimal_to_i64(value, &whole) &&
        whole <= INT32_MAX)
        n->literal = fhirpath_integer((int32_t)whole);
    else
        n->literal =
            (struct fhirpath_item){.kind = FHIRPATH_DECIMAL, .decimal = value};
    return n;
}

static struct node *moment(struct parser *p, enum moment_kind kind)
{
    struct moment *m = take_memory(p, sizeof *m);

    if (!m)
        return NULL;
    if (!moment_parse(p->token.text, kind, m)) {
        REFUSE(p, p->token.offset, "no such date or time");
        return NULL;
    }
    return literal(
        p, (struct fhirpath_item){.kind = FHIRPATH_MOMENT, .moment = m});
}

static struct node *dollar(struct parser *p)
{
    static const struct {
        const char *name;
        enum node_kind kind;
    } words[] = {
        {"this", NODE_THIS}, {"index", NODE_INDEX}, {"total", NODE_TOTAL}};
    struct node *n;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (bytes_is(p->token.text, words[i].name)) {
            n = new_node(p, words[i].kind, p->token.offset, NULL, NULL);
            return n && advance(p) ? n : NULL;
        }
    REFUSE(p, p->token.offset, "there are $this, $index and $total");
    return NULL;
}

static struct node *named(struct parser *p, enum node_kind kind)
{
    struct node *n = new_node(p, kind, p->token.offset, NULL, NULL);

    if (n)
        n->name = p->token.text;
    return n && advance(p) ? n : NULL;
}

/* --- type names --- */

static const char *system_type(struct bytes name)
{
    static const char *const names[] = {"Any",      "Boolean", "Date",
                                        "DateTime", "Decimal", "Integer",
                                        "Quantity", "String",  "Time"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bytes_is(name, names[i]))
            return names[i];
    return NULL;
}

static struct node_type type_of(struct bytes space, struct bytes name)
{
    struct node_type type = {.name = name,
                             .is_foreign = bytes_is(space, "System") &&
                                           model_type_find(name) != NULL};

    if (space.n == 0 || bytes_is(space, "System"))
        type.system = system_type(name);
    if (space.n == 0 || bytes_is(space, "FHIR"))
        type.model = model_type_find(name);
    return type;
}

static bool take_identifier(struct parser *p, struct bytes *out)
{
    if (p->token.kind != TOKEN_NAME && p->token.kind != TOKEN_DELIMITED)
        return unexpected(p, "a name");
    *out = p->token.text;
    return advance(p);
}

/* T, FHIR.T or System.T, behind "is" and "as". */
static bool type_specifier(struct parser *p, struct node_type *out)
{
    struct bytes first = {NULL, 0};
    struct bytes second = {NULL, 0};

    if (!take_identifier(p, &first))
        return false;
    if (is_symbol(p, ".") &&
        (bytes_is(first, "FHIR") || bytes_is(first, "System"))) {
        if (!advance(p) || !take_identifier(p, &second))
            return false;
        *out = type_of(first, second);
        return true;
    }
    *out = type_of(second, first);
    return true;
}

/* As above where a call has parsed it as an expression. */
static bool type_argument(struct parser *p, struct node *call)
{
    const struct node *arg = call->args[0];
    struct bytes space = {NULL, 0};

    if (arg->kind == NODE_MEMBER && arg->left &&
        arg->left->kind == NODE_MEMBER && !arg->left->left)
        space = arg->left->name;
    else if (arg->kind != NODE_MEMBER || arg->left) {
        REFUSE(p, arg->offset, "%.*s() needs the name of a type",
               BYTES_ARG(call->name));
        return false;
    }
    call->type = type_of(space, arg->name);
    return true;
}

/* --- calls --- */

/* NOLINTBEGIN(misc-no-recursion): counted in depth */
static bool add_argument(struct parser *p, struct node *call)
{
    struct node *arg = parse_expression(p, 0);

    if (!arg)
        return false;
    if (bytes_is(call->name, "sort")) {
        if (arg->kind == NODE_POLARITY && arg->negative) {
            arg = arg->right;
            arg->negated = true;
        }
        if (is_word(p, "asc") || is_word(p, "desc")) {
            arg->descending = is_word(p, "desc");
            if (!advance(p))
                return false;
        }
    }
    if (call->arg_count == PARSER_ARGS_MAX) {
        REFUSE(p, arg->offset, "more than %d arguments", PARSER_ARGS_MAX);
        return false;
    }
    call->args[call->arg_count++] = arg;
    if (call->height <= arg->height)
        call->height = (unsigned short)(arg->height + 1);
    return true;
}

static bool arguments(struct parser *p, struct node *call)
{
    struct node *args[PARSER_ARGS_MAX];

    call->args = args;
    if (!advance(p))
        return false;
    if (!is_symbol(p, ")"))
        do {
            if (call->arg_count > 0 && !advance(p))
                return false;
            if (!add_argument(p, call))
                return false;
        } while (is_symbol(p, ","));
    call->args = take_memory(p, sizeof args);
    if (!call->args)
        return false;
    memcpy(call->args, args, call->arg_count * sizeof args[0]);
    return expect(p, ")");
}

static bool refuse_call(struct parser *p, const struct node *call,
                        const char *reason)
{
    p->failed = lexer_refuse(
        p->lexer.e, ERR_INVALID, p->lexer.text, call->offset, "%.*s() %s",
        (int)(call->name.n < 60 ? call->name.n : 60), call->name.p, reason);
    return false;
}

static bool finish_call(struct parser *p, struct node *call)
{
    const struct fhirpath_function *f = function_find(call->name);

    if (!f)
        return refuse_call(p, call, "is no function");
    if (call->arg_count < f->min_args || call->arg_count > f->max_args)
        return refuse_call(p, call, "has not so many arguments");
    if (call->height > PARSER_HEIGHT_MAX) {
        p->failed =
            lexer_refuse(p->lexer.e, ERR_TOO_LARGE, p->lexer.text, call->offset,
                         "more than %d steps in a row", PARSER_HEIGHT_MAX);
        return false;
    }
    call->function = f;
    return f->result != RESULT_TYPE || type_argument(p, call);
}

/* A name, or a call: at the start of a path, or behind its left side. */
static struct node *invocation(struct parser *p, struct node *left)
{
    struct node *n;

    if (p->token.kind != TOKEN_NAME && p->token.kind != TOKEN_DELIMITED) {
        (void)unexpected(p, "a name");
        return NULL;
    }
    n = new_node(p, NODE_MEMBER, p->token.offset, left, NULL);
    if (!n)
        return NULL;
    n->name = arena_copy(p->lexer.arena, p->token.text);
    if (!n->name.p) {
        p->failed = err_nomem(p->lexer.e);
        return NULL;
    }
    if (!advance(p))
        return NULL;
    if (!is_symbol(p, "("))
        return n;
    n->kind = NODE_FUNCTION;
    return arguments(p, n) && finish_call(p, n) ? n : NULL;
}

/* --- terms --- */

static struct node *parenthesized(struct parser *p)
{
    struct node *n;

    if (!advance(p))
        return NULL;
    n = parse_expression(p, 0);
    return n && expect(p, ")") ? n : NULL;
}

static struct node *empty_braces(struct parser *p)
{
    struct node *n = new_node(p, NODE_EMPTY, p->token.offset, NULL, NULL);

    return n && advance(p) && expect(p, "}") ? n : NULL;
}

static bool is_reserved(struct bytes word)
{
    static const char *const words[] = {"and", "div",     "mod",
                                        "or",  "implies", "xor"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (bytes_is(word, words[i]))
            return true;
    return false;
}

static struct node *name_term(struct parser *p)
{
    if (is_word(p, "true") || is_word(p, "false"))
        return literal(p, fhirpath_boolean(is_word(p, "true")));
    if (p->token.kind == TOKEN_NAME && is_reserved(p->token.text)) {
        (void)unexpected(p, "an expression");
        return NULL;
    }
    return invocation(p, NULL);
}

static struct node *term(struct parser *p)
{
    switch (p->token.kind) {
    case TOKEN_NAME:
    case TOKEN_DELIMITED:
        return name_term(p);
    case TOKEN_STRING:
        return literal(p, fhirpath_string(p->token.text));
    case TOKEN_NUMBER:
        return number(p);
    case TOKEN_DATE:
        return moment(p, MOMENT_DATE);
    case TOKEN_DATETIME:
        return moment(p, MOMENT_DATETIME);
    case TOKEN_TIME:
        return moment(p, MOMENT_TIME);
    case TOKEN_DOLLAR:
        return dollar(p);
    case TOKEN_EXTERNAL:
        return named(p, NODE_EXTERNAL);
    case TOKEN_SYMBOL:
        if (is_symbol(p, "("))
            return parenthesized(p);
        if (is_symbol(p, "{"))
            return empty_braces(p);
        break;
    case TOKEN_END:
        break;
    }
    (void)unexpected(p, "an expression");
    return NULL;
}

static struct node *indexer(struct parser *p, struct node *left)
{
    size_t offset = p->token.offset;
    struct node *index;
    struct node *n;

    if (!advance(p))
        return NULL;
    index = parse_expression(p, 0);
    if (!index)
        return NULL;
    n = new_node(p, NODE_INDEXER, offset, left, index);
    return n && expect(p, "]") ? n : NULL;
}

/* A term and what follows it by "." and "[". */
static struct node *path(struct parser *p)
{
    struct node *n = term(p);

    while (n) {
        if (is_symbol(p, ".")) {
            if (!advance(p))
                return NULL;
            n = invocation(p, n);
        } else if (is_symbol(p, "[")) {
            n = indexer(p, n);
        } else {
            return n;
        }
    }
    return NULL;
}

/* --- operators --- */

struct infix {
    const char *text;
    int level;
    enum node_kind kind;
    enum node_operator op;
};

static const struct infix infixes[] = {
    {"implies", 1, NODE_BINARY, OPERATOR_IMPLIES},
    {"or", 2, NODE_BINARY, OPERATOR_OR},
    {"xor", 2, NODE_BINARY, OPERATOR_XOR},
    {"and", 3, NODE_BINARY, OPERATOR_AND},
    {"in", 4, NODE_BINARY, OPERATOR_IN},
    {"contains", 4, NODE_BINARY, OPERATOR_CONTAINS},
    {"=", 5, NODE_BINARY, OPERATOR_EQUAL},
    {"~", 5, NODE_BINARY, OPERATOR_EQUIVALENT},
    {"!=", 5, NODE_BINARY, OPERATOR_NOT_EQUAL},
    {"!~", 5, NODE_BINARY, OPERATOR_NOT_EQUIVALENT},
    {"<", 6, NODE_BINARY, OPERATOR_LESS},
    {"<=", 6, NODE_BINARY, OPERATOR_LESS_OR_EQUAL},
    {">", 6, NODE_BINARY, OPERATOR_GREATER},
    {">=", 6, NODE_BINARY, OPERATOR_GREATER_OR_EQUAL},
    {"|", 7, NODE_BINARY, OPERATOR_UNION},
    {"is", 8, NODE_TYPE_IS, OPERATOR_IN},
    {"as", 8, NODE_TYPE_AS, OPERATOR_IN},
    {"+", 9, NODE_BINARY, OPERATOR_PLUS},
    {"-", 9, NODE_BINARY, OPERATOR_MINUS},
    {"&", 9, NODE_BINARY, OPERATOR_CONCATENATE},
    {"*", 10, NODE_BINARY, OPERATOR_MULTIPLY},
    {"/", 10, NODE_BINARY, OPERATOR_DIVIDE},
    {"div", 10, NODE_BINARY, OPERATOR_DIV},
    {"mod", 10, NODE_BINARY, OPERATOR_MOD},
};

static const struct infix *current_infix(const struct parser *p)
{
    if (p->token.kind != TOKEN_SYMBOL && p->token.kind != TOKEN_NAME)
        return NULL;
    for (size_t i = 0; i < sizeof infixes / sizeof infixes[0]; i++)
        if (bytes_is(p->token.text, infixes[i].text))
            return &infixes[i];
    return NULL;
}

static struct node *polarity(struct parser *p)
{
    size_t offset = p->token.offset;
    bool negative = is_symbol(p, "-");
    struct node *right;
    struct node *n;

    if (!advance(p))
        return NULL;
    right = parse_expression(p, 11);
    if (!right)
        return NULL;
    n = new_node(p, NODE_POLARITY, offset, NULL, right);
    if (n)
        n->negative = negative;
    return n;
}

static struct node *infix_node(struct parser *p, const struct infix *infix,
                               struct node *left)
{
    size_t offset = p->token.offset;
    struct node_type type = {.name = {NULL, 0}};
    struct node *right = NULL;
    struct node *n;

    if (!advance(p))
        return NULL;
    if (infix->kind == NODE_BINARY) {
        right = parse_expression(p, infix->level + 1);
        if (!right)
            return NULL;
    } else if (!type_specifier(p, &type)) {
        return NULL;
    }
    n = new_node(p, infix->kind, offset, left, right);
    if (n) {
        n->op = infix->op;
        n->type = type;
    }
    return n;
}

/* Operators that bind at least as tight as level, from the left. */
static struct node *parse_expression(struct parser *p, int level)
{
    const struct infix *infix;
    struct node *n;

    if (++p->depth > PARSER_DEPTH_MAX) {
        p->failed = lexer_refuse(
            p->lexer.e, ERR_TOO_LARGE, p->lexer.text, p->token.offset,
            "more than %d expressions in one another", PARSER_DEPTH_MAX);
        return NULL;
    }
    n = is_symbol(p, "-") || is_symbol(p, "+") ? polarity(p) : path(p);
    while (n && (infix = current_infix(p)) != NULL && infix->level >= level)
        n = infix_node(p, infix, n);
    p->depth--;
    return n;
}

/* NOLINTEND(misc-no-recursion) */

enum err_code parser_parse(struct bytes text, struct arena *arena,
                           struct node **out, struct err *e)
{
    struct parser p = {.lexer = {.text = text, .arena = arena, .e = e}};

    *out = NULL;
    if (advance(&p))
        *out = parse_expression(&p, 0);
    if (!p.failed && p.token.kind != TOKEN_END)
        (void)unexpected(&p, "an operator or the end");
    return p.failed;
}
