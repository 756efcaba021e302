/* search_terms: the parameters of a search of Subscriptions, read and judged.
 * Owns:   nothing; all is in the arena.
 * Thread: one at a time.
 * Bounds: TERM_VALUES_MAX values of one parameter, TERMS_MAX url and status
 *         parameters.
 * Errors: ERR_NOT_SUPPORTED names the parameter; ERR_INVALID; ERR_NOMEM. */
#ifndef BELFRY_SERVER_REST_SEARCH_TERMS_H
#define BELFRY_SERVER_REST_SEARCH_TERMS_H

#include "fhir/subscription/subscription.h"
#include "server/rest/params.h"

#define TERM_VALUES_MAX 1000
#define TERMS_MAX 16

/* Values with OR between them: unescaped, each with a NUL behind it. */
struct term_values {
    struct bytes *items;
    size_t n;
};

struct term {
    bool url; /* else status */
    struct term_values values;
};

struct search_terms {
    bool by_id;
    struct term_values ids; /* each once */
    struct term terms[TERMS_MAX];
    size_t term_count;
    size_t count;  /* of a page; 0: only the total */
    uint64_t page; /* where it starts; search's own meaning */
};

MUST_CHECK enum err_code search_terms_read(const struct params *params,
                                           struct arena *arena,
                                           struct search_terms *out,
                                           struct err *e);

/* A token search on Subscription.status: "active", "[system]|active" or
 * "[system]|". */
bool term_status_is(const struct term *t, enum subscription_status status);

#endif
