/* surround_walk: from a focus to what its topic includes: along its references,
 * against those that point at it, and on from there where a directive iterates.
 * Who calls says where resources are read.
 * Owns:   a scratch arena between init and fini; results are in the arena or
 *         as long as what read() gives.
 * Thread: one at a time.
 * Bounds: SURROUND_MAX resources, SURROUND_ROUNDS references deep.
 * Errors: those of the callbacks, ERR_NOMEM. */
#ifndef BELFRY_SERVER_ENGINE_SURROUND_WALK_H
#define BELFRY_SERVER_ENGINE_SURROUND_WALK_H

#include "fhir/topic/include.h"
#include "storage/base/arena.h"

/* A visit has a patient, a place and a few people; more is a mistake. */
#define SURROUND_MAX 64
#define SURROUND_ROUNDS 4

struct event_context {
    uint64_t version;
    struct bytes type;
    struct bytes id;
    struct bytes text; /* empty when not asked for, or past the bound */
};

/* What a walk met. */
struct surround_found {
    struct event_context context;
    const struct search_values *values; /* NULL: from the text */
    bool refers;                        /* it was found by its reference */
};

struct surround_walk;

struct surround_source {
    /* The resource as of the event (version 0) or in that version, into
     * found's version, text and values. ERR_NOT_FOUND: it was not there. */
    enum err_code (*read)(struct surround_walk *w,
                          const struct include_reference *r, uint64_t version,
                          struct surround_found *out, struct err *e);
    /* Calls surround_walk_add() for what refers to the resource. */
    enum err_code (*refer)(struct surround_walk *w,
                           const struct include_reference *to, bool focus,
                           struct err *e);
    void *ctx;
    bool passes_over; /* what cannot be read leads nowhere, without an error */
};

struct surround_walk {
    /* set by the caller */
    const struct surround_source *source;
    const struct topic *topic;
    struct bytes base_url;
    struct include_reference focus;
    struct arena *arena;
    /* what it does */
    struct arena scratch;
    struct surround_found *found; /* arena */
    size_t count;
};

/* ERR_NOMEM without the arena's memory; scratch is the walk's then too. */
MUST_CHECK enum err_code surround_walk_init(struct surround_walk *w,
                                            struct err *e);
void surround_walk_fini(struct surround_walk *w);

/* One that is met already, or past the bound, is passed over. */
struct surround_meeting {
    struct include_reference reference;
    uint64_t version; /* 0: as of the event */
    bool refers;
};
MUST_CHECK enum err_code surround_walk_add(struct surround_walk *w,
                                           const struct surround_meeting *m,
                                           struct err *e);

/* All that the topic includes with the focus, whose values or text are given
 * in from. */
MUST_CHECK enum err_code surround_walk_run(struct surround_walk *w,
                                           const struct surround_found *from,
                                           struct err *e);

#endif
