/* fhirpath_run: an expression compiled, evaluated and printed, for the tests.
 * Owns:   what fhirpath_run_fini() frees.
 * Thread: one at a time. */
#ifndef BELFRY_TESTS_UNIT_FHIRPATH_RUN_H
#define BELFRY_TESTS_UNIT_FHIRPATH_RUN_H

#include "fhir/fhirpath/fhirpath.h"
#include "fhir/fhirpath/print.h"
#include "fhir/json/gate.h"
#include "fhir/json/tree.h"
#include "storage/base/buf.h"

#define RUN_BYTES ((size_t)64 << 20)
/* 2026-03-04T05:06:07.089Z */
#define RUN_NOW_MS INT64_C(1772600767089)

struct fhirpath_run {
    struct arena arena;
    struct buf text; /* "string:a,integer:1", or "refused", "failed" */
    struct err e;
    struct fhirpath_collection result;
    struct fhirpath *f;
};

static inline void fhirpath_run_fini(struct fhirpath_run *run)
{
    fhirpath_free(run->f);
    buf_fini(&run->text);
    arena_fini(&run->arena);
}

static inline void fhirpath_run_show(struct fhirpath_run *run)
{
    for (size_t i = 0; i < run->result.n; i++) {
        const struct fhirpath_item *item = &run->result.items[i];

        if (i > 0)
            buf_add_char(&run->text, ',');
        buf_add(&run->text, print_type(item));
        buf_add_char(&run->text, ':');
        buf_add(&run->text, print_value(item, &run->arena));
    }
}

/* The input's resource decides what strict checking checks against. */
static inline const char *fhirpath_run_input(struct fhirpath_run *run,
                                             const char *expression,
                                             const struct fhirpath_input *in)
{
    const cJSON *type =
        cJSON_GetObjectItemCaseSensitive(in->resource, "resourceType");
    struct fhirpath_options options = {
        .context = cJSON_IsString(type) ? type->valuestring : NULL,
        .strict = true};

    *run = (struct fhirpath_run){.f = NULL};
    arena_init(&run->arena, RUN_BYTES);
    buf_init(&run->text, RUN_BYTES);
    if (fhirpath_compile(bytes_of(expression), &options, &run->f, &run->e))
        buf_add_text(&run->text, "refused");
    else if (fhirpath_evaluate(run->f, in, &run->arena, &run->result, &run->e))
        buf_add_text(&run->text, "failed");
    else
        fhirpath_run_show(run);
    buf_add_char(&run->text, '\0');
    return run->text.p;
}

static inline const char *fhirpath_run(struct fhirpath_run *run,
                                       const char *expression,
                                       const cJSON *resource)
{
    struct fhirpath_input in = {
        .resource = resource, .current = resource, .now_ms = RUN_NOW_MS};

    return fhirpath_run_input(run, expression, &in);
}

#endif
