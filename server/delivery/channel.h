/* channel: what the scheduler knows of a transport: attempts begin, and later
 * each is handed back with its outcome (scheduler_complete).
 * Owns:   nothing; an attempt belongs to the scheduler, and is lent to the
 *         channel from begin() to its completion.
 * Thread: the delivery thread. */
#ifndef BELFRY_SERVER_DELIVERY_CHANNEL_H
#define BELFRY_SERVER_DELIVERY_CHANNEL_H

#include "fhir/subscription/notification.h"

struct entry;
struct endpoint;

struct attempt {
    /* set by the scheduler */
    uint64_t subscription;
    uint64_t definition;
    enum notification_type type;
    uint64_t first;      /* NOTIFY_EVENT: number of the first event */
    uint64_t exact_last; /* a retry: the same events again; 0: free */
    uint64_t *numbers;   /* these events and no others; NULL: from first on */
    uint32_t number_count;
    uint32_t most_events; /* 0: as many as the definition allows */
    uint32_t failures;    /* attempts in a row that failed before this one */
    /* set by begin() */
    uint64_t last; /* NOTIFY_EVENT: number of the last event sent */
    /* the scheduler's own */
    struct entry *entry;
    struct endpoint *endpoint;
    uint64_t key; /* of the lane */
    int64_t begun_ms;
    bool probe;  /* of the endpoint's breaker */
    bool resend; /* events that were passed once: the cursor stays */
    struct attempt *next_free;
};

struct channel {
    /* False: the attempt could not be formed (no fault of the endpoint: no
     * memory, or the state moved on) and stays with the scheduler. When true,
     * scheduler_complete() follows, never from within begin(). */
    bool (*begin)(void *ctx, struct attempt *a);
    void *ctx;
};

#endif
