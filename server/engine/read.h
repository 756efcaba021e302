/* read: what was committed, as readers see it: resources, subscriptions and
 * events. Each call is one short transaction.
 * Owns:   nothing; results are in the caller's arena.
 * Thread: any.
 * Errors: ERR_NOT_FOUND, ERR_IO, ERR_FORMAT, ERR_NOMEM. */
#ifndef BELFRY_SERVER_ENGINE_READ_H
#define BELFRY_SERVER_ENGINE_READ_H

#include "server/engine/acked.h"
#include "server/engine/engine.h"
#include "server/engine/rare.h"
#include "server/security/chain.h"

struct resource_version {
    uint64_t change;
    uint64_t version;
    int64_t time_ms;
    enum interaction interaction;
    bool deleted;
    struct bytes text; /* arena; empty when deleted */
};

/* The current version (version 0) or a given one. ERR_NOT_FOUND when there is
 * none. A deleted version is returned with deleted set. */
struct resource_query {
    struct bytes type;
    struct bytes id;
    uint64_t version;
};
MUST_CHECK enum err_code
engine_read(struct engine *g, const struct resource_query *query,
            struct arena *arena, struct resource_version *out, struct err *e);

/* The topics that are served now; the reference is the caller's. */
struct topic_set *engine_topics(struct engine *g);

/* The version that was current when the change was made (query->version does
 * not count): the newest one of that change or before it. */
MUST_CHECK enum err_code engine_read_as_of(struct engine *g,
                                           const struct resource_query *query,
                                           uint64_t change, struct arena *arena,
                                           struct resource_version *out,
                                           struct err *e);

/* A subscription's state as committed. */
struct subscription_state {
    uint64_t number;     /* belfry's own: the change that created it */
    uint64_t definition; /* the change of the definition in force */
    char id[65];
    enum subscription_status status; /* what delivery goes by */
    /* What clients see: a classic Subscription whose attempts fail is in
     * error until one succeeds (R4 subscription.html, "Channels"). */
    enum subscription_status shown;
    bool unfit, timed;   /* not to be honoured; asks for heartbeats, or ends */
    uint64_t last_event; /* events counted since creation */
    uint64_t delivered;  /* up to this acknowledged or dead letters */
    uint32_t attempts;   /* failed attempts at the head, 0 after success */
    int64_t next_attempt_ms;    /* 0: at once */
    int64_t requested_ms;       /* when the definition in force was accepted */
    uint64_t chain_since;       /* the gap proof covers what is behind it */
    struct chain_value chain;   /* with last_event */
    uint64_t parked;            /* dead letters ever written */
    uint64_t letters;           /* of them: neither redelivered nor discarded */
    uint64_t failed_event;      /* as sub_rare has it */
    bool out_of_order;          /* events past `delivered` are acknowledged */
    uint64_t expired;           /* events up to this are removed by retention */
    uint64_t lost;              /* of them: never delivered */
    bool backfilling, paused;   /* behind what happens; not sending */
    struct resend resend;       /* what is sent again next; last 0: nothing */
    enum failure_class failure; /* class of the last error */
    char error[192];            /* last error or "" */
};

/* *definition (may be NULL) receives a reference to release; it is set to NULL
 * for a stored subscription that cannot be honoured any more (state.error says
 * why). It is read from the log when it is not in the cache: ask for it where
 * it is needed only. ERR_NOT_FOUND for none or a deleted one. */
MUST_CHECK enum err_code engine_subscription(struct engine *g, uint64_t number,
                                             struct subscription_state *out,
                                             struct definition **definition,
                                             struct err *e);
MUST_CHECK enum err_code
engine_subscription_by_id(struct engine *g, struct bytes id,
                          struct subscription_state *out,
                          struct definition **definition, struct err *e);

/* The next subscription with a number greater than `after`, in number order:
 * start with 0, go on with out->number. False at the end. */
bool engine_subscription_next(struct engine *g, uint64_t after,
                              struct subscription_state *out,
                              struct definition **definition);

/* The events acknowledged past the cursor, none for most. ERR_NOT_FOUND for no
 * such subscription. */
struct acked_events {
    uint64_t cursor; /* `delivered` of the same instant */
    struct acked set;
};
MUST_CHECK enum err_code engine_acked(struct engine *g, uint64_t number,
                                      struct acked_events *out, struct err *e);

struct event_context;

struct event {
    uint64_t number;
    uint64_t change;
    uint64_t as_of; /* the last change of its transaction */
    uint64_t version;
    int64_t time_ms;
    enum interaction interaction;
    bool update_as_create;
    struct chain_value chain; /* with this event */
    struct bytes type;        /* all in the arena */
    struct bytes id;
    struct bytes text;     /* empty for a delete, or when not asked for */
    struct bytes reported; /* INTERACTION_EVENT: references, a JSON array */
    struct bytes surround; /* surround_record.h; with the text */
    const struct event_context *contexts; /* surround.h, when asked for */
    size_t context_count;
};

struct event_query {
    uint64_t subscription;
    uint64_t first; /* number of the first wanted event */
    size_t max_count;
    size_t max_bytes; /* of texts; at least one event is always returned */
    bool with_text;
};

/* Consecutive events from query->first on. *n is 0 when there is none. */
MUST_CHECK enum err_code engine_events(struct engine *g,
                                       const struct event_query *query,
                                       struct arena *arena,
                                       struct event **events, size_t *n,
                                       struct err *e);

/* A hash of each consecutive event's focus, from query->first on; at most
 * query->max_count and ENGINE_KEYS_MAX of them. */
#define ENGINE_KEYS_MAX 128
MUST_CHECK enum err_code engine_event_keys(struct engine *g,
                                           const struct event_query *query,
                                           uint64_t *keys, size_t *n,
                                           struct err *e);
/* The number of the event that the change caused for the subscription; 0 for
 * none. ERR_NOT_FOUND when there is no such change. */
MUST_CHECK enum err_code engine_event_of(struct engine *g, uint64_t change,
                                         uint64_t subscription, uint64_t *out,
                                         struct err *e);

#endif
