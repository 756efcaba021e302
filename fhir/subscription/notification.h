/* notification: the bundles that belfry sends and the status it answers, in
 * R4 form (backport-subscription-notification-r4, -status-r4).
 * Owns:   nothing; the result is appended to a buf.
 * Thread: any.
 * Bounds: the buf's maximum.
 * Resource texts are copied as they are stored, never parsed (P7). */
#ifndef BELFRY_FHIR_SUBSCRIPTION_NOTIFICATION_H
#define BELFRY_FHIR_SUBSCRIPTION_NOTIFICATION_H

#include "fhir/subscription/subscription.h"
#include "storage/base/buf.h"

enum notification_type {
    NOTIFY_HANDSHAKE = 1,
    NOTIFY_HEARTBEAT,
    NOTIFY_EVENT,
    NOTIFY_QUERY_STATUS,
    NOTIFY_QUERY_EVENT
};

/* A value of the gap proof in hexadecimal digits, with the NUL. */
#define NOTIFICATION_CHAIN_BYTES 33

/* The gap proof (server/gap-proof.md); value "": none is told. */
struct notification_proof {
    uint64_t since;
    uint64_t number;
    char value[NOTIFICATION_CHAIN_BYTES];
};

/* One more parameter of the status Parameters, belfry's own: the slices are
 * open. */
enum notification_fact_kind {
    NOTIFICATION_TEXT,    /* valueString */
    NOTIFICATION_COUNT,   /* valueString, as the guide's counters */
    NOTIFICATION_INSTANT, /* valueInstant */
    NOTIFICATION_FLAG,    /* valueBoolean */
    NOTIFICATION_GROUP    /* part: others, none of them a group */
};

struct notification_fact {
    const char *name;
    enum notification_fact_kind kind;
    const char *text; /* NOTIFICATION_TEXT */
    int64_t number;   /* count, milliseconds, 0 or 1; of a group, its parts */
    const struct notification_fact *parts;
};

/* As one parameter; a group needs at least one part. */
void notification_write_fact(struct buf *out,
                             const struct notification_fact *fact);

/* The status Parameters of one subscription. */
struct notification_status {
    struct bytes base_url; /* "https://host/fhir" */
    struct bytes subscription_id;
    const char *topic; /* canonical, NULL: leave out */
    enum subscription_status status;
    enum notification_type type;
    uint64_t events_since_start;
    const char *error_text; /* NULL: no error parameter */
    const char *error_code; /* of HL7's subscription-error; NULL: none fits */
    struct notification_proof proof;
    const struct notification_fact *facts;
    size_t fact_count;
    char uuid[37]; /* of the Parameters resource */
};

/* A resource around the focus, as of the event. */
struct notification_context {
    uint64_t version;
    struct bytes type;
    struct bytes id;
    struct bytes text; /* empty: it is referred to only */
};

struct context_query;

struct notification_event {
    uint64_t number;
    int64_t time_ms;
    enum interaction interaction;
    bool update_as_create;                 /* a create that came as PUT */
    uint64_t version;                      /* of the focus; 0: not told */
    char digest[NOTIFICATION_CHAIN_BYTES]; /* told at level empty; "": none */
    struct bytes type;
    struct bytes id;
    struct bytes text; /* as of the event; empty for a delete */
    const struct notification_context *contexts;
    size_t context_count;
    const struct context_query *const *queries; /* related ones (IG) */
    size_t query_count;
};

struct notification {
    struct notification_status status;
    enum content_level content;
    char bundle_id[37];
    int64_t timestamp_ms;
    const struct notification_event *events;
    size_t event_count;
    const char *next_url; /* of the rest, for a query-event; NULL: no rest */
};

/* A history Bundle: handshake, heartbeat, event notification or the answer of
 * $events. For content empty the topic, focus, version and entries are left
 * out whatever the caller gave; event notifications carry the highest number
 * of the bundle as events-since-subscription-start. Check out with
 * buf_check(). */
void notification_write(struct buf *out, const struct notification *n);

/* The searchset Bundle of $status (section 1.5): one Parameters entry each, no
 * request and no response. */
void notification_write_status_bundle(struct buf *out, const char *bundle_id,
                                      int64_t timestamp_ms,
                                      const struct notification_status *items,
                                      size_t n);

#endif
