/* views_sort: brings a frozen overlay into the order in which it is merged, on
 * a thread that lives as long as that takes: tens of milliseconds, for which
 * no change should wait.
 * Owns:   the thread, and the lists until they are taken.
 * Thread: called by the writer; its own only reads what is frozen.
 * Bounds: one sort at a time, of what views_freeze() lets become of an overlay.
 * Errors: without memory there are no lists; without a thread the caller's
 *         sorts. */
#ifndef BELFRY_SERVER_ENGINE_VIEWS_SORT_H
#define BELFRY_SERVER_ENGINE_VIEWS_SORT_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/store/overlay.h"
#include "storage/store/runs.h"

struct views_sorted {
    const struct overlay_entry **list; /* heap; NULL: no memory */
    size_t count;
    struct run keys;
};

struct views_sort {
    /* immutable while it runs */
    const struct overlay *entries;
    const struct runs *index;

    /* owner: the thread until it is done, then the writer */
    struct views_sorted result;

    /* owner: writer */
    pthread_t thread;
    bool threaded;
    bool running; /* begun, and its result not taken */

    atomic_bool done;
};

/* Begins; what is pointed at must not change until the result was taken. With
 * here set it sorts before it returns. */
void views_sort_begin(struct views_sort *v, const struct overlay *entries,
                      const struct runs *index, bool here);

/* False while there is no result: nothing was begun, or it still runs and wait
 * is not set. Else the lists are the caller's. */
MUST_CHECK bool views_sort_take(struct views_sort *v, bool wait,
                                struct views_sorted *out);

void views_sorted_free(struct views_sorted *s);

#endif
