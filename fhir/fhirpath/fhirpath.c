#include "fhir/fhirpath/fhirpath.h"

#include <stdlib.h>

#include "fhir/fhirpath/checker.h"
#include "fhir/fhirpath/eval.h"
#include "fhir/fhirpath/lexer.h"
#include "fhir/fhirpath/navigate.h"
#include "fhir/fhirpath/parser.h"
#include "fhir/json/utf8.h"
#include "fhir/model/element.h"

#define COMPILED_BYTES_MAX ((size_t)8 << 20)

struct fhirpath {
    struct arena arena;
    struct bytes text;
    struct node *root;
    bool as_filters;
    struct err doomed; /* code 0: nothing is known to fail */
};

/* Strings of an expression become patterns, which must be well-formed. */
static enum err_code check_characters(struct bytes text, struct err *e)
{
    for (size_t i = 0; i < text.n;) {
        size_t n = utf8_sequence(text.p + i, text.n - i);

        if (n == 0 || text.p[i] == '\0')
            return lexer_refuse(e, ERR_SYNTAX, text, i, "this is no character");
        i += n;
    }
    return ERR_OK;
}

static enum err_code compile(struct fhirpath *f, struct bytes text,
                             const struct fhirpath_options *o, struct err *e)
{
    struct checker_options check = {.text = bytes_make(NULL, 0),
                                    .context = o->context,
                                    .strict = o->strict,
                                    .criterion = o->criterion,
                                    .doomed = &f->doomed};
    enum err_code code;

    f->text = arena_copy(&f->arena, text);
    if (!f->text.p)
        return err_nomem(e);
    f->as_filters = o->as_filters;
    code = check_characters(f->text, e);
    if (!code)
        code = parser_parse(f->text, &f->arena, &f->root, e);
    if (code)
        return code;
    check.text = f->text;
    return checker_check(&check, f->root, e);
}

enum err_code fhirpath_compile(struct bytes text,
                               const struct fhirpath_options *o,
                               struct fhirpath **out, struct err *e)
{
    static const struct fhirpath_options defaults = {.context = NULL};
    struct fhirpath *f;
    enum err_code code;

    *out = NULL;
    if (text.n > FHIRPATH_TEXT_BYTES)
        return err_set(e, ERR_TOO_LARGE, "longer than %d bytes",
                       FHIRPATH_TEXT_BYTES);
    f = calloc(1, sizeof *f);
    if (!f)
        return err_nomem(e);
    arena_init(&f->arena, COMPILED_BYTES_MAX);
    code = compile(f, text, o ? o : &defaults, e);
    if (code) {
        fhirpath_free(f);
        return code;
    }
    *out = f;
    return ERR_OK;
}

void fhirpath_free(struct fhirpath *f)
{
    if (!f)
        return;
    arena_fini(&f->arena);
    free(f);
}

enum err_code fhirpath_check(const struct fhirpath *f, struct err *e)
{
    if (f->doomed.code && e)
        *e = f->doomed;
    return f->doomed.code;
}

struct bytes fhirpath_text(const struct fhirpath *f)
{
    return f->text;
}

struct fhirpath_item fhirpath_resource(const cJSON *tree)
{
    return (struct fhirpath_item){
        .kind = FHIRPATH_NODE,
        .node = {.json = tree, .type = navigate_resource_type(tree)}};
}

enum err_code fhirpath_evaluate(const struct fhirpath *f,
                                const struct fhirpath_input *input,
                                struct arena *arena,
                                struct fhirpath_collection *out, struct err *e)
{
    struct err own = {.code = ERR_OK};
    struct evaluation ev = {.input = input,
                            .text = f->text,
                            .arena = arena,
                            .e = e ? e : &own,
                            .scope = {.index = -1},
                            .as_filters = f->as_filters};

    *out = (struct fhirpath_collection){NULL, 0, 0};
    ev.e->code = ERR_OK;
    ev.scope.self = &ev.context;
    if (input->context)
        ev.context = eval_shared(input->context);
    else if (input->resource &&
             !eval_add(&ev, &ev.context, fhirpath_resource(input->resource)))
        return ev.e->code;
    if (eval_node(&ev, f->root, out) && !arena_failed(arena))
        return ERR_OK;
    *out = (struct fhirpath_collection){NULL, 0, 0};
    /* a value that found no room may have been taken for one that is not */
    if (arena_failed(arena))
        (void)eval_nomem(&ev);
    return ev.e->code ? ev.e->code : err_set(ev.e, ERR_BUG, "no reason given");
}

enum err_code fhirpath_is_true(const struct fhirpath *f,
                               const struct fhirpath_collection *c,
                               struct arena *arena, bool *out, struct err *e)
{
    struct err own = {.code = ERR_OK};
    struct evaluation ev = {.text = f->text, .arena = arena, .e = e ? e : &own};
    enum truth truth;

    *out = false;
    if (!eval_truth(&ev, f->root, c, &truth) || arena_failed(arena)) {
        if (arena_failed(arena))
            (void)eval_nomem(&ev);
        return ev.e->code;
    }
    *out = truth == TRUTH_TRUE;
    return ERR_OK;
}
