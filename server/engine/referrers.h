/* referrers: what refers to the focus of a change, by the topics whose
 * subscriptions it concerns (notificationShape, revInclude): looked up in the
 * search index as of the change and its transaction, and kept in its record, so
 * that every notification of it tells the same.
 * Owns:   what it found, between init and fini.
 * Thread: writer only.
 * Bounds: REFERRERS_TOPICS_MAX topics of a change, past them nothing is looked
 *         up; REFERRERS_LOOKS_MAX candidates of each topic, in the order of
 *         their ids; surround_walk.h.
 * Errors: ERR_NOMEM and those of the store: the batch must be aborted. What is
 *         damaged is passed over. */
#ifndef BELFRY_SERVER_ENGINE_REFERRERS_H
#define BELFRY_SERVER_ENGINE_REFERRERS_H

#include "server/engine/batch.h"
#include "server/engine/command.h"

#define REFERRERS_TOPICS_MAX 64
#define REFERRERS_LOOKS_MAX 256

struct referrers {
    struct batch *batch;
    const struct command *later; /* linked: what the transaction does next */
    const struct topic *topics[REFERRERS_TOPICS_MAX];
    size_t topic_count;
    size_t looks;
    struct arena arena;
    struct buf record; /* surround_record.h */
};

void referrers_init(struct referrers *r, struct batch *b,
                    const struct command *later);
void referrers_fini(struct referrers *r);

/* The change concerns a subscription of the topic (NULL: a classic one). */
void referrers_note(struct referrers *r, const struct topic *t,
                    struct bytes type);

/* *out is r's until the fini; empty when nothing refers to the focus. */
struct referrers_focus {
    struct bytes type;
    struct bytes id;
    const struct search_values *values;
};
MUST_CHECK enum err_code referrers_find(struct referrers *r,
                                        const struct referrers_focus *focus,
                                        struct bytes *out, struct err *e);

#endif
