#include "server/delivery/lanes.h"

#include <stdlib.h>

#define KEYS_AT_ONCE 128

struct lanes *lanes_new(void)
{
    return calloc(1, sizeof(struct lanes));
}

void lanes_reset(struct lanes *l)
{
    for (int i = 0; i < LANES_MOST; i++)
        free(l->items[i].numbers);
    memset(l->items, 0, sizeof l->items);
    l->dry = false;
    l->resume_event = 0;
    lanes_rest(l); /* the keys may be others from now on */
}

void lanes_rest(struct lanes *l)
{
    free(l->keys);
    l->keys = NULL;
    l->known = 0;
}

void lanes_free(struct lanes *l)
{
    if (!l)
        return;
    lanes_reset(l);
    free(l);
}

bool lanes_are_idle(const struct lanes *l)
{
    for (int i = 0; i < LANES_MOST; i++)
        if (l->items[i].used)
            return false;
    return acked_is_empty(&l->acked);
}

static struct lane *free_lane(struct lanes *l)
{
    for (int i = 0; i < LANES_MOST; i++)
        if (!l->items[i].used)
            return &l->items[i];
    return NULL;
}

int64_t lanes_due_ms(const struct lanes *l)
{
    int64_t due = INT64_MAX;
    bool room = false;

    for (int i = 0; i < LANES_MOST; i++) {
        const struct lane *lane = &l->items[i];

        if (!lane->used)
            room = true;
        else if (lane->numbers && lane->attempt_ms < due)
            due = lane->attempt_ms;
    }
    return room && !l->dry ? 0 : due;
}

struct lane *lanes_find(struct lanes *l, uint64_t key)
{
    for (int i = 0; i < LANES_MOST; i++)
        if (l->items[i].used && l->items[i].key == key)
            return &l->items[i];
    return NULL;
}

void lane_release(struct lanes *l, struct lane *lane)
{
    free(lane->numbers);
    *lane = (struct lane){0};
    l->dry = false;
}

/* ---- new batches ---- */

struct scan {
    struct lanes *lanes;
    const struct entry *entry;
    const struct delivery_source *source;
    uint64_t end; /* first number past what may be taken */
};

/* Without order per focus all events have one key: what is left of an order
 * that was given up is sent in one line. */
static bool load_keys(const struct scan *x)
{
    uint64_t keys[KEYS_AT_ONCE];
    uint64_t first = x->lanes->known + 1;
    size_t n =
        x->end - first < KEYS_AT_ONCE ? (size_t)(x->end - first) : KEYS_AT_ONCE;

    if (!x->lanes->keys)
        x->lanes->keys = calloc(ACKED_WINDOW, sizeof *x->lanes->keys);
    if (!x->lanes->keys)
        return false;
    if (x->entry->per_focus)
        n = x->source->keys(x->source->ctx,
                            &(struct source_keys){x->entry->number, first, n},
                            keys);
    else
        memset(keys, 0, sizeof keys);
    for (size_t i = 0; i < n; i++)
        x->lanes->keys[(first + i) % ACKED_WINDOW] = keys[i];
    x->lanes->known += n;
    return n > 0;
}

static bool key_of(const struct scan *x, uint64_t event, uint64_t *key)
{
    if (x->lanes->known < x->entry->delivered)
        x->lanes->known = x->entry->delivered;
    if (event > x->lanes->known && !load_keys(x))
        return false;
    *key = x->lanes->keys[event % ACKED_WINDOW];
    return event <= x->lanes->known;
}

static bool is_open(const struct scan *x, uint64_t event)
{
    return !acked_has(&x->lanes->acked, x->entry->delivered, event);
}

/* The first event that no lane holds back; 0 for none. */
static uint64_t find_first(const struct scan *x, uint64_t *key)
{
    for (uint64_t n = x->entry->delivered + 1; n < x->end; n++) {
        if (!is_open(x, n))
            continue;
        if (!key_of(x, n, key))
            return 0;
        if (!lanes_find(x->lanes, *key))
            return n;
    }
    return 0;
}

static uint32_t most_events(const struct entry *e)
{
    uint32_t most =
        e->max_count < LANE_EVENTS_MOST ? e->max_count : LANE_EVENTS_MOST;

    if (e->batch_limit > 0 && e->batch_limit < most)
        most = e->batch_limit;
    return most > 0 ? most : 1;
}

static bool collect(const struct scan *x, struct lane *lane, uint64_t first)
{
    uint32_t most = most_events(x->entry);
    uint64_t key;

    lane->numbers = calloc(most, sizeof *lane->numbers);
    if (!lane->numbers)
        return false;
    for (uint64_t n = first; n < x->end && lane->count < most; n++)
        if (is_open(x, n) && key_of(x, n, &key) && key == lane->key)
            lane->numbers[lane->count++] = n;
    lane->used = lane->count > 0;
    return lane->used;
}

static void resume(struct lanes *l, struct lane *lane)
{
    if (l->resume_event == 0 || lane->numbers[0] != l->resume_event)
        return;
    lane->failures = l->resume_failures;
    lane->attempt_ms = l->resume_ms;
    l->resume_event = 0;
}

static struct lane *fresh(struct lanes *l, const struct entry *e,
                          const struct delivery_source *source)
{
    struct scan x = {l, e, source, e->delivered + 1 + ACKED_WINDOW};
    struct lane *lane = free_lane(l);
    uint64_t first = 0;

    if (!lane || l->dry)
        return NULL;
    if (x.end > e->last_event + 1)
        x.end = e->last_event + 1;
    first = find_first(&x, &lane->key);
    if (first == 0 || !collect(&x, lane, first)) {
        lane_release(l, lane);
        l->dry = true;
        return NULL;
    }
    resume(l, lane);
    return lane;
}

struct lane *lanes_next(struct lanes *l, const struct entry *e,
                        const struct delivery_source *source, int64_t now_ms)
{
    struct lane *lane;

    for (int i = 0; i < LANES_MOST; i++) {
        lane = &l->items[i];
        if (lane->used && lane->numbers && lane->attempt_ms <= now_ms)
            return lane;
    }
    do
        lane = fresh(l, e, source);
    while (lane && lane->attempt_ms > now_ms);
    return lane;
}

/* ---- what is done ---- */

bool lane_run_next(const uint64_t *numbers, uint32_t n, uint32_t *at,
                   struct lane_run *run)
{
    if (*at >= n)
        return false;
    run->first = run->last = numbers[(*at)++];
    while (*at < n && numbers[*at] == run->last + 1)
        run->last = numbers[(*at)++];
    return true;
}

void lanes_pass(struct lanes *l, struct entry *e, const struct lane_run *run)
{
    for (uint64_t n = run->first; n <= run->last; n++)
        acked_add(&l->acked, e->delivered, n);
    e->delivered = acked_move(&l->acked, e->delivered, e->delivered);
    l->dry = false;
}
