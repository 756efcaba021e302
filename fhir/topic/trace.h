/* trace: an evaluation that tells what it does. The evaluations of triggers
 * and filters take one; without it (NULL) they stop at the first test that
 * decides, with it they go through all and tell of each. One code for both.
 * Owns:   nothing.
 * Thread: the caller's. */
#ifndef BELFRY_FHIR_TOPIC_TRACE_H
#define BELFRY_FHIR_TOPIC_TRACE_H

#include <stddef.h>

#include "storage/base/bytes.h"

/* What a group of tests decides: a trigger, or a filter. */
struct trace_group {
    const char *kind; /* "trigger", "filter" */
    struct bytes name;
    struct bytes type; /* the resource type that it is for */
};

/* looked_for and found are empty where there is nothing to say. */
struct trace_test {
    const char *name; /* "interaction", "previous", "current", ... */
    struct bytes looked_for;
    struct bytes found;
    bool passed;
};

struct trace {
    void (*open)(void *ctx, const struct trace_group *group);
    void (*test)(void *ctx, const struct trace_test *test);
    void (*close)(void *ctx, bool passed);
    void *ctx;
};

#endif
