/* anchors: where the forms of subscriptions are found. Each is entered under
 * what a change must say to concern it, and a change finds those alone that
 * its values lead to; what is found has still to be evaluated.
 * Owns:   the table of keys; links, gates and trees, in the forms' blocks.
 * Thread: writer only.
 * Bounds: ANCHORS_LINKS_MAX links of a form in a lane. The first link is in
 *         the form itself.
 * A form stands in the ring of its most selective equal value. Where that is
 * popular (ANCHORS_RING of them) later ones go through a gate: to the ring of
 * this value and the next one of theirs together, or to the tree of the ranges
 * that they compare with. So of many that share a code those are found that
 * ask for the change's patient as well, or whose threshold it passes. */
#ifndef BELFRY_SERVER_ENGINE_ANCHORS_H
#define BELFRY_SERVER_ENGINE_ANCHORS_H

#include "fhir/search/anchor.h"
#include "storage/base/blocks.h"
#include "storage/base/handle_set.h"

#define ANCHORS_RING 16
#define ANCHORS_DEPTH 3
#define ANCHORS_LINKS_MAX QUERY_ANCHORS_MAX
/* Parameters that one lane's forms compare with. */
#define ANCHORS_DIMENSIONS 16

/* Rings are of handles in the blocks. */
struct anchor_link {
    uint32_t hash;
    uint32_t next; /* 0: in no ring */
    uint32_t prev;
    uint32_t sibling; /* of the same form; 0 at the end */
    uint32_t form;    /* 0: this is a gate or a tree */
};

struct form;

/* What matches together: one topic's triggers on one type. */
struct anchor_lane {
    uint64_t number; /* no other lane has had it */
    uint16_t slots[ANCHORS_DIMENSIONS];
    uint16_t dimensions;
};

struct anchors {
    struct blocks *blocks; /* immutable after init */
    struct handle_set table;
};

/* By what a form can be found in a lane, the best first. */
struct anchor_options {
    size_t count;
    struct {
        size_t n;
        uint64_t keys[QUERY_ANCHORS_MAX];
    } equal[ANCHORS_DEPTH];
    bool has_range;
    struct anchor_range range;
};

/* True when the options are none: every change of the lane finds the form. */
bool anchor_options_none(const struct anchor_options *o);

void anchors_init(struct anchors *a, struct blocks *blocks);
void anchors_fini(struct anchors *a); /* all have left */

/* Puts the form into one more lane. False without memory: anchors_leave() then
 * takes it out of all. */
MUST_CHECK bool anchors_enter(struct anchors *a, struct anchor_lane *lane,
                              struct form *f, const struct anchor_options *o);

/* Takes the form out of all lanes. */
void anchors_leave(struct anchors *a, struct form *f);

/* Fetches the places in the table where the values' keys may stand, while
 * other work goes on: anchors_look() follows. */
void anchors_expect(const struct anchors *a, const struct anchor_lane *lane,
                    const struct search_values *v);

/* Calls each() for the forms that the values lead to in the lane; for one that
 * is there by several ways perhaps more than once. Stops at the first error. */
struct anchors_receiver {
    enum err_code (*each)(void *ctx, struct form *f);
    void *ctx;
};
MUST_CHECK enum err_code anchors_look(const struct anchors *a,
                                      const struct anchor_lane *lane,
                                      const struct search_values *v,
                                      const struct anchors_receiver *r);

#endif
