#include "storage/store/runs.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAPACITY 256

void runs_init(struct runs *r)
{
    *r = (struct runs){.run_count = 0};
    arena_init(&r->arena, RUNS_BYTES_MAX);
    r->clean = arena_mark(&r->arena);
}

void runs_clear(struct runs *r)
{
    for (size_t i = 0; i < r->run_count; i++)
        free(r->list[i].keys);
    r->run_count = 0;
    runs_discard(r);
    arena_reset(&r->arena);
    r->clean = arena_mark(&r->arena);
}

void runs_fini(struct runs *r)
{
    runs_clear(r);
    free(r->staged);
    arena_fini(&r->arena);
    *r = (struct runs){.run_count = 0};
}

size_t runs_count(const struct runs *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->run_count; i++)
        n += r->list[i].n;
    return n;
}

size_t runs_bytes(const struct runs *r)
{
    return r->arena.used + runs_count(r) * sizeof(struct run_key);
}

static bool grow(struct runs *r)
{
    size_t capacity =
        r->staged_capacity ? 2 * r->staged_capacity : FIRST_CAPACITY;
    struct run_key *grown = realloc(r->staged, capacity * sizeof *grown);

    if (!grown)
        return false;
    r->staged = grown;
    r->staged_capacity = capacity;
    return true;
}

bool runs_stage(struct runs *r, struct bytes key, bool removed)
{
    struct bytes copy;

    assert(key.n > 0 && key.n <= UINT16_MAX);
    if (r->staged_count == r->staged_capacity && !grow(r))
        return false;
    copy = arena_copy(&r->arena, key);
    if (!copy.p)
        return false;
    r->staged[r->staged_count] = (struct run_key){
        copy.p, (uint32_t)r->staged_count, (uint16_t)key.n, removed};
    r->staged_count++;
    return true;
}

static int compare(const struct run_key *a, const struct run_key *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    int order = memcmp(a->p, b->p, n);

    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

static int compare_staged(const void *a, const void *b)
{
    const struct run_key *x = a, *y = b;
    int order = compare(x, y);

    return order != 0
               ? order
               : (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* Of equal keys the last one staged stays. */
static struct run sorted_staged(const struct runs *r)
{
    struct run run = {malloc(r->staged_count * sizeof *run.keys), 0};

    if (!run.keys)
        return run;
    memcpy(run.keys, r->staged, r->staged_count * sizeof *run.keys);
    qsort(run.keys, r->staged_count, sizeof *run.keys, compare_staged);
    for (size_t i = 0; i < r->staged_count; i++) {
        bool repeated = i + 1 < r->staged_count &&
                        compare(&run.keys[i], &run.keys[i + 1]) == 0;

        if (!repeated)
            run.keys[run.n++] = run.keys[i];
    }
    return run;
}

/* A new array; of equal keys the newer run's counts. */
static struct run merge(const struct run *older, const struct run *newer)
{
    struct run out = {malloc((older->n + newer->n) * sizeof *out.keys), 0};
    size_t i = 0, k = 0;

    if (!out.keys)
        return out;
    while (i < older->n && k < newer->n) {
        int order = compare(&older->keys[i], &newer->keys[k]);

        i += order == 0;
        out.keys[out.n++] = order < 0 ? older->keys[i++] : newer->keys[k++];
    }
    while (i < older->n)
        out.keys[out.n++] = older->keys[i++];
    while (k < newer->n)
        out.keys[out.n++] = newer->keys[k++];
    return out;
}

/* A run absorbs those before it that are not at least twice as long: so the
 * list stays short and a key is copied a few times only. */
static bool absorb(struct runs *r)
{
    size_t left = r->run_count;

    while (left > 0 && r->list[left - 1].n < 2 * r->prepared.n) {
        struct run merged = merge(&r->list[left - 1], &r->prepared);

        if (!merged.keys)
            return false;
        free(r->prepared.keys);
        r->prepared = merged;
        left--;
    }
    r->absorbed = r->run_count - left;
    /* each is half of the one before it */
    assert(left < RUNS_MAX);
    return true;
}

bool runs_prepare(struct runs *r)
{
    if (r->staged_count == 0)
        return true;
    r->prepared = sorted_staged(r);
    return r->prepared.keys && absorb(r);
}

void runs_publish(struct runs *r)
{
    if (!r->prepared.keys)
        return;
    for (size_t i = 0; i < r->absorbed; i++)
        free(r->list[--r->run_count].keys);
    r->list[r->run_count++] = r->prepared;
    r->prepared = (struct run){NULL, 0};
    r->absorbed = 0;
    r->staged_count = 0;
    r->clean = arena_mark(&r->arena);
}

void runs_discard(struct runs *r)
{
    free(r->prepared.keys);
    r->prepared = (struct run){NULL, 0};
    r->absorbed = 0;
    r->staged_count = 0;
    arena_rewind(&r->arena, &r->clean);
}

/* The first key that is not below start. */
static size_t lower_bound(const struct run *run, struct bytes start)
{
    struct run_key wanted = {start.p, 0, (uint16_t)start.n, false};
    size_t low = 0, high = run->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&run->keys[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void runs_walk(const struct run *run, struct bytes start, struct bytes stop,
               bool (*each)(void *ctx, struct bytes key), void *ctx)
{
    for (size_t i = lower_bound(run, start); i < run->n; i++) {
        const struct run_key *key = &run->keys[i];
        size_t n = key->n < stop.n ? key->n : stop.n;

        if (memcmp(key->p, stop.p, n) > 0)
            return;
        if (!key->removed && !each(ctx, bytes_make(key->p, key->n)))
            return;
    }
}

void runs_walk_staged(const struct runs *r, struct bytes start,
                      struct bytes stop,
                      bool (*each)(void *ctx, struct bytes key), void *ctx)
{
    const struct run_key wanted = {start.p, 0, (uint16_t)start.n, false};

    for (size_t i = 0; i < r->staged_count; i++) {
        const struct run_key *key = &r->staged[i];
        size_t n = key->n < stop.n ? key->n : stop.n;

        if (!key->removed && compare(key, &wanted) >= 0 &&
            memcmp(key->p, stop.p, n) <= 0)
            (void)each(ctx, bytes_make(key->p, key->n));
    }
}

struct run runs_merged(const struct runs *r)
{
    struct run all = {NULL, 0};

    for (size_t i = r->run_count; i > 0; i--) {
        struct run merged = merge(&r->list[i - 1], &all);

        free(all.keys);
        all = merged;
        if (!all.keys)
            return (struct run){NULL, 0};
    }
    return all;
}
