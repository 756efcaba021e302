/* runs: keys of a view without values that are in the log and not yet merged
 * into LMDB, kept so that readers can walk ranges of them: a few sorted arrays,
 * each at most half as long as the one before it. A key is there or was
 * removed; what was published last counts at the merge, readers see every key
 * that was not removed in the same run and judge it themselves.
 * Owns:   copies of the keys.
 * Thread: one writer; readers under the owner's lock. Staging and preparing
 *         touch nothing that readers see, publishing does and cannot fail.
 * Bounds: the owner's: it merges when runs_count() is large; RUNS_BYTES_MAX
 *         stops a runaway. */
#ifndef BELFRY_STORAGE_STORE_RUNS_H
#define BELFRY_STORAGE_STORE_RUNS_H

#include "storage/base/arena.h"
#include "storage/base/err.h"

#define RUNS_BYTES_MAX ((size_t)1 << 30)
#define RUNS_MAX 48

struct run_key {
    const char *p;
    uint32_t sequence; /* among those staged together */
    uint16_t n;
    bool removed;
};

struct run {
    struct run_key *keys;
    size_t n;
};

struct runs {
    /* lock: the owner's */
    struct run list[RUNS_MAX];
    size_t run_count;
    /* owner: writer */
    struct run_key *staged;
    size_t staged_count;
    size_t staged_capacity;
    struct run prepared;
    size_t absorbed; /* runs at the end of the list that it replaces */
    struct arena arena;
    struct arena_mark clean; /* nothing was staged yet */
};

void runs_init(struct runs *r);
void runs_fini(struct runs *r);
void runs_clear(struct runs *r);

/* Published keys, each as often as it stands in a run. */
size_t runs_count(const struct runs *r);
size_t runs_bytes(const struct runs *r);

/* Writer: notes a key for the next publish. False without memory. */
MUST_CHECK bool runs_stage(struct runs *r, struct bytes key, bool removed);

/* Writer: makes the run, so that runs_publish() cannot fail. */
MUST_CHECK bool runs_prepare(struct runs *r);

/* Under the owner's lock: staged keys become visible. */
void runs_publish(struct runs *r);

/* Writer: forgets the staged keys and frees what they took. */
void runs_discard(struct runs *r);

/* The keys in one run from start on up to those that begin with stop, in
 * order, until each() says enough. */
void runs_walk(const struct run *run, struct bytes start, struct bytes stop,
               bool (*each)(void *ctx, struct bytes key), void *ctx);

/* Writer: the same of the staged keys, in no order; what each() answers does
 * not count. */
void runs_walk_staged(const struct runs *r, struct bytes start,
                      struct bytes stop,
                      bool (*each)(void *ctx, struct bytes key), void *ctx);

/* Writer: all published keys as one run, sorted, each once as published last;
 * free() its keys. keys is NULL without memory or keys. */
struct run runs_merged(const struct runs *r);

#endif
