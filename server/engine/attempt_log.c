#include "server/engine/attempt_log.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* The attempts of one bucket are linked, newest first, by their sequence
 * numbers, which begin with 1: one that has left the ring ends the list. */
struct slot {
    struct attempt_note note;
    uint64_t older;
};

struct ring {
    struct slot slots[ATTEMPT_LOG_SLOTS];
    uint64_t newest[ATTEMPT_LOG_SLOTS]; /* of each bucket; 0: none */
    uint64_t last;
};

struct attempt_log {
    pthread_mutex_t m;
    /* lock: m */
    struct ring failed;
    struct ring succeeded;
};

static void lock(struct attempt_log *l)
{
    int rc = pthread_mutex_lock(&l->m);

    assert(rc == 0);
    (void)rc;
}

static void unlock(struct attempt_log *l)
{
    int rc = pthread_mutex_unlock(&l->m);

    assert(rc == 0);
    (void)rc;
}

struct attempt_log *attempt_log_new(void)
{
    struct attempt_log *l = calloc(1, sizeof *l);

    if (l && pthread_mutex_init(&l->m, NULL) != 0) {
        free(l);
        return NULL;
    }
    return l;
}

void attempt_log_free(struct attempt_log *l)
{
    if (!l)
        return;
    (void)pthread_mutex_destroy(&l->m);
    free(l);
}

/* Numbers of subscriptions are those of changes: spread as they are, nearly. */
static size_t bucket_of(uint64_t subscription)
{
    return (size_t)((subscription * 0x9e3779b97f4a7c15u) >> 32) %
           ATTEMPT_LOG_SLOTS;
}

static struct slot *slot_of(struct ring *r, uint64_t sequence)
{
    return &r->slots[sequence % ATTEMPT_LOG_SLOTS];
}

void attempt_log_add(struct attempt_log *l, const struct attempt_note *n)
{
    struct ring *r;
    uint64_t *newest;

    lock(l);
    r = n->failure == FAILURE_NONE ? &l->succeeded : &l->failed;
    newest = &r->newest[bucket_of(n->subscription)];
    r->last++;
    *slot_of(r, r->last) = (struct slot){*n, *newest};
    *newest = r->last;
    unlock(l);
}

bool attempt_note_has(const struct attempt_note *n, uint64_t event)
{
    uint64_t at = event - n->first;

    if (n->first == 0 || event < n->first || at > n->span)
        return false;
    return n->chosen == 0 || at >= 64 || (n->chosen >> at & 1) != 0;
}

static bool is_wanted(const struct attempt_query *q,
                      const struct attempt_note *n)
{
    return n->subscription == q->subscription &&
           (q->event == 0 || attempt_note_has(n, q->event));
}

static size_t find(struct ring *r, const struct attempt_query *q,
                   struct attempt_note out[ATTEMPT_LOG_SHOWN])
{
    uint64_t at = r->newest[bucket_of(q->subscription)];
    size_t n = 0;

    while (at > 0 && r->last - at < ATTEMPT_LOG_SLOTS &&
           n < ATTEMPT_LOG_SHOWN) {
        const struct slot *s = slot_of(r, at);

        if (is_wanted(q, &s->note))
            out[n++] = s->note;
        at = s->older;
    }
    return n;
}

size_t attempt_log_find(struct attempt_log *l, const struct attempt_query *q,
                        struct attempt_note out[ATTEMPT_LOG_SHOWN])
{
    struct attempt_note failed[ATTEMPT_LOG_SHOWN], good[ATTEMPT_LOG_SHOWN];
    size_t failed_n, good_n, f = 0, g = 0, n = 0;

    lock(l);
    failed_n = find(&l->failed, q, failed);
    good_n = find(&l->succeeded, q, good);
    unlock(l);
    while (n < ATTEMPT_LOG_SHOWN && (f < failed_n || g < good_n)) {
        bool takes_failed =
            g == good_n ||
            (f < failed_n && failed[f].ended_ms > good[g].ended_ms);

        out[n++] = takes_failed ? failed[f++] : good[g++];
    }
    return n;
}
