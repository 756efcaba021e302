/* scheduler_core: what the scheduler's sources share; nobody else looks here.
 * Owns:   see scheduler.h.
 * Thread: the delivery thread. */
#ifndef BELFRY_SERVER_DELIVERY_SCHEDULER_CORE_H
#define BELFRY_SERVER_DELIVERY_SCHEDULER_CORE_H

#include "server/delivery/due_heap.h"
#include "server/delivery/entry_table.h"
#include "server/delivery/lanes.h"
#include "server/delivery/limits.h"
#include "server/delivery/scheduler.h"

/* After a fault of our own, or when the state moved on under an attempt. */
#define LOCAL_RETRY_MS 1000

/* Of so many batches, one is of events that are sent again. */
#define RESEND_TURNS 9

struct scheduler {
    struct scheduler_config config;
    struct entry_table entries;
    struct due_heap heap;
    struct endpoint_set endpoints;
    struct ready_list resting; /* entries with nothing to do, oldest first */
    size_t resting_count;
    struct attempt *free_attempts;
    int64_t now_ms;
    bool held;
    struct attempt_note note; /* of the attempt that ends at the moment */
};

/* Puts the entry where its plan wants it: ready, in the heap, or nowhere. */
void scheduler_place(struct scheduler *s, struct entry *e);

/* A report of the entry's definition, to be filled and reported. */
struct report scheduler_report_of(const struct entry *e, enum report_kind kind);
void scheduler_report(struct scheduler *s, const struct report *r);

/* A status change is reported: nothing more until the state shows it. */
struct scheduler_change {
    enum report_kind kind;
    enum failure_class failure;
    const char *text;
};
void scheduler_report_status(struct scheduler *s, struct entry *e,
                             const struct scheduler_change *c);

/* Events that were taken count, whatever became of the definition since. */
void scheduler_acknowledge(struct scheduler *s, struct entry *e,
                           const struct attempt *a, const struct outcome *o);

/* What else an outcome means for the entry that made the attempt. */
void scheduler_settle(struct scheduler *s, struct entry *e, struct attempt *a,
                      const struct outcome *o);

/* Around the two above: what is noted of the attempt. */
void scheduler_note(struct scheduler *s, const struct attempt *a,
                    const struct outcome *o);
void scheduler_note_done(struct scheduler *s);

/* What it means for all that share the endpoint. */
void scheduler_spread(struct scheduler *s, struct endpoint *p,
                      enum endpoint_news news);

#endif
