#include "server/engine/views_sort.h"

#include <stdlib.h>

void views_sorted_free(struct views_sorted *s)
{
    free(s->list);
    free(s->keys.keys);
    *s = (struct views_sorted){NULL, 0, {NULL, 0}};
}

/* Both lists or none. */
static void *sort(void *ctx)
{
    struct views_sort *v = ctx;
    struct views_sorted *out = &v->result;

    out->list = overlay_sorted(v->entries);
    out->count = out->list ? overlay_count(v->entries) : 0;
    if (out->list)
        out->keys = runs_merged(v->index);
    if (!out->keys.keys && runs_count(v->index) > 0)
        views_sorted_free(out);
    atomic_store(&v->done, true);
    return NULL;
}

void views_sort_begin(struct views_sort *v, const struct overlay *entries,
                      const struct runs *index, bool here)
{
    v->entries = entries;
    v->index = index;
    v->result = (struct views_sorted){NULL, 0, {NULL, 0}};
    v->running = true;
    atomic_store(&v->done, false);
    v->threaded = !here && pthread_create(&v->thread, NULL, sort, v) == 0;
    if (!v->threaded)
        sort(v);
}

bool views_sort_take(struct views_sort *v, bool wait, struct views_sorted *out)
{
    if (!v->running || (!wait && !atomic_load(&v->done)))
        return false;
    if (v->threaded)
        (void)pthread_join(v->thread, NULL);
    v->running = v->threaded = false;
    *out = v->result;
    v->result = (struct views_sorted){NULL, 0, {NULL, 0}};
    return true;
}
