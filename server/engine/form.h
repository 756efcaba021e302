/* form: what the writer keeps of a subscription's definition: a shape, which
 * all those share that differ in their anchors' values only, these values, and
 * the key behind the secret, with which the gap proof goes on.
 * Owns:   a form owns its values, its key and a share of its shape; the table
 *         owns the shapes with their compiled filters.
 * Thread: writer only (and the start before it).
 * Bounds: one shape for each different set of filters in use.
 * Errors: ERR_NOMEM; ERR_FORMAT and ERR_UNPROCESSABLE when what a row holds
 *         cannot be honoured.
 * A million subscriptions "patient=Patient/..." to one topic are one shape and
 * a million short texts. The text is compared in full when a change is looked
 * at: a hash only finds candidates. */
#ifndef BELFRY_SERVER_ENGINE_FORM_H
#define BELFRY_SERVER_ENGINE_FORM_H

#include "fhir/subscription/subscription.h"
#include "server/engine/anchors.h"
#include "storage/base/buf.h"
#include "storage/base/map.h"

/* One filter of a shape, for one resource type. */
struct shape_filter {
    struct query *query;
    struct bytes type; /* borrowed from the key */
    uint16_t value;    /* 1 + which of the form's values its anchor has; 0:
                          the filter has no anchor */
};

struct shape {
    struct topic *topic;      /* a reference; NULL: classic */
    const char *classic_type; /* constant, or NULL */
    struct shape_filter *filters;
    size_t filter_count;
    size_t users;
    uint64_t hash;
    char *key; /* all but the values: what makes two shapes the same */
    size_t key_bytes;
};

/* What a change looks at comes first: it is found at random among a million. */
struct form {
    struct anchor_link link; /* owner: the matcher; names the form itself */
    uint32_t sub;            /* owner: the matcher; a handle */
    struct shape *shape;
    uint32_t seen; /* owner: the matcher; its mark of the last change */
    uint32_t values_bytes : 24;
    uint32_t secret_bytes : 7;
    bool scanned : 1; /* owner: the matcher */
    char data[]; /* the values, each behind its length, and the secret's key */
};

struct form_table {
    struct bytes base_url; /* immutable after init */
    uint64_t seed[2];      /* immutable after init */
    struct map shapes;     /* by key */
    struct blocks blocks;  /* the forms, and what the matcher has beside */
    struct buf key;        /* scratch */
    struct buf values;     /* scratch */
};

void form_table_init(struct form_table *t, struct bytes base_url,
                     const uint64_t seed[2]);
/* All forms have been freed before. */
void form_table_fini(struct form_table *t);

MUST_CHECK enum err_code form_new(struct form_table *t,
                                  const struct subscription *s,
                                  struct form **out, struct err *e);
void form_free(struct form_table *t, struct form **f); /* *f may be NULL */

/* A form as it is kept in a row, and back. When the topics lack its topic, or
 * that offers a filter no more, ERR_UNPROCESSABLE says so. */
struct form_text {
    struct bytes key;
    struct bytes values;
    struct bytes secret;
};
struct form_text form_text(const struct form *f);
MUST_CHECK enum err_code form_load(struct form_table *t,
                                   const struct topic_set *topics,
                                   const struct form_text *text,
                                   struct form **out, struct err *e);

/* The value of one filter's anchor; value as in struct shape_filter. */
struct bytes form_value(const struct form *f, uint16_t value);

/* The topic as the criteria name it; empty for a classic one. */
struct bytes form_canonical(const struct form *f);

/* The key behind the secret, empty without one. */
struct bytes form_secret(const struct form *f);

#endif
