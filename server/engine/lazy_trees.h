/* lazy_trees: the two versions of a change as trees, each parsed when the first
 * trigger with fhirPathCriteria asks for it, and only then.
 * Owns:   the trees and the text of the new version.
 * Thread: writer only.
 * Bounds: LAZY_TREES_BYTES of one evaluation's memory.
 * Errors: ERR_NOMEM sticks: the change must not be taken for one that did not
 *         fire. */
#ifndef BELFRY_SERVER_ENGINE_LAZY_TREES_H
#define BELFRY_SERVER_ENGINE_LAZY_TREES_H

#include "fhir/json/stored.h"
#include "fhir/topic/topic.h"

#define LAZY_TREES_BYTES ((size_t)64 << 20)

struct lazy_trees {
    /* set by the caller; both borrowed */
    const struct stored_text *after; /* NULL: there is no new version */
    uint64_t version;                /* of it */
    struct bytes before;             /* empty: there is no version before */

    struct change_trees trees;
    struct arena arena;
    char *text;
    cJSON *current;
    cJSON *previous;
    enum err_code failed;
};

/* time_ms: of the change. */
void lazy_trees_init(struct lazy_trees *l, int64_t time_ms);
void lazy_trees_fini(struct lazy_trees *l);

#endif
