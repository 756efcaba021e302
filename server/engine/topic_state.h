/* topic_state: the SubscriptionTopics that were written as resources, beside
 * those from files: a change of one is a change of the log like any other, and
 * the subscriptions of a topic follow it at once.
 * Owns:   nothing; the set in force is the state's, the staged one the batch's.
 * Thread: writer only, but topic_state_compile() (any).
 * Bounds: TOPIC_SET_MAX topics. A change reads the definitions of its topic's
 *         subscriptions anew.
 * Errors: ERR_CONFLICT for a url that another topic has, and for what is a
 *         file's; ERR_NOMEM, ERR_FORMAT: the batch must be aborted. */
#ifndef BELFRY_SERVER_ENGINE_TOPIC_STATE_H
#define BELFRY_SERVER_ENGINE_TOPIC_STATE_H

#include "server/engine/batch.h"

/* Resources of these types may be topics: Basic, SubscriptionTopic. */
bool topic_state_carries(struct bytes type);

/* The topic that a resource of such a type is, owned by it; *out is NULL for
 * a Basic of another kind. Problems of the topic are issues. */
struct topic_state_source {
    struct bytes type;
    struct bytes id;
    struct bytes text;
    struct bytes base_url;
};
MUST_CHECK enum err_code
topic_state_compile(const struct topic_state_source *source, struct topic **out,
                    struct issues *issues);

/* The topics as of the batch; borrowed. */
struct topic_set *topic_state_of(const struct batch *b);

/* The set as it will be once the resource is the topic (NULL: it is none, or
 * is gone); *out is NULL when nothing changes. */
struct topic_state_change {
    struct bytes type;
    struct bytes id;
    struct topic *topic; /* borrowed */
};
/* Refuses to write over a topic that a file has, by its id or url, and to
 * delete a resource that is not there (exists) while a topic is shown as it:
 * one from a file, one stored in the other form. What a log has is not
 * checked: the files may have changed since. */
MUST_CHECK enum err_code
topic_state_check(const struct batch *b,
                  const struct topic_state_change *change, bool exists,
                  struct err *e);
MUST_CHECK enum err_code
topic_state_plan(const struct batch *b, const struct topic_state_change *change,
                 struct topic_set **out, struct err *e);

/* What becomes of subscriptions that do not fit the topics any more. */
struct topic_state_unfit {
    struct report *reports; /* heap */
    size_t count;
    size_t capacity;
};

/* Stages the set (moves in) with its effects: the view, and each subscription
 * whose topic changed. Those that no longer fit are told in *unfit: they need
 * a report in the log. txn reads the log. */
struct topic_state_staging {
    uint64_t change;
    struct store_txn *txn;
    struct topic_state_unfit *unfit; /* NULL: the log has the reports */
};
MUST_CHECK enum err_code
topic_state_stage(struct batch *b, const struct topic_state_staging *staging,
                  const struct topic_state_change *change,
                  struct topic_set **set, struct err *e);

/* At start, before the definitions are read: the topics of the view. */
MUST_CHECK enum err_code topic_state_load(struct state *s, struct store_txn *t,
                                          struct err *e);

/* At start: the change of such a resource. */
struct record_change;
MUST_CHECK enum err_code
topic_state_replay(struct batch *b, struct store_txn *t, uint64_t change,
                   const struct record_change *c, struct err *e);

#endif
