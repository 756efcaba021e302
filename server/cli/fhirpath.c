#include "server/cli/fhirpath.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fhir/fhirpath/fhirpath.h"
#include "fhir/fhirpath/print.h"
#include "fhir/json/gate.h"
#include "fhir/json/tree.h"
#include "server/base/clock.h"
#include "storage/base/buf.h"

#define READ_BYTES ((size_t)16384)
#define EVALUATION_BYTES ((size_t)1 << 30)
#define OUTPUT_BYTES ((size_t)1 << 30)

#define EXIT_REFUSED 2
#define EXIT_FAILED 3

/* What was asked for. */
struct question {
    const char *expression;
    const char *file;     /* NULL: none; "-" is standard input */
    const char *previous; /* NULL: none */
};

/* A file as text and as tree. */
struct document {
    struct buf text;
    cJSON *tree;
};

static const char help[] =
    "Usage: belfry fhirpath [--previous FILE] EXPRESSION [FILE|-]\n\n"
    "Evaluates a FHIRPath expression on a resource and prints one JSON array:\n"
    "{\"type\": ..., \"value\": ...} for each item, where the value is the "
    "item's\nstring form, or of a complex element its JSON.\n\n"
    "  EXPRESSION       FHIRPath 2.0, checked against R4\n"
    "  FILE             the resource, as JSON: it is the context, %resource\n"
    "                   and %current; - reads standard input; without it\n"
    "                   there is no resource\n"
    "  --previous FILE  the resource before the change: %previous\n"
    "  --help           prints this\n\n"
    "What trace() sees goes to standard error. Exit status: 0; 1 a file cannot "
    "be\nread; 2 the expression is refused (the place is on standard error); "
    "3 the\nevaluation fails.\n";

/* --- reading --- */

static enum err_code read_stream(FILE *in, struct buf *out, struct err *e)
{
    size_t n;

    do {
        char *at = buf_extend(out, READ_BYTES);

        if (!at)
            return buf_check(out, e);
        n = fread(at, 1, READ_BYTES, in);
        out->n -= READ_BYTES - n;
    } while (n > 0);
    return ferror(in) ? err_set_errno(e, ERR_IO, errno, "cannot read") : ERR_OK;
}

static enum err_code read_file(const char *path, struct buf *out, struct err *e)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *in = standard ? stdin : fopen(path, "rb");
    enum err_code code;

    if (!in)
        return err_set_errno(e, ERR_IO, errno, "cannot open");
    code = read_stream(in, out, e);
    if (!standard)
        (void)fclose(in);
    return code;
}

static enum err_code document_read(struct document *d, const char *path,
                                   struct err *e)
{
    enum err_code code;

    if (!path)
        return ERR_OK;
    code = read_file(path, &d->text, e);
    if (!code)
        code = json_gate(buf_bytes(&d->text), e);
    if (!code)
        code = json_tree_parse(buf_bytes(&d->text), &d->tree, e);
    if (code)
        (void)fprintf(stderr, "belfry fhirpath: %s: %s%s%s\n", path,
                      e->expression, e->expression[0] ? ": " : "", e->message);
    return code;
}

static void document_fini(struct document *d)
{
    cJSON_Delete(d->tree);
    buf_fini(&d->text);
}

/* --- evaluating --- */

static void show_trace(void *ctx, struct bytes name,
                       const struct fhirpath_collection *c)
{
    struct arena *arena = ctx;
    struct buf out;

    buf_init(&out, OUTPUT_BYTES);
    print_collection(c, arena, &out);
    if (!out.failed)
        (void)fprintf(stderr, "trace %.*s: %.*s\n", BYTES_ARG(name),
                      BYTES_ARG(buf_bytes(&out)));
    buf_fini(&out);
}

static int tell(const char *what, const struct err *e, int status)
{
    (void)fprintf(stderr, "belfry fhirpath: %s: %s\n", what, e->message);
    return status;
}

