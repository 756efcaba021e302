/* subscription: an R4 Subscription, of the backport profile or classic, read
 * and checked field by field (IG 1.1.0, backport-subscription; R4).
 * Owns:   a subscription owns all its parts (heap) and holds its topic.
 * Thread: immutable once read.
 * Bounds: SUBSCRIPTION_FILTERS_MAX, SUBSCRIPTION_HEADERS_MAX, the limits in
 *         fhir/subscription/limits.h.
 * Errors: every problem is an issue (ERR_UNPROCESSABLE...) whose expression
 *         names the element: "Subscription.channel.payload.extension[0]". */
#ifndef BELFRY_FHIR_SUBSCRIPTION_SUBSCRIPTION_H
#define BELFRY_FHIR_SUBSCRIPTION_SUBSCRIPTION_H

#include <cjson/cJSON.h>

#include "fhir/topic/topic_set.h"

#define SUBSCRIPTION_FILTERS_MAX 32
#define SUBSCRIPTION_HEADERS_MAX 32

enum subscription_status {
    STATUS_REQUESTED = 1,
    STATUS_ACTIVE = 2,
    STATUS_ERROR = 3,
    STATUS_OFF = 4
};

/* "requested", "active", "error", "off". */
const char *subscription_status_text(enum subscription_status s);

enum content_level {
    CONTENT_EMPTY = 1,
    CONTENT_ID_ONLY = 2,
    CONTENT_FULL_RESOURCE = 3
};

const char *content_level_text(enum content_level c);
bool content_level_parse(struct bytes text, enum content_level *out);

/* The numbers are kept in rows: they never change. */
enum backfill_mode {
    BACKFILL_NONE = 0,
    BACKFILL_CURRENT = 1, /* with the resources as they stand */
    BACKFILL_SINCE = 2    /* with the changes since an instant */
};

struct subscription {
    struct topic *topic;      /* a reference; NULL: classic */
    const char *classic_type; /* constant: what the query is for, or NULL */
    char *canonical;          /* as in criteria, may carry |version */
    struct filter *filters;
    size_t filter_count;
    enum content_level content;
    char *endpoint;  /* channel.endpoint */
    char *mime_type; /* channel.payload, verbatim; NULL: classic without */
    char **headers;  /* "Name: value" */
    size_t header_count;
    char *secret;         /* whsec_... */
    uint32_t heartbeat_s; /* 0: none asked for */
    uint32_t timeout_s;   /* 0: server default */
    uint32_t max_count;   /* 0: server default */
    int64_t end_ms;       /* 0: none */
    uint32_t linger_ms;   /* how long a batch may wait to be filled */
    bool per_focus;       /* order is kept per focus resource, not for all */
    bool park;            /* what the endpoint refuses is set aside */
    bool off;             /* the client asked for status off */
    enum backfill_mode backfill; /* what a new one begins with */
    int64_t backfill_since_ms;   /* BACKFILL_SINCE */
};

/* What reading needs to know of the server. */
struct subscription_rules {
    const struct topic_set *topics;
    struct bytes base_url;
    int64_t now_ms; /* 0: do not judge `end` (a stored resource) */
    /* Judges the endpoint URL (egress policy); ERR_OK or a described refusal.
     * NULL accepts every http(s) URL (a stored resource). */
    enum err_code (*endpoint)(void *ctx, const char *url, struct err *e);
    void *endpoint_ctx;
};

/* Reads a resource that passed the gate. Fills *issues and returns the first
 * one's code when anything is wrong. A resource whose secret is absent is read
 * with secret NULL (the caller has completed it before storing). */
MUST_CHECK enum err_code subscription_read(const cJSON *resource,
                                           const struct subscription_rules *r,
                                           struct subscription **out,
                                           struct issues *issues);

void subscription_free(struct subscription *s);

/* R4's own kind: no handshake, one message for each change. */
static inline bool subscription_is_classic(const struct subscription *s)
{
    return s->classic_type != NULL;
}

/* Something is due for it at a time of its own, events or not. */
static inline bool subscription_is_timed(const struct subscription *s)
{
    return s->heartbeat_s > 0 || s->end_ms > 0;
}

/* True when every filter that applies to the resource type holds; filters of
 * other types are skipped. */
bool subscription_filters_match(const struct subscription *s,
                                const struct search_values *v);

/* The same, telling of each. */
bool subscription_filters_trace(const struct subscription *s,
                                const struct search_values *v,
                                const struct trace *trace);

#endif
