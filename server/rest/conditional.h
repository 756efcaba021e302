/* conditional: the resource that a conditional create, update, delete or
 * reference means (R4 http.html#ccreate, #cond-update, #3.1.0.7.1, #trules):
 * what its criteria find.
 * Owns:   nothing but what it says; the condition is the caller's, for the
 *         command.
 * Thread: the loop of the connection.
 * Bounds: SEARCH_LOOK_MAX resources looked at.
 * Errors: ERR_PRECONDITION for several that match, those of a search,
 *         ERR_CONFLICT, ERR_INVALID. */
#ifndef BELFRY_SERVER_REST_CONDITIONAL_H
#define BELFRY_SERVER_REST_CONDITIONAL_H

#include "server/engine/command.h"
#include "server/rest/params.h"

struct rest;

/* All zero: the interaction is not conditional. */
struct conditional {
    /* set by the caller */
    enum command_kind asked;
    struct bytes type;
    struct params criteria;
    struct bytes body; /* of an update */

    /* set by conditional_find() */
    bool nothing; /* a create of what is there, a delete of what is not */
    enum command_kind kind;
    struct bytes id;             /* arena; empty: to be drawn */
    bool is_new;                 /* an update that must create */
    uint64_t version;            /* of what was found; 0: nothing was */
    int64_t time_ms;             /* the same */
    struct condition *condition; /* NULL when there is nothing to do */
};

MUST_CHECK enum err_code conditional_find(const struct rest *rest,
                                          struct conditional *c,
                                          struct arena *arena, struct err *e);

/* What a conditional reference ("Patient?identifier=1") points at: exactly one
 * resource. *to is "Patient/id", in the arena. */
MUST_CHECK enum err_code conditional_reference(const struct rest *rest,
                                               struct bytes reference,
                                               struct arena *arena,
                                               struct bytes *to, struct err *e);

#endif