static int print(const struct fhirpath_collection *c, struct arena *arena)
{
    struct buf out;
    struct err e = {.code = ERR_OK};
    enum err_code code;

    buf_init(&out, OUTPUT_BYTES);
    print_collection(c, arena, &out);
    buf_add_char(&out, '\n');
    code = buf_check(&out, &e);
    if (!code && fwrite(out.p, 1, out.n, stdout) != out.n)
        code = err_set_errno(&e, ERR_IO, errno, "cannot write");
    buf_fini(&out);
    return code ? tell("no output", &e, EXIT_FAILED) : 0;
}

static int evaluate(const struct fhirpath *f, const struct document *current,
                    const struct document *previous)
{
    struct arena arena;
    struct fhirpath_input input = {.resource = current->tree,
                                   .current = current->tree,
                                   .previous = previous->tree,
                                   .now_ms = clock_wall_ms(clock_system()),
                                   .trace = show_trace,
                                   .trace_ctx = &arena};
    struct fhirpath_collection result;
    struct err e = {.code = ERR_OK};
    int status;

    arena_init(&arena, EVALUATION_BYTES);
    if (fhirpath_evaluate(f, &input, &arena, &result, &e))
        status = tell("the evaluation fails", &e, EXIT_FAILED);
    else
        status = print(&result, &arena);
    arena_fini(&arena);
    return status;
}

static const char *context_of(const struct document *d)
{
    const cJSON *type =
        cJSON_GetObjectItemCaseSensitive(d->tree, "resourceType");

    return cJSON_IsString(type) ? type->valuestring : NULL;
}

static int answer(const struct question *q)
{
    struct document current = {.tree = NULL};
    struct document previous = {.tree = NULL};
    struct fhirpath_options options = {.strict = true};
    struct fhirpath *f = NULL;
    struct err e = {.code = ERR_OK};
    int status = 1;

    buf_init(&current.text, FHIRPATH_FILE_BYTES);
    buf_init(&previous.text, FHIRPATH_FILE_BYTES);
    if (document_read(&current, q->file, &e) ||
        document_read(&previous, q->previous, &e))
        goto out;
    options.context = context_of(&current);
    if (fhirpath_compile(bytes_of(q->expression), &options, &f, &e))
        status = tell("the expression is refused", &e, EXIT_REFUSED);
    else
        status = evaluate(f, &current, &previous);
out:
    fhirpath_free(f);
    document_fini(&current);
    document_fini(&previous);
    return status;
}

/* --- the command line --- */

static int misused(const char *why)
{
    (void)fprintf(stderr, "belfry fhirpath: %s\n%s", why, help);
    return EXIT_REFUSED;
}

static bool is_flag(const char *arg)
{
    return arg[0] == '-' && arg[1] == '-' && arg[2] != '\0';
}

/* Expressions may begin with "-": only what begins with "--" is a flag, and
 * behind "--" nothing is. */
static const char *take_arguments(int argc, char **argv, struct question *q)
{
    bool flags = true;

    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];

        if (flags && strcmp(arg, "--") == 0)
            flags = false;
        else if (flags && strncmp(arg, "--previous=", 11) == 0)
            q->previous = arg + 11;
        else if (flags && strcmp(arg, "--previous") == 0 && i + 1 < argc)
            q->previous = argv[++i];
        else if (flags && strcmp(arg, "--previous") == 0)
            return "--previous needs a file";
        else if (flags && !q->expression && is_flag(arg))
            return "no such option";
        else if (!q->expression)
            q->expression = arg;
        else if (!q->file)
            q->file = arg;
        else
            return "one expression and one file";
    }
    return q->expression ? NULL : "an expression is missing";
}

int cli_fhirpath(int argc, char **argv)
{
    struct question q = {NULL, NULL, NULL};
    const char *wrong;

    if (argc > 0 &&
        (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        (void)fputs(help, stdout);
        return 0;
    }
    wrong = take_arguments(argc, argv, &q);
    return wrong ? misused(wrong) : answer(&q);
}
